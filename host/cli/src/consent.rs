//! What a provider asks for, and whether it may have it.

use crate::{
    output::tell,
    terms::{sent, terms},
};
use anyhow::{Result, bail};
use forgeport_service::{Access, Grant, Grants, Plan, ProviderRef, Scheme};
use std::io::IsTerminal;
use tokio::sync::oneshot;

/// Says what is asked, and makes sure that it is granted: by the user on a terminal, or beforehand with `--yes`.
pub async fn obtain(plan: &Plan, yes: bool) -> Result<()> {
    tell(&asked(plan));
    if !plan.needs_consent() || yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "a custom provider needs your consent to this: look at what it asks for, and add --yes to grant it, or --grant=ORIGIN for each origin"
        );
    }
    tell("Grant this? [y/N] ");
    match typed().await?.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("not granted; nothing was stored"),
    }
}

/// A line from the terminal. On a thread that nobody waits for, so that an interrupt is heard meanwhile.
async fn typed() -> Result<String> {
    let (sender, line) = oneshot::channel();
    std::thread::Builder::new().spawn(move || {
        let mut line = String::new();
        let _ = sender.send(std::io::stdin().read_line(&mut line).map(|_| line));
    })?;
    Ok(line.await??)
}

fn asked(plan: &Plan) -> String {
    let description = plan.description();
    let new = lines(plan.granted(), plan.access());
    let mut text = titled(&description.name, &description.version, &plan.digest().to_string());
    let Some(replaced) = plan.replaced() else {
        text += " asks for:\n";
        new.iter().for_each(|line| text += &format!("  {line}\n"));
        if new.is_empty() {
            text += "  nothing\n";
        }
        return text + &seen(plan);
    };
    let ProviderRef { name, version, digest, .. } = &replaced.provider;
    let before = replaced.consent.as_ref().map(|consent| consent.access.clone()).unwrap_or_default();
    let old = lines(&replaced.grants, &before);
    text += &format!(" would take the place of {}; + is new, - is gone:\n", titled(name, version, digest));
    old.iter().filter(|line| !new.contains(line)).for_each(|line| text += &format!("- {line}\n"));
    for line in &new {
        text += &format!("{} {line}\n", if old.contains(line) { " " } else { "+" });
    }
    text + &seen(plan)
}

/// What the provider itself gets to see, and what it can do with what it reads.
fn seen(plan: &Plan) -> String {
    let seen: Vec<String> = plan.seen().map(|name| format!("--{name}")).collect();
    let seen = if seen.is_empty() { "no option".to_owned() } else { seen.join(", ") };
    let mut text = format!("It sees the values of {seen}.\n");
    if !plan.access().credentials.is_empty() && plan.access().origins.iter().count() > 1 {
        text += "What it reads with a credential at one of these origins, it can send to the others.\n";
    }
    text
}

fn titled(name: &str, version: &str, digest: &str) -> String {
    let digest: String = digest.chars().take(12).collect();
    format!("{name} {version} (sha256 {digest}...)")
}

/// What is granted, with what is sent there, and whose remotes it is told.
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
    let told = |host: &String| format!("the remotes of checkouts that are at {host}, and links to it");
    grants.iter().map(line).chain(access.remote_hosts.iter().map(told)).collect()
}
