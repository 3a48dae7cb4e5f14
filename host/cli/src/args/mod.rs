//! The commands and their options, as clap reads and explains them.
//!
//! | command | short form | is about |
//! | --- | --- | --- |
//! | `code-repository VERB` | `VERB`, as in `forgeport list` | code repositories; the noun may be left out |
//! | `secret VERB`, `provider VERB`, `grants VERB`, `cache VERB` | | what the noun says |
//! | `status`, `audit`, `completion` | | one thing each |
//!
//! Nouns are understood in singular and plural, and `describe` shows whatever has a name; older verbs are hidden aliases.

mod code_repository;
mod others;
mod secret;

pub use code_repository::{CodeRepositoryCommand, DownloadArgs, GrantArgs, ProviderArgs, RegisterArgs, UpdateArgs};
pub use others::{AuditArgs, CacheCommand, GrantsCommand, ProviderCommand, StatusArgs};
pub use secret::{KeepIn, SecretCommand, SecretKeys};

use clap::{Parser, Subcommand, ValueEnum};

const GLOBAL: &str = "Global options";

const AFTER: &str = "\
Exit codes: 0 success, 1 failure, 2 wrong usage.

Environment variables:
  FORGEPORT_HOME     directory for all data and caches
  FORGEPORT_KEY      32 bytes in hex or base64, used instead of the key file
  FORGEPORT_CA_FILE  certificates in PEM or DER, trusted beside the system's
  FORGEPORT_POLICY   policy file, if there is no /etc/forgeport/policy.toml
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  as usual

Get started:
  forgeport register --help";

/// Register code repositories, and download their files at an exact commit.
#[derive(Debug, Parser)]
#[command(name = "forgeport", version, after_help = AFTER, arg_required_else_help = true)]
pub struct Cli {
    /// Output format.
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT", help_heading = GLOBAL)]
    pub output: Format,
    /// Log each step to standard error.
    #[arg(long, short, global = true, help_heading = GLOBAL)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    // For people.
    Text,
    // For programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The commands about code repositories, without the noun.
    #[command(flatten)]
    Short(CodeRepositoryCommand),
    /// Show a checkout's commit, changes and code repository.
    Status(StatusArgs),
    /// Manage secrets: encrypted credentials that options refer to.
    #[command(arg_required_else_help = true, alias = "secrets")]
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
    },
    /// Inspect providers.
    #[command(arg_required_else_help = true, alias = "providers")]
    Provider {
        #[command(subcommand)]
        command: ProviderCommand,
    },
    /// Show, explain and revoke the network access of providers.
    #[command(arg_required_else_help = true, alias = "grant")]
    Grants {
        #[command(subcommand)]
        command: GrantsCommand,
    },
    /// List the network requests that providers made.
    #[command(after_help = others::AUDIT)]
    Audit(AuditArgs),
    /// Show or clear the download cache.
    #[command(arg_required_else_help = true, alias = "caches")]
    Cache {
        #[command(subcommand)]
        command: CacheCommand,
    },
    /// Manage code repositories: the first seven commands, in full.
    #[command(
        arg_required_else_help = true,
        visible_alias = "repo",
        aliases = ["code-repositories", "repos"]
    )]
    CodeRepository {
        #[command(subcommand)]
        command: CodeRepositoryCommand,
    },
    /// Print a completion script for a shell.
    #[command(
        alias = "completions",
        after_help = "\
Example:
  forgeport completion bash \\
      > ~/.local/share/bash-completion/completions/forgeport"
    )]
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}
