//! The service and the runtime that it is called on, made when the first command needs them.

use crate::{command_line::ProviderOf, progress};
use anyhow::Result;
use forgeport_service::{Config, Host, ProviderOptions, Service, Workspace};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Nothing is opened before it is needed: the help, for one, needs no store.
#[derive(Default)]
pub struct Backend(Option<Opened>);

struct Opened {
    service: Service,
    runtime: Runtime,
}

impl Backend {
    /// The options of a provider, for the second pass over the command line.
    pub fn options_of(&mut self, provider: &ProviderOf) -> Result<ProviderOptions> {
        let Opened { service, runtime } = self.opened()?;
        let options = runtime.block_on(async {
            match provider {
                ProviderOf::New { source, limits } => service.options_to_register(source, limits).await,
                ProviderOf::CodeRepository { name, source, limits } => {
                    service.options_to_update(name, source.as_ref(), limits).await
                }
            }
        });
        Ok(options?)
    }

    /// Runs a command to its end.
    pub fn run(mut self, command: impl AsyncFnOnce(&Service) -> Result<()>) -> Result<()> {
        let Opened { service, runtime } = self.opened()?;
        let done = runtime.block_on(command(service));
        if let Some(Opened { service, runtime }) = self.0 {
            // What is still on its way is dropped first, and written to the audit log then.
            drop(runtime);
            drop(service);
        }
        done
    }

    fn opened(&mut self) -> Result<&Opened> {
        let opened = match self.0.take() {
            Some(opened) => opened,
            None => Opened::new()?,
        };
        Ok(self.0.insert(opened))
    }
}

impl Opened {
    fn new() -> Result<Opened> {
        let config = Config::from_environment()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let host = runtime.block_on(Host::open(config))?;
        let service = host.workspace(Workspace::local()).telling(Arc::new(progress::Lines));
        Ok(Opened { service, runtime })
    }
}
