#![allow(clippy::unwrap_used)]

use forgeport_provider::testing::{answer, asked, resolve};
use forgeport_provider::{Kind, SecretUse};

use super::*;

pub(super) const API: &str = "https://h.example/git/api/v1/repos/ada/demo";
const ID: &str = "ed899a2f4b50b4370feeea94676502b42383c746";

fn open(options: &[(&str, &str)]) -> Gitea {
    let names = [("owner", "ada"), ("repository", "demo"), ("instance_url", "https://h.example/git")];
    let settings = Settings::new(names.into_iter().chain(options.iter().copied()), [("token", "placeholder")]);
    Gitea::open(&settings).unwrap()
}

/// With a token, or without one.
pub(super) fn open_with(token: bool) -> Gitea {
    let names = [("owner", "ada"), ("repository", "demo"), ("instance_url", "https://h.example/git")];
    let secrets = if token { vec![("token", "placeholder")] } else { vec![] };
    Gitea::open(&Settings::new(names, secrets)).unwrap()
}

pub(super) fn commit_url(revision: &str) -> String {
    format!("{API}/git/commits/{revision}?stat=false&verification=false&files=false")
}

#[test]
fn login_asks_for_the_repository_and_not_for_the_user() {
    answer(API, 200, r#"{"id":1,"full_name":"Ada/Demo","default_branch":"main"}"#);
    assert_eq!(open(&[]).login().unwrap().repository, "Ada/Demo");
    assert_eq!(asked(), [API]);
}

#[test]
fn git_is_asked_for_the_one_repository_with_the_token_as_password() {
    let git = open(&[]).git().unwrap();
    let secret = SecretUse { setting: "token".into(), placement: Placement::Basic("token".into()) };
    assert_eq!((git.url.as_str(), git.secret), ("https://h.example/git/ada/demo.git", Some(secret)));
    let [reading, git] = &Gitea::describe().needs[..] else { panic!("there are two needs") };
    assert!(reading.methods.is_empty() && reading.paths.is_empty());
    assert_eq!(git.paths, ["{instance_url.path}/{owner}/{repository}.git"]);
}

#[test]
fn a_field_that_gitea_s_schema_does_not_promise_may_be_missing() {
    answer(API, 200, "{}");
    let expected = Identity::of_repository("ada/demo".into(), None);
    assert_eq!(format!("{:?}", open(&[]).login().unwrap()), format!("{expected:?}"));
}

#[test]
fn the_tree_that_a_commit_names_is_not_believed() {
    answer(&commit_url("v1%2F0"), 200, &format!(r#"{{"sha":"{ID}","commit":{{"tree":{{"sha":"{ID}"}}}}}}"#));
    assert_eq!(resolve(&open(&[]), "v1/0").unwrap(), Commit::new(ID.into()));
}

#[test]
fn an_unknown_revision_is_not_found() {
    answer(&commit_url("x"), 404, r#"{"message":"x","url":"https://h.example/api/swagger"}"#);
    assert!(matches!(resolve(&open(&[]), "x"), Err(Error::NotFound(_))));
}

#[test]
fn a_listing_in_pages_is_put_together() {
    let page = |number: u8, name: &str, mode: &str, truncated: bool| {
        let item = format!(r#"{{"path":"{name}","mode":"{mode}","type":"t","size":1,"sha":"{number}{number}"}}"#);
        let url = format!("{API}/git/trees/{ID}?per_page=1000&page={number}");
        answer(&url, 200, &format!(r#"{{"sha":"{ID}","truncated":{truncated},"page":{number},"tree":[{item}]}}"#));
    };
    page(1, "a", "040000", true);
    page(2, "b c", "100644", false);
    let provider = open(&[]);
    let entries = provider.entries(ID, "").unwrap().unwrap();
    let found: Vec<_> = entries.iter().map(|entry| (entry.path.as_str(), entry.kind)).collect();
    assert_eq!(found, [("a", Kind::Tree), ("b c", Kind::Regular)]);
    let file = Entry::from_mode("a/b c".into(), "100644", "33".into()).unwrap();
    let request = provider.file(ID, &file).unwrap();
    assert_eq!(request.url, format!("{API}/raw/a/b%20c?ref={ID}"));
}

#[test]
fn a_forge_that_promises_pages_without_end_is_not_followed() {
    let url = format!("{API}/git/trees/{ID}?per_page=1000&page=1");
    // An empty list is null, where nothing was put into it.
    for body in [r#"{"truncated":true,"tree":[]}"#, r#"{"truncated":null,"tree":null}"#, "{}"] {
        answer(&url, 200, body);
        assert_eq!(open(&[]).entries(ID, "").unwrap(), Some(Vec::new()));
    }
}

#[test]
fn the_archive_lies_below_the_instance() {
    let archive = open(&[]).archive(ID, "src");
    assert_eq!(archive.request.url, format!("{API}/archive/{ID}.tar.gz"));
    assert_eq!(archive.layout.strip, 1);
}

#[test]
fn remotes_of_an_instance_under_a_path() {
    let provider = open(&[("host", "h.example:2222")]);
    let owns = |scheme: &str, port, path: &str| {
        provider.owns_remote(&Remote { scheme: scheme.into(), host: "h.example".into(), port, path: path.into() })
    };
    assert!(owns("https", None, "git/Ada/Demo"));
    assert!(owns("ssh", None, "ada/demo"));
    assert!(owns("ssh", Some(2222), "ada/demo"));
    assert!(!owns("ssh", Some(2223), "ada/demo"));
    assert!(!owns("https", None, "ada/demo"));
    assert!(!owns("https", None, "git/ada/demo2"));
}
