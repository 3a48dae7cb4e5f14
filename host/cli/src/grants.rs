//! `forgeport grants`.

use crate::{
    args::GrantsCommand,
    output::{Negative, Output, escape_untrusted, table},
    terms::{sent, terms},
};
use anyhow::Result;
use forgeport_service::{AccessReport, CodeRepository, CredentialPlan, Explanation, Grant, Grants, Service};
use serde_json::json;

pub async fn run(service: &Service, output: Output, command: GrantsCommand) -> Result<()> {
    match command {
        GrantsCommand::List => list(service, output).await,
        GrantsCommand::Describe { name } => {
            let report = service.access_of(&name).await?;
            output.data(&report, || describe(&report))
        }
        GrantsCommand::Revoke { name, origin } => {
            let left = service.revoke(&name, &origin).await?;
            output.data(&json!({ "name": name, "revoked": origin, "granted": left.grants }), || {
                if left.provider.source.is_built_in() {
                    format!("{origin} of the code repository {name} may no longer be in a private network.\n")
                } else {
                    format!("Revoked {origin} of the code repository {name}.\n")
                }
            })
        }
        GrantsCommand::Explain { name, method, url } => {
            let explanation = service.explain(&name, &method, &url).await?;
            output.data(&explanation, || explain(&explanation))?;
            if explanation.allowed { Ok(()) } else { Err(Negative.into()) }
        }
    }
}

async fn list(service: &Service, output: Output) -> Result<()> {
    let repositories = service.list().await?;
    let data: Vec<_> = repositories.iter().map(|one| json!({ "name": one.name, "grants": one.grants })).collect();
    output.data(&data, || {
        let mut rows = vec![["NAME", "ORIGIN", "GRANTED"].map(str::to_owned).to_vec()];
        for CodeRepository { name, grants, .. } in &repositories {
            rows.extend(grants.iter().map(|grant| vec![name.clone(), grant.origin.to_string(), terms(grant)]));
        }
        table(&rows)
    })
}

fn describe(report: &AccessReport) -> String {
    let AccessReport { name, digest, requested, granted, policy, credentials, remote_hosts, limits } = report;
    let mut rows =
        vec![vec!["name".to_owned(), name.clone()], vec!["component".to_owned(), format!("sha256 {digest}")]];
    let mut add = |title: &str, grants: &Grants| {
        let row = |grant: &Grant| vec![title.to_owned(), format!("{} ({})", grant.origin, terms(grant))];
        rows.extend(grants.iter().map(row));
        if grants.is_empty() {
            rows.push(vec![title.to_owned(), "none".to_owned()]);
        }
    };
    add("requested", requested);
    add("granted", granted);
    if let Some(policy) = policy {
        add("policy allows", policy);
    }
    let way = |plan: &CredentialPlan| format!("--{} to {} {}", plan.option, plan.origin, sent(plan));
    rows.extend(credentials.iter().map(|plan| vec!["credential".into(), way(plan)]));
    rows.extend(remote_hosts.iter().map(|host| vec!["remote host".into(), host.clone()]));
    rows.extend(limits.iter().map(|(limit, value)| vec!["limit".into(), format!("{limit} {value}")]));
    table(&rows)
}

fn explain(explanation: &Explanation) -> String {
    let Explanation { allowed, by, rule, secret, change } = explanation;
    let verdict = if *allowed { "allowed" } else { "refused" };
    let mut rows =
        [["verdict", verdict], ["by", by], ["rule", rule]].map(|row| row.map(escape_untrusted).to_vec()).to_vec();
    if let Some(secret) = secret {
        rows.push(vec!["credential".to_owned(), format!("--{secret}")]);
    }
    rows.push(vec!["to change".to_owned(), escape_untrusted(change)]);
    table(&rows)
}
