//! Downloading the files of a commit.

use crate::{
    Result, Service, ServiceError,
    advised::{Advised, advised, is_an_answer},
    api::{Downloaded, RegisteredProvider},
    blocking::{blocking, stopped},
    commit::{self, Resolved, link},
};
use forgeport_download::{
    Cache, CacheKey, Deadline, DownloadSpec, FinishError, Progress, Receipt, StagedDownload, Verification,
    WrittenDownload,
};
use forgeport_egress::Notices;
use forgeport_model::{Commit, Limit, Limits, ObjectId, RepoPath};
use forgeport_runtime::{CallError, Download, ProviderError, Repository};
use forgeport_store::{CodeRepository, Consent};
use futures_util::FutureExt;
use std::{io, path::PathBuf, sync::Arc, time::Instant};
use tokio::{sync::oneshot, task::JoinSet};

/// A download that is wanted.
#[derive(Clone, Debug)]
pub struct DownloadRequest {
    /// The code repository: its name, id, or the beginning of either.
    pub repository: String,
    /// A commit id, also abbreviated, a branch or a tag.
    pub revision: String,
    /// A directory of the repository, instead of all of it.
    pub subdirectory: Option<String>,
    /// The target directory.
    pub directory: PathBuf,
    /// True to remove entries of the target that are not in the commit.
    pub force: bool,
    /// Cancelling it stops the download, as dropping its future does, and returns whether that was in time.
    pub stop: Deadline,
}

/// Receives the progress of a download.
pub trait Observer: Progress + Notices {}

impl<T: Progress + Notices> Observer for T {}

impl Service {
    /// Downloads a commit's files into a directory: all of them, or none.
    ///
    /// # Errors
    /// When anything fails. The target is unchanged then, unless the error says that it is marked as unfinished.
    pub async fn download<O: Observer + 'static>(
        &self,
        request: DownloadRequest,
        observer: Arc<O>,
    ) -> Result<Downloaded> {
        // Of all that is done for it: an attempt that failed does not stop the next one.
        let _stop = request.stop.cancel_when_dropped();
        let repository = self.find_stored(&request.repository).await?;
        self.renewing(&repository, async || self.attempt(request.clone(), observer.clone()).await).await
    }

    async fn attempt<O: Observer + 'static>(&self, request: DownloadRequest, observer: Arc<O>) -> Result<Downloaded> {
        let DownloadRequest { repository, revision, subdirectory, directory, force, stop } = request;
        let subdirectory = parse_subdirectory(subdirectory.as_deref())?;
        StagedDownload::check_target(&directory, force)?;
        let (registered, consent) = self.consented(self.find_stored(&repository).await?).await?;
        let source = self.source_of(&registered, &consent).await?;
        let limits = registered.limits.within(&self.host.policy.limits);
        let wanted = Wanted { registered, consent, source, subdirectory, directory, force, stop, limits };
        // A full id names the archive, so it need not be resolved first.
        if is_full_id(&revision) {
            let commit = revision.to_ascii_lowercase();
            return match self.restore(&wanted, &commit, observer.clone()).await? {
                Some(kept) => Ok(kept),
                None => self.fetch(wanted, commit, None, observer).await,
            };
        }
        let provider = self.provider(&wanted.registered).await?;
        let session = self.connect(&wanted.registered, &wanted.consent, &provider, observer.clone()).await?;
        let known = commit::resolve(&session, &revision).await.and_then(Resolved::commit);
        let known = known.advised(&wanted.registered, &wanted.consent.settings)?;
        match self.restore(&wanted, &known.id, observer.clone()).await? {
            Some(kept) => Ok(kept),
            None => self.fetch(wanted, known.id.clone(), Some(known), observer).await,
        }
    }

    /// The cached download, if there is one; no network is needed.
    async fn restore<O: Observer + 'static>(
        &self,
        wanted: &Wanted,
        commit: &str,
        observer: Arc<O>,
    ) -> Result<Option<Downloaded>> {
        let Some(kept) = self.cache().get(&wanted.key(commit)?).await else { return Ok(None) };
        let deadline = wanted.deadline();
        let staged = wanted.stage(commit, &deadline).await?;
        let url = kept.url().map(str::to_owned);
        match blocking(move || kept.restore(staged, &*observer)).await? {
            Ok(receipt) => Ok(Some(wanted.downloaded(commit, url, true, receipt))),
            Err(error) if error.is_about_content() => Ok(None),
            Err(error) => Err(wanted.timely(&deadline, error.into())),
        }
    }

    async fn fetch<O: Observer + 'static>(
        &self,
        wanted: Wanted,
        commit: String,
        known: Option<Commit>,
        observer: Arc<O>,
    ) -> Result<Downloaded> {
        let (registered, consent) = (&wanted.registered, &wanted.consent);
        let provider = self.provider(registered).await?;
        let session = self.connect(registered, consent, &provider, observer.clone()).await?;
        let deadline = wanted.deadline();
        let (cache, key) = (self.cache(), wanted.key(&commit)?);
        let staged = resumed(wanted.stage(&commit, &deadline).await?, &cache, &key, observer.clone()).await?;
        let copy = blocking({
            let cache = cache.clone();
            move || cache.begin()
        });
        let staged = Arc::new(staged.with_copy(copy.await?));
        if let Err(error) = fill(&session, &commit, known, staged.clone(), observer).await {
            let of_use = may_go_on(&error);
            // What is there already may be much to keep, and to remove.
            blocking(move || {
                if of_use && let Err(error) = cache.put_partial(&key, &staged) {
                    tracing::warn!(%error, "what came is not kept for the next try");
                }
            })
            .await?;
            return Err(match wanted.timely(&deadline, error) {
                ServiceError::Call(error) => advised(registered, &consent.settings, error),
                error => error,
            });
        }
        let offline = self.offline(registered, consent, &provider)?;
        let url = link(&offline, &consent.access, &commit).await.unwrap_or_default();
        // The call that wrote into it has ended, and with it all that held it.
        let staged =
            Arc::into_inner(staged).ok_or_else(|| ServiceError::Stopped("it is still being written".to_owned()))?;
        let (place, writing) = (url.clone(), cache.clone());
        let (finished, written) = blocking(move || {
            let mut written = Ok(None);
            let write = |staged: &mut StagedDownload, verification: &Verification| {
                written = writing.write(key, staged, verification, place.as_deref());
            };
            (staged.finish_after(write), written)
        })
        .await?;
        keep(&cache, written).await;
        let receipt = finished.map_err(|error| wanted.timely(&deadline, error.into()))?;
        Ok(wanted.downloaded(&commit, url, false, receipt))
    }
}

/// A request with everything that it refers to.
struct Wanted {
    registered: CodeRepository,
    consent: Consent,
    /// Its name in the cache, see cached.rs.
    source: String,
    subdirectory: RepoPath,
    directory: PathBuf,
    force: bool,
    stop: Deadline,
    limits: Limits,
}

impl Wanted {
    fn settings(&self, commit: &str) -> Result<DownloadSpec> {
        let (subdirectory, force) = (self.subdirectory.clone(), self.force);
        Ok(DownloadSpec { commit: id_of(commit)?, subdirectory, force, limits: self.limits.clone() })
    }

    /// When all that is done on the disk has to be over, putting it in its place included.
    fn deadline(&self) -> Deadline {
        // A time beyond the clock's range is no limit.
        let end = Instant::now().checked_add(self.limits.time(Limit::DownloadTime));
        end.map_or_else(|| self.stop.clone(), |end| self.stop.ending(end))
    }

    async fn stage(&self, commit: &str, deadline: &Deadline) -> Result<StagedDownload> {
        let (directory, settings) = (self.directory.clone(), self.settings(commit)?);
        Ok(blocking(move || StagedDownload::new(&directory, settings)).await??.until(deadline.clone()))
    }

    /// An error after the deadline is reported as the deadline's.
    fn timely(&self, deadline: &Deadline, error: ServiceError) -> ServiceError {
        // A download that the commit's own answer ended was cancelled, and was not late.
        match deadline.check() {
            Err(_) if deadline.is_over() => CallError::Limit(self.limits.reached(Limit::DownloadTime)).into(),
            _ => error,
        }
    }

    fn key(&self, commit: &str) -> Result<CacheKey> {
        Ok(CacheKey::new(&self.source, id_of(commit)?, &self.subdirectory))
    }

    fn downloaded(&self, commit: &str, url: Option<String>, cached: bool, receipt: Receipt) -> Downloaded {
        let subdirectory = (!self.subdirectory.is_root()).then(|| self.subdirectory.to_string());
        let (repository, commit) = (self.registered.name.clone(), commit.to_owned());
        let provider = RegisteredProvider::from(self.registered.provider.clone());
        Downloaded { repository, commit, url, subdirectory, provider, cached, receipt: receipt.into() }
    }
}

fn id_of(commit: &str) -> Result<ObjectId> {
    commit.parse().map_err(|_| ServiceError::NoCommit(commit.to_owned()))
}

/// Continues with what an earlier attempt received.
async fn resumed<O: Observer + 'static>(
    staged: StagedDownload,
    cache: &Cache,
    key: &CacheKey,
    progress: Arc<O>,
) -> Result<StagedDownload> {
    let (cache, key) = (cache.clone(), key.clone());
    blocking(move || {
        let Some(partial) = cache.take_partial(&key) else { return Ok(staged) };
        if let Err(error) = partial.resume(&staged, &*progress) {
            tracing::warn!(%error, "what an earlier try brought is of no use");
            staged.start_again().map_err(FinishError::from)?;
        }
        Ok(staged)
    })
    .await?
}

/// Keeps a download for the next time, where that is possible.
async fn keep(cache: &Cache, written: io::Result<Option<WrittenDownload>>) {
    let kept = match written {
        Ok(Some(written)) => cache.keep(written).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "the download is not kept for the next time");
    }
}

/// True if another attempt could go on where this one ended; not if the content was rejected.
fn may_go_on(error: &ServiceError) -> bool {
    use ProviderError::{RateLimited, Unavailable};
    matches!(error, ServiceError::Call(CallError::Provider(RateLimited { .. } | Unavailable(_))))
}

/// Fills the staged directory, and at the same time resolves the commit to learn its tree from the forge.
async fn fill(
    session: &Repository,
    commit: &str,
    known: Option<Commit>,
    staged: Arc<StagedDownload>,
    progress: Arc<dyn Progress>,
) -> Result<()> {
    // Dropped when the answer is there, whichever it is.
    let (done, settled) = oneshot::channel::<()>();
    let (asking, expecting, id) = (session.clone(), staged.clone(), commit.to_owned());
    // It ends with this, whatever this ends with.
    let mut resolving = JoinSet::new();
    resolving.spawn(async move {
        let _done = done;
        let found = match known {
            Some(known) => known,
            None => commit::resolve(&asking, &id).await?.commit()?,
        };
        expect(&expecting, &id, &found)
    });
    let settled = async { drop(settled.await) }.boxed();
    let subdirectory = subdirectory_of(&staged);
    let subdirectory = (!subdirectory.is_root()).then(|| String::from_utf8_lossy(subdirectory.as_bytes()).into_owned());
    let download = Download::new(staged.clone(), subdirectory, progress, settled);
    let downloading = session.download_files(commit, download);
    tokio::pin!(downloading);
    // The forge's answer about the commit itself explains more than the one in place of an archive, whichever arrives first.
    let downloaded = tokio::select! {
        resolved = resolved(&mut resolving) => {
            resolved?;
            downloading.await
        }
        downloaded = &mut downloading => {
            if !matches!(&downloaded, Err(error) if !is_an_answer(error)) {
                resolved(&mut resolving).await?;
            }
            downloaded
        }
    };
    match downloaded {
        // The commit is there, so it is the directory that is not.
        Err(error) if is_about_the_commit(&error) && !subdirectory_of(&staged).is_root() => {
            Err(FinishError::Missing(subdirectory_of(&staged).to_string()).into())
        }
        downloaded => Ok(downloaded?),
    }
}

async fn resolved(resolving: &mut JoinSet<Result<()>>) -> Result<()> {
    let ended = resolving.join_next().await.unwrap_or(Ok(Ok(())));
    ended.unwrap_or_else(|error| Err(stopped(&error)))
}

fn subdirectory_of(staged: &StagedDownload) -> &RepoPath {
    &staged.spec().subdirectory
}

fn is_about_the_commit(error: &CallError) -> bool {
    matches!(error, CallError::Provider(ProviderError::NotFound(_)))
}

fn expect(staged: &StagedDownload, asked: &str, found: &Commit) -> Result<()> {
    if found.id != asked {
        return Err(ServiceError::OtherCommit { asked: asked.to_owned(), found: found.id.clone() });
    }
    if let Some(tree) = found.tree.as_ref().and_then(|tree| tree.parse().ok()) {
        staged.expect_tree(&RepoPath::root(), tree).map_err(FinishError::from)?;
    }
    Ok(())
}

fn is_full_id(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `./a/b/` is how shells complete it.
fn parse_subdirectory(text: Option<&str>) -> Result<RepoPath> {
    let text = text.unwrap_or_default();
    let trimmed = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
    let trimmed = if trimmed == "." { "" } else { trimmed };
    RepoPath::parse(trimmed).map_err(|source| ServiceError::Subdirectory { text: text.to_owned(), source })
}
