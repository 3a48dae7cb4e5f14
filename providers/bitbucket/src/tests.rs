#![allow(clippy::unwrap_used)]

use forgeport_provider::testing::{answer, asked, resolve, response};
use forgeport_provider::{Condition, Placement};

use super::*;

pub(super) const API: &str = "https://api.bitbucket.org/2.0/repositories/team/demo";
const ID: &str = "ed899a2f4b50b4370feeea94676502b42383c746";

fn open() -> Bitbucket {
    open_with(true)
}

/// With a token, or without one.
pub(super) fn open_with(token: bool) -> Bitbucket {
    let settings = [
        ("workspace", "team"),
        ("repository", "demo"),
        ("api_url", "https://api.bitbucket.org/2.0"),
        ("web_url", "https://bitbucket.org"),
    ];
    let secrets = if token { vec![("token", "placeholder")] } else { vec![] };
    Bitbucket::open(&Settings::new(settings, secrets)).unwrap()
}

fn missing(url: &str) {
    answer(url, 404, r#"{"type":"error","error":{"message":"not found"}}"#);
}

#[test]
fn with_a_user_name_the_token_is_an_api_token_on_both_origins() {
    let rules = Bitbucket::describe().credentials;
    let basic = |user: &str| Placement::Basic(user.into());
    let places = [
        ("{api_url}", basic("{username}"), Placement::Bearer),
        ("{web_url}", basic("x-bitbucket-api-token-auth"), basic("x-token-auth")),
    ];
    for (origin, with, without) in places {
        let of: Vec<_> = rules.iter().filter(|rule| rule.origin == origin).collect();
        assert_eq!((&of[0].placement, &of[1].placement), (&with, &without));
        assert_eq!(of[0].conditions, [Condition::Given("username".into())]);
    }
}

#[test]
fn login_asks_for_the_repository_and_not_for_the_user() {
    answer(API, 200, r#"{"type":"repository","full_name":"team/demo","mainbranch":{"type":"branch","name":"main"}}"#);
    let identity = open().login().unwrap();
    assert_eq!(identity.default_branch.as_deref(), Some("main"));
    assert_eq!(asked(), [API]);
}

#[test]
fn an_empty_repository_has_no_main_branch() {
    for body in [r#"{"full_name":"team/demo","mainbranch":null}"#, r#"{"mainbranch":{}}"#, "{}"] {
        answer(API, 200, body);
        let identity = open().login().unwrap();
        assert_eq!((identity.repository.as_str(), identity.default_branch), ("team/demo", None));
    }
}

#[test]
fn a_full_id_is_asked_for_as_a_commit_at_once() {
    let url = format!("{API}/commit/{ID}");
    answer(&url, 200, &format!(r#"{{"type":"commit","hash":"{ID}"}}"#));
    assert_eq!(resolve(&open(), ID).unwrap().id, ID);
    assert_eq!(asked(), [url]);
}

#[test]
fn a_name_is_a_branch_before_it_is_a_tag() {
    let target = format!(r#"{{"type":"branch","name":"n","target":{{"type":"commit","hash":"{ID}"}}}}"#);
    answer(&format!("{API}/refs/branches/a%2Fb"), 200, &target);
    assert_eq!(resolve(&open(), "a/b").unwrap().id, ID);
    missing(&format!("{API}/refs/branches/v1"));
    answer(&format!("{API}/refs/tags/v1"), 200, &target);
    assert_eq!(resolve(&open(), "v1").unwrap().id, ID);
}

#[test]
fn what_is_no_reference_may_be_the_beginning_of_an_id() {
    missing(&format!("{API}/refs/branches/ed899a"));
    missing(&format!("{API}/refs/tags/ed899a"));
    answer(&format!("{API}/commit/ed899a"), 200, &format!(r#"{{"hash":"{ID}"}}"#));
    assert_eq!(resolve(&open(), "ed899a").unwrap().id, ID);
}

#[test]
fn a_name_that_nothing_has_is_not_found_and_not_asked_for_as_a_commit() {
    missing(&format!("{API}/refs/branches/nope"));
    missing(&format!("{API}/refs/tags/nope"));
    assert!(matches!(resolve(&open(), "nope"), Err(Error::NotFound(_))));
    assert_eq!(asked().len(), 2);
}

#[test]
fn a_bad_token_is_not_taken_for_a_missing_branch() {
    answer(&format!("{API}/refs/branches/main"), 401, "");
    assert!(matches!(resolve(&open(), "main"), Err(Error::Unauthorized(_))));
    assert_eq!(asked().len(), 1);
}

#[test]
fn the_commit_comes_by_git_and_files_are_not_listed() {
    let archive = open().archive(ID, "src");
    assert_eq!(archive.request.url, "https://bitbucket.org/team/demo.git/git-upload-pack");
    assert_eq!(open().entries(ID, "").unwrap(), None);
    let missing = response(404, &[("content-type", "text/plain")], "Repository not found");
    assert!(matches!(open().meaning(&missing), Error::NotFound(_)));
}

#[test]
fn remotes_are_on_the_web_s_host_and_not_on_the_api_s() {
    let owns = |scheme: &str, host: &str, port| {
        open().owns_remote(&Remote { scheme: scheme.into(), host: host.into(), port, path: "Team/Demo".into() })
    };
    assert!(owns("https", "bitbucket.org", None));
    assert!(owns("ssh", "bitbucket.org", None));
    assert!(owns("ssh", "altssh.bitbucket.org", Some(443)));
    assert!(!owns("https", "api.bitbucket.org", None));
    assert!(!owns("ssh", "bitbucket.org", Some(7999)));
}
