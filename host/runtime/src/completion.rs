//! A download that an archive has filled in part, completed by git's own protocol: what an archive leaves out or alters may be thousands
//! of files, and one answer brings as many of them as there are.
//!
//! Three requests, as a rule: what the git server can do, the commit with its trees but without files, and the files that are missing.

use crate::{
    download::{Download, TransferError},
    network::Network,
};
use bytes::Bytes;
use forgeport_download::{Missing, StagedDownload, protocol};
use forgeport_egress::{
    Request,
    retry::{self, Failed},
};
use forgeport_model::ObjectId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::{io::Read, sync::Arc};

/// Files that are asked for at once. Proxies refuse questions of more than a megabyte, and this is three quarters of one where ids are long.
const AT_ONCE: usize = 10_000;

const SERVICE: &str = "git-upload-pack";
/// Without it a server answers in the protocol's first version.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("git-protocol"), HeaderValue::from_static("version=2"));

impl Download {
    /// Brings what is missing or different. `repository` is a request of the URL that git clones from.
    pub(crate) async fn complete(&self, network: &Network, repository: &Request) -> Result<(), TransferError> {
        let commit = self.staged.spec().commit;
        self.check(network, repository, commit).await?;
        let asked = question(repository, protocol::ask_for_commit(&commit))?;
        let missing = self.fetch(network, asked, |staged, answer| staged.compare_with_commit(answer)).await?;
        let missing: Arc<[Missing]> = missing.into();
        for start in (0..missing.len()).step_by(AT_ONCE) {
            let batch = start..missing.len().min(start.saturating_add(AT_ONCE));
            let ids = missing[batch.clone()].iter().map(|missing| &missing.id);
            let asked = question(repository, protocol::ask_for_blobs(ids))?;
            let (missing, progress) = (missing.clone(), self.progress.clone());
            let put = move |staged: &StagedDownload, answer: &mut dyn Read| {
                staged.put_missing(answer, &missing[batch.clone()], &*progress)
            };
            self.fetch(network, asked, put).await?;
        }
        Ok(())
    }

    /// Checks that the server can do what it will be asked for. Where there is no answer, as behind a firewall, there are other ways, and it is not waited
    /// for as long as elsewhere.
    async fn check(&self, network: &Network, repository: &Request, commit: ObjectId) -> Result<(), TransferError> {
        let mut request = below(repository, &["info", "refs"])?;
        request.method = Method::GET;
        request.url.set_query(Some(&format!("service={SERVICE}")));
        request.headers = HeaderMap::from_iter([VERSION]);
        let request = &request;
        retry::run(&network.call, |attempt| async move {
            let check = move |_: &StagedDownload, answer| protocol::check(answer, commit.format());
            self.transfer(network, request.clone(), check).await.map_err(|failed| match failed {
                Failed::Transient(error @ TransferError::Egress(_)) if attempt > 0 => Failed::Final(error),
                failed => failed,
            })
        })
        .await
    }
}

fn question(repository: &Request, body: Vec<u8>) -> Result<Request, TransferError> {
    let mut request = below(repository, &[SERVICE])?;
    request.method = Method::POST;
    let what = |kind: &'static str| HeaderValue::from_static(kind);
    request.headers = HeaderMap::from_iter([
        VERSION,
        (header::CONTENT_TYPE, what("application/x-git-upload-pack-request")),
        (header::ACCEPT, what("application/x-git-upload-pack-result")),
    ]);
    request.body = Some(Bytes::from(body));
    Ok(request)
}

fn below(repository: &Request, segments: &[&str]) -> Result<Request, TransferError> {
    let mut request = repository.clone();
    request.url.set_query(None);
    let path = request.url.path_segments_mut();
    let mut path = path.map_err(|()| TransferError::Unsupported("the repository's URL has no path".to_owned()))?;
    path.pop_if_empty().extend(segments);
    drop(path);
    Ok(request)
}
