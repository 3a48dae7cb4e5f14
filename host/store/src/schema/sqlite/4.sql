-- Equal refusals are one row. Which registration it was, as another may get the same name; empty in rows from before.
ALTER TABLE audit ADD COLUMN registration TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN until INTEGER NOT NULL DEFAULT 0; -- the time of the last one
UPDATE audit SET until = at;

CREATE INDEX audit_of ON audit (tenant, registration, repository, outcome);
CREATE INDEX audit_refused ON audit (tenant, registration, origin, path) WHERE outcome = 'refused';
