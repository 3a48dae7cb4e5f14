//! Teach Forgeport a kind of forge.
//!
//! A provider is a type that implements [`Provider`] in a `cdylib` crate, and one line, [`export!`]. What it needs (options, origins,
//! how a credential is sent) is data, see [`Description`]; its code is the forge's URLs and the meanings of its answers. Everything else is
//! the host's: it sends the requests and adds the credential, so that a provider never sees a secret, and it fetches and unpacks the archive.
//!
//! Everything can be tested natively with `cargo test`; [`testing`] stands in for the host.

mod answers;
mod asked;
#[allow(missing_docs, missing_debug_implementations)]
pub mod bindings;
mod component;
mod description;
mod download;
mod entry;
pub mod git;
pub mod http;
mod meaning;
mod remote;
mod settings;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod url;

pub use asked::Asked;
pub use bindings::exports::forgeport::code_repository::provider::{
    Commit, Condition, Credential, Description, Error, Identity, Need, Remote, Setting,
};
pub use bindings::forgeport::code_repository::checkout::{Entry, Format, Kind, Layout, Problem, RemoteFile};
pub use bindings::forgeport::code_repository::http::{Placement, Request, Response, SecretUse};
#[doc(hidden)]
pub use component::Component;
pub use description::{absent, equals, given, starts_with};
pub use download::{Archive, Target, download, explain};
pub use entry::{Trees, below, check_no_submodule};
pub use git::GitUrl;
pub use remote::{Hosting, same_path};
pub use settings::Settings;
pub use url::{Base, Url};

/// One kind of forge. A value is one code repository on it, opened with the user's options.
pub trait Provider: Sized + 'static {
    /// Everything that can be known without options. Nothing can be reached while this runs.
    fn describe() -> Description;

    /// Takes the options in. No request should be made here.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] with the option's name; [`Settings`] has the usual checks.
    fn open(settings: &Settings) -> Result<Self, Error>;

    /// Checks the credential, and that the repository can be read.
    ///
    /// # Errors
    /// Whatever the forge's answer means.
    fn login(&self) -> Result<Identity, Error>;

    /// The commit that a branch, a tag or a commit id, also an abbreviated one, stands for.
    ///
    /// The SDK has refused what can be none of these before, and checks the answer's form after; it also refuses an answer with
    /// another id than the full one that was asked for.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown revision, else whatever the forge's answer means.
    fn resolve(&self, revision: &str) -> Result<Commit, Error>;

    /// Does a checkout with this remote come from here?
    fn owns_remote(&self, remote: &Remote) -> bool;

    /// The request that brings the files of a commit, and how they lie in the archive. `subdirectory` is empty for the root; a forge that
    /// cannot narrow its archive to it leaves it out, and the host filters.
    fn archive(&self, commit: &str, subdirectory: &str) -> Archive;

    /// What a tree of the commit holds, one level: `path` is empty for the root. `None` where the forge does not tell the ids of
    /// files: what was downloaded is then not verified by it.
    ///
    /// # Errors
    /// Whatever the forge's answer means.
    fn entries(&self, commit: &str, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        let _ = (commit, path);
        Ok(None)
    }

    /// The request that brings one file's bytes, for a file that [`Provider::entries`] has told of.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the forge gives no single files.
    fn file(&self, commit: &str, entry: &Entry) -> Result<Request, Error> {
        let _ = commit;
        let text = format!("this provider cannot fetch the single file {}", entry.path);
        Err(Error::Unsupported(text))
    }

    /// Where git clones from. `Some` where the forge has git's protocol over HTTP: from it come in few requests what an archive left out or
    /// altered. `None` where that is not to be tried.
    fn git(&self) -> Option<GitUrl> {
        None
    }

    /// What an answer means that is not the wanted archive or file.
    fn meaning(&self, response: &Response) -> Error {
        response.error(&Asked::new("the archive"))
    }

    /// Where a person can look at the commit.
    fn commit_url(&self, commit: &str) -> Option<String> {
        let _ = commit;
        None
    }

    /// Fills the directory. The default fetches [`Provider::archive`], and repairs with [`Provider::entries`] and [`Provider::file`] what the
    /// archive left out or altered; see [`download`].
    ///
    /// # Errors
    /// Whatever the forge's answers mean, and the host's own words where it refused something.
    fn download_files(&self, commit: &str, target: &dyn Target, subdirectory: Option<&str>) -> Result<(), Error> {
        download(self, commit, target, subdirectory.unwrap_or_default())
    }
}

/// Makes a provider the component's: `forgeport_provider::export!(MyForge);`, once, in the crate's root.
#[macro_export]
macro_rules! export {
    ($provider:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod forgeport_component {
            use super::*;
            type ExportedProvider = $crate::Component<$provider>;
            $crate::bindings::export_component!(ExportedProvider with_types_in $crate::bindings);
        }
    };
}
