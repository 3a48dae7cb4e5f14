//! Between the interface and [`Provider`].

use std::marker::PhantomData;

use crate::bindings::exports::forgeport::code_repository::provider::{Guest, GuestRepository, Repository, Value};
use crate::bindings::forgeport::code_repository::checkout::Directory;
use crate::{Commit, Description, Error, Identity, Provider, Remote, Settings};

/// What [`crate::export!`] exports for a provider.
#[doc(hidden)]
#[derive(Debug)]
pub struct Component<P>(PhantomData<P>);

/// An opened code repository.
#[doc(hidden)]
#[derive(Debug)]
pub struct Opened<P>(P);

impl<P: Provider> Guest for Component<P> {
    type Repository = Opened<P>;

    fn describe() -> Description {
        P::describe()
    }
}

impl<P: Provider> GuestRepository for Opened<P> {
    fn open(values: Vec<Value>, secrets: Vec<Value>) -> Result<Repository, Error> {
        let values = values.into_iter().map(|value| (value.name, value.value));
        let secrets = secrets.into_iter().map(|secret| (secret.name, secret.value));
        let settings = Settings::new(values, secrets);
        Ok(Repository::new(Self(P::open(&settings)?)))
    }

    fn login(&self) -> Result<Identity, Error> {
        self.0.login()
    }

    fn resolve(&self, revision: String) -> Result<Commit, Error> {
        resolve(&self.0, &revision)
    }

    fn owns_remote(&self, remote: Remote) -> bool {
        self.0.owns_remote(&remote)
    }

    fn download_files(&self, commit: String, target: &Directory, subdirectory: Option<String>) -> Result<(), Error> {
        let subdirectory = subdirectory.as_deref().map(|path| path.trim_matches('/'));
        self.0.download_files(&commit, target, subdirectory)
    }

    fn commit_url(&self, commit: String) -> Option<String> {
        self.0.commit_url(&commit)
    }
}

/// [`Provider::resolve`], with what holds for every forge checked around it.
pub(crate) fn resolve<P: Provider>(provider: &P, revision: &str) -> Result<Commit, Error> {
    if !may_be_a_revision(revision) {
        let text = format!("{revision:?} is no commit id, branch or tag; give one of these");
        return Err(Error::NotFound(text));
    }
    let mut commit = provider.resolve(revision)?;
    commit.id.make_ascii_lowercase();
    if !is_full_id(&commit.id) {
        let text = format!("the forge answered {:?} for {revision}, which is no commit id; try again later", commit.id);
        return Err(Error::Unavailable(text));
    }
    // A branch may be named like a commit; and a forge may take a part of an id for the whole.
    if is_full_id(revision) && !commit.id.eq_ignore_ascii_case(revision) {
        let text = format!("there is no commit {revision}: the forge answered with commit {}", commit.id);
        return Err(Error::NotFound(text));
    }
    Ok(commit)
}

/// SHA-1 or SHA-256 in hex.
fn is_full_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The rules of `git check-ref-format` that keep out expressions such as `main~1` or `main:path`, which some forges would follow.
fn may_be_a_revision(text: &str) -> bool {
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    !text.is_empty()
        && !text.starts_with(['-', '/'])
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && !text.contains("//")
        && !text.contains("@{")
        && !text.split('/').any(|part| part.starts_with('.'))
        && !text.contains(forbidden)
}

#[cfg(test)]
#[path = "component_tests.rs"]
mod tests;
