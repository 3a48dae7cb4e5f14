//! Shows the plan of a registration or an update, and obtains consent to it.
//!
//! | consent | given by |
//! | --- | --- |
//! | to this plan | its digest, `--approve=PLAN-DIGEST` |
//! | to whatever the plan is | `--yes` |
//! | to each origin | `--grant=ORIGIN`, which is part of the plan |
//! | on the terminal | the answer to a question |
//!
//! Built-in providers need none. An approved digest is compared for them as well.

use crate::{
    output::print_stderr,
    terms::{sent, terms},
};
use anyhow::{Result, bail};
use forgeport_service::{Access, Digest, Grant, Grants, Plan, RegisteredProvider, Scheme};
use std::io::IsTerminal;
use tokio::sync::oneshot;

/// What the command line says about a plan that was not seen yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// To ask for it, where it is needed.
    Ask,
    /// Whatever the plan is.
    Given,
    /// Only the plan that has this digest.
    Approved(Digest),
}

/// Shows the plan, and fails unless there is consent to it.
pub async fn obtain(plan: &Plan, consent: &Consent) -> Result<()> {
    print_stderr(&plan_text(plan));
    match consent {
        Consent::Given => Ok(()),
        Consent::Approved(digest) => check(plan, *digest),
        Consent::Ask if plan.needs_consent() => ask(plan).await,
        Consent::Ask => Ok(()),
    }
}

fn check(plan: &Plan, approved: Digest) -> Result<()> {
    let digest = plan.plan_digest();
    if digest == approved {
        return Ok(());
    }
    bail!(
        "the plan is not the approved one: its digest is {digest}, and {approved} was approved; no changes were made. Review the plan above, and run the command again with --approve={digest} to grant it"
    )
}

async fn ask(plan: &Plan) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "a custom provider needs your consent: review the plan above, and run the command again with --approve={} to grant exactly this plan, with --yes to grant any plan, or with --grant=ORIGIN for each origin",
            plan.plan_digest()
        );
    }
    print_stderr("Grant this? [y/N] ");
    match typed().await?.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("not granted; no changes were made"),
    }
}

/// A line from the terminal. On a thread of its own, so that an interrupt ends the command meanwhile.
async fn typed() -> Result<String> {
    let (sender, line) = oneshot::channel();
    std::thread::Builder::new().spawn(move || {
        let mut line = String::new();
        let _ = sender.send(std::io::stdin().read_line(&mut line).map(|_| line));
    })?;
    Ok(line.await??)
}

fn plan_text(plan: &Plan) -> String {
    format!("{}{}Plan digest: {}\n", requests_text(plan), seen_text(plan), plan.plan_digest())
}

/// What the provider requests; for one that replaces another, the difference.
fn requests_text(plan: &Plan) -> String {
    let description = plan.description();
    let new = lines(plan.granted(), plan.access());
    let mut text = titled(&description.name, &description.version, plan.digest());
    let Some(replaced) = plan.replaced() else {
        text += " asks for:\n";
        new.iter().for_each(|line| text += &format!("  {line}\n"));
        if new.is_empty() {
            text += "  no access\n";
        }
        return text;
    };
    let RegisteredProvider { name, version, digest, .. } = &replaced.provider;
    let before = replaced.access.clone().unwrap_or_default();
    let old = lines(&replaced.grants, &before);
    text += &format!(" would replace {}; + is added, - is removed:\n", titled(name, version, digest));
    old.iter().filter(|line| !new.contains(line)).for_each(|line| text += &format!("- {line}\n"));
    for line in &new {
        text += &format!("{} {line}\n", if old.contains(line) { " " } else { "+" });
    }
    text
}

/// Which values the provider sees, and what it can do with what it reads.
fn seen_text(plan: &Plan) -> String {
    let seen: Vec<String> = plan.seen().map(|name| format!("--{name}")).collect();
    let seen = if seen.is_empty() { "no option".to_owned() } else { seen.join(", ") };
    let mut text = format!("It sees the values of {seen}.\n");
    if !plan.access().credentials.is_empty() && plan.access().origins.iter().count() > 1 {
        text += "What it reads with a credential at one of these origins, it can send to the others.\n";
    }
    text
}

fn titled(name: &str, version: &str, digest: &Digest) -> String {
    let digest: String = digest.to_string().chars().take(12).collect();
    format!("{name} {version} (sha256 {digest}...)")
}

/// The granted origins, with the credentials that are sent there, and the hosts of remotes.
fn lines(grants: &Grants, access: &Access) -> Vec<String> {
    let line = |grant: &Grant| {
        let mut line = format!("{} ({})", grant.origin, terms(grant));
        let mut plain = false;
        for (number, plan) in access.credentials.iter().filter(|plan| grant.origin.covers(&plan.origin)).enumerate() {
            line += if number == 0 { ", with" } else { ", or" };
            line += &format!(" --{} {}", plan.option, sent(plan));
            plain |= plan.origin.scheme() == Scheme::Http;
        }
        if plain {
            line += ", not encrypted, on this machine";
        }
        line
    };
    let remotes = |host: &String| format!("the remotes of checkouts that are at {host}, and links to it");
    grants.iter().map(line).chain(access.remote_hosts.iter().map(remotes)).collect()
}
