//! The interfaces that a component may name: which it can import, and which one it exports to be a provider. Lists of names alone, below
//! everything that reads components or links them; `imports` gives each of them its functions.
//!
//! | form | who gets it |
//! | --- | --- |
//! | `forgeport:code-repository/NAME@VERSION` | every provider, for the names in [`OWN`] |
//! | `wasi:NAME@0.2.N` | who imports it, for the names in [`WASI`]; no draft of 0.2 (`0.2.0-…`), which had other functions |
//! | anything else | none: the component is refused when it is loaded |

/// The interface that a provider exports, without its version.
pub(crate) const EXPORTED: &str = "forgeport:code-repository/provider";

/// The interfaces that every provider gets, without their version.
const OWN: [&str; 3] =
    ["forgeport:code-repository/http", "forgeport:code-repository/checkout", "forgeport:code-repository/log"];

/// The interfaces of WASI, without their version, which is 0.2.
const WASI: [&str; 29] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// An interface of this name, with its version, is one that a provider gets.
pub(crate) fn is_offered(name: &str) -> bool {
    OWN.contains(&without_version(name)) || is_offered_wasi(name)
}

/// It is one of those that only the runtimes of languages and ordinary HTTP libraries need.
pub(crate) fn is_offered_wasi(name: &str) -> bool {
    // Drafts of 0.2 had other functions.
    let is_spoken = |version: &str| version.starts_with("0.2.") && !version.contains('-');
    name.split_once('@').is_some_and(|(interface, version)| WASI.contains(&interface) && is_spoken(version))
}

pub(crate) fn without_version(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}
