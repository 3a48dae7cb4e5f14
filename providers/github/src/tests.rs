#![allow(clippy::unwrap_used)]

use forgeport_provider::testing::{answer, asked, resolve, response};
use forgeport_provider::{Kind, SecretUse};

use super::*;

pub(super) const API: &str = "https://api.github.com/repos/Ada/Demo";
pub(super) const ID: &str = "553c2077f0edc3d5dc5d17262f6aa498e69d6f8e";
const TREE: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

fn open(options: &[(&str, &str)]) -> GitHub {
    let names = [("owner", "Ada"), ("repository", "Demo"), ("api_url", "https://api.github.com")];
    let settings = Settings::new(names.into_iter().chain(options.iter().copied()), [("token", "placeholder")]);
    GitHub::open(&settings).unwrap()
}

/// With a token, or without one.
pub(super) fn open_with(token: bool) -> GitHub {
    let names = [("owner", "Ada"), ("repository", "Demo"), ("api_url", "https://api.github.com")];
    let secrets = if token { vec![("token", "placeholder")] } else { vec![] };
    GitHub::open(&Settings::new(names, secrets)).unwrap()
}

fn owns(provider: &GitHub, remote: (&str, &str, Option<u16>, &str)) -> bool {
    let (scheme, host, port, path) = remote;
    provider.owns_remote(&Remote { scheme: scheme.into(), host: host.into(), port, path: path.into() })
}

#[test]
fn the_token_goes_to_the_api_and_as_a_password_to_git_and_nowhere_else() {
    let rules: Vec<_> =
        GitHub::describe().credentials.into_iter().map(|rule| (rule.origin, rule.placement, rule.conditions)).collect();
    let git = Placement::Basic("x-access-token".into());
    let expected = [
        ("{api_url}".into(), Placement::Bearer, vec![]),
        ("https://{api_url.parent}".into(), git, vec![starts_with("api_url", "https://api.")]),
    ];
    assert_eq!(rules, expected);
}

#[test]
fn git_is_asked_at_the_website_s_host_and_for_the_one_repository() {
    let cases = [
        ("https://api.github.com", "https://github.com/Ada/Demo.git"),
        ("https://api.octo.ghe.com", "https://octo.ghe.com/Ada/Demo.git"),
        ("https://ghe.example:8443/api/v3", "https://ghe.example:8443/Ada/Demo.git"),
    ];
    for (api, url) in cases {
        let git = open(&[("api_url", api)]).git().unwrap();
        let secret = SecretUse { setting: "token".into(), placement: Placement::Basic("x-access-token".into()) };
        assert_eq!((git.url.as_str(), git.secret), (url, Some(secret)));
    }
    let settings = [("owner", "a"), ("repository", "b"), ("api_url", "https://api.github.com")];
    let public = GitHub::open(&Settings::new(settings, [("", ""); 0])).unwrap();
    assert_eq!(public.git().unwrap().secret, None);
    let posting: Vec<_> = GitHub::describe().needs.into_iter().filter(|need| !need.methods.is_empty()).collect();
    assert_eq!(posting.len(), 2);
    assert!(posting.iter().all(|need| need.paths == ["/{owner}/{repository}.git"]));
}

#[test]
fn login_asks_for_the_repository_and_not_for_the_user() {
    answer(
        API,
        200,
        r#"{"id":1,"full_name":"ada/Demo","private":true,"default_branch":"trunk","permissions":{"pull":true}}"#,
    );
    let identity = open(&[]).login().unwrap();
    assert_eq!(identity.repository, "ada/Demo");
    assert_eq!(identity.default_branch.as_deref(), Some("trunk"));
    assert_eq!(asked(), [API]);
}

#[test]
fn a_private_repository_and_a_missing_one_look_alike() {
    answer(API, 404, r#"{"message":"Not Found","status":"404"}"#);
    let Err(Error::NotFound(text)) = open(&[]).login() else {
        panic!("it was found");
    };
    assert!(text.contains("Ada/Demo") && text.contains("may not see it"), "{text}");
}

#[test]
fn a_branch_with_a_slash_is_asked_for_as_one_name() {
    let url = format!("{API}/commits/feature%2Fx?per_page=1");
    answer(&url, 200, &format!(r#"{{"sha":"{ID}","commit":{{"message":"m","tree":{{"sha":"{TREE}"}}}},"files":[]}}"#));
    let commit = resolve(&open(&[]), "feature/x").unwrap();
    assert_eq!(commit, Commit::new(ID.into()).with_tree(TREE.into()));
}

#[test]
fn an_unknown_revision_and_an_empty_repository_are_not_found() {
    for (status, message) in [(422, "No commit found for SHA: x"), (409, "Git Repository is empty.")] {
        answer(&format!("{API}/commits/x?per_page=1"), status, &format!(r#"{{"message":"{message}"}}"#));
        let Err(Error::NotFound(text)) = resolve(&open(&[]), "x") else {
            panic!("{status} was found");
        };
        assert!(text.contains(message), "{text}");
    }
}

#[test]
fn a_lack_of_rights_is_forbidden() {
    let forbidden = response(
        403,
        &[("x-ratelimit-remaining", "4999")],
        r#"{"message":"Resource not accessible by personal access token"}"#,
    );
    assert!(matches!(open(&[]).meaning(&forbidden), Error::Forbidden(_)));
}

#[test]
fn the_archive_is_the_api_s_tarball_without_its_root_folder() {
    let archive = open(&[]).archive(ID, "sub");
    assert_eq!(archive.request.url, format!("{API}/tarball/{ID}"));
    assert_eq!((archive.layout.strip, archive.layout.base.as_str()), (1, ""));
}

#[test]
fn a_directory_is_listed_by_the_tree_s_id() {
    let item =
        |path: &str, mode: &str, sha: &str| format!(r#"{{"path":"{path}","mode":"{mode}","type":"t","sha":"{sha}"}}"#);
    let root = [item("src", "040000", "aa"), item("run", "100755", "bb")].join(",");
    answer(&format!("{API}/git/trees/{ID}"), 200, &format!(r#"{{"sha":"{TREE}","tree":[{root}],"truncated":false}}"#));
    let inner = item("l", "120000", "cc");
    answer(&format!("{API}/git/trees/aa"), 200, &format!(r#"{{"sha":"aa","tree":[{inner}],"truncated":false}}"#));
    let provider = open(&[]);
    let entries = provider.entries(ID, "src").unwrap().unwrap();
    assert_eq!(entries, [Entry { path: "src/l".into(), kind: Kind::Symlink, id: "cc".into() }]);
    let file = provider.file(ID, &entries[0]).unwrap();
    assert_eq!(file.url, format!("{API}/git/blobs/cc"));
    assert_eq!(file.headers[0].value, "application/vnd.github.raw+json");
}

#[test]
fn a_listing_that_was_cut_off_is_none() {
    answer(&format!("{API}/git/trees/{ID}"), 200, r#"{"sha":"x","tree":[],"truncated":true}"#);
    assert_eq!(open(&[]).entries(ID, "").unwrap(), None);
}

#[test]
fn remotes_of_github_itself() {
    let provider = open(&[]);
    for remote in [
        ("https", "github.com", None, "ada/demo"),
        ("ssh", "github.com", None, "Ada/Demo"),
        ("git", "github.com", None, "Ada/Demo"),
        ("ssh", "ssh.github.com", Some(443), "Ada/Demo"),
    ] {
        assert!(owns(&provider, remote), "{remote:?}");
    }
    for remote in [
        ("https", "api.github.com", None, "Ada/Demo"),
        ("https", "github.com", Some(8443), "Ada/Demo"),
        ("https", "github.com.evil.example", None, "Ada/Demo"),
        ("https", "github.com", None, "Ada/Demo/x"),
        ("https", "github.com", None, "Ada/Demo2"),
        ("ssh", "ssh.github.com", None, "Ada/Demo"),
        ("ssh", "github.com", Some(2222), "Ada/Demo"),
    ] {
        assert!(!owns(&provider, remote), "{remote:?}");
    }
}

#[test]
fn the_host_of_remotes_follows_the_api_s() {
    let cases = [("https://ghe.example/api/v3", "ghe.example"), ("https://api.octo.ghe.com", "octo.ghe.com")];
    for (api, host) in cases {
        let provider = open(&[("api_url", api)]);
        assert!(owns(&provider, ("https", host, None, "Ada/Demo")), "{host}");
        assert!(!owns(&provider, ("https", "github.com", None, "Ada/Demo")), "{host}");
        let url = format!("https://{host}/Ada/Demo/commit/{ID}");
        assert_eq!(provider.commit_url(ID), Some(url));
    }
    let told = open(&[("api_url", "https://ghe.example/api/v3"), ("host", "git.example")]);
    assert!(owns(&told, ("ssh", "git.example", None, "Ada/Demo")));
    assert!(!owns(&told, ("ssh", "ghe.example", None, "Ada/Demo")));
}

#[test]
fn an_owner_that_is_a_url_is_refused() {
    let settings = [("owner", "https://github.com/ada"), ("repository", "demo"), ("api_url", "https://h")];
    let refused = GitHub::open(&Settings::new(settings, [("", ""); 0]));
    assert!(matches!(refused, Err(Error::InvalidOption((name, _))) if name == "owner"));
}
