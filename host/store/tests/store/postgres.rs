//! The suite on PostgreSQL: a private cluster in a directory of its own, that nothing but this process reaches.
//!
//! The server and its directory go when this process ends, however it ends: a shell waits for the end of its input, which this process
//! holds open, and then stops the one and removes the other.

use crate::support::Place;
use std::{
    env,
    io::{BufRead, BufReader},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A test that runs on a store of any kind.
pub type Test = (&'static str, fn(&Place));

/// Where Debian has the programs, besides the path.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Tests at the same time.
const WORKERS: usize = 4;

const SCRIPT: &str = r#"
D=$(mktemp -d) && cd "$D" || exit 1
"$BIN/initdb" --pgdata=data --auth=trust --username=forgeport_owner --no-sync --encoding=UTF8 --no-locale >log 2>&1 || { cat log >&2; exit 1; }
TLS=
if [ -n "$CERTIFICATE" ]; then
    umask 077
    echo "$CERTIFICATE" >data/server.crt
    echo "$KEY" >data/server.key
    TLS="-c ssl=on -c listen_addresses=localhost"
fi
"$BIN/postgres" -D data -k "$D" -c listen_addresses= $TLS -c fsync=off -c full_page_writes=off -c shared_buffers=32MB -c max_connections=200 \
    >>log 2>&1 </dev/null &
S=$!
trap '' INT TERM HUP
while ! "$BIN/pg_isready" --quiet --host="$D"; do kill -0 $S || { cat log >&2; exit 1; }; done
"$BIN/psql" --quiet --host="$D" --username=forgeport_owner --dbname=postgres --command='CREATE ROLE forgeport_app LOGIN' || exit 1
echo "$D"
cat >/dev/null
kill -QUIT $S
wait $S
rm -rf "$D"
"#;

/// A running server.
pub struct Cluster {
    shell: Child,
    directory: PathBuf,
    port: u16,
    databases: AtomicUsize,
}

/// A certificate and its key in PEM, and the port to listen on.
pub struct Tls {
    pub certificate: String,
    pub key: String,
    pub port: u16,
}

impl Cluster {
    /// Starts one that only a socket leads to; none where PostgreSQL is missing, which is a failure where `CI` is set.
    pub fn start() -> Option<Cluster> {
        Cluster::start_with(None)
    }

    /// Starts one, with TLS on loopback where that is wanted.
    pub fn start_with(tls: Option<&Tls>) -> Option<Cluster> {
        let Some(programs) = programs() else {
            assert!(env::var_os("CI").is_none(), "PostgreSQL is missing, and the suite has to run on it in CI");
            eprintln!("not run: PostgreSQL");
            return None;
        };
        let mut command = if rustix::process::geteuid().is_root() {
            // `initdb` refuses root.
            let mut command = Command::new("su");
            command.args(["postgres", "-s", "/bin/sh", "-c", SCRIPT]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", SCRIPT]);
            command
        };
        let port = tls.map_or(5432, |tls| tls.port);
        command.env("BIN", programs).env("PGPORT", port.to_string());
        command.env("CERTIFICATE", tls.map_or("", |tls| &tls.certificate)).env("KEY", tls.map_or("", |tls| &tls.key));
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().unwrap();
        let mut directory = String::new();
        BufReader::new(shell.stdout.as_mut().unwrap()).read_line(&mut directory).unwrap();
        assert!(!directory.is_empty(), "PostgreSQL does not start");
        Some(Cluster { shell, directory: directory.trim().into(), port, databases: AtomicUsize::new(0) })
    }

    /// Makes a database; returns the addresses of its owner and of the application.
    pub fn database(&self) -> (String, String) {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = Command::new(programs().unwrap().join("createdb"))
            .args([
                &format!("--host={}", self.directory.display()),
                &format!("--port={}", self.port),
                "--username=forgeport_owner",
                &name,
            ])
            .status();
        assert!(made.unwrap().success());
        let (directory, port) = (self.directory.display(), self.port);
        let url = |role| format!("postgresql:///{name}?host={directory}&port={port}&user={role}");
        (url("forgeport_owner"), url("forgeport_app"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The directory of PostgreSQL's programs.
fn programs() -> Option<PathBuf> {
    let is_whole = |directory: &Path| {
        ["initdb", "postgres", "psql", "createdb", "pg_isready"].iter().all(|program| directory.join(program).is_file())
    };
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut directories: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    directories.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    directories.into_iter().find(|directory| is_whole(directory))
}

/// The tests of all modules.
fn tests() -> Vec<Test> {
    [
        crate::audit::ON_BOTH,
        crate::canary::ON_BOTH,
        crate::components::ON_BOTH,
        crate::concurrency::ON_BOTH,
        crate::consent::ON_BOTH,
        crate::finding::ON_BOTH,
        crate::keys::ON_BOTH,
        crate::references::ON_BOTH,
        crate::registrations::ON_BOTH,
        crate::secrets::ON_BOTH,
        crate::workspaces::ON_BOTH,
        crate::walls::ON_POSTGRES,
    ]
    .concat()
}

#[test]
fn every_test_that_is_not_about_files_passes_on_postgresql() {
    let Some(cluster) = Cluster::start() else { return };
    let (tests, failed) = (Mutex::new(tests()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let next = tests.lock().unwrap().pop();
            let Some((name, test)) = next else { return };
            if catch_unwind(AssertUnwindSafe(|| test(&Place::on(&cluster)))).is_err() {
                failed.lock().unwrap().push(name);
            }
        }
    };
    thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "on PostgreSQL these fail: {failed:#?}");
}
