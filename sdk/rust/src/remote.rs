//! Which checkouts belong to a code repository.

use crate::{Base, Error, Remote, Settings};

/// A host, and a port where it is not the scheme's own.
type Place = (String, Option<u16>);

/// Where an instance of a forge serves git.
#[derive(Clone, Debug)]
pub struct Hosting {
    scheme: String,
    prefix: String,
    web: Vec<Place>,
    ssh: Vec<Place>,
}

impl Hosting {
    /// Over the web at this base, over SSH at the same host and SSH's own port.
    #[must_use]
    pub fn new(web: &Base) -> Self {
        Self {
            scheme: web.scheme.clone(),
            prefix: web.prefix.clone(),
            web: vec![(web.host.clone(), web.port)],
            ssh: vec![(web.host.clone(), None)],
        }
    }

    /// As [`Hosting::new`], but at the host that the option of this name tells, where it was given; with a port it is for both the
    /// web and SSH.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where the option is no host.
    pub fn with_option(settings: &Settings, option: &str, web: &Base) -> Result<Self, Error> {
        let mut hosting = Self::new(web);
        let Some(given) = settings.get(option) else {
            return Ok(hosting);
        };
        let given = web.with_host(given).map_err(|why| Error::InvalidOption((option.into(), why.into())))?;
        hosting.web.retain(|(host, _)| *host == given.host);
        hosting.web.push((given.host.clone(), given.port));
        hosting.ssh = vec![(given.host.clone(), None), (given.host, given.port)];
        Ok(hosting)
    }

    /// Over SSH at this host and port too, where the instance is at the host `of`.
    #[must_use]
    pub fn alternative_ssh(mut self, of: &str, host: &str, port: u16) -> Self {
        if self.web.iter().any(|(known, _)| known == of) {
            self.ssh.push((host.into(), Some(port)));
        }
        self
    }

    /// The path of the repository on the instance, where the remote is on it. A prefix of the instance counts on the web only, as
    /// over SSH there is none.
    #[must_use]
    pub fn path<'a>(&self, remote: &'a Remote) -> Option<&'a str> {
        let is = |(host, port): &Place| host.eq_ignore_ascii_case(&remote.host) && *port == remote.port;
        let (places, prefix) = match remote.scheme.as_str() {
            "ssh" => (&self.ssh, ""),
            "git" if remote.port.is_none() => (&self.ssh, ""),
            scheme if scheme == self.scheme => (&self.web, self.prefix.as_str()),
            _ => return None,
        };
        let path = places.iter().any(is).then_some(remote.path.as_str())?;
        if prefix.is_empty() {
            return Some(path);
        }
        path.strip_prefix(prefix)?.strip_prefix('/')
    }

    /// Is the remote the repository at this path, whose letters a forge takes in any case?
    #[must_use]
    pub fn owns(&self, remote: &Remote, path: &str) -> bool {
        self.path(remote).is_some_and(|found| same_path(found, path))
    }
}

/// Are these the same to a forge that ignores the case of ASCII letters?
#[must_use]
pub fn same_path(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
#[path = "remote_tests.rs"]
mod tests;
