//! Runs hostile components and says what became of each.

use crate::guest::{Guest, guest};
use forgeport_download::{DownloadSpec, Progress, StagedDownload};
use forgeport_egress::{Auditor, Gate, GateSettings, Placeholder, Quiet, Session};
use forgeport_model::{
    AuditRecord, AuditedRequest, Authority, CallOf, Digest, Grant, Grants, Limit, Limits, Origin, RemoteUrl,
};
use forgeport_model::{ObjectId, RepoPath};
use forgeport_runtime::{
    CallError, CompilerSettings, Connection, Download, LoadError, Opening, PoolUse, Program, Provider, ProviderError,
    Repository, Runtime,
};
use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What a case calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Describe,
    Login,
    Resolve,
    OwnsRemote,
    Download,
    CommitUrl,
}

/// What must become of it.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// This limit ends it.
    Limit(Limit),
    /// It traps; the detail has this in it.
    Trap(&'static str),
    /// It is refused when it is loaded; the message has this in it.
    Load(&'static str),
    /// The host tells the provider, which passes it on; the message has this in it.
    Told(&'static str),
    /// It does no harm.
    Fine,
}

pub struct Case {
    pub name: String,
    pub guest: Guest,
    pub call: Call,
    pub limits: &'static [&'static str],
    pub expect: Expect,
}

pub fn case(name: impl Into<String>, call: Call, guest: Guest, expect: Expect) -> Case {
    Case { name: name.into(), guest, call, limits: &[], expect }
}

pub fn limited(
    name: impl Into<String>,
    call: Call,
    guest: Guest,
    limits: &'static [&'static str],
    expect: Expect,
) -> Case {
    Case { limits, ..case(name, call, guest, expect) }
}

/// Small limits, so that a case that runs into one is short.
const LIMITS: [&str; 6] =
    ["cpu_time=200ms", "memory=1MiB", "call_time=20s", "download_time=20s", "call_bytes=1MiB", "table_elements=1000"];

/// The longest that a case may take; a busy machine is slow.
const LONGEST: Duration = Duration::from_secs(15);

/// Bytes that the engines may keep resident of instances that are gone.
const IDLE: u64 = 48 << 20;

pub struct Bench {
    pub runtime: Runtime,
    pub gate: Gate,
    good: Provider,
    scratch: TempDir,
    pub kept: Arc<Kept>,
    pub granted: Grants,
}

impl Bench {
    pub async fn new() -> Bench {
        let runtime = Runtime::new(compiler(), None).unwrap();
        let good = load(&runtime, &guest().encode(), &limits(&LIMITS)).await.unwrap();
        let scratch = TempDir::new().unwrap();
        fs::write(scratch.path().join("outside"), "untouched").unwrap();
        Bench { runtime, gate: gate(), good, scratch, kept: Arc::default(), granted: Grants::default() }
    }

    /// A bench whose providers may read from an origin on this machine.
    pub async fn granting(origin: &Origin, methods: &[&str]) -> Bench {
        let methods = methods.iter().map(|method| (*method).to_owned()).collect();
        let grant = Grant { private: true, methods, ..Grant::reading(origin.clone()) };
        Bench { granted: [grant].into_iter().collect(), ..Bench::new().await }
    }

    /// The same without the leave to go into private networks.
    pub async fn granting_public(origin: &Origin) -> Bench {
        Bench { granted: [Grant::reading(origin.clone())].into_iter().collect(), ..Bench::new().await }
    }

    pub fn session(&self) -> Session {
        let authority = Authority {
            requested: self.granted.clone(),
            granted: self.granted.clone(),
            policy: None,
            of: CallOf::Nobody,
        };
        Session { placeholders: vec![placeholder()], auditor: self.kept.clone(), ..Session::new(authority) }
    }

    pub fn connection(&self, extra: &[&str]) -> Connection {
        Connection {
            gate: self.gate.clone(),
            session: Arc::new(self.session()),
            values: vec![("url".into(), "http://x".into())],
            limits: limits(&[&LIMITS, extra].concat()),
            notices: Arc::new(Quiet),
        }
    }

    pub async fn load(&self, guest: &Guest) -> Result<Provider, LoadError> {
        self.load_bytes(&guest.encode(), &[]).await
    }

    pub async fn load_bytes(&self, bytes: &[u8], extra: &[&str]) -> Result<Provider, LoadError> {
        load(&self.runtime, bytes, &limits(&[&LIMITS, extra].concat())).await
    }

    pub async fn repository(&self, guest: &Guest, limits: &[&str]) -> Repository {
        self.load(guest).await.unwrap().repository(self.connection(limits))
    }

    /// A download into a directory that does not exist yet.
    pub fn staged(&self) -> (PathBuf, Arc<Download>) {
        let target = self.scratch.path().join("target");
        let settings = DownloadSpec {
            commit: COMMIT.parse::<ObjectId>().unwrap(),
            subdirectory: RepoPath::parse("").unwrap(),
            force: false,
            limits: Limits::default().with(Limit::ArchiveEntries, 1000).with(Limit::ArchiveBytes, 8 << 20),
        };
        let staged = Arc::new(StagedDownload::new(&target, settings).unwrap());
        (target, Download::new(staged, None, Arc::new(Silent), Box::pin(async {})))
    }

    /// Runs every case, and after each the provider that behaves well.
    pub async fn run(&self, cases: Vec<Case>) {
        for case in cases {
            let name = case.name.as_str();
            let started = Instant::now();
            let outcome = self.outcome(&case).await;
            let took = started.elapsed();
            assert!(took < LONGEST, "{name}: took {took:?}");
            check(&case, &outcome);
            self.serves_the_next(name).await;
            self.left_nothing_behind(name);
        }
    }

    async fn outcome(&self, case: &Case) -> Outcome {
        let provider = match self.load_bytes(&case.guest.encode(), case.limits).await {
            Ok(provider) => provider,
            Err(error) => return Outcome::Load(error),
        };
        Outcome::Call(self.call(&provider, case.call, case.limits).await)
    }

    pub async fn call(&self, provider: &Provider, call: Call, limits: &[&str]) -> Result<(), CallError> {
        let connection = self.connection(limits);
        let Connection { values, session, limits, .. } = connection.clone();
        let offline = provider.offline(Opening { values, placeholders: session.placeholders.clone() }, limits);
        let repository = provider.repository(connection);
        match call {
            Call::Describe => provider.describe().await.map(drop),
            Call::Login => repository.login().await.map(drop),
            Call::Resolve => repository.resolve(COMMIT).await.map(drop),
            Call::OwnsRemote => {
                let remote = RemoteUrl::parse("https://example.com/a/b.git").unwrap();
                offline.owns_remote(&remote).await.map(drop)
            }
            Call::Download => repository.download_files(COMMIT, self.staged().1).await,
            Call::CommitUrl => offline.commit_url(COMMIT).await.map(drop),
        }
    }

    async fn serves_the_next(&self, name: &str) {
        for call in [Call::Describe, Call::Resolve, Call::Download] {
            let served = self.call(&self.good, call, &["cpu_time=5s"]).await;
            assert_eq!(served, Ok(()), "after {name}: {call:?}");
        }
    }

    fn left_nothing_behind(&self, name: &str) {
        let entries = fs::read_dir(self.scratch.path()).unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["outside"], "{name}");
        let PoolUse { instances, memories, idle_bytes } = self.runtime.pool_use();
        assert!((instances, memories) == (0, 0) && idle_bytes < IDLE, "{name}: {:?}", self.runtime.pool_use());
        assert_eq!(fs::read_to_string(self.scratch.path().join("outside")).unwrap(), "untouched", "{name}");
    }
}

enum Outcome {
    Load(LoadError),
    Call(Result<(), CallError>),
}

fn check(case: &Case, outcome: &Outcome) {
    let name = case.name.as_str();
    let text = match outcome {
        Outcome::Load(error) => error.to_string(),
        Outcome::Call(Err(error)) => error.to_string(),
        Outcome::Call(Ok(())) => "it went well".to_owned(),
    };
    let shown: String = text.chars().take(500).collect();
    assert!(!text.contains('\n'), "{name}: more than one line: {shown}");
    assert!(text.len() < 4096, "{name}: {} bytes of error: {shown}", text.len());
    let right = match (case.expect, outcome) {
        (Expect::Limit(limit), Outcome::Call(Err(CallError::Limit(reached)))) => {
            reached.limit == limit && text.contains(limit.name())
        }
        (Expect::Trap(words), Outcome::Call(Err(CallError::Trapped { detail, .. }))) => detail.contains(words),
        (Expect::Load(words), Outcome::Load(_)) => text.contains(words),
        (Expect::Told(words), Outcome::Call(Err(CallError::Provider(ProviderError::Host(said))))) => {
            said.contains(words)
        }
        (Expect::Fine, Outcome::Call(Ok(()))) => true,
        _ => false,
    };
    assert!(right, "{name}: expected {:?}, and got: {shown}", case.expect);
}

pub fn limits(texts: &[&str]) -> Limits {
    let mut limits = Limits::default();
    texts.iter().for_each(|text| limits.set_text(text).unwrap());
    limits
}

/// Loads a component under a digest of its own.
pub async fn load(runtime: &Runtime, bytes: &[u8], limits: &Limits) -> Result<Provider, LoadError> {
    runtime.load(Digest::of(bytes), limits, async { Ok(bytes.to_vec().into()) }).await
}

/// Compiles in a program of these tests.
pub fn compiler() -> CompilerSettings {
    CompilerSettings::by(Program::at(env!("CARGO_BIN_EXE_forgeport-compiler-for-tests")))
}

pub fn placeholder() -> Placeholder {
    Placeholder::new("token".into(), *b"0123456789abcdef")
}

fn gate() -> Gate {
    let idle = Duration::from_secs(20);
    Gate::new(GateSettings { connect: Duration::from_secs(5), idle, ..GateSettings::default() }).unwrap()
}

struct Silent;

impl Progress for Silent {
    fn received(&self, _bytes: u64) {}
    fn advance(&self, _bytes: u64, _files: u64) {}
}

/// Keeps the gate's records.
#[derive(Default)]
pub struct Kept(Mutex<Vec<AuditedRequest>>);

impl Auditor for Kept {
    fn record(&self, record: AuditRecord) {
        self.0.lock().unwrap().extend(record.request().cloned());
    }
}

impl Kept {
    pub fn records(&self) -> Vec<AuditedRequest> {
        self.0.lock().unwrap().clone()
    }
}
