use forgeport_forge::{Access, Forge, Server, Settings, TokenKind, samples};

use crate::client::get;

/// A forge with acme/Demo, private, and a token that reads it.
fn forge() -> (Forge, String, String) {
    let forge = Forge::start();
    forge.add_private("acme/Demo", &samples::small());
    let token = forge.token(TokenKind::GithubClassic, Access::All);
    let api = forge.github().api_url;
    (forge, api, token)
}

#[test]
fn a_user_agent_is_required() {
    let (_forge, api, token) = forge();
    let ask = get(format!("{api}/user")).bearer(&token);
    assert_eq!(ask.send().status, 200);
    assert_eq!(ask.without("user-agent").send().status, 403);
}

#[test]
fn only_tokens_of_users_have_a_user() {
    let (forge, api, _) = forge();
    for (kind, status) in [
        (TokenKind::GithubClassic, 200),
        (TokenKind::GithubFineGrained, 200),
        (TokenKind::GithubInstallation, 403),
        (TokenKind::GithubActions, 403),
    ] {
        let token = forge.token(kind, Access::All);
        let reply = get(format!("{api}/user")).bearer(&token).send();
        assert_eq!(reply.status, status, "{kind:?}");
        assert_eq!(reply.header("x-oauth-scopes").is_some(), kind == TokenKind::GithubClassic);
        let reply = get(format!("{api}/repos/acme/demo")).bearer(&token).send();
        assert_eq!(reply.json()["full_name"], "acme/Demo");
    }
    assert_eq!(get(format!("{api}/user")).send().status, 401);
}

#[test]
fn credentials_that_are_not_good_are_told_apart() {
    let (forge, api, _) = forge();
    let url = format!("{api}/repos/acme/Demo");
    let status = |access| {
        let token = forge.token(TokenKind::GithubFineGrained, access);
        let reply = get(&url).bearer(&token).send();
        (reply.status, reply.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(status(Access::Expired), (401, "Bad credentials".into()));
    assert_eq!(status(Access::Only(vec![])), (404, "Not Found".into()));
    assert_eq!(status(Access::Only(vec!["acme/demo".into()])).0, 200);
    assert_eq!(status(Access::NoPermission).0, 403);
    assert!(status(Access::SingleSignOn).1.contains("SAML"));
    assert_eq!(get(&url).send().status, 404);
    assert_eq!(get(&url).bearer("ghp_guessed").send().status, 401);
    let other = forge.token(TokenKind::Gitea, Access::All);
    assert_eq!(get(&url).bearer(&other).send().status, 401);
}

#[test]
fn a_revoked_token_is_bad() {
    let (forge, api, token) = forge();
    forge.revoke(&token);
    assert_eq!(get(format!("{api}/user")).bearer(&token).send().status, 401);
}

#[test]
fn references_resolve_to_commit_and_tree() {
    let (forge, api, token) = forge();
    let sample = samples::small();
    for reference in ["main", "feature/x", "feature%2Fx", "v1.0", &sample.commit(), &sample.commit()[..8]] {
        let reply = get(format!("{api}/repos/acme/Demo/commits/{reference}")).bearer(&token).send().json();
        let plain = reference.replace("%2F", "/");
        assert_eq!(reply["sha"].as_str(), sample.resolve(&plain).as_deref());
        assert_eq!(reply["commit"]["tree"]["sha"].as_str(), sample.tree_of(&plain).as_deref());
    }
    let reply = get(format!("{api}/repos/acme/Demo/commits/main"))
        .bearer(&token)
        .header("accept", "application/vnd.github.sha")
        .send();
    assert_eq!(reply.text(), sample.commit());
    let reply = get(format!("{api}/repos/acme/Demo/commits/nope")).bearer(&token).send();
    assert_eq!(reply.status, 422);
    forge.add("acme/empty", &samples::empty());
    let reply = get(format!("{api}/repos/acme/empty/commits/main")).send();
    assert_eq!(reply.status, 409);
}

#[test]
fn an_answer_that_has_not_changed_is_304() {
    let (_forge, api, token) = forge();
    let ask = get(format!("{api}/repos/acme/Demo/commits/main")).bearer(&token);
    let tag = ask.send().header("etag").unwrap().to_owned();
    assert_eq!(ask.header("if-none-match", &tag).send().status, 304);
}

#[test]
fn an_archive_comes_from_codeload_as_git_makes_it() {
    let (forge, api, token) = forge();
    let sample = samples::small();
    let reply = get(format!("{api}/repos/acme/demo/tarball/main")).bearer(&token).send();
    assert_eq!(reply.status, 302);
    let location = reply.location();
    assert!(location.starts_with(&forge.github().codeload_url));
    assert!(location.contains("/acme/Demo/legacy.tar.gz/refs/heads/main?token="));
    let archive = get(&location).send();
    assert_eq!(archive.header("content-type"), Some("application/x-gzip"));
    assert_eq!(archive.header("content-length"), None);
    let root = format!("acme-Demo-{}/", &sample.commit()[..7]);
    assert_eq!(archive.tar(), sample.archive("main", &root).unwrap());
    assert_eq!(forge.archive_requests(), 1);
    forge.clear_requests();
    assert_eq!(forge.archive_requests(), 0);
}

#[test]
fn a_link_to_a_private_archive_does_not_last() {
    let (forge, api, token) = forge();
    let reply = get(format!("{api}/repos/acme/demo/tarball/main")).bearer(&token).send();
    let location = reply.location();
    let (bare, _) = location.split_once('?').unwrap();
    assert_eq!(get(bare).send().status, 404);
    assert_eq!(get(&location).send().status, 200);
    forge.expire_archive_links();
    assert_eq!(get(&location).send().status, 404);
}

#[test]
fn codeload_refuses_credentials_and_the_log_shows_them() {
    let (forge, api, token) = forge();
    let location = get(format!("{api}/repos/acme/demo/tarball/v1.0")).bearer(&token).send().location();
    assert!(location.contains("/refs/tags/v1.0"));
    assert_eq!(get(&location).bearer(&token).send().status, 400);
    let requests = forge.requests();
    let last = requests.last().unwrap();
    assert_eq!((last.server, last.status), (Server::GithubWeb, Some(400)));
    assert!(last.has_credential());
    assert_eq!(last.header("authorization"), Some(format!("Bearer {token}").as_str()));
}

#[test]
fn an_enterprise_server_serves_archives_at_the_origin_of_its_api() {
    let (forge, _, token) = forge();
    let urls = forge.github_enterprise();
    let reply = get(format!("{}/repos/acme/demo/tarball/main", urls.api_url)).bearer(&token).send();
    assert!(reply.location().starts_with(&urls.codeload_url));
    assert!(!get(reply.location()).send().tar().is_empty());
    assert_eq!(forge.archive_requests(), 1);
}

#[test]
fn a_renamed_repository_moves_permanently_to_its_number() {
    let (forge, api, token) = forge();
    assert!(forge.rename("acme/demo", "acme/New"));
    let reply = get(format!("{api}/repos/acme/Demo/commits/feature/x?per_page=1")).bearer(&token).send();
    assert_eq!(reply.status, 301);
    assert!(reply.location().contains("/repositories/"));
    assert!(reply.location().ends_with("/commits/feature/x?per_page=1"));
    assert_eq!(get(reply.location()).bearer(&token).send().status, 200);
    assert_eq!(get(format!("{api}/repos/acme/Demo")).send().status, 404);
    assert!(forge.remove("acme/new"));
    let reply = get(format!("{api}/repos/acme/New")).bearer(&token).send();
    assert_eq!(reply.status, 404);
}

#[test]
fn trees_come_whole_or_truncated() {
    let forge = Forge::with(Settings { tree_limit: 20, ..Settings::default() });
    let sample = samples::small();
    forge.add("acme/demo", &sample);
    let api = forge.github().api_url;
    let tree = |query: &str| get(format!("{api}/repos/acme/demo/git/trees/{query}")).send().json();
    let top = tree(&sample.tree());
    assert_eq!(top["truncated"], false);
    assert_eq!(top["sha"], sample.tree().as_str());
    let entries = sample.entries(&sample.tree(), false).unwrap();
    assert_eq!(top["tree"].as_array().unwrap().len(), entries.len());
    let whole = tree("main?recursive=0");
    assert_eq!(whole["truncated"], true);
    assert_eq!(whole["tree"].as_array().unwrap().len(), 20);
}

#[test]
fn blobs_come_raw_or_in_base64_with_line_breaks() {
    use base64::Engine;
    let (_forge, api, token) = forge();
    let sample = samples::small();
    let entries = sample.entries(&sample.tree(), true).unwrap();
    let entry = entries.iter().find(|e| e.path == b"data/model.bin").unwrap();
    let bytes = sample.blob(&entry.id).unwrap();
    let ask = get(format!("{api}/repos/acme/Demo/git/blobs/{}", entry.id)).bearer(&token);
    let content = ask.send().json()["content"].as_str().unwrap().to_owned();
    let content = content.replace('\n', "");
    let decoded = base64::engine::general_purpose::STANDARD.decode(content).unwrap();
    assert_eq!(decoded, bytes);
    let raw = ask.header("accept", "application/vnd.github.raw+json").send();
    assert_eq!(raw.body, bytes);
}
