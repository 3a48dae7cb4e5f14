ALTER TABLE code_repository ADD COLUMN limits TEXT NOT NULL DEFAULT '{}'; -- JSON, those that were set

-- One row for each request of a provider, in the order in which they ended. It outlives the code repository.
CREATE TABLE audit (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    tenant TEXT NOT NULL,
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
