-- Every row belongs to a workspace, whose id comes first in every key, so that no reference can lead into another one. What was there before
-- is the workspace `local`'s. Values were sealed with the master key; upgrade.rs seals them anew with the workspace's data key.

DROP INDEX code_repository_option_secret;
DROP INDEX remote_clue_of;
ALTER TABLE code_repository RENAME TO former_code_repository;
ALTER TABLE code_repository_option RENAME TO former_code_repository_option;
ALTER TABLE secret RENAME TO former_secret;
ALTER TABLE secret_value RENAME TO former_secret_value;
ALTER TABLE component RENAME TO former_component;
ALTER TABLE remote_clue RENAME TO former_remote_clue;

-- The data keys, wrapped by the master key. The newest one seals.
CREATE TABLE workspace_key (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

CREATE TABLE code_repository (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    description TEXT,
    provider_name TEXT NOT NULL,
    provider_version TEXT NOT NULL,
    provider_digest TEXT NOT NULL,
    provider_source TEXT,
    access TEXT, -- JSON: what was consented to; NULL where it was registered before this was kept
    grants TEXT NOT NULL, -- JSON
    limits TEXT NOT NULL, -- JSON, those that were set
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL, -- grows with every change
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name)
) STRICT;

CREATE INDEX code_repository_component ON code_repository (workspace, provider_digest);

-- A value is one of three: itself, a place in a secret, or encrypted.
CREATE TABLE code_repository_option (
    workspace TEXT NOT NULL,
    code_repository_id TEXT NOT NULL,
    name TEXT NOT NULL,
    plain TEXT,
    secret_name TEXT,
    secret_key TEXT,
    sealed BLOB,
    PRIMARY KEY (workspace, code_repository_id, name),
    FOREIGN KEY (workspace, code_repository_id) REFERENCES code_repository (workspace, id) ON DELETE CASCADE,
    CHECK ((plain IS NOT NULL) + (secret_name IS NOT NULL) + (sealed IS NOT NULL) = 1),
    CHECK ((secret_name IS NULL) = (secret_key IS NULL))
) STRICT;

-- A secret may be named before it exists, so this is no foreign key.
CREATE INDEX code_repository_option_secret ON code_repository_option (workspace, secret_name)
    WHERE secret_name IS NOT NULL;

CREATE TABLE secret (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (workspace, id),
    UNIQUE (workspace, name)
) STRICT;

CREATE TABLE secret_value (
    workspace TEXT NOT NULL,
    secret_id TEXT NOT NULL,
    key TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (workspace, secret_id, key),
    FOREIGN KEY (workspace, secret_id) REFERENCES secret (workspace, id) ON DELETE CASCADE
) STRICT;

-- What a component said of its options when somebody consented to it. It is not asked again.
CREATE TABLE component (
    workspace TEXT NOT NULL,
    digest TEXT NOT NULL,
    settings TEXT NOT NULL, -- JSON
    PRIMARY KEY (workspace, digest)
) STRICT;

-- By what of a remote a registration is found, see clues.rs. An empty clue is found always.
CREATE TABLE remote_clue (
    workspace TEXT NOT NULL,
    clue TEXT NOT NULL,
    code_repository_id TEXT NOT NULL,
    PRIMARY KEY (workspace, clue, code_repository_id),
    FOREIGN KEY (workspace, code_repository_id) REFERENCES code_repository (workspace, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX remote_clue_of ON remote_clue (workspace, code_repository_id);

INSERT INTO code_repository
    SELECT 'local', id, name, kind, description, provider_name, provider_version, provider_digest, provider_source,
        access, grants, limits, created, updated
    FROM former_code_repository;
INSERT INTO code_repository_option
    SELECT 'local', code_repository_id, name, plain, secret_name, secret_key, sealed FROM former_code_repository_option;
INSERT INTO secret SELECT 'local', id, name, created, updated FROM former_secret;
INSERT INTO secret_value SELECT 'local', secret_id, key, sealed FROM former_secret_value;
INSERT INTO component SELECT 'local', digest, settings FROM former_component;
INSERT INTO remote_clue SELECT 'local', clue, code_repository_id FROM former_remote_clue;

DROP TABLE former_remote_clue;
DROP TABLE former_component;
DROP TABLE former_secret_value;
DROP TABLE former_secret;
DROP TABLE former_code_repository_option;
DROP TABLE former_code_repository;
