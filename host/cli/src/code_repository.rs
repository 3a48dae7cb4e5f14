//! `forgeport code-repository`.

use crate::{
    args::{CodeRepositoryCommand, GrantArgs, ProviderArgs, RegisterArgs, UpdateArgs},
    consent, download,
    output::{Output, print, table, tell},
    terms::terms,
    values,
};
use anyhow::Result;
use forgeport_service::{
    Changes, CodeRepository, ComponentSource, Deadline, Description, GrantOptions, Identity, OptionDefinition,
    Registered, Registration, Renamed, Service, StoredOption, Update, component_source,
};
use serde_json::json;

/// What stands in the place of a credential.
const MASK: &str = "********";

pub async fn run(
    service: &Service,
    output: Output,
    command: CodeRepositoryCommand,
    options: Vec<(String, String)>,
    stop: Deadline,
) -> Result<()> {
    match command {
        CodeRepositoryCommand::Register(args) => register(service, output, args, options).await,
        CodeRepositoryCommand::List => list(service, output),
        CodeRepositoryCommand::Describe { name } => {
            let repository = service.find(&name)?;
            output.data(&repository, || describe(&repository))
        }
        CodeRepositoryCommand::Update(args) => update(service, output, args, options).await,
        CodeRepositoryCommand::Delete { name } => {
            service.delete(&name)?;
            output.data(&json!({ "deleted": name }), || format!("Deleted the code repository {name}.\n"))
        }
        CodeRepositoryCommand::Options(args) => show_options(service, output, args).await,
        CodeRepositoryCommand::Download(args) => download::run(service, output, args, stop).await,
    }
}

async fn register(service: &Service, output: Output, args: RegisterArgs, options: Vec<(String, String)>) -> Result<()> {
    let RegisterArgs { name, provider, description, grant_options } = args;
    let yes = grant_options.yes;
    let source = component_source(provider.kind.as_deref(), provider.source.as_deref())?;
    let registration =
        Registration { name, source, options: values::read(options)?, description, grant_options: said(grant_options) };
    let plan = service.plan_registration(registration).await?;
    consent::obtain(&plan, yes).await?;
    registered(output, "Registered", &service.apply(plan).await?)
}

async fn update(service: &Service, output: Output, args: UpdateArgs, options: Vec<(String, String)>) -> Result<()> {
    let UpdateArgs { name, rename, description, source, unset, grant_options } = args;
    let yes = grant_options.yes;
    let source = source.map(ComponentSource::File);
    let changes = Changes {
        name: rename,
        description,
        source,
        set: values::read(options)?,
        remove: unset,
        grant_options: said(grant_options),
    };
    match service.update(&name, changes).await? {
        Update::Done(repository) => {
            output.data(&repository, || format!("Updated the code repository {}.\n", repository.name))
        }
        Update::Planned(plan) => {
            consent::obtain(&plan, yes).await?;
            registered(output, "Updated", &service.apply(*plan).await?)
        }
    }
}

fn said(args: GrantArgs) -> GrantOptions {
    let GrantArgs { grant, allow_private, limit, .. } = args;
    GrantOptions { grant, allow_private, limits: limit }
}

fn registered(output: Output, done: &str, registered: &Registered) -> Result<()> {
    let Registered { repository, identity, renamed } = registered;
    let Identity { account, repository: path, default_branch } = identity;
    let seen = json!({ "account": account, "repository": path, "default_branch": default_branch });
    let mut data = serde_json::to_value(repository)?;
    data["identity"] = seen;
    if let Some(renamed) = renamed {
        data["renamed"] = serde_json::to_value(renamed)?;
        tell(&format!("warning: {}\n", crate::output::neutral(&told(&repository.name, renamed))));
    }
    output.data(&data, || {
        let branch = default_branch.as_ref().map(|branch| format!(", default branch {branch}")).unwrap_or_default();
        let account = account.as_ref().map(|account| format!(", read as {account}")).unwrap_or_default();
        let path = crate::output::neutral(&format!("{path}{branch}{account}"));
        format!("{done} the code repository {}: {path}.\n", repository.name)
    })
}

fn told(name: &str, renamed: &Renamed) -> String {
    let Renamed { from, to, options } = renamed;
    let options: String = options.iter().map(|(option, value)| format!(" --{option}={value}")).collect();
    format!(
        "the forge calls {from} {to} now, and still leads there from the old name; `forgeport code-repository update {name}{options}` \
         lets `status` know checkouts of the new one"
    )
}

fn list(service: &Service, output: Output) -> Result<()> {
    let repositories = service.list()?;
    output.data(&repositories, || {
        if repositories.is_empty() {
            return "No code repositories yet: see `forgeport code-repository register --help`.\n".to_owned();
        }
        let mut rows = vec![["NAME", "TYPE", "PROVIDER", "DESCRIPTION"].map(str::to_owned).to_vec()];
        rows.extend(repositories.iter().map(|repository| {
            let provider = format!("{} {}", repository.provider.name, repository.provider.version);
            let description = repository.description.clone().unwrap_or_default();
            vec![repository.name.clone(), repository.kind.clone(), provider, crate::output::neutral(&description)]
        }));
        table(&rows)
    })
}

fn describe(repository: &CodeRepository) -> String {
    let CodeRepository { id, name, kind, description, provider, options, consent, grants, limits, .. } = repository;
    let mut rows = Vec::new();
    let mut row = |title: &str, value: String| rows.push(vec![title.to_owned(), crate::output::neutral(&value)]);
    row("name", name.clone());
    row("id", id.clone());
    row("type", kind.clone());
    row("description", description.clone().unwrap_or_default());
    row("provider", format!("{} {}, sha256 {}", provider.name, provider.version, provider.digest));
    if let Some(source) = &provider.source {
        row("source", source.clone());
    }
    for (option, value) in options {
        row(&format!("--{option}"), shown(value));
    }
    for grant in grants.iter() {
        row("may reach", format!("{} ({})", grant.origin, terms(grant)));
    }
    for (limit, value) in limits.set_ones() {
        row("limit", format!("{limit} {}", limit.written(value)));
    }
    match consent {
        Some(consent) => row("remote hosts", consent.access.remote_hosts.join(", ")),
        None => row("to be done", format!("`forgeport code-repository update {name}` asks for your consent")),
    }
    table(&rows)
}

fn shown(value: &StoredOption) -> String {
    match value {
        StoredOption::Plain(text) => text.clone(),
        StoredOption::Reference(reference) => reference.to_string(),
        StoredOption::Sealed(_) => MASK.to_owned(),
    }
}

async fn show_options(service: &Service, output: Output, args: ProviderArgs) -> Result<()> {
    let source = component_source(args.kind.as_deref(), args.source.as_deref())?;
    let (description, digest) = service.describe_provider(&source).await?;
    if output.json {
        let mut data = serde_json::to_value(&description)?;
        data["digest"] = digest.into();
        return output.data(&data, String::new);
    }
    print(&options_text(&description))
}

fn options_text(description: &Description) -> String {
    let Description { name, version, summary, options, .. } = description;
    let mut rows = vec![["OPTION", "", "HELP"].map(str::to_owned).to_vec()];
    rows.extend(options.iter().map(|option| {
        let OptionDefinition { name, help, required, secret, default } = option;
        let kind = match (required, secret) {
            (true, true) => "required, secret",
            (true, false) => "required",
            (false, true) => "secret",
            (false, false) => "",
        };
        let default = default.as_ref().map(|default| format!(" (default {default})")).unwrap_or_default();
        vec![format!("--{name}"), kind.to_owned(), format!("{help}{default}")]
    }));
    format!("{name} {version}: {summary}\n\n{}", table(&rows))
}
