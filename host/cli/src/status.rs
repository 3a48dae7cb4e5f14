//! `forgeport status`.

use crate::{
    args::StatusArgs,
    output::{Output, escape_untrusted, print_stderr, table},
};
use anyhow::Result;
use forgeport_service::{
    Match, RemoteState, Service, Status,
    checkout::{Checkout, Fact, Head, Unknown, Upstream, WorktreeChanges, WorktreeState},
};

pub async fn run(service: &Service, output: Output, args: StatusArgs) -> Result<()> {
    let status = service.status(&args.path, !args.no_untracked, args.fetch).await?;
    for problem in &status.problems {
        print_stderr(&format!("warning: {}\n", escape_untrusted(problem)));
    }
    output.data(&status, || text(&status))
}

fn text(status: &Status) -> String {
    let Checkout { root, subdirectory, commit, head, upstream, bare, shallow, changes, remotes, unknown } =
        &status.checkout;
    let mut rows = Vec::new();
    let mut row = |title: &str, value: String| rows.push(vec![title.to_owned(), escape_untrusted(&value)]);
    row("root", format!("{root}{}", if *bare { " (bare)" } else { "" }));
    if !subdirectory.is_empty() {
        row("subdirectory", subdirectory.clone());
    }
    let shallow = if *shallow { " (shallow)" } else { "" };
    row("commit", commit.as_ref().map_or("none yet".to_owned(), |commit| format!("{commit}{shallow}")));
    row("branch", branch(head, upstream.as_ref()));
    row("changes", changes.as_ref().map_or("none, it has no work tree".to_owned(), changed));
    match status.code_repositories.as_slice() {
        [] if unknown.iter().any(|unknown| unknown.fact == Fact::Remotes) => {
            row("code repository", "not known".to_owned())
        }
        [] if remotes.is_empty() => row("code repository", "none: the checkout has no remote".to_owned()),
        [] => row("code repository", "none that is registered tracks this checkout".to_owned()),
        matches => matches.iter().for_each(|found| row("code repository", tracked(found))),
    }
    if status.code_repositories.len() > 1 {
        row("", "several track this checkout; name the one you mean".to_owned());
    }
    for Unknown { fact, why } in unknown {
        row("not known", format!("{}: {why}", of(*fact)));
    }
    table(&rows)
}

fn of(fact: Fact) -> &'static str {
    match fact {
        Fact::Upstream => "the upstream",
        Fact::Remotes => "the remotes",
        Fact::Modified => "changes of some files",
        Fact::Untracked => "untracked files",
        Fact::Submodules => "changes in some submodules",
    }
}

fn branch(head: &Head, upstream: Option<&Upstream>) -> String {
    let name = match head {
        Head::Branch { name } => name.clone(),
        Head::Detached => "detached".to_owned(),
    };
    let Some(Upstream { name: upstream, distance }) = upstream else { return name };
    let distance = match distance {
        Some(distance) if distance.ahead + distance.behind > 0 => {
            format!(", {} ahead, {} behind", distance.ahead, distance.behind)
        }
        _ => String::new(),
    };
    format!("{name} (upstream {upstream}{distance})")
}

fn changed(changes: &WorktreeChanges) -> String {
    let WorktreeChanges { state, modified, staged, untracked, conflicted, submodules, not_compared } = *changes;
    let kinds = [
        (modified, "modified"),
        (staged, "staged"),
        (untracked.unwrap_or_default(), "untracked"),
        (conflicted, "conflicted"),
        (submodules, "in submodules"),
        (not_compared, "not compared"),
    ];
    let mut some: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}")).collect();
    if untracked.is_none() {
        some.push("untracked files not known".to_owned());
    }
    match state {
        WorktreeState::Clean => "none".to_owned(),
        WorktreeState::Dirty => format!("dirty: {}", some.join(", ")),
        WorktreeState::Unknown => format!("none that could be seen, but: {}", some.join(", ")),
    }
}

fn tracked(found: &Match) -> String {
    let pushed = match &found.pushed {
        RemoteState::Pushed(refs) if refs.is_empty() => "commit is there".to_owned(),
        RemoteState::Pushed(refs) => format!("commit is there ({})", refs.join(", ")),
        RemoteState::NotPushed => "commit is not there: push it first".to_owned(),
        RemoteState::Unknown(why) => format!("not known whether the commit is there: {why}"),
    };
    format!("{} ({}, remote {}), {pushed}", found.name, found.kind, found.remote)
}
