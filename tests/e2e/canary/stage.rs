//! Where a token is given, and everything that is said is listened to.

use super::needles::{Needles, percent_encoded};
use crate::{
    scene::{Kind, Ran, Scene},
    status::git,
};
use forgeport_forge::{Access, Repository};
use std::{
    fs,
    io::Write,
    path::Path,
    process::{Child, Stdio},
};
use tempfile::TempDir;

/// A scene with a token that only the forge, the command line and the files in `given` know.
pub struct Stage {
    pub scene: Scene,
    pub kind: Kind,
    /// Where the test itself puts the token; outside of the scene.
    given: TempDir,
    pub token: String,
    pub needles: Needles,
    format: &'static str,
}

impl Stage {
    pub fn new(kind: Kind, random: &str, format: &'static str, repository: &Repository) -> Stage {
        let scene = Scene::with(repository);
        let beginning = match kind {
            Kind::Github => "github_pat_",
            Kind::Gitlab => "glpat-",
            Kind::Bitbucket => "ATCTT3x",
            Kind::Gitea => "",
        };
        let token = format!("{beginning}{random}");
        scene.forge.know(&token, kind.token(), Access::All);
        let given = tempfile::tempdir().unwrap();
        fs::write(given.path().join("token"), format!("{token}\n")).unwrap();
        fs::write(given.path().join("values.json"), serde_json::json!({ "token": token }).to_string()).unwrap();
        fs::write(given.path().join("broken.json"), format!("{{\"token\": {token:?}, }}")).unwrap();
        fs::write(given.path().join("list.json"), serde_json::json!({ "token": [token] }).to_string()).unwrap();
        for name in ["tmp", "user"] {
            fs::create_dir(scene.path(name)).unwrap();
        }
        let needles = Needles::of(&[(beginning, random)]);
        let stage = Stage { scene, kind, given, token, needles, format };
        stage.clone_repository(repository);
        stage
    }

    /// A checkout whose remote has the token in its URL, as many have it.
    fn clone_repository(&self, repository: &Repository) {
        git(self.given.path(), &["clone", "-q", repository.path().to_str().unwrap(), "checkout"]);
        let forge = &self.scene.forge;
        let url = match self.kind {
            Kind::Github => forge.github().web_url,
            Kind::Gitlab => forge.gitlab().instance_url,
            Kind::Bitbucket => forge.bitbucket().web_url,
            Kind::Gitea => forge.gitea().instance_url,
        };
        let encoded = percent_encoded(&self.token);
        let url = format!("{}/acme/demo.git", url.replace("http://", &format!("http://ada:{encoded}@")));
        git(&self.given.path().join("checkout"), &["remote", "set-url", "origin", &url]);
    }

    /// The option in each of its ways, and what is to come on standard input.
    pub fn ways(&self) -> [(String, &str); 3] {
        [
            (format!("--token={}", self.token), ""),
            (format!("--token=@{}", self.file("token")), ""),
            ("--token=@-".to_owned(), &self.token),
        ]
    }

    /// Where the test itself puts the token.
    pub fn given(&self) -> &Path {
        self.given.path()
    }

    pub fn file(&self, name: &str) -> String {
        self.given.path().join(name).display().to_string()
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        let output = format!("--output={}", self.format);
        let mut command = self.scene.command(&[&["--verbose", &output], arguments].concat());
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        command.env("TMPDIR", self.scene.path("tmp")).env("HOME", self.scene.path("user"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs a command, whatever comes of it, and listens.
    #[track_caller]
    pub fn listen(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self.start(arguments);
        // Who does not read it has ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        self.heard(arguments, child)
    }

    #[track_caller]
    pub fn heard(&self, arguments: &[&str], child: Child) -> Ran {
        let ran = Ran::of(child.wait_with_output().unwrap());
        for text in [&ran.stdout, &ran.stderr] {
            assert_eq!(self.needles.find(text.as_bytes()), None, "{:?} {arguments:?} says:\n{text}", self.kind);
        }
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.listen(arguments, "")
    }

    #[track_caller]
    pub fn good(&self, line: &str) -> Ran {
        self.run(&line.split(' ').collect::<Vec<_>>()).good()
    }

    #[track_caller]
    pub fn bad(&self, arguments: &[&str]) {
        let ran = self.run(arguments);
        assert!(matches!(ran.code, 1 | 2), "{arguments:?}: {}", ran.stderr);
    }

    /// `register NAME` with the options of the kind and one more.
    pub fn register(&self, name: &str, more: &str, input: &str) -> Ran {
        let mut arguments = vec!["code-repository".to_owned(), "register".into(), name.into()];
        arguments.extend(self.scene.options(self.kind));
        arguments.push(more.to_owned());
        self.listen(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), input)
    }

    /// `--type` or `--source` of the kind.
    pub fn provider(&self) -> String {
        self.scene.options(self.kind).remove(0)
    }

    #[track_caller]
    pub fn assert_silent_files(&self) {
        // The store, its key, compiled code, and more.
        assert!(self.needles.assert_silent_below(&self.scene.path("")) > 2);
    }
}
