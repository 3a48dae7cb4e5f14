-- Times are milliseconds since 1970 (UTC). A sealed value tells its own key, see seal.rs.

CREATE TABLE code_repository (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    description TEXT,
    provider_name TEXT NOT NULL,
    provider_version TEXT NOT NULL,
    provider_digest TEXT NOT NULL,
    provider_source TEXT,
    grants TEXT NOT NULL, -- JSON
    remote_hosts TEXT NOT NULL, -- JSON
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL -- grows with every change
) STRICT;

-- A value is one of three: itself, a place in a secret, or encrypted.
CREATE TABLE code_repository_option (
    code_repository_id TEXT NOT NULL REFERENCES code_repository (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    plain TEXT,
    secret_name TEXT,
    secret_key TEXT,
    sealed BLOB,
    PRIMARY KEY (code_repository_id, name),
    CHECK ((plain IS NOT NULL) + (secret_name IS NOT NULL) + (sealed IS NOT NULL) = 1),
    CHECK ((secret_name IS NULL) = (secret_key IS NULL))
) STRICT;

-- A secret may be named before it exists, so this is no foreign key.
CREATE INDEX code_repository_option_secret ON code_repository_option (secret_name) WHERE secret_name IS NOT NULL;

CREATE TABLE secret (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT;

CREATE TABLE secret_value (
    secret_id TEXT NOT NULL REFERENCES secret (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (secret_id, key)
) STRICT;
