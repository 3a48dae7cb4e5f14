//! Which checkouts belong to a code repository.

use crate::{Base, Remote};

/// Where an instance of a forge serves git.
#[derive(Clone, Debug)]
pub struct Hosting {
    web: Base,
    ssh: Vec<(String, Option<u16>)>,
}

impl Hosting {
    /// Over the web at this base, over SSH at the same host and SSH's own port.
    #[must_use]
    pub fn new(web: Base) -> Self {
        let ssh = vec![(web.host.clone(), None)];
        Self { web, ssh }
    }

    /// Over SSH at this host and port too.
    #[must_use]
    pub fn ssh(mut self, host: &str, port: Option<u16>) -> Self {
        self.ssh.push((host.into(), port));
        self
    }

    /// Where a person finds the instance.
    #[must_use]
    pub fn web(&self) -> &Base {
        &self.web
    }

    /// The path of the repository on the instance, where the remote is on it. A prefix of the instance counts on the web only, as
    /// over SSH there is none.
    #[must_use]
    pub fn path<'a>(&self, remote: &'a Remote) -> Option<&'a str> {
        let here = |host: &str| host.eq_ignore_ascii_case(&remote.host);
        match remote.scheme.as_str() {
            "ssh" => {
                let known = |(host, port): &(String, Option<u16>)| here(host) && *port == remote.port;
                self.ssh.iter().any(known).then_some(&remote.path)
            }
            "git" => (here(&self.web.host) && remote.port.is_none()).then_some(&remote.path),
            scheme if scheme == self.web.scheme => {
                if !here(&self.web.host) || remote.port != self.web.port {
                    return None;
                }
                match self.web.prefix.as_str() {
                    "" => Some(&remote.path),
                    prefix => remote.path.strip_prefix(prefix)?.strip_prefix('/'),
                }
            }
            _ => None,
        }
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
