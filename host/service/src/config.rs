//! What the operator of a process decides, read once where the process starts. Nothing below reads the environment: on a server, a
//! tenant's behaviour must not come from it.
//!
//! | variable | what it sets |
//! | --- | --- |
//! | `FORGEPORT_HOME` | the directory of data and cache |
//! | `FORGEPORT_KEY` | the key that secrets are encrypted with, see [`KeySource`] |
//! | `FORGEPORT_NEW_KEY` | the key that a rotation changes to, where `FORGEPORT_KEY` has the present one |
//! | `FORGEPORT_POLICY` | the policy's file, where there is no `/etc/forgeport/policy.toml` |
//! | `FORGEPORT_CA_FILE` | certificates of authorities that are trusted as well, in PEM |
//!
//! An empty variable counts as none. The variables of proxies (`HTTPS_PROXY`, `NO_PROXY`) are read by the HTTP client, as everywhere.

use crate::{Result, ServiceError, policy};
use etcetera::BaseStrategy;
use forgeport_blobs::{Blobs, Folder};
use forgeport_download::Cache;
use forgeport_model::{Policy, Workspace};
use forgeport_store::KeySource;
use std::{ffi::OsString, path::PathBuf};
use zeroize::Zeroizing;

/// Bytes that kept downloads may take, in each workspace.
const DOWNLOADS: u64 = 8 << 30;
/// Bytes of compiled code that are kept; a provider in Python or JavaScript takes about 35 MB.
const COMPILED: u64 = 1 << 30;

/// The configuration of a process, which its operator decides.
pub struct Config {
    /// The directories.
    pub home: Home,
    /// The place of the master key.
    pub key: KeySource,
    /// The new master key of a rotation, if the environment has the key.
    pub new_key: Option<Zeroizing<String>>,
    /// The upper bound of all grants.
    pub policy: Policy,
    /// Certificates of authorities that are trusted beside the system's. The file is read with the first request.
    pub ca_file: Option<PathBuf>,
}

/// The directories of one process.
#[derive(Clone, Debug)]
pub struct Home {
    /// The store, which must not be lost.
    pub data: PathBuf,
    /// Files that can be made again: compiled code and downloads.
    pub cache: PathBuf,
}

impl Config {
    /// Reads the environment, and the policy that it names.
    ///
    /// # Errors
    /// When neither `FORGEPORT_HOME` nor a home directory is known, or there is a policy that cannot be read: nothing may run then.
    pub fn from_environment() -> Result<Config> {
        Ok(Config {
            home: Home::from_environment()?,
            key: key("FORGEPORT_KEY").map_or(KeySource::File, KeySource::Environment),
            new_key: key("FORGEPORT_NEW_KEY"),
            policy: policy::read_first(variable("FORGEPORT_POLICY").map(PathBuf::from))?,
            ca_file: variable("FORGEPORT_CA_FILE").map(PathBuf::from),
        })
    }
}

impl Home {
    /// `$FORGEPORT_HOME/{data,cache}` where it is set, otherwise `forgeport` in the system's places (the XDG base directories on Linux).
    ///
    /// # Errors
    /// When neither it nor a home directory is known.
    pub fn from_environment() -> Result<Home> {
        if let Some(home) = variable("FORGEPORT_HOME") {
            let home = std::path::absolute(&home).map_err(|_| ServiceError::NoHome)?;
            return Ok(Home { data: home.join("data"), cache: home.join("cache") });
        }
        let base = etcetera::choose_base_strategy().map_err(|_| ServiceError::NoHome)?;
        Ok(Home { data: base.data_dir().join("forgeport"), cache: base.cache_dir().join("forgeport") })
    }

    /// The downloads that are kept for a workspace; they need no store.
    pub(crate) fn downloads(&self, workspace: &Workspace) -> Cache {
        Cache::local(&self.cache.join("downloads").join(workspace.id()), DOWNLOADS)
    }

    /// The compiled code of providers, which all workspaces share: it is known by the digest of what it was compiled from.
    pub(crate) fn compiled_code(&self) -> Blobs {
        Folder::cache(self.cache.join("compiled"), COMPILED).into()
    }
}

/// A value that is not UTF-8 is not a key either; the error is reported when the key is needed.
fn key(name: &str) -> Option<Zeroizing<String>> {
    variable(name).map(|value| Zeroizing::new(value.into_string().unwrap_or_else(|_| "?".to_owned())))
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
