//! What a component is made of, read from its bytes without compiling or running any of it.

use crate::{
    LoadError,
    imports::{is_offered, is_offered_wasi},
};
use serde::Serialize;
use wasmparser::{Parser, Payload, ProducersSectionReader};

/// The interface that a provider exports, without its version.
const EXPORTED: &str = "forgeport:code-repository/provider";

/// The parts of a component that tell what it can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Anatomy {
    /// Bytes.
    pub size: usize,
    /// The world that it fits, with the version, where it is one that providers are made for.
    pub world: Option<String>,
    /// What it needs from the host: all that it could ever call.
    pub imports: Vec<String>,
    /// Those of them that no provider gets.
    pub foreign: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
    /// Core modules in it.
    pub modules: usize,
    /// What made it, as it says itself: tool and version.
    pub producers: Vec<String>,
}

impl Anatomy {
    /// Takes a component apart.
    ///
    /// # Errors
    /// When the bytes are no component, or end early.
    pub fn of(bytes: &[u8]) -> Result<Anatomy, LoadError> {
        let mut anatomy = Anatomy { size: bytes.len(), ..Anatomy::default() };
        let broken = |why: String| LoadError::NoComponent(wasmtime::Error::msg(why));
        if !Parser::is_component(bytes) {
            return Err(broken("it does not begin like one".into()));
        }
        // Only the outermost component's own imports and exports count; those of its parts are its own affair.
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|error| broken(error.to_string()))?;
            match payload {
                Payload::ModuleSection { .. } => (depth, anatomy.modules) = (depth + 1, anatomy.modules + 1),
                Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                payload => anatomy.note(payload, depth == 0).map_err(|error| broken(error.to_string()))?,
            }
        }
        anatomy.producers.sort();
        anatomy.producers.dedup();
        anatomy.foreign = anatomy.imports.iter().filter(|name| !is_offered(name)).cloned().collect();
        anatomy.world = anatomy.world();
        Ok(anatomy)
    }

    fn note(&mut self, payload: Payload<'_>, outermost: bool) -> wasmparser::Result<()> {
        match payload {
            Payload::ComponentImportSection(section) if outermost => {
                for import in section {
                    self.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if outermost => {
                for export in section {
                    self.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if section.name() == "producers" => {
                for field in ProducersSectionReader::new(wasmparser::BinaryReader::new(section.data(), 0))? {
                    for value in field?.values {
                        let value = value?;
                        self.producers.push(format!("{} {}", value.name, value.version));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn world(&self) -> Option<String> {
        let exported = self.exports.iter().find(|name| without_version(name) == EXPORTED)?;
        let version = exported.split_once('@').map(|(_, version)| format!("@{version}")).unwrap_or_default();
        let package = match self.imports.iter().any(|name| is_offered_wasi(name)) {
            true => "forgeport:code-repository-wasi",
            false => "forgeport:code-repository",
        };
        self.foreign.is_empty().then(|| format!("{package}/code-provider{version}"))
    }
}

pub(crate) fn without_version(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}
