//! `forgeport provider`.

use crate::{
    args::ProviderCommand,
    output::{Output, escape_untrusted, table},
    progress::bytes,
    terms::{kind_of, placed},
};
use anyhow::Result;
use forgeport_service::{ComponentSource, Condition, Description, Inspection, Service, component_source};
use std::path::Path;

pub async fn run(service: &Service, output: Output, command: ProviderCommand) -> Result<()> {
    let ProviderCommand::Describe { provider } = command;
    let source = if Path::new(&provider).is_file() || provider.contains(['/', '.']) {
        ComponentSource::File(provider.into())
    } else {
        component_source(Some(&provider), None)?
    };
    let inspection = service.inspect(&source).await?;
    output.data(&inspection, || text(&inspection))
}

fn text(inspection: &Inspection) -> String {
    let Inspection { digest, size, world, imports, foreign, exports, modules, producers, description, problem } =
        inspection;
    let mut rows = Rows::default();
    rows.add("sha256", &digest.to_string());
    rows.add("size", &bytes(*size as u64));
    rows.add("world", world.as_deref().unwrap_or("none that Forgeport supports"));
    for import in imports {
        let refused = if foreign.contains(import) { " (refused: providers do not get this)" } else { "" };
        rows.add("imports", &format!("{import}{refused}"));
    }
    exports.iter().for_each(|export| rows.add("exports", export));
    rows.add("core modules", &modules.to_string());
    producers.iter().for_each(|producer| rows.add("made by", producer));
    if let Some(description) = description {
        describe(&mut rows, description);
    }
    if let Some(problem) = problem {
        rows.add("problem", problem);
    }
    table(&rows.0)
}

fn describe(rows: &mut Rows, description: &Description) {
    let Description { name, version, summary, options, needs, credentials, remote_hosts } = description;
    rows.add("name", name);
    rows.add("version", version);
    rows.add("summary", summary);
    for option in options {
        let kind = match kind_of(option) {
            "" => String::new(),
            kind => format!(" ({kind})"),
        };
        rows.add("option", &format!("--{}{kind}: {}", option.name, option.help));
    }
    for need in needs {
        let methods = if need.methods.is_empty() { "GET, HEAD".to_owned() } else { need.methods.join(", ") };
        let paths = if need.paths.is_empty() { String::new() } else { format!("; below {}", need.paths.join(", ")) };
        rows.add("needs", &format!("{} ({methods}{paths}){}", need.origin, when(&need.conditions)));
    }
    for rule in credentials {
        let how = placed(&rule.placement);
        rows.add("sends", &format!("--{} to {} {how}{}", rule.option, rule.origin, when(&rule.conditions)));
    }
    remote_hosts.iter().for_each(|host| rows.add("remote host", host));
}

fn when(conditions: &[Condition]) -> String {
    let words = |condition: &Condition| match condition {
        Condition::Given(name) => format!("--{name} is given"),
        Condition::Absent(name) => format!("--{name} is not given"),
        Condition::Equals(name, value) => format!("--{name} is {value:?}"),
        Condition::StartsWith(name, start) => format!("--{name} begins with {start:?}"),
    };
    match conditions {
        [] => String::new(),
        all => format!(", if {}", all.iter().map(words).collect::<Vec<_>>().join(" and ")),
    }
}

#[derive(Default)]
struct Rows(Vec<Vec<String>>);

impl Rows {
    /// Every value comes from a file of unknown origin.
    fn add(&mut self, title: &str, value: &str) {
        self.0.push(vec![title.to_owned(), escape_untrusted(value)]);
    }
}
