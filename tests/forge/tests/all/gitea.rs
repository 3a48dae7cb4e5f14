use forgeport_forge::{Access, Forge, Settings, TokenKind, samples};

use crate::client::get;

/// A forge with acme/Demo, private, where its API has it, and a token.
fn forge() -> (Forge, String, String) {
    let forge = Forge::with(Settings { page_limit: 6, ..Settings::default() });
    forge.add_private("acme/Demo", &samples::small());
    let url = forge.gitea().instance_url + "/api/v1/repos/acme/Demo";
    let token = forge.token(TokenKind::Gitea, Access::All);
    (forge, url, token)
}

#[test]
fn a_token_is_taken_in_every_way() {
    let (forge, url, token) = forge();
    let user = forge.gitea().instance_url + "/api/v1/user";
    for url in [&user, &url] {
        assert_eq!(get(url).bearer(&token).send().status, 200);
        let header = format!("token {token}");
        assert_eq!(get(url).header("authorization", &header).send().status, 200);
        assert_eq!(get(url).basic(&token, "x-oauth-basic").send().status, 200);
        assert_eq!(get(url).basic("ada", &token).send().status, 200);
        assert_eq!(get(url).bearer("guessed").send().status, 401);
    }
    assert_eq!(get(&user).send().status, 401);
    assert_eq!(get(&url).send().status, 404);
    let narrow = forge.token(TokenKind::Gitea, Access::NoPermission);
    assert_eq!(get(&url).bearer(&narrow).send().status, 403);
}

#[test]
fn a_commit_tells_its_own_id_as_the_tree() {
    let (_forge, url, token) = forge();
    let sample = samples::small();
    let commit = sample.commit();
    for reference in ["main", "v1.0", &commit, &commit[..8]] {
        let reply = get(format!("{url}/git/commits/{reference}")).bearer(&token).send().json();
        assert_eq!(reply["sha"], commit.as_str());
        assert_eq!(reply["commit"]["tree"]["sha"], commit.as_str());
    }
    assert_eq!(get(format!("{url}/git/commits/nope")).bearer(&token).send().status, 404);
}

#[test]
fn trees_come_in_pages_and_truncated_means_more() {
    let (_forge, url, token) = forge();
    let sample = samples::small();
    let entries = sample.entries(&sample.tree(), true).unwrap();
    let mut paths = 0;
    let mut page = 1;
    loop {
        let reply = get(format!("{url}/git/trees/{}?recursive=true&per_page=50&page={page}", sample.tree()))
            .bearer(&token)
            .send()
            .json();
        paths += reply["tree"].as_array().unwrap().len();
        assert_eq!(reply["total_count"], entries.len());
        if reply["truncated"] == false {
            break;
        }
        page += 1;
    }
    assert_eq!(paths, entries.len());
    assert_eq!(page, entries.len().div_ceil(6));
}

#[test]
fn archives_have_the_name_in_lower_case_as_root() {
    let (forge, url, token) = forge();
    let sample = samples::small();
    let archive = get(format!("{url}/archive/feature/x.tar.gz")).bearer(&token).send();
    assert_eq!(archive.tar(), sample.archive("feature/x", "demo/").unwrap());
    let ask = |name: &str| get(format!("{url}/archive/{name}")).bearer(&token).send().status;
    assert_eq!(ask("nope.tar.gz"), 404);
    assert_eq!(ask("main.rar"), 400);
    assert_eq!(forge.archive_requests(), 3);
}

#[test]
fn blobs_and_files_have_their_bytes() {
    let (_forge, url, token) = forge();
    let raw = get(format!("{url}/raw/d%C3%AFr%C3%A9ctory/na%C3%AFve%20%E6%97%A5%E6%9C%AC.txt?ref=main"))
        .bearer(&token)
        .send();
    assert_eq!(raw.text(), "not ASCII\n");
    let tag = raw.header("etag").unwrap().trim_matches('"').to_owned();
    let blob = get(format!("{url}/git/blobs/{tag}")).bearer(&token).send().json();
    assert_eq!(blob["content"], "bm90IEFTQ0lJCg==");
}

#[test]
fn a_renamed_repository_is_found_by_a_location_without_origin() {
    let (forge, url, token) = forge();
    assert!(forge.rename("acme/demo", "acme/Demo2"));
    let reply = get(format!("{url}/archive/main.tar.gz")).bearer(&token).send();
    assert_eq!(reply.status, 302);
    assert_eq!(reply.location(), "/api/v1/repos/acme/Demo2/archive/main.tar.gz");
}
