-- The same tables and columns as schema/sqlite/6.sql and schema/sqlite/audit/2.sql have. Names are sorted byte by byte, as SQLite does.

-- The data keys, wrapped by the master key. The newest one seals.
CREATE TABLE workspace_key (
    workspace TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    wrapped BYTEA NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE code_repository (
    workspace TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    provider_name TEXT COLLATE "C" NOT NULL,
    provider_version TEXT COLLATE "C" NOT NULL,
    provider_digest TEXT COLLATE "C" NOT NULL,
    provider_source TEXT COLLATE "C",
    access TEXT COLLATE "C", -- JSON: what was consented to; NULL where it was registered before this was kept
    grants TEXT COLLATE "C" NOT NULL, -- JSON
    limits TEXT COLLATE "C" NOT NULL, -- JSON, those that were set
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL, -- grows with every change
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name)
);

CREATE INDEX code_repository_component ON code_repository (workspace, provider_digest);

-- A value is one of three: itself, a place in a secret, or encrypted.
CREATE TABLE code_repository_option (
    workspace TEXT COLLATE "C" NOT NULL,
    code_repository_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    plain TEXT COLLATE "C",
    secret_name TEXT COLLATE "C",
    secret_key TEXT COLLATE "C",
    sealed BYTEA,
    PRIMARY KEY (workspace, code_repository_id, name),
    FOREIGN KEY (workspace, code_repository_id) REFERENCES code_repository (workspace, id) ON DELETE CASCADE,
    CHECK (num_nonnulls(plain, secret_name, sealed) = 1),
    CHECK ((secret_name IS NULL) = (secret_key IS NULL))
);

-- A secret may be named before it exists, so this is no foreign key.
CREATE INDEX code_repository_option_secret ON code_repository_option (workspace, secret_name)
    WHERE secret_name IS NOT NULL;

CREATE TABLE secret (
    workspace TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name)
);

CREATE TABLE secret_value (
    workspace TEXT COLLATE "C" NOT NULL,
    secret_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (workspace, secret_id, key),
    FOREIGN KEY (workspace, secret_id) REFERENCES secret (workspace, id) ON DELETE CASCADE
);

-- What a component said of its options when somebody consented to it. It is not asked again.
CREATE TABLE component (
    workspace TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    settings TEXT COLLATE "C" NOT NULL, -- JSON
    PRIMARY KEY (workspace, digest)
);

-- By what of a remote a registration is found, see clues.rs. An empty clue is found always.
CREATE TABLE remote_clue (
    workspace TEXT COLLATE "C" NOT NULL,
    clue TEXT COLLATE "C" NOT NULL,
    code_repository_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, clue, code_repository_id),
    FOREIGN KEY (workspace, code_repository_id) REFERENCES code_repository (workspace, id) ON DELETE CASCADE
);

CREATE INDEX remote_clue_of ON remote_clue (workspace, code_repository_id);

CREATE TABLE audit (
    workspace TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL, -- grows by one with each record of the workspace; none is given twice
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL, -- milliseconds since 1970 (UTC)
    until BIGINT NOT NULL, -- the time of the last one
    count BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL, -- empty where it is the only user
    request TEXT COLLATE "C" NOT NULL, -- empty where it was none
    run TEXT COLLATE "C",
    action TEXT COLLATE "C", -- none where it is a request
    subject TEXT COLLATE "C" NOT NULL, -- empty where it is a request, as the next one
    detail TEXT COLLATE "C" NOT NULL, -- never a value of a secret
    registration TEXT COLLATE "C" NOT NULL, -- empty in rows from before it was written down
    repository TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL, -- of a query the keys only
    status BIGINT,
    sent BIGINT NOT NULL,
    received BIGINT NOT NULL,
    secrets TEXT COLLATE "C" NOT NULL, -- names, as JSON
    outcome TEXT COLLATE "C" NOT NULL,
    rule TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, sequence),
    UNIQUE (workspace, id)
);

CREATE INDEX audit_at ON audit (workspace, at);
CREATE INDEX audit_of ON audit (workspace, registration, repository, outcome, sequence);
CREATE INDEX audit_refused ON audit (workspace, registration, origin, path, at) WHERE outcome = 'refused';

-- The last number of each workspace; that record itself may have been deleted.
CREATE TABLE audit_sequence (
    workspace TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

-- A transaction says whose rows it sees, see db/postgres.rs; one that does not say it fails. The owner is held by this too. What a row is
-- after a change is held by the same condition.
DO $$
DECLARE
    own regclass;
BEGIN
    FOR own IN
        SELECT pg_class.oid FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attname = 'workspace'
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', own);
        EXECUTE format('CREATE POLICY own ON %s USING (workspace = current_setting(''forgeport.workspace''))', own);
    END LOOP;
END
$$;

-- A change of the master key wraps the keys of all workspaces anew; it says so by a setting of its own.
ALTER POLICY own ON workspace_key
    USING (workspace = current_setting('forgeport.workspace') OR current_setting('forgeport.every_key', true) = 'on');
