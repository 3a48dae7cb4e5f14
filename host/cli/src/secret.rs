//! `forgeport secret`.

use crate::{
    args::{KeepIn, SecretCommand, SecretKeys},
    command_line::GivenOptions,
    output::{Output, escape_untrusted, print_stderr, table},
    values,
};
use anyhow::{Result, bail};
use forgeport_service::{KeyPlace, SecretValues, Service, some_of};
use serde_json::{Map, Value, json};

const MASK: &str = "********";

pub async fn run(service: &Service, output: Output, command: SecretCommand, options: GivenOptions) -> Result<()> {
    match command {
        SecretCommand::Create(args) => {
            let name = args.name.clone();
            service.create_secret(&name, &gather(args, options)?).await?;
            let references = references(service, &name).await?;
            let data = json!({ "name": name, "keys": service.secret_keys(&name).await?, "references": references });
            output.data(&data, || format!("Created the secret {name}; refer to it as {}.\n", references.join(", ")))
        }
        SecretCommand::List => list(service, output).await,
        SecretCommand::Describe { name, key, reveal } => describe(service, output, &name, key, reveal).await,
        SecretCommand::Update { values, unset } => {
            let name = values.name.clone();
            service.update_secret(&name, &gather(values, options)?, &unset).await?;
            let keys = service.secret_keys(&name).await?;
            let text = || format!("Updated the secret {name}; it has: {}.\n", keys.join(", "));
            output.data(&json!({ "name": name, "keys": keys }), text)
        }
        SecretCommand::Rename { name, new_name } => {
            let followed = service.rename_secret(&name, &new_name).await?;
            output.data(&json!({ "name": new_name, "followed": followed }), || {
                let who =
                    if followed.is_empty() { String::new() } else { format!("; followed by {}", some_of(&followed)) };
                format!("Renamed the secret {name} to {new_name}{who}.\n")
            })
        }
        SecretCommand::RotateKey { keep_in } => rotate(service, output, keep_in).await,
        SecretCommand::Delete { name, force } => {
            let orphans = service.delete_secret(&name, force).await?;
            output.data(&json!({ "deleted": name, "still_referring": orphans }), || {
                let who = if orphans.is_empty() {
                    String::new()
                } else {
                    format!("; it is missing in {}", some_of(&orphans))
                };
                format!("Deleted the secret {name}{who}.\n")
            })
        }
    }
}

async fn rotate(service: &Service, output: Output, keep_in: Option<KeepIn>) -> Result<()> {
    let place = keep_in.map(|place| match place {
        KeepIn::File => KeyPlace::File,
        KeepIn::Keyring => KeyPlace::Keyring,
    });
    let rotated = service.rotate_key(place).await?;
    for leftover in &rotated.leftovers {
        print_stderr(&format!(
            "warning: a part of the old key could not be removed, rotate the key once more: {}\n",
            escape_untrusted(leftover)
        ));
    }
    let kept = match rotated.kept_in {
        Some(KeyPlace::File) => "in its file",
        Some(KeyPlace::Keyring) => "in the keyring",
        None => "in FORGEPORT_NEW_KEY: set FORGEPORT_KEY to it now",
    };
    output.data(&json!({ "workspaces": rotated.workspaces, "kept_in": kept }), || {
        format!("Replaced the master key; the new one is {kept}.\n")
    })
}

fn gather(args: SecretKeys, options: GivenOptions) -> Result<SecretValues> {
    let read = values::read(options)?.into_iter();
    let mut all: Vec<_> = read.map(|(key, value)| (key, value.text().clone())).collect();
    if let Some(file) = &args.values {
        all.extend(values::object(file)?);
    }
    for key in args.ask {
        let value = values::ask(&key)?;
        all.push((key, value));
    }
    let mut gathered = SecretValues::new();
    for (key, value) in all {
        if gathered.insert(key.clone(), value).is_some() {
            bail!("the key {key} was given more than once: give it one value");
        }
    }
    Ok(gathered)
}

/// How options refer to a secret.
async fn references(service: &Service, name: &str) -> Result<Vec<String>> {
    Ok(service.referable_keys(name).await?.iter().map(|key| format!("{{{{{name}.{key}}}}}")).collect())
}

async fn list(service: &Service, output: Output) -> Result<()> {
    let secrets = service.list_secrets().await?;
    output.data(&secrets, || {
        if secrets.is_empty() {
            return "No secrets yet: see `forgeport secret create --help`.\n".to_owned();
        }
        let mut rows = vec![["NAME", "KEYS"].map(str::to_owned).to_vec()];
        rows.extend(secrets.iter().map(|secret| vec![secret.name.clone(), secret.keys.join(", ")]));
        table(&rows)
    })
}

async fn describe(service: &Service, output: Output, name: &str, key: Option<String>, reveal: bool) -> Result<()> {
    let all = service.secret_keys(name).await?;
    let wanted = match key {
        Some(key) if !all.contains(&key) => {
            // The store's error lists the keys that there are.
            service.kept_value(name, &key).await?;
            vec![key]
        }
        Some(key) => vec![key],
        None => all,
    };
    let mut values = Map::new();
    for key in &wanted {
        let value = if reveal { service.kept_value(name, key).await?.to_string() } else { MASK.to_owned() };
        values.insert(key.clone(), Value::String(value));
    }
    let rows = |values: &Map<String, Value>| {
        let row = |(key, value): (&String, &Value)| vec![key.clone(), value.as_str().unwrap_or_default().to_owned()];
        table(&values.iter().map(row).collect::<Vec<_>>())
    };
    output.data(&json!({ "name": name, "values": values }), || rows(&values))
}
