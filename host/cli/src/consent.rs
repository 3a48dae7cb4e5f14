//! What a provider asks for, and whether it may have it.

use crate::{grants::terms, output::tell};
use anyhow::{Result, bail};
use forgeport_service::{Placement, Plan, Scheme};
use std::io::IsTerminal;

/// Says what is asked, and makes sure that it is granted: by the user on a terminal, or beforehand with `--yes`.
pub fn obtain(plan: &Plan, yes: bool) -> Result<()> {
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
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("not granted; nothing was stored"),
    }
}

fn asked(plan: &Plan) -> String {
    let description = plan.description();
    let digest: String = plan.digest().chars().take(12).collect();
    let mut text = format!("{} {} (sha256 {digest}...) asks for:\n", description.name, description.version);
    let needs = plan.needs();
    for grant in plan.granted().iter() {
        text += &format!("  {} ({})", grant.origin, terms(grant));
        let there = needs.credentials.iter().filter(|plan| grant.origin.covers(&plan.origin));
        for plan in there {
            text += &format!(", with --{} {}", plan.setting, sent(&plan.placement));
            if plan.origin.scheme() == Scheme::Http {
                text += ", not encrypted, on this machine";
            }
        }
        text.push('\n');
    }
    if needs.grants.is_empty() {
        text += "  nothing\n";
    }
    text
}

fn sent(placement: &Placement) -> String {
    match placement {
        Placement::Bearer => "as a bearer token".to_owned(),
        Placement::Basic(user) => format!("as the password of {user:?}"),
        Placement::Header(name) => format!("in the header {name}"),
    }
}
