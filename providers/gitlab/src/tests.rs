#![allow(clippy::unwrap_used)]

use forgeport_provider::testing::{answer, answer_with, asked, resolve, response};
use forgeport_provider::{Condition, Kind, SecretUse};

use super::*;

pub(super) const API: &str = "https://gitlab.com/api/v4/projects/Team%2FTools%2Fdemo";
const ID: &str = "ed899a2f4b50b4370feeea94676502b42383c746";

fn open(options: &[(&str, &str)]) -> GitLab {
    let names = [("group", "Team/Tools"), ("project", "demo"), ("instance_url", "https://gitlab.com")];
    let settings = Settings::new(names.into_iter().chain(options.iter().copied()), [("token", "placeholder")]);
    GitLab::open(&settings).unwrap()
}

/// With a token, or without one.
pub(super) fn open_with(token: bool) -> GitLab {
    let names = [("group", "Team/Tools"), ("project", "demo"), ("instance_url", "https://gitlab.com")];
    let secrets = if token { vec![("token", "placeholder")] } else { vec![] };
    GitLab::open(&Settings::new(names, secrets)).unwrap()
}

fn owns(provider: &GitLab, remote: (&str, &str, Option<u16>, &str)) -> bool {
    let (scheme, host, port, path) = remote;
    provider.owns_remote(&Remote { scheme: scheme.into(), host: host.into(), port, path: path.into() })
}

#[test]
fn deploy_and_job_tokens_are_passwords_and_the_rest_are_bearers() {
    let rules: Vec<_> =
        GitLab::describe().credentials.into_iter().map(|rule| (rule.placement, rule.conditions)).collect();
    let begins = vec![Condition::StartsWith(("token".into(), "glcbt-".into()))];
    let expected = [
        (Placement::Basic("{username}".into()), vec![Condition::Given("username".into())]),
        (Placement::Basic("gitlab-ci-token".into()), begins),
        (Placement::Bearer, vec![]),
    ];
    assert_eq!(rules, expected);
}

#[test]
fn a_token_that_is_a_bearer_for_the_api_is_a_password_for_git() {
    let git = open(&[]).git().unwrap();
    let secret = SecretUse { setting: "token".into(), placement: Placement::Basic("oauth2".into()) };
    assert_eq!((git.url.as_str(), git.secret), ("https://gitlab.com/Team/Tools/demo.git", Some(secret)));
    assert_eq!(open(&[("username", "deployer")]).git().unwrap().secret, None);
    let [reading, git] = &GitLab::describe().needs[..] else { panic!("there are two needs") };
    assert!(reading.methods.is_empty() && reading.paths.is_empty());
    assert_eq!(git.paths, ["{instance_url.path}{group.path}/{project}.git"]);
}

#[test]
fn login_asks_for_the_project_and_not_for_the_user() {
    answer(API, 200, r#"{"id":4,"path_with_namespace":"team/tools/demo","default_branch":"main","empty_repo":false}"#);
    assert_eq!(open(&[]).login().unwrap().repository, "team/tools/demo");
    assert_eq!(asked(), [API]);
}

#[test]
fn an_empty_project_without_a_default_branch_can_be_read() {
    answer(API, 200, r#"{"path_with_namespace":"team/tools/demo","default_branch":null}"#);
    assert_eq!(open(&[]).login().unwrap().default_branch, None);
}

#[test]
fn a_token_that_the_api_overlooks_is_good_enough_for_git() {
    answer(API, 404, r#"{"message":"404 Project Not Found"}"#);
    answer(&format!("{API}/repository/commits/main?stats=false"), 404, r#"{"message":"404 Project Not Found"}"#);
    let line = format!("{ID} HEAD\0symref=HEAD:refs/heads/main\n");
    let branch = format!("{ID} refs/heads/main\n");
    let lines = [line, branch].map(|line| format!("{:04x}{line}", line.len() + 4)).concat();
    answer("https://gitlab.com/Team/Tools/demo.git/info/refs?service=git-upload-pack", 200, &(lines + "0000"));
    let identity = open(&[]).login().unwrap();
    assert_eq!((identity.repository.as_str(), identity.default_branch.as_deref()), ("Team/Tools/demo", Some("main")));
    assert_eq!(resolve(&open(&[]), "main").unwrap().id, ID);
}

#[test]
fn git_which_believes_in_every_full_id_is_not_asked_for_one_that_the_api_knows_not_to_be_there() {
    answer(&format!("{API}/repository/commits/{ID}?stats=false"), 404, r#"{"message":"404 Commit Not Found"}"#);
    assert!(matches!(resolve(&open(&[]), ID), Err(Error::NotFound(_))));
    assert_eq!(asked().len(), 1);
}

#[test]
fn a_project_that_nothing_can_be_seen_of_is_not_found_and_says_what_may_help() {
    answer(API, 404, r#"{"message":"404 Project Not Found"}"#);
    answer(&format!("{API}/repository/commits/HEAD?stats=false"), 404, r#"{"message":"404 Project Not Found"}"#);
    let Err(Error::NotFound(text)) = open(&[]).login() else {
        panic!("it was found");
    };
    assert!(text.contains("read_api"), "{text}");
}

#[test]
fn a_bad_token_stays_a_bad_token() {
    answer(API, 401, r#"{"message":"401 Unauthorized"}"#);
    answer(&format!("{API}/repository/commits/HEAD?stats=false"), 401, r#"{"message":"401 Unauthorized"}"#);
    assert!(matches!(open(&[]).login(), Err(Error::Unauthorized(_))));
}

#[test]
fn a_lack_of_scope_is_told_in_gitlab_s_words() {
    answer(
        API,
        403,
        r#"{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api read_api"}"#,
    );
    let Err(Error::Forbidden(text)) = open(&[]).login() else {
        panic!("it was not forbidden");
    };
    assert!(text.contains("higher privileges"), "{text}");
}

#[test]
fn a_branch_with_a_slash_is_asked_for_as_one_name() {
    answer(
        &format!("{API}/repository/commits/a%2Fb?stats=false"),
        200,
        &format!(r#"{{"id":"{ID}","short_id":"ed899a2f"}}"#),
    );
    assert_eq!(resolve(&open(&[]), "a/b").unwrap().id, ID);
    answer(&format!("{API}/repository/commits/x?stats=false"), 404, r#"{"message":"404 Commit Not Found"}"#);
    assert!(matches!(resolve(&open(&[]), "x"), Err(Error::NotFound(_))));
}

#[test]
fn the_archive_is_narrowed_to_the_subdirectory_and_keeps_pointers() {
    let url = |path| open(&[]).archive(ID, path).request.url;
    let whole = format!("{API}/repository/archive.tar.gz?sha={ID}&include_lfs_blobs=false");
    assert_eq!(url(""), whole);
    let part = format!("{API}/repository/archive.tar.gz?sha={ID}&path=a%2Fb%20c&include_lfs_blobs=false");
    assert_eq!(url("a/b c"), part);
}

#[test]
fn a_listing_is_followed_to_its_end_on_the_origin_that_was_given() {
    let item =
        |path: &str, mode: &str| format!(r#"[{{"id":"aa","name":"n","type":"t","path":"{path}","mode":"{mode}"}}]"#);
    let first = format!("{API}/repository/tree?ref={ID}&path=src&per_page=100&pagination=keyset");
    let link = "<http://internal:8080/api/v4/projects/9/repository/tree?page_token=zz&ref=x>; rel=\"next\"";
    answer_with(&first, response(200, &[("link", link)], &item("src/a", "040000")));
    answer(&format!("{API}/repository/tree?page_token=zz&ref=x"), 200, &item("src/b", "100755"));
    let provider = open(&[]);
    let entries = provider.entries(ID, "src").unwrap().unwrap();
    let found: Vec<_> = entries.iter().map(|entry| (entry.path.as_str(), entry.kind)).collect();
    assert_eq!(found, [("src/a", Kind::Tree), ("src/b", Kind::Executable)]);
    let file = provider.file(ID, &entries[1]).unwrap();
    assert_eq!(file.url, format!("{API}/repository/blobs/aa/raw"));
}

#[test]
fn remotes_of_gitlab_itself() {
    let provider = open(&[]);
    for remote in [
        ("https", "gitlab.com", None, "team/tools/Demo"),
        ("ssh", "gitlab.com", None, "Team/Tools/demo"),
        ("ssh", "altssh.gitlab.com", Some(443), "Team/Tools/demo"),
    ] {
        assert!(owns(&provider, remote), "{remote:?}");
    }
    for remote in [
        ("https", "gitlabxcom", None, "Team/Tools/demo"),
        ("https", "gitlab.com", None, "Team/demo"),
        ("https", "gitlab.com", None, "Tools/demo"),
        ("https", "gitlab.com", None, "Team/Tools/demo/x"),
        ("ssh", "altssh.gitlab.com", None, "Team/Tools/demo"),
    ] {
        assert!(!owns(&provider, remote), "{remote:?}");
    }
}

#[test]
fn an_instance_may_lie_under_a_path() {
    let provider = open(&[("instance_url", "https://h.example/gitlab/")]);
    assert!(owns(&provider, ("https", "h.example", None, "gitlab/Team/Tools/demo")));
    assert!(owns(&provider, ("ssh", "h.example", None, "Team/Tools/demo")));
    assert!(!owns(&provider, ("https", "h.example", None, "Team/Tools/demo")));
    assert!(provider.archive(ID, "").request.url.starts_with("https://h.example/gitlab/api/v4/projects/"));
    let url = format!("https://h.example/gitlab/Team/Tools/demo/-/commit/{ID}");
    assert_eq!(provider.commit_url(ID), Some(url));
}
