-- What a component said of its options when somebody consented to it. It is not asked again.
CREATE TABLE component (
    digest TEXT NOT NULL PRIMARY KEY,
    settings TEXT NOT NULL -- JSON
) STRICT;

-- What was consented to: origins, credentials, remote hosts. NULL where it was registered before this was kept.
ALTER TABLE code_repository ADD COLUMN access TEXT; -- JSON
ALTER TABLE code_repository DROP COLUMN remote_hosts;
