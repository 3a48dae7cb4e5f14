//! The normal form of host names, in which two of them can be compared.

use std::net::Ipv6Addr;

use thiserror::Error;
use url::Host;

/// Why a text is not a host name. No variant contains the text, which may have a secret in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HostError {
    /// It is empty.
    #[error("the host name is empty: write one like `github.example.com`")]
    Empty,
    /// A label is empty, too long, begins with `-`, or the whole is too long (RFC 1035, section 2.3.4).
    #[error(
        "the host name has an empty, overlong or dash-led part between its dots: write one like `github.example.com`"
    )]
    Label,
    /// A character that no host name has, such as `/`, `@`, `:` or a space.
    #[error("the host name has {} in it, which no host name has: write one like `github.example.com`", crate::names::text::quote_untrusted(&.0.to_string()))]
    Character(char),
    /// The text in brackets is no IPv6 address.
    #[error("the address in brackets is not an IPv6 address: write one like `[2001:db8::1]`")]
    Ipv6,
    /// Letters beyond ASCII that would turn into another, ASCII name (RFC 5895, Unicode TS 46).
    #[error(
        "the host name has letters that only look like ASCII ones, or no valid punycode: write it in ASCII (`xn--...` where it has to be)"
    )]
    LookAlike,
}

/// The normal form of a host: ASCII in lower case, no trailing dot, IPv6 shortest and in brackets, other scripts in punycode.
///
/// Letters that Unicode folds into ASCII (full-width ones, for example) are refused: tools do not agree on which host they name.
///
/// # Errors
/// Why the text is not a host name.
pub(crate) fn normal(text: &str) -> Result<String, HostError> {
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner.strip_suffix(']').ok_or(HostError::Ipv6)?;
        let address: Ipv6Addr = address.parse().map_err(|_| HostError::Ipv6)?;
        return Ok(format!("[{address}]"));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    let labels = name.split('.').map(label).collect::<Result<Vec<_>, _>>()?;
    let name = labels.join(".");
    if name.len() > 253 {
        return Err(HostError::Label);
    }
    Ok(name)
}

fn label(label: &str) -> Result<String, HostError> {
    let bad = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_');
    if let Some(character) = label.chars().find(bad) {
        return Err(HostError::Character(character));
    }
    let label = if label.is_ascii() { label.to_ascii_lowercase() } else { punycode(label)? };
    if label.is_empty() || label.len() > 63 || label.starts_with('-') {
        return Err(HostError::Label);
    }
    Ok(label)
}

fn punycode(label: &str) -> Result<String, HostError> {
    match Host::parse(label) {
        Ok(Host::Domain(ascii)) if ascii.starts_with("xn--") && !ascii.contains('.') => Ok(ascii),
        _ => Err(HostError::LookAlike),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (text, normal_text) in [
            ("GitHub.COM", "github.com"),
            ("github.com.", "github.com"),
            ("localhost", "localhost"),
            ("my_host", "my_host"),
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(normal(text).unwrap(), normal_text);
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for (text, error) in [
            ("", HostError::Empty),
            (".", HostError::Empty),
            ("a..b", HostError::Label),
            (".a", HostError::Label),
            ("a..", HostError::Label),
            ("-oProxyCommand=x", HostError::Character('=')),
            ("-host", HostError::Label),
            ("a/b", HostError::Character('/')),
            ("a@b", HostError::Character('@')),
            ("a:1", HostError::Character(':')),
            ("a b", HostError::Character(' ')),
            ("a%62", HostError::Character('%')),
            ("a\nb", HostError::Character('\n')),
            ("[::1", HostError::Ipv6),
            ("[fe80::1%eth0]", HostError::Ipv6),
            ("[127.0.0.1]", HostError::Ipv6),
        ] {
            assert_eq!(normal(text), Err(error), "{text:?}");
        }
        assert_eq!(normal(&"a".repeat(64)), Err(HostError::Label));
        assert_eq!(normal(&vec!["a".repeat(60); 5].join(".")), Err(HostError::Label));
    }

    #[test]
    fn a_look_alike_never_becomes_the_ascii_name() {
        for text in ["ｇithub.com", "git\u{ad}hub.com", "github。com", "Ｇithub.com", "gith\u{200b}ub.com", "①.example"]
        {
            assert_eq!(normal(text), Err(HostError::LookAlike), "{text}");
        }
        let cyrillic = normal("gіthub.com").unwrap();
        assert!(cyrillic.starts_with("xn--"), "{cyrillic}");
    }
}
