//! Names of refs, and how refspecs map them.

use gix::bstr::{BStr, ByteSlice};

/// A ref's name without `prefix`. Names that are not UTF-8 are shown as well as they can be.
pub fn short_name(name: &[u8], prefix: &str) -> String {
    String::from_utf8_lossy(name.strip_prefix(prefix.as_bytes()).unwrap_or(name)).into_owned()
}

/// The name that a refspec maps a name to: `a/*` to `b/*` maps `a/x` to `b/x`.
pub fn mapped(source: &BStr, destination: &BStr, name: &[u8]) -> Option<Vec<u8>> {
    let Some((before, after)) = source.split_once_str("*") else {
        return (&**source == name).then(|| destination.to_vec());
    };
    let middle = name.strip_prefix(before)?.strip_suffix(after)?;
    let (before, after) = destination.split_once_str("*")?;
    Some([before, middle, after].concat())
}
