//! `checkout`: the directory that a download fills. Its content goes from the gate to the disk, and never through the guest.
//!
//! | function | what passes the gate | what reaches the guest |
//! | --- | --- | --- |
//! | `unpack` | one request for an archive | the answer, if it is no archive |
//! | `fetch-files` | a request for each file, several at a time | the answer, if it is no file |
//! | `complete` | git's protocol, at the repository's URL | the answer, if git's server does not give one |
//! | `write-file`, `write-symlink` | none: the guest gives the content | none |
//! | `verified`, `compare` | none | which entries differ from what the forge listed |

use super::http::{failure, incoming, outgoing};
use crate::{
    bindings::{
        checkout::{Entry, Format, Host, HostDirectory, Kind, Layout, Problem, RemoteFile},
        http::{Failure, Request, SecretUse},
    },
    download::{Directory, Download, TransferError},
    error::{CallError, ProviderError},
    network::Network,
    state::State,
};
use forgeport_download as download;
use forgeport_download::StagedDownload;
use forgeport_model::{ObjectId, RepoPath, escape_untrusted_short};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{io::Cursor, sync::Arc};
use wasmtime::component::Resource;

/// Single files that are fetched at the same time.
const CONCURRENT_FILES: usize = 8;

type Outcome<T> = wasmtime::Result<Result<T, Problem>>;

impl Host for State {}

impl HostDirectory for State {
    async fn unpack(
        &mut self,
        directory: Resource<Directory>,
        request: Request,
        format: Format,
        layout: Layout,
    ) -> Outcome<()> {
        let (network, download) = self.at_work(&directory)?;
        let (request, layout) = match (outgoing(&network, request), layout_of(layout)) {
            (Ok(request), Ok(layout)) => (request, layout),
            (Err(failure), _) => return Ok(Err(Problem::Failed(failure))),
            (_, Err(problem)) => return Ok(Err(problem)),
        };
        let format = match format {
            Format::Tar => download::ArchiveFormat::Tar,
            Format::TarGzip => download::ArchiveFormat::TarGzip,
            Format::GitPack => download::ArchiveFormat::GitPack,
        };
        let unpacking = download.unpack(&network, request, format, layout);
        Ok(self.cpu.leave_out(unpacking).await.map_err(Problem::from))
    }

    async fn fetch_files(&mut self, directory: Resource<Directory>, files: Vec<RemoteFile>) -> Outcome<()> {
        let (network, download) = self.at_work(&directory)?;
        Ok(self.cpu.leave_out(fetch_all(&network, &download, files)).await)
    }

    async fn complete(
        &mut self,
        directory: Resource<Directory>,
        url: String,
        secret: Option<SecretUse>,
    ) -> Outcome<()> {
        let (network, download) = self.at_work(&directory)?;
        // What is asked there, and how, is the host's.
        let request = Request { method: "GET".to_owned(), url, headers: Vec::new(), body: None, secret };
        let repository = match outgoing(&network, request) {
            Ok(repository) => repository,
            Err(failure) => return Ok(Err(Problem::Failed(failure))),
        };
        let completing = download.complete(&network, &repository);
        Ok(self.cpu.leave_out(completing).await.map_err(Problem::from))
    }

    async fn write_file(
        &mut self,
        directory: Resource<Directory>,
        path: String,
        executable: bool,
        contents: Vec<u8>,
    ) -> Outcome<()> {
        let kind = if executable { forgeport_model::FileKind::Executable } else { forgeport_model::FileKind::Regular };
        self.write(&directory, path, kind, contents).await
    }

    async fn write_symlink(&mut self, directory: Resource<Directory>, path: String, target: String) -> Outcome<()> {
        self.write(&directory, path, forgeport_model::FileKind::Symlink, target.into_bytes()).await
    }

    async fn verified(&mut self, directory: Resource<Directory>) -> wasmtime::Result<bool> {
        let download = self.table.get(&directory)?.clone();
        download.settle().await;
        let cpu = self.cpu.clone();
        Ok(download
            .blocking(move |staged| cpu.counted(|| staged.verified()))
            .await
            .map_err(|_| panicked("verified"))??)
    }

    async fn compare(
        &mut self,
        directory: Resource<Directory>,
        path: String,
        entries: Vec<Entry>,
    ) -> wasmtime::Result<Vec<Entry>> {
        let download = self.table.get(&directory)?.clone();
        download.settle().await;
        // What a listing has wrong is the forge's doing, and no further answer of it would help: the call ends with the reason.
        let ended = |why: String| wasmtime::Error::new(CallError::Provider(ProviderError::Host(why)));
        let path = RepoPath::parse(&path)
            .map_err(|error| ended(format!("the listed directory `{}`: {error}", escape_untrusted_short(&path))))?;
        let entries = entries.into_iter().map(entry_in).collect::<Result<_, _>>().map_err(ended)?;
        let cpu = self.cpu.clone();
        let compared = download.blocking(move |staged| cpu.counted(|| staged.compare(&path, entries))).await;
        let compared = compared.map_err(|_| panicked("compare"))?;
        let different = compared.map_err(|error| ended(error.to_string()))?;
        Ok(different.into_iter().map(entry_out).collect())
    }

    async fn drop(&mut self, directory: Resource<Directory>) -> wasmtime::Result<()> {
        self.table.delete(directory)?;
        Ok(())
    }
}

impl State {
    fn at_work(&self, directory: &Resource<Directory>) -> wasmtime::Result<(Arc<Network>, Arc<Download>)> {
        let download = self.table.get(directory)?.clone();
        let network =
            self.network.clone().ok_or_else(|| wasmtime::format_err!("there is no network to download by"))?;
        Ok((network, download))
    }

    async fn write(
        &mut self,
        directory: &Resource<Directory>,
        path: String,
        kind: forgeport_model::FileKind,
        contents: Vec<u8>,
    ) -> Outcome<()> {
        let download = self.table.get(directory)?.clone();
        let path = match repository_path(&path) {
            Ok(path) => path,
            Err(problem) => return Ok(Err(problem)),
        };
        let cpu = self.cpu.clone();
        let write =
            move |staged: &StagedDownload| cpu.counted(|| staged.write(&path, kind, &mut Cursor::new(contents)));
        let written = download.blocking(write).await.map_err(|_| panicked("write"))?;
        Ok(written.map_err(|error| Problem::Rejected(error.to_string())))
    }
}

/// When one does not come, no more are asked for; those that are on their way still arrive, and are kept for the next try.
async fn fetch_all(network: &Network, download: &Download, files: Vec<RemoteFile>) -> Result<(), Problem> {
    let mut waiting = files.into_iter().map(|file| fetch(network, download, file));
    let mut running: FuturesUnordered<_> = waiting.by_ref().take(CONCURRENT_FILES).collect();
    let mut fetched = Ok(());
    while let Some(one) = running.next().await {
        if matches!(one, Err(Problem::Rejected(_))) {
            return one;
        }
        fetched = fetched.and(one);
        if fetched.is_ok() {
            running.extend(waiting.next());
        }
    }
    fetched
}

async fn fetch(network: &Network, download: &Download, file: RemoteFile) -> Result<(), Problem> {
    let path = repository_path(&file.path)?;
    let request = outgoing(network, file.request).map_err(Problem::Failed)?;
    let kind = kind_in(file.kind);
    let write = move |staged: &StagedDownload, source: &mut dyn std::io::Read| staged.write(&path, kind, source);
    download.fetch(network, request, write).await.map_err(Problem::from)
}

fn layout_of(layout: Layout) -> Result<download::Layout, Problem> {
    let base = repository_path(&layout.base)?;
    Ok(download::Layout { strip: layout.strip as usize, base })
}

/// What a panic of the host said is not repeated: it may contain anything.
fn panicked(call: &'static str) -> wasmtime::Error {
    wasmtime::Error::new(CallError::Failed { call })
}

fn repository_path(path: &str) -> Result<RepoPath, Problem> {
    RepoPath::parse(path)
        .map_err(|error| Problem::Rejected(format!("`{}` was rejected: {error}", escape_untrusted_short(path))))
}

fn entry_in(entry: Entry) -> Result<download::ListedEntry, String> {
    let rejected =
        |why: &dyn std::fmt::Display| format!("the forge listed `{}`: {why}", escape_untrusted_short(&entry.path));
    let path = RepoPath::parse(&entry.path).map_err(|error| rejected(&error))?;
    let id: ObjectId = entry.id.parse().map_err(|error| rejected(&error))?;
    Ok(download::ListedEntry { path, kind: kind_in(entry.kind), id })
}

fn entry_out(entry: download::ListedEntry) -> Entry {
    // It came as text.
    let path = String::from_utf8_lossy(entry.path.as_bytes()).into_owned();
    Entry { path, kind: kind_out(entry.kind), id: entry.id.to_string() }
}

fn kind_in(kind: Kind) -> forgeport_model::FileKind {
    match kind {
        Kind::Regular => forgeport_model::FileKind::Regular,
        Kind::Executable => forgeport_model::FileKind::Executable,
        Kind::Symlink => forgeport_model::FileKind::Symlink,
        Kind::Tree => forgeport_model::FileKind::Tree,
        Kind::Submodule => forgeport_model::FileKind::Submodule,
    }
}

fn kind_out(kind: forgeport_model::FileKind) -> Kind {
    match kind {
        forgeport_model::FileKind::Regular => Kind::Regular,
        forgeport_model::FileKind::Executable => Kind::Executable,
        forgeport_model::FileKind::Symlink => Kind::Symlink,
        forgeport_model::FileKind::Tree => Kind::Tree,
        forgeport_model::FileKind::Submodule => Kind::Submodule,
    }
}

impl From<TransferError> for Problem {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Answered(answer) => Problem::Answered(incoming(*answer)),
            TransferError::Egress(error) => Problem::Failed(failure(error)),
            TransferError::Broken(why) => Problem::Failed(Failure::Unreachable(why)),
            TransferError::Rejected(why) => Problem::Rejected(why),
            TransferError::Unsupported(why) => Problem::Unsupported(why),
        }
    }
}
