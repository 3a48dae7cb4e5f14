//! The compilers that can build for `wasm32-unknown-unknown`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The target of components that need nothing from their host but what their world imports.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's linker for WebAssembly; the target's own, `rust-lld`, is not packaged.
const LINKER: &str = "wasm-ld-19";

const ADVICE: &str = "no Rust for wasm32-unknown-unknown was found. Install it in one of two ways:
  rustup target add wasm32-unknown-unknown
  apt-get install rustc-web cargo-web rust-web-src lld-19    (where there is only Debian's registry)";

/// A way to compile for [`TARGET`].
pub struct Toolchain {
    kind: Kind,
    /// The compiler's version line.
    pub version: String,
    sysroot: PathBuf,
}

enum Kind {
    /// The cargo in PATH has the target's standard library.
    Installed,
    /// Debian's cargo compiles the standard library on the way.
    Debian,
}

/// The one to build with, the target that was installed first.
///
/// # Errors
/// There is none; the text says what to install.
pub fn any() -> Result<Toolchain> {
    available().into_iter().next().context(ADVICE)
}

/// All that are on this machine.
pub fn available() -> Vec<Toolchain> {
    let found = [Toolchain::installed(), Toolchain::debian()];
    found.into_iter().flatten().collect()
}

impl Toolchain {
    fn installed() -> Option<Self> {
        let toolchain = Self::new(Kind::Installed, "rustc")?;
        let target = toolchain.sysroot.join("lib/rustlib").join(TARGET);
        target.exists().then_some(toolchain)
    }

    fn debian() -> Option<Self> {
        let needed = ["/usr/bin/cargo", "/usr/bin/wasm-ld-19", "/usr/lib/rustlib/src/rust/library/std"];
        if !needed.iter().all(|path| Path::new(path).exists()) {
            return None;
        }
        Self::new(Kind::Debian, "/usr/bin/rustc")
    }

    fn new(kind: Kind, rustc: &str) -> Option<Self> {
        Some(Self { kind, version: answer(rustc, "--version")?, sysroot: answer(rustc, "--print=sysroot")?.into() })
    }

    /// A cargo whose `build` makes the smallest modules, with nothing of this machine's paths in them.
    ///
    /// # Errors
    /// No home folder was found.
    pub fn cargo(&self, workspace: &Path) -> Result<Command> {
        let mut cargo = match self.kind {
            Kind::Installed => Command::new("cargo"),
            Kind::Debian => debian_cargo(),
        };
        cargo
            .env_remove("RUSTFLAGS")
            // Such as clippy's, under which CI runs this: components are what the compiler itself makes of their sources.
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .env("CARGO_ENCODED_RUSTFLAGS", self.remapped(workspace)?)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")
            .env("CARGO_PROFILE_RELEASE_LTO", "true")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
            .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
            .env("CARGO_PROFILE_RELEASE_STRIP", "true");
        Ok(cargo)
    }

    /// Arguments of `build` that this toolchain needs.
    pub fn arguments(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Installed => &[],
            Kind::Debian => &["-Zbuild-std=std,panic_abort"],
        }
    }

    fn remapped(&self, workspace: &Path) -> Result<String> {
        let library = self.sysroot.join("lib/rustlib/src/rust");
        let library_itself = library.canonicalize().unwrap_or_else(|_| library.clone());
        // Of several that fit, the compiler takes the last.
        let places =
            [(root_of(workspace), "workspace"), (cargo_home()?, "cargo"), (library, "rust"), (library_itself, "rust")];
        let flag = |(from, to): &(PathBuf, &str)| format!("--remap-path-prefix={}=/{to}", from.display());
        Ok(places.iter().map(flag).collect::<Vec<_>>().join("\x1f"))
    }
}

/// Debian's own cargo and rustc, also where rustup's come first in PATH.
fn debian_cargo() -> Command {
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo
        .env("PATH", "/usr/bin:/bin")
        .env("RUSTC", "/usr/bin/rustc")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("LD_LIBRARY_PATH")
        // `-Zbuild-std` is for nightly compilers only.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER);
    cargo
}

/// The repository around a workspace, where there is one: its other folders can be in a module too.
fn root_of(workspace: &Path) -> PathBuf {
    let repository = workspace.ancestors().find(|folder| folder.join(".git").exists());
    repository.unwrap_or(workspace).to_owned()
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    match std::env::home_dir() {
        Some(home) => Ok(home.join(".cargo")),
        None => bail!("there is no home folder; set CARGO_HOME"),
    }
}

fn answer(program: &str, question: &str) -> Option<String> {
    let output = Command::new(program).arg(question).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
