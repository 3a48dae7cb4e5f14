//! What is written down of every request, those that were refused too.

/// Whose request it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The workspace; one for each user of a command line.
    pub tenant: String,
    /// The code repository's id.
    pub registration: String,
    /// The code repository's name.
    pub repository: String,
    /// The provider's name and version.
    pub provider: String,
    /// The SHA-256 of its component in hex.
    pub digest: String,
}

/// How a request ended, if it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is about to leave.
    InFlight,
    /// It left, and was answered.
    Answered,
    /// It left, or tried to, and there was no answer.
    Failed,
    /// The gate did not let it out.
    Refused,
}

/// One request: each redirect and each repetition is one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Milliseconds since 1970 (UTC).
    pub at: i64,
    /// The method, as far as it can be shown. It, the origin and the path are empty for a request beyond the limit of requests.
    pub method: String,
    /// Where to; a refused request may have had none.
    pub origin: String,
    /// The path, and of the query the keys only.
    pub path: String,
    /// The answer's status.
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
    /// The number that [`Auditor::leaving`] gave it.
    pub number: Option<u64>,
}

/// Keeps records.
pub trait Auditor: Send + Sync {
    /// Is told of a request before it leaves, so that it is known even if this process dies on the way. Must not wait.
    ///
    /// # Errors
    /// Why it cannot be written down: it does not leave then.
    fn leaving(&self, _caller: &Caller, _record: Record) -> Result<Option<u64>, String> {
        Ok(None)
    }

    /// Must not wait: it is called in the middle of requests.
    fn record(&self, caller: &Caller, record: Record);
}

/// Keeps nothing.
pub struct Unaudited;

impl Auditor for Unaudited {
    fn record(&self, _caller: &Caller, _record: Record) {}
}

impl Outcome {
    /// In one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::InFlight => "in-flight",
            Outcome::Answered => "answered",
            Outcome::Failed => "failed",
            Outcome::Refused => "refused",
        }
    }
}
