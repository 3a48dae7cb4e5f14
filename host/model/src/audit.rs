//! The audit record of a provider's request, or of a person's change. Layer: a value; the gate and the use cases make it, the store keeps
//! it, and none of them copies its fields.
//!
//! | part | of a request | of a change |
//! | --- | --- | --- |
//! | id | a UUID of version 7, made with the record | the same |
//! | sequence | given by the store: one more than that of the record before in its workspace | the same |
//! | [`AuditContext`] | whose provider made it, for whom | who made it, and to which code repository |
//! | [`AuditEvent`] | method, origin, path, how it ended, by which rule | the action, its subject, and a detail without any value of a secret |
//!
//! Requests that were refused alike are one record: `count` is how many there were, `at` and `until` are the times of the first and last.

use crate::Digest;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};
use thiserror::Error;

/// One request or change, or several requests that were refused alike.
///
/// ```
/// use forgeport_model::{AuditContext, AuditEvent, AuditRecord, AuditedChange, AuditAction};
///
/// let change = AuditedChange { action: AuditAction::SecretCreated, subject: "github".into(), detail: "token".into() };
/// let record = AuditRecord::now(AuditContext::default(), AuditEvent::Change(change));
/// assert_eq!((record.count, record.sequence), (1, None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// A UUID of version 7, which no other record has.
    pub id: String,
    /// One more than that of the record before in its workspace; none until the store has given it.
    pub sequence: Option<u64>,
    /// When it happened, in milliseconds since 1970 (UTC); of several, the first one.
    pub at: i64,
    /// When the last one happened.
    pub until: i64,
    /// How many there were.
    pub count: u64,
    /// Who caused it, in which workspace and code repository.
    #[serde(flatten)]
    pub context: AuditContext,
    /// The request or the change.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// Who caused something, and where: the same for all calls of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditContext {
    /// The workspace's id.
    pub workspace: String,
    /// The person or token; empty where it is the only user of a command line.
    pub actor: String,
    /// The id of the request to the server; empty where it was none.
    pub request_id: String,
    /// The id of the run, where it was part of one.
    pub run_id: Option<String>,
    /// The code repository's id, which no other has. Empty where it concerns none, and in records from before it was recorded.
    pub registration: String,
    /// The code repository's name at that time.
    pub repository: String,
    /// The provider's name and version.
    pub provider: String,
    /// The digest of its component.
    pub digest: Option<Digest>,
}

/// A request or a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum AuditEvent {
    /// A provider made a request, or tried to.
    Request(AuditedRequest),
    /// A person changed something.
    Change(AuditedChange),
}

/// One request: each redirect and each repetition is one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedRequest {
    /// The method, as far as it can be shown. It, the origin and the path are empty for a request beyond the limit of requests.
    pub method: String,
    /// Where to; a refused request may have had none.
    pub origin: String,
    /// The path, and of the query the keys only.
    pub path: String,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// Bytes of the request.
    pub sent: u64,
    /// Bytes of the answer that were read.
    pub received: u64,
    /// The names of the secret options that were sent.
    pub secrets: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Which rule let it out, or why it did not leave.
    pub rule: String,
}

/// One change, which has been stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedChange {
    /// The action.
    pub action: AuditAction,
    /// The name of what it was done to.
    pub subject: String,
    /// The details, as names of options or keys, or origins; never a value of a secret.
    pub detail: String,
}

/// An unknown name of an outcome or an action.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the audit log knows no {0:?}")]
pub struct UnknownName(pub String);

/// An enum whose variants have names: in JSON, in the database and on the screen.
macro_rules! named {
    ($(#[$about:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &[$type] = &[$($type::$variant),*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($type::$variant => $name,)*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                let known = Self::ALL.iter().copied().find(|known| known.as_str() == text);
                known.ok_or_else(|| UnknownName(text.to_owned()))
            }
        }
    };
}

named! {
    /// How a request ended, if it has.
    Outcome {
        /// It is about to leave, or was when its process was killed.
        InFlight = "in-flight",
        /// It left, and was answered.
        Answered = "answered",
        /// It left, or tried to, and there was no answer.
        Failed = "failed",
        /// The gate did not let it out.
        Refused = "refused",
        /// The record stands for requests that came faster than they could be recorded.
        Unrecorded = "unrecorded",
    }
}

named! {
    /// The action.
    AuditAction {
        /// A code repository was registered.
        Registered = "registered",
        /// A code repository was changed.
        Updated = "updated",
        /// A code repository was deleted.
        Deleted = "deleted",
        /// A person consented to what a provider asks for.
        Consented = "consented",
        /// Origins were granted to a provider.
        Granted = "granted",
        /// Origins were taken from a provider.
        Revoked = "revoked",
        /// A secret was created.
        SecretCreated = "secret-created",
        /// Values of a secret were changed or removed.
        SecretUpdated = "secret-updated",
        /// A secret was renamed.
        SecretRenamed = "secret-renamed",
        /// A secret was deleted.
        SecretDeleted = "secret-deleted",
        /// The master key was replaced.
        KeyRotated = "key-rotated",
        /// A person signed in to a server.
        SignedIn = "signed-in",
    }
}

impl AuditRecord {
    /// A record of what happens now, not stored yet.
    pub fn now(context: AuditContext, event: AuditEvent) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let at = i64::try_from(millis).unwrap_or(i64::MAX);
        Self { id: new_id(millis), sequence: None, at, until: at, count: 1, context, event }
    }

    /// The request, if it is a record of one.
    pub fn request(&self) -> Option<&AuditedRequest> {
        match &self.event {
            AuditEvent::Request(request) => Some(request),
            AuditEvent::Change(_) => None,
        }
    }

    /// The change, if it is a record of one.
    pub fn change(&self) -> Option<&AuditedChange> {
        match &self.event {
            AuditEvent::Request(_) => None,
            AuditEvent::Change(change) => Some(change),
        }
    }

    /// How the request ended, if it is a record of one.
    pub fn outcome(&self) -> Option<Outcome> {
        self.request().map(|request| request.outcome)
    }

    /// Equal for records that differ in nothing but id, time, number, size and the request to the server: refusals alike are one record.
    pub fn likeness(&self) -> Digest {
        let AuditContext { workspace, actor, run_id, registration, repository, provider, digest, .. } = &self.context;
        let digest = digest.as_ref().map_or(&[][..], |digest| digest.as_bytes());
        let run = run_id.as_deref().unwrap_or_default();
        let context = [workspace, actor, run, registration, repository, provider].map(str::as_bytes);
        let event = match &self.event {
            AuditEvent::Request(AuditedRequest { method, origin, path, outcome, rule, .. }) => {
                [outcome.as_str(), method, origin, path, rule]
            }
            AuditEvent::Change(AuditedChange { action, subject, detail }) => [action.as_str(), subject, detail, "", ""],
        };
        Digest::of_parts(context.into_iter().chain([digest]).chain(event.map(str::as_bytes)))
    }

    /// Adds one that is alike: it counts, and when it happened.
    pub fn merge(&mut self, other: &AuditRecord) {
        self.count = self.count.saturating_add(other.count);
        self.until = self.until.max(other.until);
    }
}

/// A UUID of version 7: the time, and the random bits of one of version 4, which are in the same places.
fn new_id(millis: u64) -> String {
    let [_, _, _, _, _, _, random @ ..] = uuid::Uuid::new_v4().into_bytes();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refused(path: &str) -> AuditRecord {
        let request = AuditedRequest {
            method: "GET".into(),
            origin: "https://h".into(),
            path: path.into(),
            status: None,
            sent: 0,
            received: 0,
            secrets: Vec::new(),
            outcome: Outcome::Refused,
            rule: "r".into(),
        };
        AuditRecord::now(AuditContext::default(), AuditEvent::Request(request))
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7_that_begins_with_the_time() {
        let (one, other) = (new_id(0x0123_4567_89ab), new_id(0x0123_4567_89ab));
        assert!(one.starts_with("01234567-89ab-7") && one.len() == 36, "{one}");
        assert!(matches!(one.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{one}");
        assert_ne!(one, other);
        assert!(new_id(1) < new_id(2));
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let action = AuditAction::SecretRenamed;
        let change = AuditedChange { action, subject: "a".into(), detail: "from b".into() };
        let context = AuditContext { digest: Some(Digest::of(b"c")), run_id: Some("r".into()), ..Default::default() };
        for record in [refused("/"), AuditRecord::now(context, AuditEvent::Change(change))] {
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<AuditRecord>(&text).unwrap(), record, "{text}");
        }
    }

    #[test]
    fn every_name_is_read_again_and_no_other() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        }
        for action in AuditAction::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
        assert!("Refused".parse::<Outcome>().is_err() && "".parse::<AuditAction>().is_err());
    }

    #[test]
    fn requests_are_alike_whatever_their_time_and_not_with_another_path_or_actor() {
        let (one, mut other) = (refused("/"), refused("/"));
        other.at += 1;
        assert_eq!(one.likeness(), other.likeness());
        assert_ne!(one.likeness(), refused("/other").likeness());
        other.context.actor = "somebody".into();
        assert_ne!(one.likeness(), other.likeness());
    }
}
