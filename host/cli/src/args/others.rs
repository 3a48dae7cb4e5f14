//! The commands about checkouts, providers, grants, the audit log and the cache.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// A directory in the checkout.
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    pub path: PathBuf,
    /// Ignore files that git does not track.
    #[arg(long)]
    pub no_untracked: bool,
    /// Ask the forge whether it has the commit, instead of using what was last fetched.
    #[arg(long)]
    pub fetch: bool,
}

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Show what a provider contains and requests, without registering it.
    #[command(aliases = ["inspect", "show", "get"])]
    Describe {
        /// Type of a built-in provider, or the file of a component.
        #[arg(value_name = "TYPE | FILE.wasm", value_hint = clap::ValueHint::FilePath)]
        provider: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum GrantsCommand {
    /// List the grants of all code repositories.
    List,
    /// Show a code repository's access, credentials and limits.
    #[command(aliases = ["show", "get", "inspect"])]
    Describe {
        /// Name or id of the code repository, or the beginning of either.
        name: String,
    },
    /// Revoke a grant, or a built-in provider's access to a private network.
    Revoke {
        /// Name of the code repository.
        name: String,
        /// The origin, as `grants describe` shows it.
        origin: String,
    },
    /// Explain whether a request would be allowed, and by which rule.
    #[command(after_help = EXPLAIN)]
    Explain {
        /// Name or id of the code repository, or the beginning of either.
        name: String,
        /// HTTP method, like GET.
        method: String,
        /// Complete URL.
        url: String,
    },
}

const EXPLAIN: &str = "\
No request is made. Exit codes: 0 allowed, 1 refused or failed.

Example:
  forgeport grants explain demo GET https://api.github.com/user";

pub const AUDIT: &str = "\
Requests of providers, and changes of code repositories, grants, secrets and
keys. Each redirect and each retry is a request of its own; equal refusals are one
record with a count. Values in a query are not shown. For each code repository
the newest 50,000 requests and 5,000 refusals are kept, for 400 days.

Examples:
  forgeport audit --repository=demo --since=1h
  forgeport audit --refused";

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Only records of this code repository.
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
    /// Only records since then: a duration like 90m or 7d, or a date like 2026-01-31 or
    /// 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only refused requests.
    #[arg(long)]
    pub refused: bool,
    /// Show at most this many, the newest.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub last: u32,
}

#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Show the size and the limit of the cache.
    #[command(aliases = ["describe", "get", "inspect"])]
    Show,
    /// Remove everything from the cache.
    Clear,
}
