//! Makes a whole component of the provider's world from snippets of WAT: every function behaves well unless a case replaces it.
//!
//! The canonical ABI's layouts that the snippets rely on stand here and nowhere else (component-model, `CanonicalABI.md`).

#![allow(clippy::unwrap_used)]

mod description;

pub use description::{Description, Placement};

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

/// Where the guest's own results lie; zeroed by `$ok`.
pub const OUT: u32 = 32 << 10;
/// Where the host's results go.
pub const RET: u32 = OUT + 1024;
/// Texts of a case go from here up to [`OUT`].
const TEXTS: u32 = 2 << 10;

/// Index of `error.host` in the interface.
const HOST_ERROR: u32 = 7;

/// What every guest has: imports, and helpers for the snippets.
const COMMON: &str = r#"
(import "forgeport:code-repository/log@0.1.0" "write" (func $log (param i32 i32 i32)))
(import "forgeport:code-repository/http@0.1.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "forgeport:code-repository/checkout@0.1.0" "[method]directory.unpack" (func $unpack (param i32 i32)))
(import "forgeport:code-repository/checkout@0.1.0" "[method]directory.fetch-files" (func $fetch_files (param i32 i32 i32 i32)))
(import "forgeport:code-repository/checkout@0.1.0" "[method]directory.complete" (func $complete (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "forgeport:code-repository/checkout@0.1.0" "[method]directory.write-file" (func $write_file (param i32 i32 i32 i32 i32 i32 i32)))
(import "forgeport:code-repository/checkout@0.1.0" "[method]directory.write-symlink" (func $write_symlink (param i32 i32 i32 i32 i32 i32)))
(import "forgeport:code-repository/checkout@0.1.0" "[method]directory.verified" (func $verified (param i32) (result i32)))
(import "forgeport:code-repository/checkout@0.1.0" "[method]directory.compare" (func $compare (param i32 i32 i32 i32 i32 i32)))
(import "forgeport:code-repository/checkout@0.1.0" "[resource-drop]directory" (func $drop_directory (param i32)))
(import "[export]forgeport:code-repository/provider@0.1.0" "[resource-new]repository" (func $new (param i32) (result i32)))
(import "[export]forgeport:code-repository/provider@0.1.0" "[resource-rep]repository" (func $rep (param i32) (result i32)))
(import "[export]forgeport:code-repository/provider@0.1.0" "[resource-drop]repository" (func $drop_repository (param i32)))
(global $top (mut i32) (i32.const 65536))
(global $depth (mut i32) (i32.const 0))
(func $ok (result i32) (memory.fill (i32.const OUT) (i32.const 0) (i32.const 64)) (i32.const OUT))
(func $error (param $kind i32) (param $text i32) (param $length i32) (result i32)
  (drop (call $ok))
  (i32.store8 (i32.const OUT) (i32.const 1))
  (i32.store8 offset=8 (i32.const OUT) (local.get $kind))
  (i32.store offset=16 (i32.const OUT) (local.get $text))
  (i32.store offset=20 (i32.const OUT) (local.get $length))
  (i32.const OUT))
;; Passes on what `send` said.
(func $sent (result i32)
  (if (result i32) (i32.load8_u (i32.const RET))
    (then (call $error (i32.const HOST) (i32.load offset=16 (i32.const RET)) (i32.load offset=20 (i32.const RET))))
    (else (call $ok))))
;; Passes on what a method of the directory said: the text of `rejected` or `unsupported`, or of `failed`, or nothing of `answered`.
(func $done (result i32)
  (if (i32.eqz (i32.load8_u (i32.const RET))) (then (return (call $ok))))
  (if (i32.ge_u (i32.load8_u offset=8 (i32.const RET)) (i32.const 2))
    (then (return (call $error (i32.const HOST) (i32.load offset=16 (i32.const RET)) (i32.load offset=20 (i32.const RET))))))
  (if (i32.eq (i32.load8_u offset=8 (i32.const RET)) (i32.const 1))
    (then (return (call $error (i32.const HOST) (i32.load offset=24 (i32.const RET)) (i32.load offset=28 (i32.const RET))))))
  (call $error (i32.const HOST) (i32.const 0) (i32.const 0)))
(func $recurse (param $deep i64) (result i64)
  (i64.add (call $recurse (i64.add (local.get $deep) (i64.const 1))) (call $recurse (local.get $deep))))
"#;

const REALLOC: &str = "(local $at i32)
(local.set $at (i32.and (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1))) (i32.sub (i32.const 0) (local.get $align))))
(global.set $top (i32.add (local.get $at) (local.get $length)))
(if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16)))
  (then (if (i32.eq (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $length) (i32.const 16)))) (i32.const -1)) (then unreachable))))
(local.get $at)";

/// Each function of the world: its short name, its head, and the body that behaves well.
const PARTS: [(&str, &str, &str); 10] = [
    ("start", r#"(export "_initialize")"#, ""),
    (
        "realloc",
        r#"(export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $length i32) (result i32)"#,
        REALLOC,
    ),
    ("describe", r#"(export "PROVIDER#describe") (result i32)"#, "(i32.const 1024)"),
    (
        "open",
        r#"(export "PROVIDER#[static]repository.open") (param $values i32) (param i32) (param $secrets i32) (param i32) (result i32)"#,
        "(i32.store offset=8 (call $ok) (call $new (i32.const 7))) (i32.const OUT)",
    ),
    (
        "login",
        r#"(export "PROVIDER#[method]repository.login") (param $self i32) (result i32)"#,
        "(i32.store offset=20 (call $ok) (i32.const 1100)) (i32.store offset=24 (i32.const OUT) (i32.const 4)) (i32.const OUT)",
    ),
    (
        "resolve",
        r#"(export "PROVIDER#[method]repository.resolve") (param $self i32) (param $text i32) (param $length i32) (result i32)"#,
        "(i32.store offset=8 (call $ok) (local.get $text)) (i32.store offset=12 (i32.const OUT) (local.get $length)) (i32.const OUT)",
    ),
    (
        "owns-remote",
        r#"(export "PROVIDER#[method]repository.owns-remote") (param $self i32) (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)"#,
        "(i32.const 1)",
    ),
    (
        "download-files",
        r#"(export "PROVIDER#[method]repository.download-files") (param $self i32) (param i32 i32) (param $target i32) (param i32 i32 i32) (result i32)"#,
        "(call $drop_directory (local.get $target)) (call $ok)",
    ),
    (
        "commit-url",
        r#"(export "PROVIDER#[method]repository.commit-url") (param $self i32) (param i32 i32) (result i32)"#,
        "(call $ok)",
    ),
    ("destructor", r#"(export "PROVIDER#[dtor]repository") (param $self i32)"#, ""),
];

const PROVIDER: &str = "forgeport:code-repository/provider@0.1.0";

/// A component in the making.
#[derive(Clone)]
pub struct Guest {
    imports: String,
    memory: String,
    items: String,
    top: u32,
    bodies: BTreeMap<&'static str, String>,
    beside: Option<String>,
    wasi: Vec<String>,
}

/// A text in the guest's memory; shown as the two arguments that pass it.
#[derive(Clone, Copy)]
pub struct Text {
    /// Its address.
    pub at: u32,
    /// In bytes.
    pub length: u32,
}

/// A request's words, in the order of its fields; in memory and as arguments they are the same.
#[derive(Clone, Copy)]
pub struct Ask(pub [u32; 15]);

/// A component that behaves well.
pub fn guest() -> Guest {
    let mut guest = Guest {
        imports: String::new(),
        memory: r#"(memory (export "memory") 2)"#.into(),
        items: String::new(),
        top: TEXTS,
        bodies: BTreeMap::new(),
        beside: None,
        wasi: Vec::new(),
    };
    guest.describe(&Description::default());
    guest.data(1100, b"evil");
    guest
}

impl Guest {
    /// Replaces a function's body.
    pub fn with(mut self, part: &'static str, body: impl Into<String>) -> Guest {
        assert!(PARTS.iter().any(|known| known.0 == part), "{part}");
        self.bodies.insert(part, body.into());
        self
    }

    /// Adds to the core module.
    pub fn item(mut self, item: &str) -> Guest {
        self.items.push_str(item);
        self
    }

    /// Adds imports to the core module.
    pub fn import(mut self, imports: &str) -> Guest {
        self.imports.push_str(imports);
        self
    }

    /// Has another memory.
    pub fn memory(mut self, memory: &str) -> Guest {
        self.memory = memory.to_owned();
        self
    }

    /// A component that is instantiated with it, inside of it.
    pub fn beside(mut self, component: impl Into<String>) -> Guest {
        self.beside = Some(component.into());
        self
    }

    /// Interfaces of WASI that it may import from, with their version.
    pub fn wasi(mut self, interfaces: &[&str]) -> Guest {
        self.wasi.extend(interfaces.iter().map(|name| (*name).to_owned()));
        self
    }

    /// Describes itself so. What an earlier description said is gone.
    pub fn describing(mut self, description: &Description) -> Guest {
        self.describe(description);
        self
    }

    fn describe(&mut self, description: &Description) {
        let words = description.words(self);
        self.data(1024, &words);
    }

    /// Bytes at a place.
    pub fn data(&mut self, at: u32, bytes: &[u8]) {
        let mut escaped = String::new();
        for byte in bytes {
            let _ = write!(escaped, "\\{byte:02x}");
        }
        let _ = writeln!(self.items, "(data (i32.const {at}) \"{escaped}\")");
    }

    /// Bytes anywhere, aligned to 8.
    pub fn put(&mut self, bytes: impl AsRef<[u8]>) -> Text {
        let bytes = bytes.as_ref();
        let text = Text { at: self.top, length: bytes.len() as u32 };
        self.top += (bytes.len() as u32).next_multiple_of(8);
        assert!(self.top <= OUT, "a case has too many texts");
        self.data(text.at, bytes);
        text
    }

    /// A request without body and secret.
    pub fn ask(&mut self, method: &str, url: impl AsRef<[u8]>, headers: &[(&[u8], &[u8])]) -> Ask {
        let (method, url) = (self.put(method), self.put(url));
        let mut listed = Vec::new();
        for (name, value) in headers {
            for text in [self.put(name), self.put(value)] {
                listed.extend([text.at, text.length].into_iter().flat_map(u32::to_le_bytes));
            }
        }
        let list = self.put(listed);
        let mut words = [0; 15];
        let fields = [method.at, method.length, url.at, url.length, list.at, headers.len() as u32];
        words[..6].copy_from_slice(&fields);
        Ask(words)
    }

    /// The core module's text.
    pub fn core(&self) -> String {
        let mut text = format!("(module {} {COMMON} {} {}", self.imports, self.memory, self.items);
        for (name, head, body) in PARTS {
            let body = self.bodies.get(name).map_or(body, String::as_str);
            let _ = writeln!(text, "(func ${name} {head} {body})");
        }
        text.push(')');
        text.replace("OUT", &OUT.to_string())
            .replace("RET", &RET.to_string())
            .replace("HOST", &HOST_ERROR.to_string())
            .replace("PROVIDER", PROVIDER)
    }

    /// The component.
    pub fn encode(&self) -> Vec<u8> {
        let text = self.core();
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
        let (resolve, world) = world_with(&self.wasi);
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        let component = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
        match &self.beside {
            Some(beside) => instantiated_with(component, &wat::parse_str(beside).unwrap()),
            None => component,
        }
    }
}

impl Ask {
    /// With a body from memory.
    pub fn body(mut self, at: u32, length: u32) -> Ask {
        self.0[6..9].copy_from_slice(&[1, at, length]);
        self
    }

    /// With a secret in a place of its own; `placement` is 0 for bearer; the others have a text.
    pub fn secret(mut self, setting: Text, placement: u32, text: Text) -> Ask {
        self.0[9..].copy_from_slice(&[1, setting.at, setting.length, placement, text.at, text.length]);
        self
    }

    /// The bytes of it in memory.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// A call of `send`.
    pub fn send(&self) -> String {
        let words: String = self.0.iter().map(|word| format!("(i32.const {}) ", *word as i32)).collect();
        format!("(call $send {words} (i32.const RET))")
    }

    /// A call of `unpack`, for the directory in `$target`; a format of 0 is tar.
    pub fn unpack(&self, guest: &mut Guest, format: u32) -> String {
        let words = [vec![0; 4], self.bytes(), [format, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes).collect()];
        let at = guest.put(words.concat()).at;
        format!("(i32.store (i32.const {at}) (local.get $target)) (call $unpack (i32.const {at}) (i32.const RET))")
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "(i32.const {}) (i32.const {})", self.at as i32, self.length as i32)
    }
}

/// The world that providers are made for.
pub fn world() -> (Resolve, WorldId) {
    world_with(&[])
}

/// The same with more imports.
pub fn world_with(imports: &[String]) -> (Resolve, WorldId) {
    let mut resolve = interfaces();
    let imports: String = imports.iter().map(|name| format!("import {name};")).collect();
    let text = format!(
        "package test:guest; world code-provider {{ include forgeport:code-repository/code-provider@0.1.0; {imports} }}"
    );
    let package = resolve.push_str("test.wit", &text).unwrap();
    let world = resolve.select_world(&[package], Some("code-provider")).unwrap();
    (resolve, world)
}

/// Everything that a provider can be made with.
pub fn interfaces() -> Resolve {
    static PARSED: LazyLock<Resolve> = LazyLock::new(|| {
        let mut resolve = Resolve::default();
        resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/wasi")).unwrap();
        resolve
    });
    PARSED.clone()
}

/// Appends a component and an instance of it (component-model, `Binary.md`: sections 4 and 5).
fn instantiated_with(mut component: Vec<u8>, beside: &[u8]) -> Vec<u8> {
    let mut depth = 0;
    let mut index = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&component) {
        match payload.unwrap() {
            wasmparser::Payload::ModuleSection { .. } => depth += 1,
            wasmparser::Payload::ComponentSection { .. } => {
                index += u32::from(depth == 0);
                depth += 1;
            }
            wasmparser::Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    component.push(4);
    component.extend(leb128(beside.len() as u32));
    component.extend(beside);
    let instance = [vec![1, 0], leb128(index), vec![0]].concat();
    component.push(5);
    component.extend(leb128(instance.len() as u32));
    component.extend(instance);
    component
}

/// A number as the binary format has it (`u32` in LEB128).
pub fn leb128(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
