//! TLS to a PostgreSQL server: rustls on ring, with the certificates that the platform trusts. With TLS the server's name and
//! certificate are always verified; there is no setting that turns this off.
//!
//! | `sslmode` of the URL | then |
//! | --- | --- |
//! | absent, `prefer`, `disable` | no TLS: for a socket of this machine, or a private network |
//! | `require`, `verify-ca`, `verify-full` | TLS, verified |

use crate::error::{DatabaseError, DatabaseErrorKind};
use rustls_platform_verifier::BuilderVerifierExt;
use std::sync::Arc;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Reads the address of a server. libpq's stricter modes are what `require` is here.
pub(super) fn config(url: &str) -> Result<tokio_postgres::Config, DatabaseError> {
    let url = url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
    url.parse().map_err(|error| DatabaseError {
        kind: DatabaseErrorKind::Unreachable,
        // Of the text that was given none is repeated: it may have a password.
        message: format!("its address cannot be read ({})", super::failure::cause(&error)),
    })
}

/// How to speak TLS, where that is asked for.
pub(super) fn connector(config: &tokio_postgres::Config) -> Result<Option<MakeRustlsConnect>, DatabaseError> {
    if config.get_ssl_mode() != SslMode::Require {
        return Ok(None);
    }
    let unusable =
        |error: rustls::Error| DatabaseError { kind: DatabaseErrorKind::Unreachable, message: error.to_string() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(unusable)?;
    let tls = builder.with_platform_verifier().map_err(unusable)?.with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(tls)))
}
