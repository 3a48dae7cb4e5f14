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

-- A transaction says whose rows it sees, see db/postgres.rs; one that does not say it fails. The owner is held by this too.
ALTER TABLE workspace_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE workspace_key FORCE ROW LEVEL SECURITY;
-- A change of the master key wraps the keys of all workspaces anew; it says so by a setting of its own.
CREATE POLICY own ON workspace_key
    USING (workspace = current_setting('forgeport.workspace') OR current_setting('forgeport.every_key', true) = 'on')
    WITH CHECK (workspace = current_setting('forgeport.workspace') OR current_setting('forgeport.every_key', true) = 'on');
ALTER TABLE code_repository ENABLE ROW LEVEL SECURITY;
ALTER TABLE code_repository FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON code_repository
    USING (workspace = current_setting('forgeport.workspace'))
    WITH CHECK (workspace = current_setting('forgeport.workspace'));
ALTER TABLE code_repository_option ENABLE ROW LEVEL SECURITY;
ALTER TABLE code_repository_option FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON code_repository_option
    USING (workspace = current_setting('forgeport.workspace'))
    WITH CHECK (workspace = current_setting('forgeport.workspace'));
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON secret
    USING (workspace = current_setting('forgeport.workspace'))
    WITH CHECK (workspace = current_setting('forgeport.workspace'));
ALTER TABLE secret_value ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret_value FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON secret_value
    USING (workspace = current_setting('forgeport.workspace'))
    WITH CHECK (workspace = current_setting('forgeport.workspace'));
ALTER TABLE component ENABLE ROW LEVEL SECURITY;
ALTER TABLE component FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON component
    USING (workspace = current_setting('forgeport.workspace'))
    WITH CHECK (workspace = current_setting('forgeport.workspace'));
ALTER TABLE remote_clue ENABLE ROW LEVEL SECURITY;
ALTER TABLE remote_clue FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON remote_clue
    USING (workspace = current_setting('forgeport.workspace'))
    WITH CHECK (workspace = current_setting('forgeport.workspace'));
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON audit
    USING (workspace = current_setting('forgeport.workspace'))
    WITH CHECK (workspace = current_setting('forgeport.workspace'));
ALTER TABLE audit_sequence ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_sequence FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON audit_sequence
    USING (workspace = current_setting('forgeport.workspace'))
    WITH CHECK (workspace = current_setting('forgeport.workspace'));
