//! HTTP clients, one for each workspace, provider, origin and leave to reach private addresses: no connection that one of them opened is used
//! by another. Layer: below the gate, which has decided over the request; each client has its own `guard`.

use crate::{
    EgressError, certificates,
    guard::{Guard, Lookup, SystemLookup},
};
use forgeport_model::{Digest, Origin, Scheme};
use rustls_platform_verifier::Verifier;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Clients that are kept; one without connections takes a few kilobytes, so that all together take a megabyte.
const KEPT: usize = 256;

/// How the gate is set up.
#[derive(Clone)]
pub struct GateSettings {
    /// How long until there is a connection.
    pub connect: Duration,
    /// How long between two pieces of an answer.
    pub idle: Duration,
    /// Certificates in PEM or DER that are trusted beside the system's.
    pub certificates: Option<Vec<u8>>,
    /// How names become addresses.
    pub lookup: Arc<dyn Lookup>,
}

/// Whose connections they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey {
    pub(crate) workspace: String,
    pub(crate) component: Option<Digest>,
    pub(crate) origin: Origin,
    pub(crate) private: bool,
}

pub(crate) struct Clients {
    /// Reading the system's certificates takes milliseconds, so it is done once.
    tls: rustls::ClientConfig,
    connect: Duration,
    idle: Duration,
    lookup: Arc<dyn Lookup>,
    kept: Mutex<HashMap<ClientKey, reqwest::Client>>,
}

impl Default for GateSettings {
    fn default() -> Self {
        let lookup = Arc::new(SystemLookup);
        GateSettings { connect: Duration::from_secs(10), idle: Duration::from_secs(30), certificates: None, lookup }
    }
}

impl Clients {
    pub(crate) fn new(settings: GateSettings) -> Result<Clients, EgressError> {
        let GateSettings { connect, idle, certificates, lookup } = settings;
        let tls = tls(certificates.as_deref())?;
        Ok(Clients { tls, connect, idle, lookup, kept: Mutex::default() })
    }

    pub(crate) fn get(&self, key: ClientKey) -> Result<reqwest::Client, EgressError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = kept.get(&key) {
            return Ok(client.clone());
        }
        let guard = Guard { origin: key.origin.clone(), private: key.private, lookup: self.lookup.clone() };
        let builder = match key.origin.scheme() {
            // What is not encrypted stays on this machine, so it may not go to a proxy either.
            Scheme::Http => reqwest::Client::builder().no_proxy(),
            Scheme::Https => reqwest::Client::builder(),
        };
        let client = builder
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::new(guard))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(self.connect)
            .read_timeout(self.idle)
            .build()
            .map_err(|error| EgressError::Client(error.to_string()))?;
        if kept.len() >= KEPT {
            // Whose they are does not matter: they are made again when they are needed.
            kept.clear();
        }
        kept.insert(key, client.clone());
        Ok(client)
    }
}

fn tls(own: Option<&[u8]>) -> Result<rustls::ClientConfig, EgressError> {
    let broken = |error: rustls::Error| EgressError::Client(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = own.map(certificates::read).transpose()?.unwrap_or_default();
    // The only reason that is left: neither the system nor a file has any.
    let verifier = Verifier::new_with_extra_roots(roots, provider.clone()).map_err(|_| EgressError::NoAuthorities)?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
