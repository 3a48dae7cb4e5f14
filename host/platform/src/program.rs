//! The one way in which Forgeport starts another program.
//!
//! A child process inherits everything by default: the store's key (`FORGEPORT_KEY`), tokens of a CI job, and variables that make git use
//! another repository (`GIT_DIR` in a hook). So a program gets only what is listed here, and a test checks that no code in the workspace
//! starts one in another way.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};

pub use std::process::Child;

/// How long a program that is asked no more may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(1);

/// Variables with the places of programs and of the user's settings, and the user's language.
const KEPT: &[&str] = &["PATH", "HOME", "XDG_CONFIG_HOME", "LANG", "LANGUAGE"];
/// Of the language, and git's settings that the user made for this process.
const KEPT_BEGINNINGS: &[&str] = &["LC_", "GIT_CONFIG_"];

/// A program with an environment of its own, which talks to this process alone. It leads a group of its own, so that what a shell started
/// can be ended with it.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| is_kept(name)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    command
}

fn is_kept(name: &OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| KEPT.contains(&name) || KEPT_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)))
}

/// The program's output for the input; none if it failed.
///
/// # Errors
/// When it cannot be started, or did not end before `end`, after which it is killed.
pub fn converted(mut command: Command, input: Vec<u8>, end: Instant) -> io::Result<Option<Vec<u8>>> {
    let mut child = command.spawn()?;
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else { return Ok(None) };
    // It may write before it has read all, and need not read all. Both threads end when nobody holds the pipes any more.
    thread::spawn(move || drop(stdin.write_all(&input)));
    let (done, wait) = channel();
    thread::spawn(move || {
        let mut output = Vec::new();
        let read = stdout.read_to_end(&mut output);
        let _ = done.send(read.map(|_| output));
    });
    let output = wait.recv_timeout(end.saturating_duration_since(Instant::now()));
    if output.is_err() {
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    }
    let well = child.wait()?.success();
    let output = output.map_err(|_| io::Error::from(ErrorKind::TimedOut))?;
    Ok(output.ok().filter(|_| well))
}

/// A program that is asked again and again. It ends with this.
pub struct Conversation<Question, Answer> {
    questions: Option<Sender<Question>>,
    answers: Receiver<Answer>,
    /// Receives no message; it is closed when the program has ended.
    ended: Receiver<()>,
    group: Pid,
}

/// Starts a program that a thread of its own talks to: `talk` has to take the questions as they come and to answer each.
///
/// # Errors
/// When it cannot be started.
pub fn conversed<Question: Send + 'static, Answer: Send + 'static>(
    mut command: Command,
    talk: impl FnOnce(Child, &mut dyn Iterator<Item = Question>, &mut dyn FnMut(Answer)) + Send + 'static,
) -> io::Result<Conversation<Question, Answer>> {
    let child = command.spawn()?;
    let group = Pid::from_child(&child);
    let (questions, asked) = channel::<Question>();
    let (told, answers) = channel();
    let (end, ended) = channel::<()>();
    thread::spawn(move || {
        talk(child, &mut asked.into_iter(), &mut |answer| {
            let _ = told.send(answer);
        });
        drop(told);
        // Its pipes are closed now. Until this returns, nobody else can have its number.
        let _ = waitpid(Some(group), WaitOptions::empty());
        drop(end);
    });
    Ok(Conversation { questions: Some(questions), answers, ended, group })
}

impl<Question, Answer> Conversation<Question, Answer> {
    /// Asks, and waits for the answer; none if the program has ended.
    ///
    /// # Errors
    /// When no answer came before `end`.
    pub fn ask(&mut self, question: Question, end: Instant) -> io::Result<Option<Answer>> {
        let Some(Ok(())) = self.questions.as_ref().map(|questions| questions.send(question)) else { return Ok(None) };
        match self.answers.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(answer) => Ok(Some(answer)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(ErrorKind::TimedOut.into()),
        }
    }
}

impl<Question, Answer> Drop for Conversation<Question, Answer> {
    fn drop(&mut self) {
        self.questions = None;
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_timeout(FAREWELL) {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use forgeport_model::deadline;
    use std::time::Duration;

    #[test]
    fn only_what_is_listed_is_passed_on() {
        for name in ["PATH", "HOME", "LC_ALL", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_PARAMETERS"] {
            assert!(is_kept(OsStr::new(name)), "{name}");
        }
        for name in ["FORGEPORT_KEY", "FORGEPORT_HOME", "GITHUB_TOKEN", "GIT_DIR", "GIT_SSH_COMMAND", "LD_PRELOAD", ""]
        {
            assert!(!is_kept(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_in_time_with_what_it_started() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut command = program("sh");
        command.args(["-c", "sleep 600 & echo $! > \"$0\"; wait"]).arg(file.path());
        let begin = Instant::now();
        let ended = converted(command, Vec::new(), deadline(Duration::from_millis(500)));
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(begin.elapsed() < Duration::from_secs(60));
        let sleeping: i32 = std::fs::read_to_string(file.path()).unwrap().trim().parse().unwrap();
        let runs = || {
            let state = std::fs::read_to_string(format!("/proc/{sleeping}/stat")).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z")
        };
        // It has been killed, and is dead when the kernel comes to it.
        while runs() {
            assert!(begin.elapsed() < Duration::from_secs(60), "it goes on");
            thread::yield_now();
        }
    }

    #[test]
    fn what_a_program_makes_of_its_input_counts_only_where_it_ended_well() {
        let end = deadline(Duration::from_secs(60));
        let run = |script: &str, input: &[u8]| {
            let mut command = program("sh");
            command.args(["-c", script]);
            converted(command, input.to_vec(), end).unwrap()
        };
        assert_eq!(run("tr a-z A-Z", b"told"), Some(b"TOLD".to_vec()));
        assert_eq!(run("cat; exit 1", b"told"), None);
        // More than a pipe holds, both ways at once, and not read at all.
        let much = vec![b'x'; 1 << 20];
        assert_eq!(run("cat", &much), Some(much.clone()));
        assert_eq!(run("echo told", &much), Some(b"told\n".to_vec()));
        assert!(converted(program("/no/such/program"), Vec::new(), end).is_err());
    }

    #[test]
    fn a_program_that_is_asked_no_more_ends_and_one_that_answers_nothing_is_no_hindrance() {
        use std::io::{BufRead, BufReader};
        let talk = |mut child: Child, questions: &mut dyn Iterator<Item = String>, answer: &mut dyn FnMut(String)| {
            let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            let mut lines = BufReader::new(stdout).lines();
            for question in questions {
                stdin.write_all(question.as_bytes()).unwrap();
                let Some(Ok(line)) = lines.next() else { return };
                answer(line);
            }
        };
        let start = |script: &str| {
            let mut command = program("sh");
            command.args(["-c", script]);
            conversed(command, talk).unwrap()
        };
        let end = deadline(Duration::from_secs(60));
        let mut echoing = start("while read line; do echo \"got $line\"; done");
        assert_eq!(echoing.ask("a\n".into(), end).unwrap().as_deref(), Some("got a"));
        assert_eq!(echoing.ask("b\n".into(), end).unwrap().as_deref(), Some("got b"));
        let group = echoing.group;
        drop(echoing);
        assert!(rustix::process::test_kill_process_group(group).is_err(), "it goes on");
        let mut silent = start("exec 1>&-; sleep 600");
        assert_eq!(silent.ask("a\n".into(), end).unwrap(), None);
        let mut slow = start("sleep 600");
        assert_eq!(slow.ask("a\n".into(), Instant::now()).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
