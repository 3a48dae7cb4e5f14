//! Resolves a name and checks its addresses before they are dialled, for every connection: the checked address is the one that is connected
//! to. So a name that changes its address afterwards (DNS rebinding) gains nothing. `address` classifies addresses; this file decides.

use crate::address::{Reach, reach};
use forgeport_model::{Origin, Scheme};
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use thiserror::Error;

/// Finds the addresses of a name.
pub trait Lookup: Send + Sync {
    /// All of them.
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// As the system does it.
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// An address that may not be dialled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{origin} has the address {address}, which is {what}{}", remedy(*.allowable, .origin))]
pub struct AddressRefused {
    /// The host of the request.
    pub origin: Origin,
    /// The address that was found.
    pub address: IpAddr,
    /// Its reach.
    pub what: &'static str,
    /// A grant could allow it.
    pub allowable: bool,
}

fn remedy(allowable: bool, origin: &Origin) -> String {
    if !allowable {
        return ", and is never reached".to_owned();
    }
    format!(
        "; if your forge is there, allow it with `--allow-private={origin}` at register or update, if the operator's policy does"
    )
}

/// Lets an origin's own name through to the addresses that it may have.
pub(crate) struct Guard {
    pub(crate) origin: Origin,
    pub(crate) private: bool,
    pub(crate) lookup: Arc<dyn Lookup>,
}

impl Guard {
    /// Refuses an address that may not be dialled for the origin.
    pub(crate) fn check(origin: &Origin, private: bool, address: IpAddr) -> Result<(), AddressRefused> {
        let refused = |what, allowable| AddressRefused { origin: origin.clone(), address, what, allowable };
        match reach(address) {
            // What is not encrypted may not leave the machine, wherever the name leads.
            _ if origin.scheme() == Scheme::Http && !address.to_canonical().is_loopback() => {
                Err(refused("not on this machine, so that https is needed", false))
            }
            Reach::Public => Ok(()),
            Reach::Private(_) if private => Ok(()),
            Reach::Private(what) => Err(refused(what, true)),
            Reach::Never(what) => Err(refused(what, false)),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        // Any other name is that of the operator's own proxy, which may well be in a private network.
        let own = name.as_str().trim_end_matches('.').eq_ignore_ascii_case(self.origin.host().trim_end_matches('.'));
        let (origin, private) = (self.origin.clone(), self.private);
        let found = self.lookup.lookup(name.as_str());
        Box::pin(async move {
            let mut allowed = Vec::new();
            let mut refused = None;
            for address in found.await? {
                match Guard::check(&origin, private, address) {
                    Err(error) if own => refused = Some(error),
                    _ => allowed.push(SocketAddr::new(address, 0)),
                }
            }
            match refused {
                Some(error) if allowed.is_empty() => Err(error.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
