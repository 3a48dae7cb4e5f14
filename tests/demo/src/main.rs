//! Shows the main job without the internet: a forge on loopback, two kinds of code repositories, downloads, and a checkout. Everything
//! happens in a temporary directory that is removed at the end.

use anyhow::{Context, Result, ensure};
use forgeport_forge::{Access, Forge, Repository, TokenKind, samples};
use std::{
    env,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};
use tempfile::TempDir;

/// The name under which the command is started.
const COMMAND: &str = "forgeport";

struct Demo {
    forgeport: PathBuf,
    directory: TempDir,
}

fn main() -> ExitCode {
    // For each command that is shown this program starts itself again, as the command: so there is one program to build.
    if env::args_os().next().is_some_and(|name| name == COMMAND) {
        return forgeport_cli::main();
    }
    match show() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn show() -> Result<()> {
    let demo = Demo { forgeport: env::current_exe()?, directory: tempfile::tempdir()? };
    let repository = samples::small();
    let forge = Forge::start();
    forge.add_private("acme/demo", &repository);

    say(
        "A forge for tests runs on loopback; it answers like GitHub and like Gitea, and holds the private repository acme/demo.",
    );
    say(
        "Register it as on GitHub. The token is kept in a secret, and the provider never sees it. Without --allow-private nothing\n\
        on this machine could be reached:",
    );
    let token = forge.token(TokenKind::GithubFineGrained, Access::All);
    demo.forgeport(&["secret", "create", "forge", &format!("--token={token}")])?;
    let urls = forge.github();
    let (api, codeload) = (format!("--api_url={}", urls.api_url), format!("--codeload_url={}", urls.codeload_url));
    let host = format!("--host={}", urls.host);
    let local = "--allow-private";
    let place = ["--owner=acme", "--repository=demo"];
    let token = "--token={{forge.token}}";
    let github = [
        "code-repository",
        "register",
        "demo",
        "--type=github",
        place[0],
        place[1],
        token,
        &api,
        &codeload,
        &host,
        local,
    ];
    demo.forgeport(&github)?;

    say("Download a commit. What the archive leaves out (export-ignore) or alters (export-subst) is fetched singly:");
    demo.download("demo", "code", &repository)?;
    demo.tree("code")?;

    say("The same commit again comes from the cache, without an archive request:");
    demo.download("demo", "again", &repository)?;

    say("A checkout knows which code repository it is one of:");
    let checkout = demo.directory.path().join("checkout");
    git(&["clone", "-q", &repository.path().to_string_lossy(), &checkout.to_string_lossy()], Path::new("/"))?;
    git(&["remote", "set-url", "origin", &format!("{}/acme/demo.git", urls.web_url)], &checkout)?;
    std::fs::write(checkout.join("note.txt"), "not committed\n")?;
    demo.forgeport(&["status", "checkout"])?;

    say("A provider of your own is a component. This one, for Gitea and Forgejo, was written with the SDK alone:");
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../providers/artifacts/gitea.wasm");
    std::fs::copy(&component, demo.directory.path().join("gitea.wasm")).context("the component of Gitea is missing")?;
    let token = format!("--token={}", forge.token(TokenKind::Gitea, Access::All));
    let instance = format!("--instance_url={}", forge.gitea().instance_url);
    let custom = ["--source=gitea.wasm", "--yes", local];
    let gitea =
        ["code-repository", "register", "own", custom[0], custom[1], custom[2], place[0], place[1], &token, &instance];
    demo.forgeport(&gitea)?;
    demo.download("own", "own", &repository)?;
    demo.forgeport(&["code-repository", "list"])?;

    say(
        "Every request of a provider is written down, with the rule that let it out and the names of the secrets in it:",
    );
    demo.forgeport(&["audit", "--repository=own"])?;
    demo.refused(&["grants", "explain", "own", "GET", "https://evil.example/?token=..."])?;

    say("All of it was right: each download has the tree that git says the commit has.");
    Ok(())
}

impl Demo {
    /// Shows a command and runs it.
    fn forgeport(&self, arguments: &[&str]) -> Result<()> {
        ensure!(self.run(arguments)? == Some(0), "forgeport failed");
        Ok(())
    }

    /// As [`forgeport`](Self::forgeport), for one that answers no.
    fn refused(&self, arguments: &[&str]) -> Result<()> {
        ensure!(self.run(arguments)? == Some(1), "forgeport refused nothing");
        Ok(())
    }

    fn run(&self, arguments: &[&str]) -> Result<Option<i32>> {
        self.show("forgeport", arguments);
        let mut command = Command::new(&self.forgeport);
        command
            .arg0(COMMAND)
            .args(arguments)
            .current_dir(self.directory.path())
            .env("FORGEPORT_HOME", self.directory.path().join("home"));
        Ok(command.status().context("forgeport does not start")?.code())
    }

    /// Downloads, and lets git compute the tree of what lies there.
    fn download(&self, name: &str, directory: &str, repository: &Repository) -> Result<()> {
        let directory = format!("--directory={directory}");
        let arguments = ["code-repository", "download", name, "--commit=main", &directory, "--output=json"];
        self.show("forgeport", &arguments);
        let mut command = Command::new(&self.forgeport);
        command
            .arg0(COMMAND)
            .args(arguments)
            .current_dir(self.directory.path())
            .env("FORGEPORT_HOME", self.directory.path().join("home"));
        let output = command.output().context("forgeport does not start")?;
        let text = String::from_utf8_lossy(&output.stdout);
        print!("{text}");
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "forgeport failed");
        ensure!(text.contains(&repository.tree()), "the tree is not the commit's, {}", repository.tree());
        println!("git says: main^{{tree}} is {}", repository.tree());
        Ok(())
    }

    fn tree(&self, directory: &str) -> Result<()> {
        self.show("ls", &["-R", "-1", directory]);
        let mut command = Command::new("ls");
        let status = command.args(["-R", "-1", directory]).current_dir(self.directory.path()).status()?;
        ensure!(status.success(), "ls failed");
        Ok(())
    }

    fn show(&self, program: &str, arguments: &[&str]) {
        println!("\n$ {program} {}", arguments.join(" "));
    }
}

fn say(text: &str) {
    println!("\n# {text}");
}

fn git(arguments: &[&str], directory: &Path) -> Result<()> {
    let status = Command::new("git").args(arguments).current_dir(directory).status().context("git is needed")?;
    ensure!(status.success(), "git {} failed", arguments.join(" "));
    Ok(())
}
