//! Who asks the system itself, and so has to be changed where there is another one.

use crate::sources::shipped;

/// Where that may be, and why.
const ALLOWED: &[(&str, &str)] = &[
    ("platform/", "it is there for that"),
    ("child/", "how a process is confined is Linux's own"),
    ("vault/src/keyring.rs", "each system has a keyring of its own"),
    ("store/src/db/postgres.rs", "a library has an address in a form that there is on some systems alone"),
    ("blobs/src/", "a folder of files for their owner alone"),
    ("download/src/cache/", "a folder of files for their owner alone"),
];
/// How the system is asked, or told from another one. Paths as bytes (`os::unix::ffi`) are none of it.
const WAYS: &[&str] =
    &["rustix", "libc::", "os::unix::fs", "os::unix::process", "os::linux", "os::fd", "cfg(unix)", "target_os"];

#[test]
fn no_part_of_the_host_asks_the_system_itself_but_the_platform() {
    let mut asking = 0;
    for (name, text) in shipped() {
        let Some(way) = WAYS.iter().find(|way| text.contains(*way)) else { continue };
        asking += 1;
        assert!(
            ALLOWED.iter().any(|(place, _)| name.starts_with(place)),
            "{name} has `{way}`: ask `forgeport_platform`"
        );
    }
    assert!(asking > 0, "what is looked for has another name");
}
