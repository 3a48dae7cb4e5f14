//! The commands about code repositories.

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use forgeport_service::{ComponentSource, Digest, built_in_names};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum CodeRepositoryCommand {
    /// Register a code repository.
    #[command(override_usage = "forgeport register <NAME> --type=<TYPE> [--OPTION=VALUE ...]", after_help = REGISTER)]
    Register(RegisterArgs),
    /// List the registered code repositories.
    List,
    /// Show a code repository; credentials are masked.
    #[command(aliases = ["show", "get", "inspect"])]
    Describe {
        /// Name or id of the code repository, or the beginning of either.
        name: String,
    },
    /// Change a code repository.
    #[command(override_usage = "forgeport update <NAME> [--OPTION=VALUE ...]", after_help = UPDATE)]
    Update(UpdateArgs),
    /// Delete a code repository; nothing changes at the forge.
    Delete {
        /// Name of the code repository.
        name: String,
    },
    /// Download the files of a commit.
    #[command(
        override_usage = "\
forgeport download <NAME>@<REVISION> <DIRECTORY> [OPTIONS]",
        after_help = DOWNLOAD
    )]
    Download(DownloadArgs),
    /// List the options of a provider.
    #[command(alias = "option")]
    Options(ProviderArgs),
}

const REGISTER: &str = "\
Each provider has options of its own; --help together with --type or --source
lists them. Write --key=value or --key value; - and _ in a key are the same.

Credentials are encrypted in the store and never shown. They are given as
  --token={{NAME.KEY}}  a reference to a secret
  --token=@FILE         the content of a file, without its trailing newline
  --token=@-            standard input
  --token=VALUE         the value itself; write @@... if it begins with @
The first three are refused for other options, whose values the provider sees.

The plan is printed before anything is stored. A custom provider needs consent
to it: an answer on the terminal, --grant, --yes, or in scripts --approve with
the digest of a plan that was reviewed. The provider then logs in and looks for
the repository; if that fails, no changes are made.

Examples:
  forgeport register demo --type=github --owner=acme --repository=demo \\
      --token=@token.txt
  forgeport register demo --type=gitlab --group=acme/tools --project=demo \\
      --token={{gitlab.token}}
  forgeport register demo --source=bitbucket.wasm --workspace=acme \\
      --repository=demo
  forgeport register --type=gitlab --help";

const UPDATE: &str = "\
What is not given stays as it is. Options of the provider are set as with
`register`, removed with --unset, and tested before they are stored; --help
with a NAME lists them.

Examples:
  forgeport update demo --token=@new-token.txt
  forgeport update demo --unset=token --description='The demo'
  forgeport update demo --help";

const DOWNLOAD: &str = "\
A new directory appears in one step, with all files. An existing one is filled
in place, after all files have arrived and been verified; until then it
contains `.forgeport-unfinished`, and the same download finishes it. The files
are compared with the tree that the forge has for the commit; the output says
`verified`, or why not.

Examples:
  forgeport download demo@main code
  forgeport download demo@main models --subdirectory=src/package
  forgeport download demo --commit=main --directory=code";

#[derive(Debug, Args)]
pub struct ProviderArgs {
    /// Type of the code repository: a built-in provider, or custom with --source.
    #[arg(long = "type", value_name = "TYPE", value_parser = types())]
    pub kind: Option<String>,
    /// Component of a custom provider.
    #[arg(long, value_name = "FILE.wasm", value_hint = clap::ValueHint::FilePath)]
    pub source: Option<PathBuf>,
}

fn types() -> PossibleValuesParser {
    PossibleValuesParser::new(built_in_names().chain([ComponentSource::CUSTOM]))
}

/// What a custom provider may reach, and what it may use up.
#[derive(Debug, Args)]
pub struct GrantArgs {
    /// Grant a custom provider this origin of its plan (repeatable).
    #[arg(long, value_name = "ORIGIN")]
    pub grant: Vec<String>,
    /// Grant a custom provider everything in its plan, without asking.
    #[arg(long)]
    pub yes: bool,
    /// Grant the plan that has this digest, and refuse any other.
    #[arg(long, value_name = "PLAN-DIGEST", conflicts_with = "yes")]
    pub approve: Option<Digest>,
    /// Allow this origin, or all of the plan, to be on this machine or in a private network (repeatable).
    #[arg(long, value_name = "ORIGIN", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub allow_private: Vec<String>,
    /// Set a limit of the provider's calls, like memory=512MiB or memory=default (repeatable).
    #[arg(long, value_name = "LIMIT=VALUE")]
    pub limit: Vec<String>,
}

#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// Name for the code repository.
    pub name: String,
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// Description for people.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    #[command(flatten)]
    pub grants: GrantArgs,
}

#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// Name of the code repository.
    pub name: String,
    /// New name.
    #[arg(long, value_name = "NAME")]
    pub rename: Option<String>,
    /// New description; an empty one removes it.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// New component of a custom provider.
    #[arg(long, value_name = "FILE.wasm", value_hint = clap::ValueHint::FilePath)]
    pub source: Option<PathBuf>,
    /// Remove an option (repeatable).
    #[arg(long, value_name = "OPTION")]
    pub unset: Vec<String>,
    #[command(flatten)]
    pub grants: GrantArgs,
}

#[derive(Debug, Args)]
pub struct DownloadArgs {
    /// Name or id of the code repository, with the commit: an id, a branch or a tag.
    #[arg(value_name = "NAME[@REVISION]")]
    pub name: String,
    /// Directory to download to; it is created, or filled if it is empty.
    #[arg(value_name = "DIRECTORY", required_unless_present = "directory", value_hint = clap::ValueHint::DirPath)]
    pub target: Option<PathBuf>,
    /// Commit id, branch or tag, instead of @REVISION.
    #[arg(long, value_name = "REVISION")]
    pub commit: Option<String>,
    /// Instead of DIRECTORY.
    #[arg(long, value_name = "PATH", conflicts_with = "target", value_hint = clap::ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Download only this directory of the repository; its content lies directly in DIRECTORY.
    #[arg(long, value_name = "PATH")]
    pub subdirectory: Option<String>,
    /// Replace what is in DIRECTORY, except `lost+found` and mount points.
    #[arg(long)]
    pub force: bool,
}
