//! `forgeport code-repository download`.

use crate::{
    args::DownloadArgs,
    output::{Output, Usage, escape_untrusted, print_stderr},
    progress::{self, Bar},
};
use anyhow::Result;
use forgeport_service::{Arrival, Deadline, DownloadRequest, Downloaded, Receipt, Service, Verification};
use std::sync::Arc;

/// Names that a warning shows; the rest is counted.
const NAMED: usize = 5;

pub async fn run(service: &Service, output: Output, args: DownloadArgs, stop: Deadline) -> Result<()> {
    let request = request(args, stop)?;
    // From here on an interrupt stops the download, and what is half done is removed.
    tokio::task::yield_now().await;
    let bar = Arc::new(Bar::new(&request.repository));
    let downloaded = service.download(request, bar.clone()).await;
    bar.clear();
    let downloaded = downloaded?;
    warn(&downloaded.receipt);
    output.data(&downloaded, || text(&downloaded))
}

/// `NAME@REVISION` is one argument; with `--commit` the whole of it is the name, which may contain an `@`.
fn request(args: DownloadArgs, stop: Deadline) -> Result<DownloadRequest> {
    let DownloadArgs { name, target, commit, directory, subdirectory, force } = args;
    let (repository, revision) = match (commit, name.split_once('@')) {
        (Some(commit), _) => (name, commit),
        (None, Some((name, revision))) if !revision.is_empty() => (name.to_owned(), revision.to_owned()),
        (None, _) => {
            let name = name.trim_end_matches('@');
            return Err(Usage(format!(
                "which commit? Write {name}@REVISION, like {name}@main, or add --commit=REVISION"
            ))
            .into());
        }
    };
    let Some(directory) = target.or(directory) else {
        return Err(Usage("which directory? Name it after the code repository".to_owned()).into());
    };
    Ok(DownloadRequest { repository, revision, subdirectory, directory, force, stop })
}

fn warn(receipt: &Receipt) {
    let list = |paths: &[_], what: &str| {
        let paths: &[forgeport_service::RepoPath] = paths;
        if paths.is_empty() {
            return;
        }
        let named: Vec<String> = paths.iter().take(NAMED).map(ToString::to_string).collect();
        let more = paths.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        print_stderr(&format!("warning: {what}: {}{more}\n", named.join(", ")));
    };
    list(&receipt.submodules, "the files of submodules are not downloaded, their directories are empty");
    list(&receipt.lfs_pointers, "these files are Git LFS pointers, not the content that they refer to");
    if let Arrival::Marked { left: Some(path), .. } = &receipt.arrival {
        let path = escape_untrusted(path.as_os_str().as_encoded_bytes());
        print_stderr(&format!(
            "warning: the previous content of the directory could not be removed, and is in {path}\n"
        ));
    }
}

fn text(downloaded: &Downloaded) -> String {
    let Downloaded { repository, commit, receipt, subdirectory, provider, cached, .. } = downloaded;
    let directory = escape_untrusted(receipt.directory.as_os_str().as_encoded_bytes());
    let part = subdirectory.as_ref().map(|path| format!(" ({path})")).unwrap_or_default();
    let tree = receipt.tree.map(|tree| format!(", tree {tree}")).unwrap_or_default();
    let verified = match &receipt.verification {
        Verification::Verified => format!("verified{tree}, reported by {} {}", provider.name, provider.version),
        Verification::NotVerified(why) => format!("not verified: {why}{tree}"),
    };
    let from = if *cached { ", from the cache" } else { "" };
    let counts = format!(
        "{}, {}, {}",
        counted(receipt.files, "file"),
        counted(receipt.links, "link"),
        progress::bytes(receipt.bytes)
    );
    format!(
        "Downloaded {repository} at {commit}{part} to {directory}{from}\n{counts}; {verified}\n{}",
        arrived(&receipt.arrival)
    )
}

/// The differences from a directory that appears in one step.
fn arrived(arrival: &Arrival) -> String {
    let Arrival::Marked { kept_until_complete, stays, .. } = arrival else { return String::new() };
    let mut text =
        "the directory existed: it was filled in place, and marked as unfinished until it was complete".to_owned();
    if !kept_until_complete {
        text += "; its previous content could not be kept until then";
    }
    if !stays.is_empty() {
        text += &format!("; this stays in it: {}", escape_untrusted(stays.join(", ")));
    }
    text + "\n"
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
