//! The two exits of an answer from the gate: its body as a stream for the disk, or the whole answer, checked, for a provider. The bytes of
//! an answer are accessible only through one of the two.
//!
//! | exit | who reads the body | what is checked |
//! | --- | --- | --- |
//! | [`Answer::for_disk`] | the unpacker | its size; a provider gets no byte of it |
//! | [`Answer::for_provider`] | the provider | content coding, size, echoed credentials |
//! | [`Answer::beginning_for_provider`] | the provider, which explains a refusal | the same, of the beginning |
//!
//! ```
//! # async fn both(one: forgeport_egress::Answer, other: forgeport_egress::Answer) -> Result<(), forgeport_egress::EgressError> {
//! let (stream, report) = one.for_disk();
//! let checked = other.for_provider().await?;
//! # drop((stream, report, checked)); Ok(()) }
//! ```
//!
//! ```compile_fail,E0616
//! # async fn raw(one: forgeport_egress::Answer) {
//! let body = one.body;
//! # }
//! ```
//!
//! ```compile_fail,E0451
//! # fn made_up(status: http::StatusCode, headers: http::HeaderMap, body: bytes::Bytes) {
//! let checked = forgeport_egress::Checked { status, headers, body };
//! # }
//! ```

use crate::{EgressError, blocking::run_off_thread_if_long, budget::Budget, redact::Forms};
use bytes::{Bytes, BytesMut};
use forgeport_model::Origin;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// No content coding (RFC 9110, section 12.5.3).
pub(crate) const IDENTITY: &str = "identity";

/// Content codings that have a name (IANA HTTP Content Coding Registry); of others a forge could put anything into the name.
const CODINGS: [&str; 8] = ["aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "gzip", "zstd"];

/// Bytes of a refusal, or of what is no archive, that a provider gets to explain.
pub(crate) const BEGINNING: usize = 64 << 10;

/// An answer whose body is still coming.
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The origin that answered in the end.
    pub(crate) origin: Origin,
    /// The secrets that were sent to it.
    pub(crate) forms: Arc<Forms>,
    pub(crate) budget: Budget,
    pub(crate) body: BoxStream<'static, Result<Bytes, EgressError>>,
}

/// A body for the disk, as it comes. A provider gets none of it, unless it is none of what was asked for, see [`ForDisk::beginning`].
pub struct ForDisk {
    body: BoxStream<'static, Result<Bytes, EgressError>>,
    /// The beginning of what has come, which a provider may get if it is no archive.
    begins: Vec<Bytes>,
    /// How many bytes that is.
    kept: usize,
    budget: Budget,
}

/// Reports what was wrong with a body that went to the disk, without any part of a credential.
#[derive(Clone)]
pub struct BodyReport {
    forms: Arc<Forms>,
    coded: Option<(Origin, &'static str)>,
    status: StatusCode,
    headers: HeaderMap,
}

/// An answer that a provider may have: whole, without a content coding, within [`Limit::Body`](forgeport_model::Limit::Body), and without
/// what was sent to the origin that gave it.
#[derive(Clone, Debug)]
pub struct Checked {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// That of the last request, after redirects.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// For what becomes files. What is wrong with it is reported to a provider by the other half alone.
    #[must_use]
    pub fn for_disk(self) -> (ForDisk, BodyReport) {
        let Answer { status, headers, origin, forms, body, budget } = self;
        let coded = coding(&headers).map(|coding| (origin, coding));
        (ForDisk { body, begins: Vec::new(), kept: 0, budget }, BodyReport { forms, coded, status, headers })
    }

    /// For a provider, whole.
    ///
    /// # Errors
    /// When it is in a content coding, longer than the budget allows, or breaks off.
    pub async fn for_provider(mut self) -> Result<Checked, EgressError> {
        self.check_uncoded()?;
        let (mut whole, mut counted) = (BytesMut::new(), self.budget.body());
        while let Some(chunk) = self.body.next().await {
            let chunk = chunk?;
            counted.add(chunk.len())?;
            whole.extend_from_slice(&chunk);
        }
        let checked = self.checked(whole.freeze(), usize::MAX).await;
        Ok(Checked { body: counted.keep(checked.body), ..checked })
    }

    /// For a provider, the beginning of what may be any length: a reason in words. One that breaks off is as good.
    ///
    /// # Errors
    /// When it is in a content coding, or longer than the budget allows.
    pub async fn beginning_for_provider(mut self, most: usize) -> Result<Checked, EgressError> {
        self.check_uncoded()?;
        // A credential that is cut in two would not be found.
        let enough = most.saturating_add(self.forms.longest());
        let (mut begins, mut counted) = (BytesMut::new(), self.budget.body());
        while let Some(Ok(chunk)) = self.body.next().await {
            let chunk = chunk.slice(..chunk.len().min(enough.saturating_sub(begins.len())));
            counted.add(chunk.len())?;
            begins.extend_from_slice(&chunk);
            if begins.len() >= enough {
                break;
            }
        }
        let checked = self.checked(begins.freeze(), most).await;
        Ok(Checked { body: counted.keep(checked.body), ..checked })
    }

    /// A credential that is echoed in a coding would not be recognised.
    fn check_uncoded(&self) -> Result<(), EgressError> {
        let coded = |coding| EgressError::Coded { origin: self.origin.clone(), coding };
        coding(&self.headers).map_or(Ok(()), |coding| Err(coded(coding)))
    }

    async fn checked(self, body: Bytes, most: usize) -> Checked {
        let Answer { status, headers, forms, .. } = self;
        Checked::of(forms, status, headers, body, most).await
    }
}

impl Checked {
    async fn of(forms: Arc<Forms>, status: StatusCode, mut headers: HeaderMap, body: Bytes, most: usize) -> Checked {
        forms.mask_headers(&mut headers);
        let length = body.len();
        let body = run_off_thread_if_long(length, move || forms.mask(&body).map_or(body, Bytes::from)).await;
        let body = body.slice(..body.len().min(most));
        if body.len() != length && headers.contains_key(CONTENT_LENGTH) {
            // Whoever reads as much as it says would wait for the rest.
            headers.insert(CONTENT_LENGTH, body.len().into());
        }
        Checked { status, headers, body }
    }
}

impl ForDisk {
    /// The beginning of a body that turned out to be something else than files, such as a page for people, as a provider may have it.
    ///
    /// # Errors
    /// When it is in a content coding, or longer than the budget allows.
    pub async fn beginning(mut self, report: &BodyReport) -> Result<Checked, EgressError> {
        report.coded().map_or(Ok(()), Err)?;
        // A credential that is cut in two would not be found.
        let enough = BEGINNING.saturating_add(report.forms.longest());
        let (mut begins, mut counted) = (BytesMut::new(), self.budget.body());
        let mut came = std::mem::take(&mut self.begins).into_iter();
        while begins.len() < enough {
            let chunk = match came.next() {
                Some(chunk) => chunk,
                None => match self.body.next().await {
                    Some(Ok(chunk)) => chunk,
                    _ => break,
                },
            };
            let chunk = chunk.slice(..chunk.len().min(enough.saturating_sub(begins.len())));
            counted.add(chunk.len())?;
            begins.extend_from_slice(&chunk);
        }
        let BodyReport { forms, status, headers, .. } = report.clone();
        let checked = Checked::of(forms, status, headers, begins.freeze(), BEGINNING).await;
        Ok(Checked { body: counted.keep(checked.body), ..checked })
    }
}

impl BodyReport {
    /// The words without any part of a credential that was sent there.
    #[must_use]
    pub fn words(&self, of: &impl ToString) -> String {
        self.forms.mask_pieces(&of.to_string())
    }

    /// The reason for a body in a content coding, of which not even an excerpt may be repeated.
    #[must_use]
    pub fn coded(&self) -> Option<EgressError> {
        let (origin, coding) = self.coded.clone()?;
        Some(EgressError::Coded { origin, coding })
    }
}

impl Checked {
    /// That of the last request, after redirects.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// That of the last request, after redirects.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// All of it.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Status, headers and body.
    #[must_use]
    pub fn into_parts(self) -> (StatusCode, HeaderMap, Bytes) {
        (self.status, self.headers, self.body)
    }
}

impl Stream for ForDisk {
    type Item = Result<Bytes, EgressError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.body.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(chunk))) = &next
            && self.kept < BEGINNING
        {
            self.kept = self.kept.saturating_add(chunk.len());
            self.begins.push(chunk.clone());
        }
        next
    }
}

/// The coding that a body is in, although none was asked for; that of the transfer too, where the client has not undone it.
fn coding(headers: &HeaderMap) -> Option<&'static str> {
    let contents = headers.get_all(CONTENT_ENCODING).iter().map(|value| (value, IDENTITY));
    let transfers = headers.get_all(TRANSFER_ENCODING).iter().map(|value| (value, "chunked"));
    let (coded, _) = contents
        .chain(transfers)
        .find(|(value, plain)| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(plain.as_bytes()))?;
    let coded = coded.to_str().unwrap_or_default().to_ascii_lowercase();
    let named =
        CODINGS.into_iter().find(|name| coded.split([',', ' ']).any(|given| given.trim_start_matches("x-") == *name));
    Some(named.unwrap_or("without a known name"))
}
