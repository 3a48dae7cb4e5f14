//! What can be asked.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EVERYWHERE: &str = "Options of every command";

const EXIT: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage.
FORGEPORT_HOME names a directory for everything that is kept.
FORGEPORT_KEY, 32 bytes in hex or base64, replaces the key file.
FORGEPORT_CA_FILE names certificates in PEM or DER that are trusted beside the system's.
FORGEPORT_POLICY names the operator's policy, where there is no /etc/forgeport/policy.toml.
HTTPS_PROXY, HTTP_PROXY and NO_PROXY are heeded.";

/// Ties every run of a pipeline to the exact code that made it.
#[derive(Debug, Parser)]
#[command(name = "forgeport", version, after_help = EXIT, arg_required_else_help = true)]
pub struct Cli {
    /// How to print data.
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT", help_heading = EVERYWHERE)]
    pub output: Format,
    /// Say what is done, on standard error.
    #[arg(long, short, global = true, help_heading = EVERYWHERE)]
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
    /// Register, look at, change and download code repositories.
    #[command(arg_required_else_help = true)]
    CodeRepository {
        #[command(subcommand)]
        command: CodeRepositoryCommand,
    },
    /// Which registered code repository a checkout is one of, its commit, and whether anything differs from it.
    Status(StatusArgs),
    /// Keep credentials, encrypted; options refer to them as {{NAME.KEY}}.
    #[command(arg_required_else_help = true)]
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
    },
    /// Look at providers.
    #[command(arg_required_else_help = true)]
    Provider {
        #[command(subcommand)]
        command: ProviderCommand,
    },
    /// What providers may reach: show it, explain it, take it away.
    #[command(arg_required_else_help = true)]
    Grants {
        #[command(subcommand)]
        command: GrantsCommand,
    },
    /// Every request that providers made or tried to make.
    #[command(after_help = AUDIT)]
    Audit(AuditArgs),
    /// Show or clear the downloads that are kept for the next time.
    #[command(arg_required_else_help = true)]
    Cache {
        #[command(subcommand)]
        command: CacheCommand,
    },
    /// Print a completion script for a shell.
    #[command(
        after_help = "For example: forgeport completions bash > ~/.local/share/bash-completion/completions/forgeport"
    )]
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub enum CodeRepositoryCommand {
    /// Register a code repository, after its credentials have been tried.
    #[command(override_usage = "forgeport code-repository register <NAME> --type=<TYPE> [--OPTION=VALUE ...]", after_help = REGISTER)]
    Register(RegisterArgs),
    /// List the registered code repositories.
    List,
    /// Show one code repository; credentials are never shown.
    Describe {
        /// Its name, its id, or the beginning of either.
        name: String,
    },
    /// Change a code repository; what is not given stays.
    #[command(override_usage = "forgeport code-repository update <NAME> [--OPTION=VALUE ...]", after_help = UPDATE)]
    Update(UpdateArgs),
    /// Forget a code repository.
    Delete {
        /// Its name.
        name: String,
    },
    /// Show the options that a provider takes, as its component tells them.
    Options(ProviderArgs),
    /// Download the files of a commit, all or none.
    #[command(after_help = DOWNLOAD)]
    Download(DownloadArgs),
}

const AUDIT: &str = "\
Each redirect and each repetition is a request of its own; equal refusals are one entry with their
number. Paths are shown, values in a query are not. Each code repository keeps its newest 50,000
requests and 5,000 refusals, for 400 days.

Examples:
  forgeport audit --repository=demo --since=1h
  forgeport audit --refused";

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Show what a component is made of and asks for, without trusting it.
    Inspect {
        /// github, gitlab, or the file of a component.
        #[arg(value_name = "FILE.wasm | TYPE")]
        provider: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum GrantsCommand {
    /// List what was granted, for all code repositories.
    List,
    /// Show what is requested, granted and allowed for one code repository, its credentials and limits.
    Show {
        /// Its name, its id, or the beginning of either.
        name: String,
    },
    /// Take a grant away from a custom provider, or from a built-in one the leave to go into a private network.
    Revoke {
        /// The code repository's name.
        name: String,
        /// The origin, as `grants show` has it.
        origin: String,
    },
    /// Tell whether a request would be let out, by which rule, and what would change that.
    #[command(after_help = "For example: forgeport grants explain demo GET https://api.github.com/user")]
    Explain {
        /// The code repository: its name, its id, or the beginning of either.
        name: String,
        /// GET, POST, ...
        method: String,
        /// The whole URL.
        url: String,
    },
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Only this code repository's.
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
    /// Only from then on: a span like 90m or 7d, or a date like 2026-01-31 or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only those that were not let out.
    #[arg(long)]
    pub refused: bool,
    /// The newest so many.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub last: u32,
}

#[derive(Debug, Args)]
pub struct GrantArgs {
    /// Grant a custom provider this origin, which it asks for (may be repeated).
    #[arg(long, value_name = "ORIGIN")]
    pub grant: Vec<String>,
    /// Grant a custom provider all that it asks for, without a question.
    #[arg(long)]
    pub yes: bool,
    /// Allow this origin, or all that are asked for, to be on this machine or in a private network (may be repeated).
    #[arg(long, value_name = "ORIGIN", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub allow_private: Vec<String>,
    /// Change what a call may use up, as in memory=512MiB or memory=default; `grants show` lists them (may be repeated).
    #[arg(long, value_name = "LIMIT=VALUE")]
    pub limit: Vec<String>,
}

const REGISTER: &str = "\
The options are the provider's own; `forgeport code-repository options --type=<TYPE>` lists them.
--key=value and --key value are the same, and so are - and _ in a key.
A credential {{NAME.KEY}} is taken from a secret, @FILE is read from a file (without its trailing
newline), @- from standard input; @@ stands for an @ at the beginning. The provider sees no
credential, and all other values, so the three are refused where it would see them.
Credentials are encrypted when they are stored, and never shown again.

Examples:
  forgeport code-repository register demo --type=github --owner=acme --repository=demo \\
      --token=@token.txt
  forgeport code-repository register demo --type=gitlab --group=acme/tools --project=demo \\
      --token={{gitlab.token}}
  forgeport code-repository register demo --source=bitbucket.wasm --workspace=acme \\
      --repository=demo";

const UPDATE: &str = "\
Options of the provider are set as with `register`, and removed with --unset. They are tried
before they are stored. Name and description change without any network.

Examples:
  forgeport code-repository update demo --token=@new-token.txt
  forgeport code-repository update demo --unset=token --description='The demo'";

const DOWNLOAD: &str = "\
A directory that does not exist appears in one step: whoever looks sees all files or none. One
that exists stays the same directory and is filled in place, once all is there and judged; until
it is complete it holds `.forgeport-unfinished`, and the same download again finishes it. The tree
is compared with what the forge says of the commit; the answer tells `verified`, or why not.

Example:
  forgeport code-repository download demo --commit=main --directory=code";

#[derive(Debug, Args)]
pub struct ProviderArgs {
    /// github, gitlab or custom.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// The component of a custom provider.
    #[arg(long, value_name = "FILE.wasm")]
    pub source: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// What to call it.
    pub name: String,
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// A text for people.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    #[command(flatten)]
    pub grant_options: GrantArgs,
}

#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// Its name.
    pub name: String,
    /// Call it differently.
    #[arg(long, value_name = "NAME")]
    pub rename: Option<String>,
    /// Change the text for people; an empty one removes it.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A new component for a custom provider.
    #[arg(long, value_name = "FILE.wasm")]
    pub source: Option<PathBuf>,
    /// Remove an option (may be repeated).
    #[arg(long, value_name = "OPTION")]
    pub unset: Vec<String>,
    #[command(flatten)]
    pub grant_options: GrantArgs,
}

#[derive(Debug, Args)]
pub struct DownloadArgs {
    /// The code repository: its name, its id, or the beginning of either.
    pub name: String,
    /// A commit id, a branch or a tag.
    #[arg(long, value_name = "REVISION")]
    pub commit: String,
    /// Only this directory of the repository; its content lies directly in the target.
    #[arg(long, value_name = "PATH")]
    pub subdirectory: Option<String>,
    /// Where to; made if it does not exist, otherwise filled. Mount points and `.` are fine.
    #[arg(long, value_name = "PATH")]
    pub directory: PathBuf,
    /// Remove what is in the directory and not of the commit, except `lost+found` and what is
    /// mounted in it.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// A directory in a checkout.
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Files that git does not track do not count as changes.
    #[arg(long)]
    pub no_untracked: bool,
    /// Ask the forge whether it has the commit, instead of judging by what was last fetched.
    #[arg(long)]
    pub fetch: bool,
}

#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Show how much is kept, and how much may be.
    Show,
    /// Remove all that is kept.
    Clear,
}

#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Create a secret.
    #[command(override_usage = "forgeport secret create <NAME> --KEY=VALUE ...", after_help = SECRET)]
    Create(SecretValues),
    /// List the secrets, without their values.
    List,
    /// Show a secret; its values only if asked.
    Get {
        /// Its name.
        name: String,
        /// Only this key.
        key: Option<String>,
        /// Show the values.
        #[arg(long)]
        reveal: bool,
    },
    /// Set or remove values of a secret; the others stay.
    #[command(override_usage = "forgeport secret update <NAME> [--KEY=VALUE ...] [--unset=KEY ...]", after_help = UPDATE_SECRET)]
    Update {
        #[command(flatten)]
        values: SecretValues,
        /// Remove a key (may be repeated).
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
    },
    /// Give a secret another name; code repositories that refer to it follow.
    Rename {
        /// Its name.
        name: String,
        /// The new one.
        new_name: String,
    },
    /// Encrypt everything that is kept with a new key, and forget the old one.
    #[command(after_help = ROTATE)]
    RotateKey {
        /// Where to keep the new key; where the old one is, if nothing is said.
        #[arg(long, value_enum, value_name = "PLACE")]
        keep_in: Option<KeepIn>,
    },
    /// Delete a secret that no code repository refers to.
    Delete {
        /// Its name.
        name: String,
        /// Delete it although code repositories refer to it.
        #[arg(long)]
        force: bool,
    },
}

const ROTATE: &str = "\
Whatever ends it at whatever moment, the store opens with the old key or with the new one. Where the
key is in FORGEPORT_KEY, the new one is taken from FORGEPORT_NEW_KEY (32 bytes in hex or base64);
change the variable then.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeepIn {
    /// In a file beside the store that only its owner may read.
    File,
    /// In the system's keyring (on Linux the Secret Service).
    Keyring,
}

const SECRET: &str = "\
--key=value and --key value are the same. A value @FILE is read from a file (without its trailing
newline), @- from standard input; @@ stands for an @ at the beginning. Others on the machine can
see what stands on a command line: --ask and @ avoid that.

Examples:
  forgeport secret create github --ask=token
  forgeport secret create github --token=@token.txt
  forgeport secret create github --values=values.json

Short-lived tokens are made by the host from a secret that has a key `mint`; options refer to its
key `token`, and get one that is good for at least two minutes:
  forgeport secret create app --mint=github-app --app_id=12345 --installation_id=678 \\
      --private_key=@app.pem [--api_url=https://github.example.com/api/v3]
  forgeport secret create consumer --mint=oauth-client --client_id=... --client_secret=@file \\
      --token_url=https://bitbucket.org/site/oauth2/access_token [--scope=...]
--allow_private=true lets the address be in a private network.";

const UPDATE_SECRET: &str = "\
Values are given as with `create`; those that are not named stay as they are.

Examples:
  forgeport secret update github --token=@new-token.txt
  forgeport secret update github --ask=token --unset=user";

#[derive(Debug, Args)]
pub struct SecretValues {
    /// The secret's name.
    pub name: String,
    /// Ask for the value of this key, without showing it (may be repeated).
    #[arg(long, value_name = "KEY")]
    pub ask: Vec<String>,
    /// Keys and values as an object in JSON, from a file or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub values: Option<PathBuf>,
}
