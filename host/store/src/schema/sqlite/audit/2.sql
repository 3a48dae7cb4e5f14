-- Records have an id, and a number in their workspace, by which an export finds where it was; and say who caused them, in which request
-- and which run. What was there before was caused by the only user of a command line.

DROP INDEX audit_at;
DROP INDEX audit_of;
DROP INDEX audit_refused;
ALTER TABLE audit RENAME TO former_audit;

CREATE TABLE audit (
    workspace TEXT NOT NULL,
    sequence INTEGER NOT NULL, -- grows by one with each record of the workspace; none is given twice
    id TEXT NOT NULL,
    at INTEGER NOT NULL, -- milliseconds since 1970 (UTC)
    until INTEGER NOT NULL, -- the time of the last one
    count INTEGER NOT NULL,
    actor TEXT NOT NULL, -- empty where it is the only user
    request TEXT NOT NULL, -- empty where it was none
    run TEXT,
    action TEXT, -- none where it is a request
    subject TEXT NOT NULL, -- empty where it is a request, as the next one
    detail TEXT NOT NULL, -- never a value of a secret
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
    rule TEXT NOT NULL,
    PRIMARY KEY (workspace, sequence),
    UNIQUE (workspace, id)
) STRICT;

CREATE INDEX audit_at ON audit (workspace, at);
CREATE INDEX audit_of ON audit (workspace, registration, repository, outcome, sequence);
CREATE INDEX audit_refused ON audit (workspace, registration, origin, path, at) WHERE outcome = 'refused';

-- The last number of each workspace; that record itself may have been deleted.
CREATE TABLE audit_sequence (
    workspace TEXT NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

-- Everything was written by command lines, which knew one workspace. An id is a UUID of version 7: the time, and random bits.
INSERT INTO audit
    SELECT tenant, row_number() OVER (PARTITION BY tenant ORDER BY id),
        substr(printf('%012x', at), 1, 8) || '-' || substr(printf('%012x', at), 9, 4)
            || '-7' || substr(lower(hex(randomblob(2))), 1, 3) || '-8' || substr(lower(hex(randomblob(2))), 1, 3)
            || '-' || lower(hex(randomblob(6))),
        at, until, count, '', '', NULL, NULL, '', '',
        registration, repository, provider, digest, method, origin, path, status, sent, received, secrets, outcome, rule
    FROM former_audit;
INSERT INTO audit_sequence SELECT workspace, max(sequence) FROM audit GROUP BY workspace;

DROP TABLE former_audit;
