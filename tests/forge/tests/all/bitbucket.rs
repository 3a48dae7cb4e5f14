use forgeport_forge::{Access, BITBUCKET_EMAIL, Forge, TokenKind, samples};

use crate::client::get;

/// A forge with acme/demo, private, where its API has it, and an access token.
fn forge() -> (Forge, String, String) {
    let forge = Forge::start();
    forge.add_private("acme/demo", &samples::small());
    let url = forge.bitbucket().api_url + "/2.0/repositories/acme/demo";
    let token = forge.token(TokenKind::BitbucketAccess, Access::All);
    (forge, url, token)
}

#[test]
fn access_tokens_are_bearers_without_a_user_and_api_tokens_go_with_an_address() {
    let (forge, url, access) = forge();
    let user = forge.bitbucket().api_url + "/2.0/user";
    let api = forge.token(TokenKind::BitbucketApi, Access::All);
    assert_eq!(get(&url).bearer(&access).send().json()["full_name"], "acme/demo");
    assert_eq!(get(&user).bearer(&access).send().status, 403);
    assert_eq!(get(&url).basic(BITBUCKET_EMAIL, &api).send().status, 200);
    assert_eq!(get(&user).basic(BITBUCKET_EMAIL, &api).send().status, 200);
    assert_eq!(get(&url).basic("ada", &api).send().status, 401);
    assert_eq!(get(&url).bearer(&api).send().status, 401);
    let anonymous = get(&url).send();
    assert_eq!(anonymous.status, 404);
    let text = anonymous.json()["error"]["message"].to_string();
    assert!(text.contains("may not have access"));
    let narrow = forge.token(TokenKind::BitbucketAccess, Access::NoPermission);
    assert_eq!(get(&url).bearer(&narrow).send().status, 403);
}

#[test]
fn commits_branches_and_tags_resolve() {
    let (_forge, url, token) = forge();
    let sample = samples::small();
    let ask = |path: &str| get(format!("{url}/{path}")).bearer(&token).send();
    let feature = sample.resolve("feature/x").unwrap();
    assert_eq!(ask(&format!("commit/{}", &feature[..12])).json()["hash"], feature.as_str());
    for name in ["feature/x", "feature%2Fx"] {
        let branch = ask(&format!("refs/branches/{name}")).json();
        assert_eq!(branch["target"]["hash"], feature.as_str());
    }
    let tag = ask("refs/tags/v1.0").json();
    assert_eq!(tag["target"]["hash"], sample.commit().as_str());
    assert_eq!(ask("refs/branches/v1.0").status, 404);
    assert_eq!(ask("commit/nope").status, 404);
}

#[test]
fn sources_are_listings_in_pages_and_raw_bytes() {
    let (_forge, url, token) = forge();
    let sample = samples::small();
    let commit = sample.commit();
    let mut next = Some(format!("{url}/src/{commit}/?max_depth=9&pagelen=5"));
    let mut paths = Vec::new();
    while let Some(url) = next {
        let page = get(url).bearer(&token).send().json();
        for value in page["values"].as_array().unwrap() {
            paths.push(value["path"].as_str().unwrap().to_owned());
            if value["path"] == "bin/run.sh" {
                assert_eq!(value["attributes"][0], "executable");
            }
        }
        next = page["next"].as_str().map(str::to_owned);
    }
    let entries = sample.entries(&sample.tree(), true).unwrap();
    assert_eq!(paths.len(), entries.len());
    let flat = get(format!("{url}/src/{commit}/src?pagelen=100")).bearer(&token).send().json();
    assert_eq!(flat["values"].as_array().unwrap().len(), 3);
    let file = get(format!("{url}/src/{commit}/name%20with%20spaces.txt")).bearer(&token).send();
    assert_eq!(file.text(), "spaces\n");
    let moved = get(format!("{url}/src/main/src?pagelen=100")).bearer(&token).send();
    assert_eq!(moved.location(), format!("{url}/src/{commit}/src?pagelen=100"));
}

#[test]
fn archives_come_from_the_web_origin_and_a_failed_login_is_a_page() {
    let (forge, _, token) = forge();
    let sample = samples::small();
    let url = forge.bitbucket().web_url + "/acme/demo/get/" + &sample.commit() + ".tar.gz";
    let root = format!("acme-demo-{}/", &sample.commit()[..12]);
    let archive = get(&url).bearer(&token).send();
    assert_eq!(archive.tar(), sample.archive("main", &root).unwrap());
    let page = get(&url).send();
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(get(url.replace("/demo/", "/none/")).bearer(&token).send().status, 404);
    assert_eq!(forge.archive_requests(), 3);
}
