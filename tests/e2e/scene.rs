//! A forge, a home of its own, and the binary.

use forgeport_forge::{Access, Forge, Logged, Repository, TokenKind};
use serde_json::Value;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// Where a test plays; it goes with everything in it.
pub struct Scene {
    pub forge: Forge,
    directory: TempDir,
}

/// What a run of the binary gave.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The four kinds of forge that have a provider here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Github,
    Gitlab,
    Bitbucket,
    Gitea,
}

impl Kind {
    /// The usual kind of token.
    pub fn token(self) -> TokenKind {
        match self {
            Kind::Github => TokenKind::GithubFineGrained,
            Kind::Gitlab => TokenKind::GitlabPersonal,
            Kind::Bitbucket => TokenKind::BitbucketAccess,
            Kind::Gitea => TokenKind::Gitea,
        }
    }
}

pub const KINDS: [Kind; 4] = [Kind::Github, Kind::Gitlab, Kind::Bitbucket, Kind::Gitea];

/// The component of a provider that is not built in.
pub fn component(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../providers/artifacts/{name}.wasm"))
}

impl Scene {
    /// A scene where `acme/demo` is private and holds `repository`.
    pub fn with(repository: &Repository) -> Scene {
        let scene = Scene { forge: Forge::start(), directory: tempfile::tempdir().unwrap() };
        scene.forge.add_private("acme/demo", repository);
        scene
    }

    /// A path in the scene's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn command(&self, arguments: &[impl AsRef<str>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forgeport"));
        command.args(arguments.iter().map(AsRef::as_ref)).current_dir(self.directory.path());
        command.env_clear().env("FORGEPORT_HOME", self.path("home")).env("PATH", std::env::var_os("PATH").unwrap());
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[impl AsRef<str>]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// As [`run`](Self::run), with something on standard input.
    pub fn run_with_input(&self, arguments: &[impl AsRef<str>], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }

    /// What `register` needs for `acme/demo`, without a credential.
    pub fn options(&self, kind: Kind) -> Vec<String> {
        let options: &[(&str, String)] = &match kind {
            Kind::Github => {
                let urls = self.forge.github();
                vec![
                    ("type", "github".into()),
                    ("owner", "acme".into()),
                    ("repository", "demo".into()),
                    ("api_url", urls.api_url),
                    ("codeload_url", urls.codeload_url),
                    ("host", urls.host),
                ]
            }
            Kind::Gitlab => vec![
                ("type", "gitlab".into()),
                ("group", "acme".into()),
                ("project", "demo".into()),
                ("instance_url", self.forge.gitlab().instance_url),
            ],
            Kind::Bitbucket => {
                let urls = self.forge.bitbucket();
                vec![
                    ("source", component("bitbucket").display().to_string()),
                    ("workspace", "acme".into()),
                    ("repository", "demo".into()),
                    ("api_url", format!("{}/2.0", urls.api_url)),
                    ("web_url", urls.web_url),
                ]
            }
            Kind::Gitea => vec![
                ("source", component("gitea").display().to_string()),
                ("owner", "acme".into()),
                ("repository", "demo".into()),
                ("instance_url", self.forge.gitea().instance_url),
            ],
        };
        let mut all: Vec<String> = options.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        all.push("--allow-private".into());
        if matches!(kind, Kind::Bitbucket | Kind::Gitea) {
            all.push("--yes".into());
        }
        all
    }

    /// A token of the usual kind that may read everything.
    pub fn token(&self, kind: Kind) -> String {
        self.forge.token(kind.token(), Access::All)
    }

    /// Runs `register demo` for `acme/demo` with more options.
    pub fn try_register(&self, kind: Kind, more: &[String]) -> Ran {
        let mut arguments: Vec<String> = ["code-repository", "register", "demo"].map(str::to_owned).to_vec();
        arguments.extend(self.options(kind));
        arguments.extend_from_slice(more);
        self.run(&arguments)
    }

    /// Registers `acme/demo` as `demo` with a token, which is returned.
    pub fn register(&self, kind: Kind) -> String {
        let token = self.token(kind);
        self.try_register(kind, &[format!("--token={token}")]).good();
        token
    }

    /// Runs `download demo` into `name`.
    pub fn download(&self, commit: &str, name: &str, more: &[&str]) -> Ran {
        let directory = format!("--directory={name}");
        let commit = format!("--commit={commit}");
        let mut arguments = vec!["--output=json", "code-repository", "download", "demo", &commit, &directory];
        arguments.extend_from_slice(more);
        self.run(&arguments)
    }

    /// Requests that brought the files of a commit, as an archive or by git.
    pub fn bulk_requests(&self) -> usize {
        let by_git = |request: &&Logged| request.method == "POST" && request.target.ends_with("/git-upload-pack");
        self.forge.archive_requests() + self.forge.requests().iter().filter(by_git).count()
    }

    /// Changes the store's database itself, and takes away what would tell.
    pub fn edit_store(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.path("home/data/forgeport.db")).unwrap();
        database.execute_batch(sql).unwrap();
        let _ = std::fs::remove_file(self.path("home/data/forgeport.sum"));
    }

    /// The registered names.
    pub fn names(&self) -> Vec<String> {
        let listed = self.run(&["code-repository", "list", "--output=json"]).good().json();
        listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// It must have succeeded.
    #[track_caller]
    pub fn good(self) -> Ran {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    /// It must have failed with a message of one line, which is returned.
    #[track_caller]
    pub fn bad(self) -> String {
        self.ended(1)
    }

    /// It must have ended with this code and a message of one line.
    #[track_caller]
    pub fn ended(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        let mut errors = self.stderr.lines().filter(|line| line.starts_with("error: "));
        let error = errors.next().unwrap_or_else(|| panic!("no error: {}", self.stderr)).to_owned();
        assert!(self.stderr.trim_end().ends_with(&error), "{}", self.stderr);
        error
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}
