//! A download while a provider fills it: the request for the archive, streamed from the gate to the disk.

use crate::network::Network;
use bytes::Bytes;
use forgeport_download::{ArchiveFormat, Layout, Progress, StagedDownload, UnpackError};
use forgeport_egress::{BodyReport, Checked, EgressError, Request, retry};
use futures_util::{Stream, StreamExt, future::BoxFuture};
use http::StatusCode;
use std::{
    io::{self, Read},
    sync::Arc,
};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinError,
};

/// Chunks on their way from the network to the unpacker; at 16 kB each this is no more than a few megabytes.
const QUEUE: usize = 64;

/// The directory that a call of `download-files` fills.
pub struct Download {
    pub(crate) staged: Arc<StagedDownload>,
    pub(crate) progress: Arc<dyn Progress>,
    subdirectory: Option<String>,
    /// What has to be over before the tree can be judged: the commit is looked up while the archive is on its way.
    settled: Mutex<Option<BoxFuture<'static, ()>>>,
}

/// The resource behind `checkout.directory`.
pub type Directory = Arc<Download>;

/// Why something did not get from the forge to the disk.
#[derive(Debug)]
pub(crate) enum TransferError {
    /// The forge answered with something else than the bytes that were asked for.
    Answered(Box<Checked>),
    Egress(EgressError),
    /// Not all of it came; in words that a provider may have.
    Broken(String),
    /// It was not taken; likewise.
    Rejected(String),
    /// It cannot be had in this way; likewise.
    Unsupported(String),
}

impl Download {
    /// `settled` is awaited before the provider learns whether the tree is right.
    pub fn new(
        staged: Arc<StagedDownload>,
        subdirectory: Option<String>,
        progress: Arc<dyn Progress>,
        settled: BoxFuture<'static, ()>,
    ) -> Arc<Download> {
        Arc::new(Download { staged, progress, subdirectory, settled: Mutex::new(Some(settled)) })
    }

    pub(crate) fn subdirectory(&self) -> Option<String> {
        self.subdirectory.clone()
    }

    /// Does something with the directory on a thread where it may take its time. It is stopped when what is returned is dropped, as it is
    /// when the call ends: no work goes on of which the result is not awaited.
    pub(crate) fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&StagedDownload) -> T + Send + 'static,
    ) -> BoxFuture<'static, Result<T, JoinError>> {
        let stop = self.staged.deadline().cancel_when_dropped();
        let staged = self.staged.clone();
        let working = tokio::task::spawn_blocking(move || work(&staged));
        Box::pin(async move {
            let done = working.await;
            stop.done();
            done
        })
    }

    /// Waits until the forge has said which tree the commit has.
    pub(crate) async fn settle(&self) {
        let mut settled = self.settled.lock().await;
        if let Some(pending) = settled.as_mut() {
            pending.await;
            *settled = None;
        }
    }

    /// Fetches and unpacks, again from the start when the transfer breaks and nothing was here before. What an earlier try of this
    /// download brought is not fetched again.
    pub(crate) async fn unpack(
        &self,
        network: &Network,
        request: Request,
        format: ArchiveFormat,
        layout: Layout,
    ) -> Result<(), TransferError> {
        let name = name_of(&request, format, &layout);
        let asked = name.clone();
        let known = self.blocking(move |staged| staged.has_archive(&asked)).await.unwrap_or_else(|_| Err(failed()));
        if known.map_err(|error| TransferError::Rejected(error.to_string()))? {
            return Ok(());
        }
        let (request, layout) = (&request, &layout);
        // What came before it would go with what is begun anew.
        let alone = self.staged.is_empty();
        let unpacked = retry::run(&network.call, |attempt| async move {
            if attempt > 0 && alone {
                let cleared = self.blocking(StagedDownload::start_again).await.unwrap_or_else(|_| Err(failed()));
                cleared.map_err(|error| retry::Failed::Final(TransferError::Rejected(error.to_string())))?;
            }
            let (progress, layout) = (self.progress.clone(), layout.clone());
            let unpack = move |staged: &StagedDownload, source| staged.unpack(source, format, &layout, &*progress);
            self.transfer(network, request.clone(), unpack).await.map_err(|failed| match failed {
                retry::Failed::Transient(error) if !alone => retry::Failed::Final(error),
                failed => failed,
            })
        })
        .await;
        unpacked.map(|()| self.staged.archive_came(&name))
    }

    /// Fetches something that is read whole by `take`, such as one file, again from the start when the transfer breaks.
    pub(crate) async fn fetch<T: Send + 'static>(
        &self,
        network: &Network,
        request: Request,
        take: impl Fn(&StagedDownload, &mut dyn Read) -> Result<T, UnpackError> + Clone + Send + 'static,
    ) -> Result<T, TransferError> {
        let (request, take) = (&request, &take);
        retry::run(&network.call, |_| async move {
            let take = take.clone();
            self.transfer(network, request.clone(), move |staged, mut source| take(staged, &mut source)).await
        })
        .await
    }

    /// One attempt: the answer's body is read by `take` on a thread of its own while it arrives.
    pub(crate) async fn transfer<T: Send + 'static>(
        &self,
        network: &Network,
        request: Request,
        take: impl FnOnce(&StagedDownload, Received) -> Result<T, UnpackError> + Send + 'static,
    ) -> Result<T, retry::Failed<TransferError>> {
        let answer = network.open(request).await.map_err(|error| match error {
            EgressError::Unreachable { .. } | EgressError::Broken { .. } => retry::Failed::Transient(error.into()),
            _ => retry::Failed::Final(error.into()),
        })?;
        // Any other has something else than the file, even where it is a success: a proxy's 203, or a 202 that asks to come back.
        if answer.status() != StatusCode::OK {
            return Err(answer.classify().await.map(TransferError::from));
        }
        let (mut body, report) = answer.for_disk();
        let (sender, receiver) = mpsc::channel(QUEUE);
        let taking = self.blocking(move |staged| take(staged, Received::new(receiver)));
        let sent = self.forward(&mut body, sender).await;
        let taken = taking.await.unwrap_or_else(|_| Err(failed()));
        match (sent, taken) {
            (_, Ok(taken)) => Ok(taken),
            // The unpacker saw no more than a body that ends early; the gate knows why.
            (Err(error), Err(UnpackError::Transfer(_))) => Err(retry::Failed::Transient(error.into())),
            // The provider knows what its forge means by it.
            (_, Err(UnpackError::NoArchive { .. })) => {
                Err(retry::Failed::Final(TransferError::from(body.beginning(&report).await)))
            }
            (_, Err(error)) => Err(not_taken(error, &report)),
        }
    }

    /// Passes the body on; an unpacker that has given up ends it.
    async fn forward(
        &self,
        body: &mut (impl Stream<Item = Result<Bytes, EgressError>> + Unpin),
        sender: mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<(), EgressError> {
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => {
                    self.progress.received(chunk.len() as u64);
                    if sender.send(Ok(chunk)).await.is_err() {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let _ = sender.send(Err(io::Error::other(error.to_string()))).await;
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Names an archive by all that decides what it brings. The lengths keep one request from being named like another.
fn name_of(request: &Request, format: ArchiveFormat, layout: &Layout) -> String {
    let body = request.body.as_deref().unwrap_or_default();
    let (method, url, layout) = (request.method.as_str(), request.url.as_str(), format!("{format:?} {layout:?}"));
    let mut hasher = blake3::Hasher::new();
    for part in [method.as_bytes(), url.as_bytes(), layout.as_bytes(), body] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.finalize().to_string()
}

/// A thread of the host ended in a panic.
fn failed() -> UnpackError {
    UnpackError::from(io::Error::other("the unpacker failed"))
}

/// An unpacker's words may quote what came: names, and the beginning of what is no archive.
fn not_taken(error: UnpackError, report: &BodyReport) -> retry::Failed<TransferError> {
    let words = report.words(&error);
    match (error, report.coded()) {
        (UnpackError::Transfer(_), _) => retry::Failed::Transient(TransferError::Broken(words)),
        (UnpackError::Unsupported(_), Some(coded)) => retry::Failed::Final(coded.into()),
        (UnpackError::Unsupported(_), None) => retry::Failed::Final(TransferError::Unsupported(words)),
        _ => retry::Failed::Final(TransferError::Rejected(words)),
    }
}

/// The blocking side of a body: what the network thread sends is read like a file.
pub(crate) struct Received {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Received {
    fn new(chunks: mpsc::Receiver<io::Result<Bytes>>) -> Received {
        Received { chunks, current: Bytes::new() }
    }
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

impl From<Result<Checked, EgressError>> for TransferError {
    fn from(answered: Result<Checked, EgressError>) -> Self {
        answered.map_or_else(TransferError::Egress, |answer| TransferError::Answered(answer.into()))
    }
}

impl From<EgressError> for TransferError {
    fn from(error: EgressError) -> Self {
        TransferError::Egress(error)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use forgeport_download::{DownloadSpec, Stopped};
    use forgeport_model::RepoPath;

    struct Silent;

    impl Progress for Silent {
        fn received(&self, _: u64) {}
        fn advance(&self, _: u64, _: u64) {}
    }

    fn download(target: &std::path::Path) -> Arc<Download> {
        let commit = "c506d60087d6beb0e8fc72a7ea9ae0983d67099d".parse().unwrap();
        let settings =
            DownloadSpec { commit, subdirectory: RepoPath::root(), force: false, limits: Default::default() };
        let staged = Arc::new(StagedDownload::new(target, settings).unwrap());
        Download::new(staged, None, Arc::new(Silent), Box::pin(async {}))
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_stops() {
        let place = tempfile::tempdir().unwrap();
        let download = download(&place.path().join("out"));
        assert_eq!(download.blocking(|staged| staged.deadline().check()).await.unwrap(), Ok(()));
        let (ended, end) = tokio::sync::oneshot::channel();
        let working = download.blocking(move |staged| {
            let stopped = std::iter::repeat_with(|| staged.deadline().check()).find_map(Result::err);
            let _ = ended.send(stopped);
        });
        drop(working);
        assert_eq!(end.await.unwrap(), Some(Stopped));
    }
}
