//! The commands about secrets.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Create a secret.
    #[command(override_usage = "forgeport secret create <NAME> [--KEY=VALUE ...]", after_help = CREATE)]
    Create(SecretKeys),
    /// List the secrets, without values.
    List,
    /// Show a secret; values are masked unless --reveal is given.
    #[command(aliases = ["get", "show", "inspect"])]
    Describe {
        /// Name of the secret.
        name: String,
        /// Show only this key.
        key: Option<String>,
        /// Show the values.
        #[arg(long)]
        reveal: bool,
    },
    /// Set or remove keys of a secret.
    #[command(override_usage = "forgeport secret update <NAME> [--KEY=VALUE ...] [--unset=KEY ...]", after_help = UPDATE)]
    Update {
        #[command(flatten)]
        values: SecretKeys,
        /// Remove a key (repeatable).
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
    },
    /// Rename a secret, and all references to it.
    Rename {
        /// Name of the secret.
        name: String,
        /// New name.
        new_name: String,
    },
    /// Replace the master key, which encrypts the keys of the values.
    #[command(after_help = ROTATE)]
    RotateKey {
        /// Where to keep the new key; by default where the old one is.
        #[arg(long, value_enum, value_name = "PLACE")]
        keep_in: Option<KeepIn>,
    },
    /// Delete a secret.
    Delete {
        /// Name of the secret.
        name: String,
        /// Delete it even if code repositories refer to it.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeepIn {
    /// In a file beside the store that only its owner may read.
    File,
    /// In the system's keyring (on Linux the Secret Service).
    Keyring,
}

const ROTATE: &str = "\
If it is interrupted, the store opens with the old key or with the new one. If
the key is in FORGEPORT_KEY, the new one is read from FORGEPORT_NEW_KEY (32
bytes in hex or base64); set FORGEPORT_KEY to it afterwards.";

const CREATE: &str = "\
Any key can be used: write --key=value or --key value. A value @FILE is the
content of a file, without its trailing newline; @- is standard input; write
@@... for a value that begins with @. Other users of the machine can see
command lines: --ask and @FILE avoid that.

Examples:
  forgeport secret create github --ask=token
  forgeport secret create github --token=@token.txt
  forgeport secret create github --values=values.json

Short-lived tokens: Forgeport creates them from a secret that has a key `mint`.
Options refer to its key `token`, and get one that is valid for at least two
minutes. With --allow_private=true the server may be in a private network.
  forgeport secret create app --mint=github-app --app_id=12345 \\
      --installation_id=678 --private_key=@app.pem \\
      [--api_url=https://github.example.com/api/v3]
  forgeport secret create consumer --mint=oauth-client --client_id=... \\
      --client_secret=@file [--scope=...] \\
      --token_url=https://bitbucket.org/site/oauth2/access_token";

const UPDATE: &str = "\
Values are given as with `create`. Keys that are not given stay as they are.

Examples:
  forgeport secret update github --token=@new-token.txt
  forgeport secret update github --ask=token --unset=user";

#[derive(Debug, Args)]
pub struct SecretKeys {
    /// Name of the secret.
    pub name: String,
    /// Ask for the value of this key on the terminal, without showing it (repeatable).
    #[arg(long, value_name = "KEY")]
    pub ask: Vec<String>,
    /// Read keys and values from a JSON object in a file, or - for standard input.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub values: Option<PathBuf>,
}
