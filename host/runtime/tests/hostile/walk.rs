//! Every function of every interface that a provider may import from WASI, called with nothing granted.

use crate::bench::{Bench, Call, Case, Expect, case};
use crate::guest::{guest, interfaces};
use std::collections::BTreeSet;
use wit_parser::{Function, Interface, Resolve, abi::AbiVariant, abi::WasmType};

/// What a function answers that acts on no handle, as bytes of its result at offsets. All others are given the handle 0, and trap.
const ANSWERS: [(&str, &[(u32, u8)]); 27] = [
    // Nothing of the host's process.
    ("cli/environment get-environment", &[(4, 0)]),
    ("cli/environment get-arguments", &[(4, 0)]),
    ("cli/environment initial-cwd", &[(0, 0)]),
    ("cli/stdin get-stdin", &[]),
    ("cli/stdout get-stdout", &[]),
    ("cli/stderr get-stderr", &[]),
    ("cli/terminal-stdin get-terminal-stdin", &[(0, 0)]),
    ("cli/terminal-stdout get-terminal-stdout", &[(0, 0)]),
    ("cli/terminal-stderr get-terminal-stderr", &[(0, 0)]),
    // The time, and waiting for it.
    ("clocks/monotonic-clock now", &[]),
    ("clocks/monotonic-clock resolution", &[]),
    ("clocks/monotonic-clock subscribe-instant", &[]),
    ("clocks/monotonic-clock subscribe-duration", &[]),
    ("clocks/wall-clock now", &[]),
    ("clocks/wall-clock resolution", &[]),
    // No directories, and so no descriptor of anything.
    ("filesystem/preopens get-directories", &[(4, 0)]),
    // Values in the call's own table; what they make a request of goes to `outgoing-handler`, and there to the gate.
    ("http/types [constructor]fields", &[]),
    ("http/types [static]fields.from-list", &[(0, 0)]),
    ("http/types [constructor]request-options", &[]),
    ("random/insecure get-insecure-random-bytes", &[(4, 0)]),
    ("random/insecure get-insecure-random-u64", &[]),
    ("random/insecure-seed insecure-seed", &[]),
    ("random/random get-random-bytes", &[(4, 0)]),
    ("random/random get-random-u64", &[]),
    // A name for the network, of which nothing can be had.
    ("sockets/instance-network instance-network", &[]),
    // An error, `access-denied`.
    ("sockets/tcp-create-socket create-tcp-socket", &[(0, 1), (4, 1)]),
    ("sockets/udp-create-socket create-udp-socket", &[(0, 1), (4, 1)]),
];

/// They end the call, each in its own words.
const ENDS: [(&str, &str); 3] =
    [("cli/exit exit", "exit status"), ("cli/exit exit-with-code", "exit status"), ("io/poll poll", "empty")];

#[tokio::test(flavor = "multi_thread")]
async fn every_function_of_wasi_is_inert_without_a_grant() {
    let resolve = interfaces();
    let bench = Bench::new().await;
    let (mut cases, mut walked) = (Vec::new(), BTreeSet::new());
    for (name, interface) in offered(&bench, &resolve).await {
        for function in interface.functions.values() {
            let short = format!("{} {}", name.trim_start_matches("wasi:").split('@').next().unwrap(), function.name);
            cases.push(called(&resolve, &name, function, expected(&short)));
            walked.insert(short);
        }
    }
    assert!(walked.len() > 150, "{}", walked.len());
    let known = ANSWERS.iter().map(|(name, _)| *name).chain(ENDS.iter().map(|(name, _)| *name));
    let gone: Vec<_> = known.filter(|name| !walked.contains(*name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
    bench.run(cases).await;
    assert!(bench.kept.records().is_empty());
}

/// Every interface of WASI that can be imported; the others are refused by name.
async fn offered<'a>(bench: &Bench, resolve: &'a Resolve) -> Vec<(String, &'a Interface)> {
    let mut offered = Vec::new();
    for (id, interface) in resolve.interfaces.iter() {
        let name = resolve.id_of(id).unwrap_or_default();
        if !name.starts_with("wasi:") {
            continue;
        }
        let text = format!("(component (import \"{name}\" (instance)))");
        match bench.load_bytes(&wat::parse_str(&text).unwrap(), &[]).await.err().unwrap().to_string() {
            // It lacks what a provider exports.
            error if error.contains("does not fit") => offered.push((name, interface)),
            error => assert!(error.contains(&name), "{error}"),
        }
    }
    offered
}

/// What must become of a function's call.
enum Outcome {
    Answers(&'static [(u32, u8)]),
    Traps(&'static str),
}

fn expected(name: &str) -> Outcome {
    let answer = ANSWERS.iter().find(|(known, _)| *known == name).map(|(_, bytes)| Outcome::Answers(bytes));
    let end = ENDS.iter().find(|(known, _)| *known == name).map(|(_, words)| Outcome::Traps(words));
    answer.or(end).unwrap_or(Outcome::Traps("unknown handle index 0"))
}

/// A guest that logs in by calling the function with zeros, and traps when the answer is another.
fn called(resolve: &Resolve, interface: &str, function: &Function, outcome: Outcome) -> Case {
    let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
    let words = |types: &[WasmType]| types.iter().map(|kind| word(*kind)).collect::<Vec<_>>();
    let (params, results) = (words(&signature.params), words(&signature.results));
    let import = format!(
        "(import \"{interface}\" \"{}\" (func $walked (param {}) (result {})))",
        function.name,
        params.join(" "),
        results.join(" ")
    );
    let mut arguments: Vec<String> = params.iter().map(|kind| format!("({kind}.const 0)")).collect();
    if signature.retptr {
        *arguments.last_mut().unwrap() = "(i32.const RET)".into();
    }
    let mut body = format!("(call $walked {}) {}", arguments.join(" "), "drop ".repeat(results.len()));
    let expect = match outcome {
        Outcome::Traps(words) => Expect::Trap(words),
        Outcome::Answers(bytes) => {
            for (offset, byte) in bytes {
                body += &format!(
                    "(if (i32.ne (i32.load8_u offset={offset} (i32.const RET)) (i32.const {byte})) (then unreachable))"
                );
            }
            Expect::Fine
        }
    };
    // A description may be asked for as well, with as little granted.
    let guest = guest().wasi(&[interface]).import(&import).with("login", format!("{body} (call $ok)"));
    case(format!("{interface} {}", function.name), Call::Login, guest, expect)
}

fn word(kind: WasmType) -> &'static str {
    match kind {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}
