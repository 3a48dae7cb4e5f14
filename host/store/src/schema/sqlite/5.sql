-- The audit log has a file of its own now, see schema.rs, so that this one stays small enough to be compared with its sum.
DROP TABLE audit;

-- By what of a remote a registration is found, see clues.rs. An empty clue is found always.
CREATE TABLE remote_clue (
    clue TEXT NOT NULL,
    code_repository_id TEXT NOT NULL REFERENCES code_repository (id) ON DELETE CASCADE,
    PRIMARY KEY (clue, code_repository_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX remote_clue_of ON remote_clue (code_repository_id);

INSERT INTO remote_clue SELECT '', id FROM code_repository;
