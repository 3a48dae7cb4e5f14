//! `forgeport code-repository`.

use crate::{
    args::{CodeRepositoryCommand, GrantArgs, ProviderArgs, RegisterArgs, UpdateArgs},
    command_line::GivenOptions,
    consent::{self, Consent},
    download,
    output::{Output, escape_untrusted, print, print_stderr, table},
    terms::{kind_of, terms},
    values,
};
use anyhow::Result;
use forgeport_service::{
    Changes, CodeRepository, ComponentSource, Deadline, Description, GrantOptions, Identity, OptionDefinition,
    Registered, RegisteredOption, Registration, Renamed, Service, Update, component_source,
};
use serde_json::json;

/// The text in place of a credential.
const MASK: &str = "********";

pub async fn run(
    service: &Service,
    output: Output,
    command: CodeRepositoryCommand,
    options: GivenOptions,
    stop: Deadline,
) -> Result<()> {
    match command {
        CodeRepositoryCommand::Register(args) => register(service, output, args, options).await,
        CodeRepositoryCommand::List => list(service, output).await,
        CodeRepositoryCommand::Describe { name } => {
            let repository = service.find(&name).await?;
            output.data(&repository, || describe(&repository))
        }
        CodeRepositoryCommand::Update(args) => update(service, output, args, options).await,
        CodeRepositoryCommand::Delete { name } => {
            service.delete(&name).await?;
            output.data(&json!({ "deleted": name }), || format!("Deleted the code repository {name}.\n"))
        }
        CodeRepositoryCommand::Options(args) => show_options(service, output, args).await,
        CodeRepositoryCommand::Download(args) => download::run(service, output, args, stop).await,
    }
}

async fn register(service: &Service, output: Output, args: RegisterArgs, options: GivenOptions) -> Result<()> {
    let RegisterArgs { name, provider, description, grants } = args;
    let source = component_source(provider.kind.as_deref(), provider.source.as_deref())?;
    let (grant_options, consent) = split_consent(grants);
    let registration = Registration { name, source, options: values::read(options)?, description, grant_options };
    let plan = service.plan_registration(registration).await?;
    consent::obtain(&plan, &consent).await?;
    registered(output, "Registered", &service.apply(plan).await?)
}

async fn update(service: &Service, output: Output, args: UpdateArgs, options: GivenOptions) -> Result<()> {
    let UpdateArgs { name, rename, description, source, unset, grants } = args;
    let (grant_options, consent) = split_consent(grants);
    let source = source.map(ComponentSource::File);
    let changes =
        Changes { name: rename, description, source, set: values::read(options)?, remove: unset, grant_options };
    match service.update(&name, changes).await? {
        Update::Done(repository) => {
            output.data(&repository, || format!("Updated the code repository {}.\n", repository.name))
        }
        Update::Planned(plan) => {
            consent::obtain(&plan, &consent).await?;
            registered(output, "Updated", &service.apply(*plan).await?)
        }
    }
}

/// What the plan is made with, and what is said to it.
fn split_consent(args: GrantArgs) -> (GrantOptions, Consent) {
    let GrantArgs { grant, yes, approve, allow_private, limit } = args;
    let consent = match approve {
        Some(digest) => Consent::Approved(digest),
        None if yes => Consent::Given,
        None => Consent::Ask,
    };
    (GrantOptions { grant, allow_private, limits: limit }, consent)
}

fn registered(output: Output, done: &str, registered: &Registered) -> Result<()> {
    let Registered { repository, identity, renamed } = registered;
    let Identity { account, repository: path, default_branch } = identity;
    let seen = json!({ "account": account, "repository": path, "default_branch": default_branch });
    let mut data = serde_json::to_value(repository)?;
    data["identity"] = seen;
    if let Some(renamed) = renamed {
        data["renamed"] = serde_json::to_value(renamed)?;
        print_stderr(&format!("warning: {}\n", escape_untrusted(renamed_text(&repository.name, renamed))));
    }
    output.data(&data, || {
        let branch = default_branch.as_ref().map(|branch| format!(", default branch {branch}")).unwrap_or_default();
        let account = account.as_ref().map(|account| format!(", read as {account}")).unwrap_or_default();
        let path = escape_untrusted(format!("{path}{branch}{account}"));
        format!("{done} the code repository {}: {path}.\n", repository.name)
    })
}

fn renamed_text(name: &str, renamed: &Renamed) -> String {
    let Renamed { from, to, options } = renamed;
    let options: String = options.iter().map(|(option, value)| format!(" --{option}={value}")).collect();
    format!(
        "the forge has renamed {from} to {to}, and redirects from the old name; `forgeport update {name}{options}` lets `status` \
         recognise checkouts with the new name"
    )
}

async fn list(service: &Service, output: Output) -> Result<()> {
    let repositories = service.list().await?;
    output.data(&repositories, || {
        if repositories.is_empty() {
            return "No code repositories yet: see `forgeport register --help`.\n".to_owned();
        }
        let mut rows = vec![["NAME", "TYPE", "PROVIDER", "DESCRIPTION"].map(str::to_owned).to_vec()];
        rows.extend(repositories.iter().map(|repository| {
            let provider = format!("{} {}", repository.provider.name, repository.provider.version);
            let description = repository.description.clone().unwrap_or_default();
            vec![repository.name.clone(), repository.kind.clone(), provider, escape_untrusted(&description)]
        }));
        table(&rows)
    })
}

fn describe(repository: &CodeRepository) -> String {
    let CodeRepository { id, name, kind, description, provider, options, consent, grants, limits, .. } = repository;
    let mut rows = Vec::new();
    let mut row = |title: &str, value: String| rows.push(vec![title.to_owned(), escape_untrusted(&value)]);
    row("name", name.clone());
    row("id", id.clone());
    row("type", kind.clone());
    row("description", description.clone().unwrap_or_default());
    row("provider", format!("{} {}, sha256 {}", provider.name, provider.version, provider.digest));
    if let Some(source) = provider.source.stored() {
        row("source", source);
    }
    for (option, value) in options {
        row(&format!("--{option}"), option_text(value));
    }
    for grant in grants.iter() {
        row("may reach", format!("{} ({})", grant.origin, terms(grant)));
    }
    for (limit, value) in limits.set_ones() {
        row("limit", format!("{limit} {}", limit.written(value)));
    }
    match consent {
        Some(consent) => row("remote hosts", consent.access.remote_hosts.join(", ")),
        None => row("to do", format!("`forgeport update {name}` asks for your consent")),
    }
    table(&rows)
}

fn option_text(value: &RegisteredOption) -> String {
    match value {
        RegisteredOption::Plain(text) => text.clone(),
        RegisteredOption::Reference(reference) => reference.to_string(),
        RegisteredOption::OwnSecret => MASK.to_owned(),
    }
}

async fn show_options(service: &Service, output: Output, args: ProviderArgs) -> Result<()> {
    let source = component_source(args.kind.as_deref(), args.source.as_deref())?;
    let (description, digest) = service.describe_provider(&source).await?;
    if output.json {
        let mut data = serde_json::to_value(&description)?;
        data["digest"] = digest.to_string().into();
        return output.data(&data, String::new);
    }
    print(&options_text(&description))
}

fn options_text(description: &Description) -> String {
    let Description { name, version, summary, options, .. } = description;
    let mut rows = vec![["OPTION", "", "HELP"].map(str::to_owned).to_vec()];
    rows.extend(options.iter().map(|option| {
        let OptionDefinition { name, help, default, .. } = option;
        let default = default.as_ref().map(|default| format!(" (default {default})")).unwrap_or_default();
        vec![format!("--{name}"), kind_of(option).to_owned(), format!("{help}{default}")]
    }));
    format!("{name} {version}: {summary}\n\n{}", table(&rows))
}
