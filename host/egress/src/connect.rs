//! The reason of a failed connection, in words for a person: errors of libraries are classified by their remedy.
//!
//! | cause | what the error advises |
//! | --- | --- |
//! | an unknown authority, or a known name with another key | `FORGEPORT_CA_FILE` |
//! | a certificate for another name | the address, the proxy, the sign-in to the network |
//! | a certificate that has ended, or is not valid yet | the clock |
//! | a proxy that wants a password, or refuses the connection | the proxy settings |
//! | anything else | the address, the network and the proxy settings |

use std::{error::Error, io};

use rustls::{AlertDescription, CertificateError};

/// Why, and what helps.
pub(crate) struct Reason {
    pub(crate) why: String,
    pub(crate) step: &'static str,
}

const NETWORK: &str = "check the address, the network and the proxy settings";
const OWN_AUTHORITY: &str = "if it, or a proxy that looks into connections, has an authority of its own, name that one's certificate: \
    FORGEPORT_CA_FILE=ca.pem";
const OTHER_NAME: &str = "check the address, and whether a proxy or a sign-in to the network answers in its place";
const CLOCK: &str = "set this machine's clock, or tell whoever runs it";
const OPERATOR: &str = "tell whoever runs it";
const PROXY: &str = "check the proxy that HTTPS_PROXY names, or leave this host out of it with NO_PROXY";
const PROXY_PASSWORD: &str = "name it with them: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT";

impl Reason {
    pub(crate) fn new(error: &(dyn Error + 'static)) -> Reason {
        if let Some(error) = find::<rustls::Error>(error) {
            return encrypted(error);
        }
        let why = causes(error);
        // What hyper-util says of a proxy has no type.
        if why.contains("proxy authorization required") {
            return reason("the proxy wants a user name and a password", PROXY_PASSWORD);
        }
        if let Some((_, said)) = why.split_once("tunnel error: ") {
            return reason(&format!("the proxy does not let it through ({said})"), PROXY);
        }
        reason(&why, NETWORK)
    }
}

fn reason(why: &str, step: &'static str) -> Reason {
    Reason { why: why.to_owned(), step }
}

fn encrypted(error: &rustls::Error) -> Reason {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, PeerIncompatible};
    match error {
        InvalidCertificate(error) => certificate(error),
        InvalidMessage(_) => reason(
            "what answers there speaks no TLS",
            "check the address and its port; unencrypted is spoken on this machine alone",
        ),
        PeerIncompatible(_)
        | AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        ) => reason("it offers neither TLS 1.2 nor 1.3 with a cipher that is safe today", OPERATOR),
        AlertReceived(AlertDescription::CertificateRequired | AlertDescription::BadCertificate) => {
            reason("it wants a certificate of its clients, and Forgeport has none to show", OPERATOR)
        }
        AlertReceived(AlertDescription::UnrecognisedName) => {
            reason("it does not know the name that it was asked for", "check the address")
        }
        _ => reason("the encrypted connection was not agreed on", NETWORK),
    }
}

fn certificate(error: &CertificateError) -> Reason {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, Other, Revoked, UnknownIssuer,
    };
    match error {
        // With its own signature alone, a certificate comes as `Other`.
        UnknownIssuer | Other(_) => {
            reason("its certificate is of an authority that is not known on this machine", OWN_AUTHORITY)
        }
        // An authority that was made anew under its old name.
        BadSignature => reason(
            "its certificate is signed with another key than the one that its authority is known by on this machine",
            OWN_AUTHORITY,
        ),
        Expired | ExpiredContext { .. } => reason("its certificate has ended", CLOCK),
        NotValidYet | NotValidYetContext { .. } => reason("its certificate is not good yet", CLOCK),
        NotValidForNameContext { presented, .. } => {
            let names = presented.iter().take(3).map(|name| of_dns(name)).collect::<Vec<_>>().join(", ");
            reason(&format!("its certificate is for another name ({names})"), OTHER_NAME)
        }
        NotValidForName => reason("its certificate is for another name", OTHER_NAME),
        Revoked => reason("its certificate was revoked", OPERATOR),
        _ => reason("its certificate is not one for a server on the web, or damaged", OPERATOR),
    }
}

/// The name alone, of `DnsName("forge.example")`.
fn of_dns(presented: &str) -> String {
    presented.split('"').nth(1).unwrap_or(presented).chars().take(100).collect()
}

/// All causes in one line, without what the client puts around them: its URL, and that a request failed.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut texts = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    let is_wrapping = |text: &String| {
        let wrappings =
            ["error sending request", "client error (", "error trying to connect", "request or response body"];
        wrappings.iter().any(|begins| text.starts_with(begins))
    };
    // A cause that says no more than the one around it.
    let inner: Vec<_> = texts.iter().filter(|text| !is_wrapping(text)).collect();
    let told = if inner.is_empty() { texts.iter().collect() } else { inner };
    let told: Vec<&str> = told.into_iter().map(String::as_str).collect();
    told.join(": ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first cause of this type.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // The causes of an error of the system leave out the one that it holds.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}
