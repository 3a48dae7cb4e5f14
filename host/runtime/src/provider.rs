//! A provider that is ready to be called.

use crate::{
    call::{CallBounds, Callee, Instance, Opening},
    error::CallError,
    loaded::Loaded,
    offline::Offline,
    repository::{Connection, Repository},
};
use forgeport_model::{Description, Limit, LimitReached, Limits, deadline};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// The most time that reading a description may take; it does no more than hand over constants.
const DESCRIBE: Duration = Duration::from_secs(10);

/// A compiled component that fits the interface. Clones share it.
#[derive(Clone)]
pub struct Provider {
    callee: Callee,
    /// For describing itself.
    limits: Limits,
}

impl Provider {
    pub(crate) fn new(loaded: Arc<Loaded>, limits: Limits, call_slots: Arc<Semaphore>) -> Provider {
        Provider { callee: Callee::new(loaded, call_slots), limits }
    }

    /// The provider's description; it has no access while it is called for it.
    ///
    /// # Errors
    /// When the component fails or reaches a limit. The description itself is not checked here.
    pub async fn describe(&self) -> Result<Description, CallError> {
        let ended = LimitReached::fixed(Limit::CallTime, DESCRIBE.as_millis() as u64);
        let bounds = CallBounds { deadline: deadline(DESCRIBE), ended, limits: &self.limits };
        let describe = async |mut instance: Instance| {
            let provider = instance.exports.forgeport_code_repository_provider();
            Ok(Ok(provider.call_describe(&mut instance.store).await?.into()))
        };
        self.callee.call("describe", bounds, None, describe).await
    }

    /// The code repository that a connection's options name.
    #[must_use]
    pub fn repository(&self, connection: Connection) -> Repository {
        Repository::new(self.callee.clone(), connection)
    }

    /// The code repository that options name, for what needs no network.
    #[must_use]
    pub fn offline(&self, opening: Opening, limits: Limits) -> Offline {
        Offline::new(self.callee.clone(), opening, limits)
    }
}
