//! What PostgreSQL itself keeps apart, whatever a statement says. These tests run in the suite on PostgreSQL.

use crate::{
    blocking::wait,
    postgres::Test,
    support::{Place, custom, reference, register_with_token, told, values, with},
};
use forgeport_store::{self as store, KeySource, StoreError, SystemKeyring};
use tokio_postgres::{Client, NoTls, error::SqlState};

const TABLES: [&str; 9] = [
    "audit",
    "audit_sequence",
    "code_repository",
    "code_repository_option",
    "component",
    "remote_clue",
    "secret",
    "secret_value",
    "workspace_key",
];

pub const ON_POSTGRES: &[Test] = &[
    ("a_statement_that_forgets_the_workspace", a_statement_that_forgets_the_workspace_finds_none_of_another),
    ("a_row_cannot_be_moved", a_row_cannot_be_put_into_another_workspace_nor_lead_into_it),
    ("a_role_that_sees_all_is_refused", a_role_that_could_see_all_workspaces_is_refused),
    ("tables_of_another_version_are_refused", tables_of_another_version_or_without_a_wall_are_refused),
    ("many_may_migrate_at_once", many_may_bring_the_tables_up_to_date_at_once),
    ("both_have_the_same_tables", both_databases_have_the_same_tables_and_columns),
    ("closed_connections_are_replaced", connections_that_the_server_has_closed_are_replaced_without_a_word),
    ("a_server_without_tls_is_refused", a_server_without_tls_is_refused_where_it_was_asked_for_and_no_password_is_told),
    ("a_busy_workspace_keeps_no_other_waiting", who_writes_in_one_workspace_keeps_no_other_waiting),
];

fn client(url: &str) -> Client {
    wait(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    })
}

/// As the application, in a transaction of a workspace.
fn in_workspace(place: &Place, workspace: &str) -> Client {
    let client = client(place.url(false));
    wait(client.batch_execute(&format!("BEGIN; SET LOCAL forgeport.workspace = '{workspace}'"))).unwrap();
    client
}

/// Some of everything in the workspace `other`.
fn fill(place: &Place) {
    let theirs = place.open().in_workspace("other");
    theirs.secrets().create("s", &values(&[("k", "v")])).unwrap();
    register_with_token(&theirs, "r", "token");
    let component = with(custom("c", b"component"), "token", reference("{{s.k}}"));
    let consent = store::Consent { settings: Vec::new(), access: forgeport_model::Access::default() };
    let component = store::CodeRepository { consent: Some(consent), ..component };
    theirs.code_repositories().insert(&component, Some(b"component")).unwrap();
    let record = crate::audit::record(1, crate::audit::context("other", "r"), forgeport_model::Outcome::Answered);
    theirs.audit().append(&[record]).unwrap();
}

fn a_statement_that_forgets_the_workspace_finds_none_of_another(place: &Place) {
    fill(place);
    let rows = |client: &Client, table: &str| -> i64 {
        wait(client.query_one(&format!("SELECT count(*) FROM {table}"), &[])).unwrap().get(0)
    };
    let (ours, theirs) = (in_workspace(place, "local"), in_workspace(place, "other"));
    for table in TABLES {
        assert_eq!(rows(&ours, table), 0, "{table}");
        assert!(rows(&theirs, table) > 0, "{table}");
        if table != "audit" {
            let changed = wait(ours.execute(&format!("UPDATE {table} SET workspace = workspace"), &[])).unwrap();
            assert_eq!(changed, 0, "{table}");
        }
        assert_eq!(wait(ours.execute(&format!("DELETE FROM {table}"), &[])).unwrap(), 0, "{table}");
    }
    // Nor does one that says no workspace, or one that is every one's.
    let nobody = client(place.url(false));
    assert!(wait(nobody.query("SELECT * FROM secret", &[])).is_err());
    let every = in_workspace(place, "");
    wait(every.batch_execute("SET LOCAL forgeport.every_key = 'on'")).unwrap();
    for table in TABLES {
        assert_eq!(rows(&every, table), i64::from(table == "workspace_key"), "{table}");
    }
    // The owner is held by it, too.
    let owner = client(place.url(true));
    let forced = "SELECT count(*) FROM pg_class WHERE relname = ANY($1) AND relrowsecurity AND relforcerowsecurity";
    let forced: i64 = wait(owner.query_one(forced, &[&TABLES.as_slice()])).unwrap().get(0);
    assert_eq!(forced, TABLES.len() as i64);
}

fn a_row_cannot_be_put_into_another_workspace_nor_lead_into_it(place: &Place) {
    fill(place);
    let refused = |sql: &str, code: &SqlState| {
        let error = wait(in_workspace(place, "local").execute(sql, &[])).unwrap_err();
        assert_eq!(error.code(), Some(code), "{sql}: {error}");
    };
    refused("INSERT INTO secret VALUES ('other', 'i', 'n', 1, 1)", &SqlState::INSUFFICIENT_PRIVILEGE);
    refused("INSERT INTO audit_sequence VALUES ('other', 7)", &SqlState::INSUFFICIENT_PRIVILEGE);
    let theirs = place.open().in_workspace("other").code_repositories().get("r").unwrap();
    let reference = format!("INSERT INTO remote_clue VALUES ('local', '', '{}')", theirs.id);
    refused(&reference, &SqlState::FOREIGN_KEY_VIOLATION);
    let option = format!("INSERT INTO code_repository_option VALUES ('local', '{}', 'o', 'v')", theirs.id);
    refused(&option, &SqlState::FOREIGN_KEY_VIOLATION);
    refused("UPDATE audit SET outcome = 'answered'", &SqlState::INSUFFICIENT_PRIVILEGE);
    refused("DROP POLICY own ON secret", &SqlState::INSUFFICIENT_PRIVILEGE);
    refused("DROP TABLE secret", &SqlState::INSUFFICIENT_PRIVILEGE);
}

fn connected(place: &Place, url: &str) -> Result<store::Store, StoreError> {
    wait(store::Store::connect(url, &place.directory(), KeySource::File, Box::new(SystemKeyring)))
}

fn a_role_that_could_see_all_workspaces_is_refused(place: &Place) {
    told(connected(place, place.url(true)), &["forgeport_owner", "superuser"]);
    let owner = client(place.url(true));
    // Roles are the whole server's.
    let name = format!("r{}", uuid());
    for (made, undone) in [
        (format!("CREATE ROLE {name} LOGIN BYPASSRLS"), String::new()),
        (
            format!("ALTER ROLE {name} NOBYPASSRLS; ALTER TABLE secret OWNER TO {name}"),
            "ALTER TABLE secret OWNER TO forgeport_owner".to_owned(),
        ),
    ] {
        wait(owner.batch_execute(&made)).unwrap();
        let url = place.url(false).replace("forgeport_app", &name);
        assert!(matches!(told(connected(place, &url), &[&name]), StoreError::PowerfulRole(_)));
        wait(owner.batch_execute(&undone)).unwrap();
    }
    wait(owner.batch_execute(&format!("DROP ROLE {name}"))).unwrap();
    connected(place, place.url(false)).unwrap();
}

fn uuid() -> String {
    store::CodeRepository::new("n", "k", custom("c", b"c").provider).id.replace('-', "")
}

fn tables_of_another_version_or_without_a_wall_are_refused(place: &Place) {
    let owner = client(place.url(true));
    let refused = |sql: &str, parts: &[&str]| {
        wait(owner.batch_execute(sql)).unwrap();
        told(connected(place, place.url(false)), parts)
    };
    let error = refused("UPDATE schema_version SET version = 1000", &["newer", "1000"]);
    assert!(matches!(error, StoreError::FutureSchema { found: 1000, .. }));
    told(wait(store::Store::migrate(place.url(true), "forgeport_app")), &["newer", "1000"]);
    let error = refused("UPDATE schema_version SET version = 1", &["schema 1", "bring them up to date"]);
    assert!(matches!(error, StoreError::OutdatedSchema { found: 1, .. }));
    let opened = "UPDATE schema_version SET version = 6; ALTER TABLE secret NO FORCE ROW LEVEL SECURITY";
    assert!(matches!(refused(opened, &["\"secret\""]), StoreError::OpenTable(_)));
}

fn many_may_bring_the_tables_up_to_date_at_once(place: &Place) {
    let owner = client(place.url(true));
    let tables = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC";
    wait(owner.batch_execute(tables)).unwrap();
    told(connected(place, place.url(false)), &["schema 0"]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| wait(store::Store::migrate(place.url(true), "forgeport_app")).unwrap());
        }
    });
    fill(place);
}

fn both_databases_have_the_same_tables_and_columns(place: &Place) {
    let owner = client(place.url(true));
    let columns = "SELECT table_name::text, column_name::text, is_nullable = 'YES', data_type::text
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'schema_version'
         ORDER BY table_name COLLATE \"C\", ordinal_position";
    let server: Vec<(String, String, bool, String)> = wait(owner.query(columns, &[]))
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    let local = Place::new();
    register_with_token(&local.open(), "r", "token");
    local.open().audit().append(&[]).unwrap();
    let mut files = Vec::new();
    for file in ["audit.db", "forgeport.db"] {
        let connection = rusqlite::Connection::open(local.file(file)).unwrap();
        let query =
            "SELECT m.name, c.name, NOT c.\"notnull\", c.type FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid";
        let mut statement = connection.prepare(query).unwrap();
        let of_server = |name: String| match name.as_str() {
            "INTEGER" => "bigint".to_owned(),
            "BLOB" => "bytea".to_owned(),
            _ => name.to_lowercase(),
        };
        let rows = statement.query_map((), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?, of_server(row.get(3)?)))
        });
        files.extend(rows.unwrap().map(Result::unwrap));
    }
    assert_eq!(files, server);
    for table in TABLES {
        assert!(server.iter().any(|(name, column, ..)| name == table && column == "workspace"), "{table}");
    }
}

fn connections_that_the_server_has_closed_are_replaced_without_a_word(place: &Place) {
    let store = place.open();
    let owner = client(place.url(true));
    for round in 0..3 {
        let (name, pair) = (format!("s{round}"), [("k", "v")]);
        store.secrets().create(&name, &values(&pair)).unwrap();
        let all = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let closed: i64 = wait(owner.query_one(all, &[])).unwrap().get(0);
        assert!(closed > 0);
        assert_eq!(store.secrets().list().unwrap().len(), round + 1);
    }
}

fn a_server_without_tls_is_refused_where_it_was_asked_for_and_no_password_is_told(place: &Place) {
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = format!("{}&sslmode={mode}&password=CANARY", place.url(false));
        let error = told(connected(place, &url), &["TLS"]);
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    }
    let error = told(connected(place, "postgresql://me:CANARY@[broken"), &["address"]);
    assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    let nowhere = place.url(false).replace("host=", "host=/nowhere");
    told(connected(place, &nowhere), &["is the server there"]);
}

fn who_writes_in_one_workspace_keeps_no_other_waiting(place: &Place) {
    let (ours, theirs) = (place.open(), place.open().in_workspace("other"));
    theirs.secrets().create("s", &values(&[("k", "v")])).unwrap();
    // The number of the workspace's lock, as of a change there that is still under way.
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(b"local").as_bytes();
    let lock = format!("SELECT pg_advisory_lock({})", i64::from_be_bytes([a, b, c, d, e, f, g, h]));
    let other = client(place.url(false));
    wait(other.batch_execute(&lock)).unwrap();
    theirs.secrets().create("t", &values(&[("k", "v")])).unwrap();
    assert_eq!(ours.secrets().list().unwrap(), [], "nor does who reads there");
    drop(other);
    ours.secrets().create("u", &values(&[("k", "v")])).unwrap();
}
