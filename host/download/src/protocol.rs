//! Requests to `git-upload-pack` in version 2 of git's protocol, and the capabilities that it advertises (gitprotocol-v2(5)).
//!
//! In version 2 any existing object of a repository can be requested by its id. Omitting files (`filter`) is a capability that a server may
//! lack.

use std::io::Read;

use crate::error::UnpackError;
use crate::pktline::{Line, Lines};
use forgeport_model::{ObjectFormat, ObjectId};

/// Lines of an introduction that are read; git has about seven.
const LINES: usize = 100;

/// Checks that this server can bring single objects of a repository of this format. Reads its introduction, as far as it is needed.
///
/// # Errors
/// [`UnpackError::Unsupported`], with the reason, where it cannot; [`UnpackError::Transfer`] where the introduction breaks off.
pub fn check(introduction: impl Read, format: ObjectFormat) -> Result<(), UnpackError> {
    let able = abilities(introduction).map_err(|error| match error {
        UnpackError::Transfer(_) | UnpackError::Stopped(_) | UnpackError::Unsupported(_) => error,
        error => UnpackError::Unsupported(error.to_string()),
    })?;
    let has = |wanted| able.fetch.iter().any(|feature| feature == wanted);
    if !has("shallow") || !has("filter") {
        return Err(unsupported("the git server cannot leave files out (filter)"));
    }
    if able.format != word(format) {
        return Err(unsupported("the git server names its objects by another hash"));
    }
    Ok(())
}

/// Asks for a commit and its trees, without files and without what came before it.
#[must_use]
pub fn ask_for_commit(commit: &ObjectId) -> Vec<u8> {
    question(&["filter blob:none"], [commit], &["deepen 1"])
}

/// Asks for these objects alone; they have to be blobs.
#[must_use]
pub fn ask_for_blobs<'a>(ids: impl IntoIterator<Item = &'a ObjectId>) -> Vec<u8> {
    question(&[], ids, &[])
}

/// `done` says that there are no objects here to build on.
fn question<'a>(before: &[&str], wanted: impl IntoIterator<Item = &'a ObjectId>, after: &[&str]) -> Vec<u8> {
    let mut wanted = wanted.into_iter().peekable();
    let format = wanted.peek().map_or(ObjectFormat::Sha1, |id| id.format());
    let mut question = line("command=fetch");
    // What a server takes for granted, and the oldest of them do not know.
    if format != ObjectFormat::Sha1 {
        question += &line(&format!("object-format={}", word(format)));
    }
    question += "0001";
    question.extend(["ofs-delta", "no-progress"].iter().chain(before).map(|text| line(text)));
    question.extend(wanted.map(|id| line(&format!("want {id}"))));
    question.extend(after.iter().chain(&["done"]).map(|text| line(text)));
    (question + "0000").into_bytes()
}

/// Its length comes first, with the digits and the end of the line.
fn line(text: &str) -> String {
    format!("{:04x}{text}\n", text.len() + 5)
}

fn word(format: ObjectFormat) -> &'static str {
    match format {
        ObjectFormat::Sha1 => "sha1",
        ObjectFormat::Sha256 => "sha256",
    }
}

/// The capabilities of a server that matter here.
struct Abilities {
    fetch: Vec<String>,
    format: String,
}

fn abilities(introduction: impl Read) -> Result<Abilities, UnpackError> {
    let mut lines = Lines::new(introduction);
    let mut able = Abilities { fetch: Vec::new(), format: word(ObjectFormat::Sha1).to_owned() };
    let mut speaks = false;
    for _ in 0..LINES {
        let line = lines.next_unrefused()?;
        let text = String::from_utf8_lossy(&lines.line);
        match (line, text.trim_end()) {
            // A section of its own that some servers put in front.
            (Line::Data, text) if !speaks && text.starts_with("# service=") => {}
            (Line::Flush, _) if !speaks => {}
            (Line::Data, "version 2") => speaks = true,
            (Line::Data, text) if speaks => {
                if let Some(features) = text.strip_prefix("fetch=") {
                    able.fetch = features.split(' ').map(str::to_owned).collect();
                }
                if let Some(format) = text.strip_prefix("object-format=") {
                    able.format = format.to_owned();
                }
            }
            (Line::Flush, _) => return Ok(able),
            _ => return Err(unsupported("the git server does not speak version 2 of git's protocol")),
        }
    }
    Err(unsupported("the git server's introduction does not end"))
}

fn unsupported(why: &str) -> UnpackError {
    UnpackError::Unsupported(why.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(texts: &[&str]) -> Vec<u8> {
        let line = |text: &&str| match *text {
            "" => "0000".to_owned(),
            text => format!("{:04x}{text}\n", text.len() + 5),
        };
        texts.iter().map(line).collect::<String>().into_bytes()
    }

    fn why(introduction: &[u8]) -> String {
        match check(introduction, ObjectFormat::Sha1) {
            Ok(()) => String::new(),
            Err(UnpackError::Unsupported(why)) => why,
            Err(error) => format!("not told apart: {error:?}"),
        }
    }

    #[test]
    fn a_server_that_can_leave_files_out_is_known_with_and_without_the_section_in_front() {
        let able = ["version 2", "agent=git/2.47.3", "fetch=shallow wait-for-done filter", "object-format=sha1", ""];
        assert_eq!(why(&lines(&able)), "");
        assert_eq!(why(&lines(&[&["# service=git-upload-pack", ""], &able[..]].concat())), "");
        let older = ["version 2", "fetch=shallow filter", ""];
        assert_eq!(why(&lines(&older)), "");
    }

    #[test]
    fn each_thing_that_a_server_lacks_has_its_words() {
        assert!(why(&lines(&["version 2", "fetch=shallow", ""])).contains("filter"));
        assert!(why(&lines(&["version 2", "fetch=shallow filterless", ""])).contains("filter"));
        assert!(why(&lines(&["version 2", ""])).contains("filter"));
        let sha256 = ["version 2", "fetch=shallow filter", "object-format=sha256", ""];
        assert!(why(&lines(&sha256)).contains("another hash"));
        assert!(check(&lines(&sha256)[..], ObjectFormat::Sha256).is_ok());
        assert!(why(&lines(&["version 1", ""])).contains("version 2"));
        let old = "4ad2109b9be8fb611935464f8d56ae782cf409fb HEAD\0multi_ack thin-pack filter";
        assert!(why(&lines(&["# service=git-upload-pack", "", old, ""])).contains("version 2"));
        assert!(why(b"<html>Sign in</html>").contains("<htm"));
        assert!(why(&lines(&["ERR access denied\x1b[2J"])).contains("access denied\\u{1b}"));
        assert!(why(&lines(&[&["version 2"][..], &["a=b"; 200]].concat())).contains("does not end"));
    }

    #[test]
    fn an_introduction_that_breaks_off_is_worth_another_try() {
        let whole = lines(&["version 2", "fetch=shallow filter", ""]);
        for length in 0..whole.len() {
            let error = check(&whole[..length], ObjectFormat::Sha1).unwrap_err();
            assert!(matches!(error, UnpackError::Transfer(_)), "{length}: {error:?}");
        }
    }

    #[test]
    fn a_question_is_as_git_writes_it() {
        let id: ObjectId = "4ad2109b9be8fb611935464f8d56ae782cf409fb".parse().unwrap();
        let asked = String::from_utf8(ask_for_commit(&id)).unwrap();
        assert_eq!(
            asked,
            "0012command=fetch\n0001000eofs-delta\n0010no-progress\n0015filter blob:none\n\
             0032want 4ad2109b9be8fb611935464f8d56ae782cf409fb\n000ddeepen 1\n0009done\n0000"
        );
        let long: ObjectId = "a".repeat(64).parse().unwrap();
        let asked = String::from_utf8(ask_for_blobs([&long, &long])).unwrap();
        assert!(asked.starts_with("0012command=fetch\n0019object-format=sha256\n0001"), "{asked}");
        assert_eq!(asked.matches(&format!("004awant {long}\n")).count(), 2);
    }

    proptest! {
        #[test]
        fn no_introduction_makes_it_panic(answer in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&answer[..], ObjectFormat::Sha1);
            let _ = check(&[lines(&["version 2"]), answer].concat()[..], ObjectFormat::Sha1);
        }
    }
}
