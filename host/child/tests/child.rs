//! What becomes of a child, and of who started it, whatever the child does.
#![allow(clippy::unwrap_used)]

use forgeport_child::{Bounds, Child, ChildError, Program, ask};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

const BOUNDS: Bounds =
    Bounds { memory: 256 << 20, computing: Duration::from_secs(1), time: Duration::from_secs(30), answer: 1 << 20 };

fn program() -> Program {
    Program::at(env!("CARGO_BIN_EXE_forgeport-child-for-tests"))
}

async fn asked(job: &str, request: &[u8]) -> Result<Vec<u8>, ChildError> {
    ask(&program(), job, &BOUNDS, request).await
}

#[tokio::test]
async fn a_child_answers_one_request_after_the_other() {
    let mut child = Child::start(&program(), "echo", &BOUNDS).unwrap();
    for request in [vec![], vec![7; 1 << 20], b"again".to_vec()] {
        assert_eq!(child.ask(&request).await.unwrap(), request);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn it_holds_no_variable_no_descriptor_and_no_directory_of_its_parent() {
    // Left open for whatever this process starts, as a shell does with `3<file`.
    let file = File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let (bounds, mark) = marked();
    let asking = tokio::spawn(async move { ask(&program(), "sleep", &bounds, b"").await });
    until(|| processes(&mark).iter().any(|process| is_confined(process))).await;
    let process = processes(&mark).remove(0);
    let mut open: Vec<_> =
        fs::read_dir(process.join("fd")).unwrap().map(|fd| fs::read_link(fd.unwrap().path()).unwrap()).collect();
    open.sort();
    let [null, error, socket] = &open[..] else { panic!("{open:?}") };
    assert_eq!(null, Path::new("/dev/null"));
    assert!(error.to_string_lossy().starts_with("pipe:"), "{error:?}");
    assert!(socket.to_string_lossy().starts_with("socket:"), "{socket:?}");
    assert_eq!(fs::read(process.join("environ")).unwrap(), b"");
    assert_eq!(fs::read_link(process.join("cwd")).unwrap(), Path::new("/"));
    asking.abort();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn it_has_no_file_no_network_and_no_other_process() {
    let parent = std::process::id().to_string();
    let done = asked("what it can do", parent.as_bytes()).await.unwrap();
    assert_eq!(String::from_utf8(done).unwrap(), "");
    assert!(!Path::new("/tmp/forgeport-child-wrote-this").exists());
}

#[tokio::test]
async fn what_it_takes_too_much_of_ends_it_and_is_told() {
    for job in ["allocate", "allocate little by little"] {
        let error = asked(job, b"").await.unwrap_err();
        assert!(matches!(error, ChildError::Memory(_)) && error.to_string().contains("256 MiB"), "{job}: {error}");
    }
    for job in ["compute", "compute in threads"] {
        let error = asked(job, b"").await.unwrap_err();
        assert!(matches!(error, ChildError::Computing(_)) && error.to_string().contains("1 s"), "{job}: {error}");
    }
    let short = Bounds { time: Duration::from_millis(300), ..BOUNDS };
    let error = ask(&program(), "sleep", &short, b"").await.unwrap_err();
    assert!(matches!(error, ChildError::Time(_)), "{error}");
    let error = asked("echo", &vec![0; (1 << 20) + 1]).await.unwrap_err();
    assert!(matches!(error, ChildError::Answer { found: 1_048_577, most: 1_048_576 }), "{error}");
}

#[tokio::test]
async fn whatever_else_it_does_is_one_line_for_its_parent() {
    for (job, words) in [
        ("panic", "at some place in two lines\\u{1b}[2J"),
        ("abort", "signal"),
        ("recurse", "overflow"),
        ("exit", "exit status: 0"),
        ("answer in pieces", "exit status: 0"),
        ("no such job", "only Forgeport itself"),
    ] {
        let error = asked(job, b"some place").await.unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, ChildError::Failed(_)) && text.contains(words) && !text.contains('\n'),
            "{job}: {text}"
        );
    }
    let error = asked("answer without end", b"").await.unwrap_err();
    assert!(matches!(error, ChildError::Answer { found: u64::MAX, .. }), "{error}");
}

#[tokio::test]
async fn a_program_that_is_none_is_told_with_what_to_do() {
    let error = ask(&Program::at("/no/such/program"), "echo", &BOUNDS, b"").await.unwrap_err();
    assert!(matches!(error, ChildError::Start(_)) && error.to_string().contains("ulimit -u"), "{error}");
    // One that does not know that it is a child.
    let error = ask(&Program::at("/bin/true"), "echo", &BOUNDS, b"").await.unwrap_err();
    assert!(matches!(error, ChildError::Failed(_)), "{error}");
}

/// Bounds that tell this test's child from all others, and what stands in its arguments then.
#[cfg(target_os = "linux")]
fn marked() -> (Bounds, String) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = u64::from(std::process::id()) << 8 | NEXT.fetch_add(1, Relaxed);
    let bounds = Bounds { memory: BOUNDS.memory + number, ..BOUNDS };
    (bounds, bounds.memory.to_string())
}

/// The folders of the processes with these words in their arguments.
#[cfg(target_os = "linux")]
fn processes(words: &str) -> Vec<PathBuf> {
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let said = |path: &PathBuf| {
        fs::read(path.join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(words))
    };
    all.filter(said).collect()
}

/// Has it given up everything? (proc(5))
#[cfg(target_os = "linux")]
fn is_confined(process: &Path) -> bool {
    fs::read_to_string(process.join("status")).is_ok_and(|status| status.contains("Seccomp_filters:\t2"))
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_drops_the_question_ends_the_child() {
    let (bounds, mark) = marked();
    let asking = tokio::spawn(async move { ask(&program(), "sleep", &bounds, b"").await });
    until(|| processes(&mark).len() == 1).await;
    asking.abort();
    until(|| processes(&mark).is_empty()).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_child_ends_with_its_parent_however_that_ends() {
    let (_, mark) = marked();
    // A shell that starts the child, and is killed. The child's input stays open: this test has the other end.
    let program = env!("CARGO_BIN_EXE_forgeport-child-for-tests");
    let script = format!("exec 3<&0; {program} forgeport-child sleep {mark} 60 <&3 & wait");
    let mut shell = Command::new("sh").arg("-c").arg(script).stdin(Stdio::piped()).spawn().unwrap();
    until(|| processes(&mark).iter().any(|process| is_confined(process))).await;
    shell.kill().unwrap();
    shell.wait().unwrap();
    until(|| processes(&mark).is_empty()).await;
}

async fn until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "it did not come about");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
