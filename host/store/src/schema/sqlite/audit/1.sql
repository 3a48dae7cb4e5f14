-- One row for each request of a provider, and one for refusals that are alike. It outlives the code repository.
CREATE TABLE audit (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL, -- milliseconds since 1970 (UTC)
    until INTEGER NOT NULL, -- the time of the last one
    count INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    registration TEXT NOT NULL, -- empty in rows from before it was written down
    repository TEXT NOT NULL,
    provider TEXT NOT NULL,
    digest TEXT NOT NULL,
    method TEXT NOT NULL,
    origin TEXT NOT NULL,
    path TEXT NOT NULL, -- of a query the keys only
    status INTEGER,
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL,
    secrets TEXT NOT NULL, -- names, as JSON
    outcome TEXT NOT NULL,
    rule TEXT NOT NULL
) STRICT;

CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_of ON audit (tenant, registration, repository, outcome);
CREATE INDEX audit_refused ON audit (tenant, registration, origin, path) WHERE outcome = 'refused';
