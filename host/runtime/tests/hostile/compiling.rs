//! Components that are too much to compile, and compilers that do not do what they should.

use crate::bench::{compiler, limits, load};
use crate::guest::{guest, leb128};
use forgeport_model::Digest;
use forgeport_runtime::{Bounds, ChildError, CompilerSettings, ComponentInfo, LoadError, Program, Runtime};
use std::time::{Duration, Instant};

/// Small, so that a case is short.
const SMALL: Bounds =
    Bounds { memory: 512 << 20, computing: Duration::from_secs(1), time: Duration::from_secs(60), answer: 16 << 20 };

const HEAD: &[u8] = b"\0asm\x0d\0\x01\0";

/// A component of this text; an error does not show all of it.
fn component(items: &str) -> Vec<u8> {
    let parsed = wat::parse_str(format!("(component {items})"));
    parsed.unwrap_or_else(|error| panic!("{}", error.to_string().chars().take(200).collect::<String>()))
}

/// One core module in a component.
fn module(fields: &str) -> Vec<u8> {
    component(&format!("(core module {fields})"))
}

/// So many components, each in the one before.
fn nested(deep: usize) -> Vec<u8> {
    // From the inside out, the sizes first: the bytes are written once.
    let mut sizes = vec![HEAD.len()];
    for _ in 0..deep {
        let inner = sizes[sizes.len() - 1];
        sizes.push(HEAD.len() + 1 + leb128(inner as u32).len() + inner);
    }
    let mut bytes = Vec::new();
    for size in sizes.iter().rev().skip(1) {
        bytes.extend(HEAD);
        bytes.push(4);
        bytes.extend(leb128(*size as u32));
    }
    bytes.extend(HEAD);
    bytes
}

/// A component of which each part makes two of the next: a few hundred bytes, and 2^`deep` instances.
fn doubling(deep: usize) -> String {
    let innermost = "(core module $m) (core instance (instantiate $m))".to_owned();
    let text = (0..deep).fold(innermost, |inner, _| {
        format!("(component $c {inner}) (instance (instantiate $c)) (instance (instantiate $c))")
    });
    format!("(component {text})")
}

/// Modules whose memories begin with a letter and end with another, 16 MB on.
fn images(modules: usize) -> String {
    let module = r#"(core module (memory 256) (data (i32.const 0) "a") (data (i32.const 16000000) "z"))"#;
    format!("(component {})", module.repeat(modules))
}

/// A function in which every block is reached from a table, and changes every variable: what each variable is, is another question in
/// each block.
fn tangled(locals: usize, blocks: usize) -> String {
    let change: String = (0..locals)
        .map(|n| format!("(local.set {n} (i32.add (local.get {}) (local.get 0)))", (n + 1) % locals))
        .collect();
    let targets: String = (0..blocks).map(|n| format!("{n} ")).collect();
    let (locals, open) = ("i32 ".repeat(locals), "block ".repeat(blocks));
    let close = format!("end {change} local.get 0 br_if $again ").repeat(blocks);
    format!("(func (local {locals}) loop $again {open} local.get 0 br_table {targets} {close} end)")
}

/// Loops in each other, of which the innermost asks for every variable: what it is there, each loop has to say.
fn questioned(locals: usize, loops: usize) -> String {
    let ask: String = (0..locals).map(|n| format!("local.get {n} drop ")).collect();
    let (locals, open, close) =
        ("i32 ".repeat(locals), "loop ".repeat(loops), "local.get 0 br_if 0 end ".repeat(loops));
    format!("(func (local {locals}) {open} {ask} {close})")
}

async fn refused(runtime: &Runtime, bytes: &[u8]) -> LoadError {
    let error = load(runtime, bytes, &limits(&[])).await.err().unwrap();
    let text = error.to_string();
    assert!(!text.contains('\n') && text.len() < 1500, "{text}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_before_anything_is_compiled_with_the_number_and_the_most() {
    // Whoever starts this compiler gets another error.
    let runtime = Runtime::new(CompilerSettings::by(Program::at("/no/such/program")), None).unwrap();
    let functions = |count: usize, body: &str| module(&format!("(func {body})").repeat(count));
    let name = "n".repeat(2000);
    for (bytes, words) in [
        (vec![0; (96 << 20) + 1], "100663297 bytes, and 100663296"),
        (nested(1000), "33 components in each other, and 32"),
        (nested(20_000), "33 components in each other, and 32"),
        (component(&"(component)".repeat(300)), "257 components in it, and 256"),
        (component(&"(core module)".repeat(200)), "129 core modules, and 128"),
        (
            component(&format!("(core module $m) {}", "(core instance (instantiate $m))".repeat(2000))),
            "2000 instances, and 1000",
        ),
        (module(&"(type (func))".repeat(1_000_000)), "bytes of types, and 1048576"),
        (functions(100_001, ""), "100001 functions, and 100000"),
        (functions(1, &"nop ".repeat(1 << 20)), "bytes in one function, and 1048576"),
        (functions(1, &format!("(local {})", "i32 ".repeat(10_001))), "10001 locals in one function, and 10000"),
        (
            component(&(0..300).map(|n| format!("(import \"a:b/c{n}\" (instance))")).collect::<String>()),
            "257 imports, and 256",
        ),
        (component(&format!("(import \"{name}\" (func))")), "2000 bytes in a name, and 1024"),
    ] {
        let started = Instant::now();
        let error = refused(&runtime, &bytes).await;
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(matches!(ComponentInfo::of(&bytes), Err(LoadError::TooLarge { .. })), "{words}");
        assert!(started.elapsed() < Duration::from_secs(5), "{words}: {:?}", started.elapsed());
    }
}

#[test]
fn what_a_component_says_of_its_makers_is_told_up_to_a_bound() {
    let mut fields = vec![1, 8];
    fields.extend(b"language");
    fields.extend(leb128(1000));
    for number in 0..1000 {
        let (name, version) = (format!("tool-{number:04}"), "1".repeat(500));
        for text in [name, version] {
            fields.extend(leb128(text.len() as u32));
            fields.extend(text.as_bytes());
        }
    }
    let section = [&[9][..], b"producers", &fields].concat();
    let bytes = [HEAD, &[0], &leb128(section.len() as u32), &section].concat();
    let producers = ComponentInfo::of(&bytes).unwrap().producers;
    assert!(producers.len() == 64 && producers.iter().all(|text| text.chars().count() <= 100), "{producers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_much_to_compile_ends_at_its_bounds_and_the_host_goes_on() {
    let settings = CompilerSettings { bounds: SMALL, ..compiler() };
    let runtime = Runtime::new(settings, None).unwrap();
    let with = |item: &str| guest().item(item).encode();
    let table = format!("(func (block (br_table {} (i32.const 1))))", "0 ".repeat(500_000));
    let deep = format!("(func {} {})", "block ".repeat(100_000), "end ".repeat(100_000));
    for (name, bytes, is_too_much) in [
        // One alone is compiled within the bound on a fast machine.
        ("three tangles of many variables", with(&tangled(500, 200).repeat(3)), true),
        ("20,000 loops in each other", with(&questioned(5000, 20_000)), true),
        ("2^29 instances", guest().beside(doubling(29)).encode(), true),
        ("1.6 GB of memories' beginnings", guest().beside(images(100)).encode(), true),
        // These are too much for a slow machine alone, or refused by the compiler.
        ("a tangle of many blocks", with(&tangled(10, 2000)), false),
        ("a table of 500,000 targets", with(&table), false),
        ("100,000 blocks in each other", with(&deep), false),
        ("50,000 functions", with(&"(func (drop (i32.const 1)))".repeat(50_000)), false),
    ] {
        let started = Instant::now();
        let loaded = load(&runtime, &bytes, &limits(&[])).await;
        assert!(started.elapsed() < SMALL.time, "{name}: {:?}", started.elapsed());
        match loaded {
            Err(LoadError::Compile(ChildError::Memory(_) | ChildError::Computing(_) | ChildError::Answer { .. })) => {}
            Ok(_) | Err(LoadError::NoComponent(_)) if !is_too_much => {}
            Ok(_) => panic!("{name}: it was compiled"),
            Err(error) => panic!("{name}: {error}"),
        }
        load(&runtime, &guest().encode(), &limits(&[])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiler_that_does_not_start_ends_or_lies_is_an_error_of_one_line() {
    let with = |program: &str| Runtime::new(CompilerSettings::by(Program::at(program)), None).unwrap();
    let component = guest().encode();
    for (program, words) in [
        ("/no/such/program", "does not start"),
        ("/bin/true", "exit status: 0"),
        ("/bin/false", "exit status: 1"),
        (env!("CARGO_BIN_EXE_forgeport-liar-for-tests"), "cannot be run here"),
    ] {
        let error = refused(&with(program), &component).await;
        assert!(error.to_string().contains(words), "{program}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_as_want_it_are_compiled_a_few_at_a_time() {
    let runtime = Runtime::new(compiler(), None).unwrap();
    let component = guest().encode();
    let (bytes, limits) = (&component, &limits(&[]));
    let all = (0..20).map(|number| {
        let runtime = &runtime;
        let bytes = async { Ok::<_, LoadError>(bytes.clone().into()) };
        async move { runtime.load(Digest::of(format!("component {number}").as_bytes()), limits, bytes).await.map(drop) }
    });
    for loaded in futures_util::future::join_all(all).await {
        loaded.unwrap();
    }
}
