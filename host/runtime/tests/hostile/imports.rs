//! What a component can import: three interfaces and those of WASI, and nothing else.

use crate::bench::{Bench, Call, Expect, case};
use crate::guest::{guest, world};
use forgeport_runtime::ComponentInfo;
use std::collections::BTreeSet;
use wit_parser::WorldItem;

/// What other hosts give, and what somebody may hope for.
const FOREIGN: [&str; 19] = [
    "wasi:cli/run@0.2.0",
    "wasi:cli/environment",
    "wasi:config/store@0.2.0-draft",
    "wasi:clocks/timezone@0.2.0",
    "wasi:filesystem/types@0.1.0",
    "wasi:http/incoming-handler@0.2.0",
    "wasi:http/handler@0.3.0",
    "wasi:http/types@0.3.0",
    "wasi:http/types@0.2.0-rc-2023-11-10",
    "wasi:keyvalue/store@0.2.0-draft",
    "wasi:logging/logging",
    "wasi:nn/inference@0.2.0",
    "wasi:sockets/types@0.3.0",
    "wasi:blobstore/blobstore@0.2.0",
    "forgeport:code-repository/secrets@0.1.0",
    "forgeport:code-repository/httpx@0.1.0",
    "forgeport:other/http@0.1.0",
    "wasmtime:internal/x@0.1.0",
    "evil:corp/anything@1.0.0",
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_is_imported_is_refused_by_its_name() {
    let bench = Bench::new().await;
    for name in FOREIGN {
        let text = format!("(component (import \"{name}\" (instance (export \"f\" (func)))))");
        let bytes = wat::parse_str(&text).unwrap();
        let error = bench.load_bytes(&bytes, &[]).await.err().unwrap().to_string();
        assert!(error.contains(name) && !error.contains('\n'), "{error}");
        let info = ComponentInfo::of(&bytes).unwrap();
        assert_eq!((info.foreign, info.world), (vec![name.to_owned()], None));
    }
    // A module of an earlier WASI is no component at all.
    let module = wat::parse_str("(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func)))").unwrap();
    assert!(bench.load_bytes(&module, &[]).await.err().unwrap().to_string().contains("no WebAssembly component"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offered_interface_with_other_functions_does_not_fit_and_neither_does_what_exports_no_provider() {
    let bench = Bench::new().await;
    let error = bench.load_bytes(&wat::parse_str("(component)").unwrap(), &[]).await.err().unwrap().to_string();
    assert!(error.contains("does not export forgeport:code-repository/provider"), "{error}");
    for function in ["send", "fetch"] {
        let import = "forgeport:code-repository/http@0.1.0";
        let text = format!(
            "(component (import \"{import}\" (instance (export \"{function}\" (func (param \"x\" u64))))) (instance $p)
            (export \"forgeport:code-repository/provider@0.1.0\" (instance $p)))"
        );
        let error = bench.load_bytes(&wat::parse_str(&text).unwrap(), &[]).await.err().unwrap().to_string();
        assert!(error.contains("does not fit"), "{error}");
    }
}

/// A new function of the interface has to be thought of here: does it pass the gate, or touch nothing but the call's own directory?
const THOUGHT_OF: [(&str, &str); 9] = [
    ("http send", "network.rs: passes the gate"),
    ("checkout [method]directory.unpack", "downloads.rs: passes the gate, fills the staged directory"),
    ("checkout [method]directory.fetch-files", "downloads.rs: passes the gate, fills the staged directory"),
    ("checkout [method]directory.complete", "downloads.rs: passes the gate, fills the staged directory"),
    ("checkout [method]directory.write-file", "downloads.rs: fills the staged directory"),
    ("checkout [method]directory.write-symlink", "downloads.rs: fills the staged directory"),
    ("checkout [method]directory.verified", "handles.rs: tells of the call's own directory"),
    ("checkout [method]directory.compare", "downloads.rs: tells of the call's own directory"),
    ("log write", "calls.rs: bounded"),
];

#[test]
fn every_import_of_the_world_is_inert_or_passes_the_gate() {
    let (resolve, world) = world();
    let mut found = BTreeSet::new();
    for import in resolve.worlds[world].imports.values() {
        let WorldItem::Interface { id, .. } = import else { panic!("the world imports a function: {import:?}") };
        let interface = &resolve.interfaces[*id];
        let name = interface.name.clone().unwrap_or_default();
        found.extend(interface.functions.keys().map(|function| format!("{name} {function}")));
    }
    let known: BTreeSet<String> = THOUGHT_OF.iter().map(|(function, _)| (*function).to_owned()).collect();
    assert_eq!(found, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_provider_describes_itself_nothing_is_granted() {
    let mut describing = guest();
    let send = describing.ask("GET", "http://127.0.0.1:1/", &[]).send();
    // Whoever is let out would trap.
    let body = format!("{send} (if (i32.eqz (i32.load8_u (i32.const RET))) (then unreachable)) (i32.const 1024)");
    let logging = guest().with("describe", "(call $log (i32.const 2) (i32.const 0) (i32.const 9)) (i32.const 1024)");
    let directory = "(drop (call $verified (i32.const 1))) (i32.const 1024)";
    let bench = Bench::new().await;
    bench
        .run(vec![
            case("a request", Call::Describe, describing.with("describe", body), Expect::Fine),
            case("a message", Call::Describe, logging, Expect::Fine),
            case("a directory", Call::Describe, guest().with("describe", directory), Expect::Trap("unknown handle")),
        ])
        .await;
    assert!(bench.kept.records().is_empty());
}
