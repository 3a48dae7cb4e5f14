//! The contents of a component, read from its bytes without compiling or running any of it: the first check of an untrusted component.
//!
//! ```
//! let info = forgeport_runtime::ComponentInfo::of(b"\0asm\x0d\0\x01\0").unwrap();
//! assert_eq!((info.imports.len(), info.world), (0, None));
//! assert!(forgeport_runtime::ComponentInfo::of(b"no component").is_err());
//! ```

use crate::{
    error::LoadError,
    interfaces::{EXPORTED, is_offered, is_offered_wasi, without_version},
    sizes::{Part, Sizes},
};
use serde::Serialize;
use wasmparser::{FunctionBody, Parser, Payload, ProducersSectionReader};

/// Producers that are listed, and characters of each: no toolchain names more than a dozen.
const PRODUCERS: usize = 64;
const PRODUCER: usize = 100;

/// The parts of a component that show what it can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ComponentInfo {
    /// Bytes.
    pub size: usize,
    /// The world that it fits, with the version, where it is one that providers are made for.
    pub world: Option<String>,
    /// Its imports: all functions that it could ever call.
    pub imports: Vec<String>,
    /// Those of them that no provider gets.
    pub foreign: Vec<String>,
    /// Its exports.
    pub exports: Vec<String>,
    /// Core modules in it.
    pub modules: usize,
    /// The tools that made it, with versions, as it states itself.
    pub producers: Vec<String>,
}

impl ComponentInfo {
    /// Takes a component apart, in one pass over its bytes.
    ///
    /// # Errors
    /// When the bytes are no component, or end early, or one that is too large.
    pub fn of(bytes: &[u8]) -> Result<ComponentInfo, LoadError> {
        let mut reading =
            Reading { info: ComponentInfo { size: bytes.len(), ..ComponentInfo::default() }, ..Reading::default() };
        reading.sizes.reach(Part::Bytes, bytes.len() as u64)?;
        if !Parser::is_component(bytes) {
            return Err(broken("it does not begin like one"));
        }
        for payload in Parser::new(0).parse_all(bytes) {
            reading.read(payload.map_err(broken)?)?;
        }
        let mut info = reading.info;
        info.producers.sort();
        info.producers.dedup();
        info.foreign = info.imports.iter().filter(|name| !is_offered(name)).cloned().collect();
        info.world = info.world();
        Ok(info)
    }

    /// Refuses what could not be used, before any of it is compiled.
    ///
    /// # Errors
    /// When it imports what no provider gets, or does not export what a provider does.
    pub(crate) fn check_provider(&self) -> Result<(), LoadError> {
        if let Some(name) = self.foreign.first() {
            return Err(LoadError::Import(name.clone()));
        }
        if self.provider().is_none() {
            return Err(LoadError::Unfit(wasmtime::Error::msg(format!("it does not export {EXPORTED}"))));
        }
        Ok(())
    }

    fn provider(&self) -> Option<&String> {
        self.exports.iter().find(|name| without_version(name) == EXPORTED)
    }

    /// It imports something that only the runtimes of languages need.
    pub(crate) fn imports_wasi(&self) -> bool {
        self.imports.iter().any(|name| is_offered_wasi(name))
    }

    fn world(&self) -> Option<String> {
        let exported = self.provider()?;
        let version = exported.split_once('@').map(|(_, version)| format!("@{version}")).unwrap_or_default();
        let wasi = self.imports_wasi();
        let package = if wasi { "forgeport:code-repository-wasi" } else { "forgeport:code-repository" };
        self.foreign.is_empty().then(|| format!("{package}/code-provider{version}"))
    }
}

/// A component that is being taken apart.
#[derive(Default)]
struct Reading {
    info: ComponentInfo,
    sizes: Sizes,
    /// How many modules and components are around what is read. Only the outermost component's own imports and exports count; those of
    /// its parts are their own affair.
    depth: u64,
}

impl Reading {
    fn read(&mut self, payload: Payload<'_>) -> Result<(), LoadError> {
        let sizes = &mut self.sizes;
        match payload {
            Payload::ModuleSection { .. } => {
                self.info.modules += 1;
                self.depth += 1;
                sizes.add(Part::Modules, 1)
            }
            Payload::ComponentSection { .. } => {
                self.depth += 1;
                sizes.add(Part::Components, 1)?;
                sizes.reach(Part::Depth, self.depth)
            }
            Payload::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            Payload::TypeSection(section) => sizes.add(Part::TypeBytes, section.range().len() as u64),
            Payload::CoreTypeSection(section) => sizes.add(Part::TypeBytes, section.range().len() as u64),
            Payload::ComponentTypeSection(section) => sizes.add(Part::TypeBytes, section.range().len() as u64),
            Payload::InstanceSection(section) => sizes.add(Part::Instances, section.count().into()),
            Payload::ComponentInstanceSection(section) => sizes.add(Part::Instances, section.count().into()),
            Payload::CodeSectionStart { count, .. } => sizes.add(Part::Functions, count.into()),
            Payload::CodeSectionEntry(body) => function(sizes, &body),
            Payload::ComponentImportSection(section) if self.depth == 0 => {
                sizes.add(Part::Imports, section.count().into())?;
                names(sizes, &mut self.info.imports, section.into_iter().map(|import| Ok(import?.name.name)))
            }
            Payload::ComponentExportSection(section) if self.depth == 0 => {
                sizes.add(Part::Exports, section.count().into())?;
                names(sizes, &mut self.info.exports, section.into_iter().map(|export| Ok(export?.name.name)))
            }
            Payload::CustomSection(section) if section.name() == "producers" => {
                producers(&mut self.info.producers, section.data()).map_err(broken)
            }
            _ => Ok(()),
        }
    }
}

fn function(sizes: &mut Sizes, body: &FunctionBody<'_>) -> Result<(), LoadError> {
    sizes.reach(Part::FunctionBytes, body.range().len() as u64)?;
    let mut locals = 0;
    for group in body.get_locals_reader().map_err(broken)? {
        locals += u64::from(group.map_err(broken)?.0);
    }
    sizes.reach(Part::FunctionLocals, locals)
}

fn names<'bytes>(
    sizes: &mut Sizes,
    to: &mut Vec<String>,
    names: impl Iterator<Item = wasmparser::Result<&'bytes str>>,
) -> Result<(), LoadError> {
    for name in names {
        let name = name.map_err(broken)?;
        sizes.reach(Part::NameBytes, name.len() as u64)?;
        to.push(name.to_owned());
    }
    Ok(())
}

/// What it says of itself decides over no access, so what is too much is left out.
fn producers(to: &mut Vec<String>, section: &[u8]) -> wasmparser::Result<()> {
    for field in ProducersSectionReader::new(wasmparser::BinaryReader::new(section, 0))? {
        for value in field?.values {
            let value = value?;
            if to.len() == PRODUCERS {
                return Ok(());
            }
            to.push(format!("{} {}", value.name, value.version).chars().take(PRODUCER).collect());
        }
    }
    Ok(())
}

fn broken(why: impl ToString) -> LoadError {
    LoadError::NoComponent(wasmtime::Error::msg(why.to_string()))
}
