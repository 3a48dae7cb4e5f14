//! Calls of the operating system outside this crate, which a port to another system would have to change.

use crate::sources::shipped;

/// The places that may contain them, and why.
const ALLOWED: &[(&str, &str)] = &[
    ("platform/", "its purpose"),
    ("child/", "the confinement of a process is specific to Linux"),
    ("vault/src/keyring.rs", "each system has its own keyring"),
    ("store/src/db/postgres.rs", "a library has a variant of an address on some systems only"),
];
/// What such a call contains. Paths as bytes (`os::unix::ffi`) are allowed everywhere.
const WAYS: &[&str] =
    &["rustix", "libc::", "os::unix::fs", "os::unix::process", "os::linux", "os::fd", "cfg(unix)", "target_os"];

#[test]
fn no_crate_of_the_host_but_the_platform_calls_the_operating_system() {
    let mut found = 0;
    for (name, text) in shipped() {
        let Some(way) = WAYS.iter().find(|way| text.contains(*way)) else { continue };
        found += 1;
        assert!(
            ALLOWED.iter().any(|(place, _)| name.starts_with(place)),
            "{name} contains `{way}`: use `forgeport_platform`"
        );
    }
    assert!(found > 0, "the calls have other names");
}
