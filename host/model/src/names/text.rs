//! Texts from untrusted sources: the table of deceptive characters, and how such texts are shown.

use std::{borrow::Cow, path::Path};

/// Characters of a text from elsewhere that a message shows.
const SHORT: usize = 200;
/// Names that a message shows of many.
const NAMED: usize = 10;
/// Characters of a name from elsewhere that a message shows.
const NAME: usize = 64;

/// Text that somebody else wrote, safe to print: what [`deceives`] is written as an escape (`\n`, `\u{1b}`), and so are bytes that are not
/// UTF-8 (`\xff`). The result is one line, which cannot steer a terminal.
pub fn escape_untrusted(text: impl AsRef<[u8]>) -> String {
    escape(text.as_ref(), usize::MAX)
}

/// As [`escape_untrusted`], cut after as many characters as a person reads in a message.
pub fn escape_untrusted_short(text: impl AsRef<[u8]>) -> String {
    escape(text.as_ref(), SHORT)
}

/// As [`escape_untrusted`], in backticks and cut after 64 characters: a name in a sentence.
pub(crate) fn quote_untrusted(text: &str) -> String {
    format!("`{}`", escape(text.as_bytes(), NAME))
}

fn escape(text: &[u8], longest: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            if length == longest {
                return escaped + "…";
            }
            length += 1;
            if deceives(char) {
                escaped.extend(char.escape_default());
            } else {
                escaped.push(char);
            }
        }
        for byte in chunk.invalid() {
            length += 1;
            escaped.push_str(&format!("\\x{byte:02x}"));
        }
    }
    escaped
}

/// A path as one word of a command that an error advises, for a shell (POSIX, XCU section 2.2).
pub fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    // Only a NUL cannot be quote_untrusted, and no path has one.
    shlex::try_quote(&text).map_or_else(|_| text.to_string(), Cow::into_owned)
}

/// The first of some names, and how many more there are, for a message.
pub fn some_of(names: &[String]) -> String {
    let (named, others) = names.split_at(names.len().min(NAMED));
    match others.len() {
        0 => named.join(", "),
        more => format!("{}, and {more} more", named.join(", ")),
    }
}

/// True if this character could make a text look like another one on a terminal: control characters, and Unicode's invisible and direction-changing ones (Unicode TR 36, section 2.5).
pub fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// True for a token of RFC 9110, section 5.6.2: a header's name or a method.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn untrusted_text_is_escaped_where_it_could_deceive_and_only_there() {
        assert_eq!(escape_untrusted(b"a\x1b[31m\n\xffz"), "a\\u{1b}[31m\\n\\xffz");
        assert_eq!(escape_untrusted("\u{202e}gpj"), "\\u{202e}gpj");
        assert_eq!(escape_untrusted("it's \"so\" \\ ünï ✓"), "it's \"so\" \\ ünï ✓");
        for char in (0..=0x10_ffff).filter_map(char::from_u32).filter(|char| deceives(*char)) {
            assert!(escape_untrusted(format!("a{char}b")).is_ascii(), "{char:?}");
        }
    }

    #[test]
    fn only_the_short_form_is_cut() {
        let long = "x".repeat(SHORT + 1);
        assert_eq!(escape_untrusted(&long), long);
        assert_eq!(escape_untrusted_short(&long), "x".repeat(SHORT) + "…");
        assert_eq!(escape_untrusted_short(&long[1..]), long[1..]);
    }

    proptest! {
        #[test]
        fn untrusted_text_becomes_one_printable_line(raw in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(escape_untrusted(&raw).chars().all(|char| !char.is_control()));
        }
    }

    #[test]
    fn a_shown_text_is_one_short_line() {
        assert_eq!(quote_untrusted("a\nb"), "`a\\nb`");
        assert_eq!(quote_untrusted(&"x".repeat(64)), format!("`{}`", "x".repeat(64)));
        assert_eq!(quote_untrusted(&"x".repeat(65)), format!("`{}…`", "x".repeat(64)));
        assert!(!quote_untrusted("a\u{202e}b").contains('\u{202e}'));
    }

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        let words = ["/a/b", "/a b/it's", "/$HOME/`x`;y", ""].map(|path| shell_word(Path::new(path)));
        let read = shlex::split(&words.join(" ")).unwrap_or_default();
        assert_eq!(read, ["/a/b", "/a b/it's", "/$HOME/`x`;y", ""]);
    }

    #[test]
    fn of_many_names_the_first_are_shown_and_the_rest_is_counted() {
        let names = |count: usize| (1..=count).map(|number| format!("n{number}")).collect::<Vec<_>>();
        assert_eq!(some_of(&[]), "");
        assert_eq!(some_of(&names(2)), "n1, n2");
        assert!(some_of(&names(NAMED)).ends_with(", n10"));
        assert!(some_of(&names(NAMED + 3)).ends_with(", n10, and 3 more"));
    }

    #[test]
    fn a_token_has_no_separators() {
        assert!(is_token("PRIVATE-TOKEN"));
        for bad in ["", "a b", "a:b", "a\r\nb", "ä", "a\"b"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}
