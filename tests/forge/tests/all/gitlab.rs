use forgeport_forge::{Access, Forge, TokenKind, samples};

use crate::client::get;

/// A forge with acme/tools/Demo, private, and where its API has it.
fn forge() -> (Forge, String) {
    let forge = Forge::start();
    forge.add_private("acme/tools/Demo", &samples::small());
    let url = forge.gitlab().instance_url + "/api/v4/projects/acme%2Ftools%2FDemo";
    (forge, url)
}

#[test]
fn tokens_of_users_and_bots_work_in_both_headers() {
    let (forge, url) = forge();
    let user = forge.gitlab().instance_url + "/api/v4/user";
    for kind in [TokenKind::GitlabPersonal, TokenKind::GitlabProject, TokenKind::GitlabGroup] {
        let token = forge.token(kind, Access::All);
        assert_eq!(get(&user).bearer(&token).send().status, 200);
        let project = get(&url).header("private-token", &token).send().json();
        assert_eq!(project["path_with_namespace"], "acme/tools/Demo");
    }
    assert_eq!(get(&user).send().status, 401);
    assert_eq!(get(&url).send().json()["message"], "404 Project Not Found");
    assert_eq!(get(&url).bearer("glpat-guessed").send().status, 401);
}

#[test]
fn tokens_without_reach_are_told_apart() {
    let (forge, url) = forge();
    let status = |access| {
        let token = forge.token(TokenKind::GitlabPersonal, access);
        get(&url).header("private-token", &token).send().status
    };
    assert_eq!(status(Access::Expired), 401);
    assert_eq!(status(Access::NoPermission), 403);
    assert_eq!(status(Access::Only(vec![])), 404);
    assert_eq!(status(Access::Only(vec!["acme/tools/demo".into()])), 200);
}

#[test]
fn job_tokens_read_commits_and_raw_files_but_no_archives() {
    let (forge, url) = forge();
    let token = forge.token(TokenKind::GitlabJob, Access::All);
    for (path, header, bearer) in [
        ("/repository/commits/main", 200, 200),
        ("/repository/files/README.md/raw", 200, 200),
        ("", 404, 401),
        ("/repository/archive.tar.gz", 404, 401),
        ("/repository/tree", 404, 401),
    ] {
        let ask = || get(format!("{url}{path}"));
        assert_eq!(ask().header("job-token", &token).send().status, header, "{path}");
        assert_eq!(ask().bearer(&token).send().status, bearer, "{path}");
    }
}

#[test]
fn deploy_tokens_do_not_open_the_api() {
    let (forge, url) = forge();
    let token = forge.token(TokenKind::GitlabDeploy, Access::All);
    let ask = || get(format!("{url}/repository/archive.tar.gz"));
    assert_eq!(ask().header("deploy-token", &token).send().status, 404);
    assert_eq!(ask().basic("gitlab+deploy-token-1", &token).send().status, 404);
    assert_eq!(ask().header("private-token", &token).send().status, 401);
}

#[test]
fn the_same_instance_answers_under_a_path() {
    let (forge, _) = forge();
    let token = forge.token(TokenKind::GitlabPersonal, Access::All);
    let root = forge.gitlab_under_path().instance_url;
    let url = format!("{root}/api/v4/projects/acme%2ftools%2fdemo");
    let project = get(&url).bearer(&token).send().json();
    let clone = project["http_url_to_repo"].as_str().unwrap();
    assert_eq!(clone, format!("{root}/acme/tools/Demo.git"));
}

#[test]
fn references_resolve() {
    let (forge, url) = forge();
    let token = forge.token(TokenKind::GitlabPersonal, Access::All);
    let sample = samples::small();
    let commit = |reference: &str| get(format!("{url}/repository/commits/{reference}")).bearer(&token).send();
    assert_eq!(commit("feature%2Fx").json()["id"].as_str(), sample.resolve("feature/x").as_deref());
    assert_eq!(commit("v1.0").json()["id"].as_str(), Some(sample.commit().as_str()));
    assert_eq!(commit("nope").status, 404);
}

#[test]
fn archives_come_from_the_same_origin_with_large_files_unless_told_otherwise() {
    let (forge, url) = forge();
    let token = forge.token(TokenKind::GitlabPersonal, Access::All);
    let sample = samples::small();
    let archive = |query: &str| {
        let reply = get(format!("{url}/repository/archive.tar.gz?{query}")).bearer(&token).send();
        reply.tar()
    };
    let root = format!("Demo-feature-x-{}/", sample.resolve("feature/x").unwrap());
    let plain = archive("sha=feature/x&include_lfs_blobs=false");
    assert_eq!(plain, sample.archive("feature/x", &root).unwrap());
    let content = |tar: &[u8]| {
        let text = String::from_utf8_lossy(tar).into_owned();
        text.contains(std::str::from_utf8(samples::LFS_CONTENT).unwrap())
    };
    assert!(!content(&plain));
    assert!(content(&archive("sha=feature/x")));
    assert_eq!(forge.archive_requests(), 2);
}

#[test]
fn an_archive_of_a_directory_keeps_its_path_below_a_root_that_names_it() {
    let (forge, url) = forge();
    let token = forge.token(TokenKind::GitlabPersonal, Access::All);
    let commit = samples::small().commit();
    let reply = get(format!("{url}/repository/archive.tar.gz?sha={commit}&path=src/package")).bearer(&token).send();
    let tar = reply.tar();
    let mut archive = tar::Archive::new(&tar[..]);
    let root = format!("Demo-{commit}-{commit}-src-package/");
    let names: Vec<String> = archive
        .entries()
        .unwrap()
        .skip(1) // the commit's id, in a header of its own
        .map(|entry| String::from_utf8(entry.unwrap().path_bytes().into_owned()).unwrap())
        .collect();
    assert!(names.iter().all(|name| name.starts_with(&root)), "{names:?}");
    assert!(names.contains(&format!("{root}src/package/steps/train.py")));
    let missing = get(format!("{url}/repository/archive.tar.gz?path=nope")).bearer(&token).send();
    assert_eq!(missing.status, 404);
}

#[test]
fn trees_come_in_pages_by_number_and_by_key() {
    let (forge, url) = forge();
    let token = forge.token(TokenKind::GitlabPersonal, Access::All);
    let sample = samples::small();
    let all = sample.entries(&sample.tree(), true).unwrap();
    for kind in ["page=1", "pagination=keyset"] {
        let mut next = Some(format!("{url}/repository/tree?ref=main&recursive=true&per_page=7&{kind}"));
        let mut ids = Vec::new();
        while let Some(url) = next {
            let reply = get(url).bearer(&token).send();
            for entry in reply.json().as_array().unwrap() {
                assert!(entry.get("size").is_none());
                ids.push(entry["id"].as_str().unwrap().to_owned());
            }
            next = reply.header("link").map(|link| {
                let (url, _) = link.split_once('>').unwrap();
                url.trim_start_matches('<').to_owned()
            });
        }
        let expected: Vec<_> = all.iter().map(|entry| entry.id.clone()).collect();
        assert_eq!(ids, expected);
    }
    let below = get(format!("{url}/repository/tree?path=src/package")).bearer(&token).send().json();
    assert_eq!(below[1]["path"], "src/package/steps");
    let missing = get(format!("{url}/repository/tree?path=nope")).bearer(&token).send();
    assert_eq!(missing.status, 404);
}

#[test]
fn blobs_and_files_come_raw() {
    let (forge, url) = forge();
    let token = forge.token(TokenKind::GitlabPersonal, Access::All);
    let file =
        get(format!("{url}/repository/files/src%2Fpackage%2Fsteps%2Ftrain.py/raw?ref=v1.0")).bearer(&token).send();
    assert!(file.text().starts_with("def train"));
    let sample = samples::small();
    let entries = sample.entries(&sample.tree(), true).unwrap();
    let entry = entries.iter().find(|e| e.path == b"README.md").unwrap();
    let blob = get(format!("{url}/repository/blobs/{}/raw", entry.id)).bearer(&token).send();
    assert_eq!(blob.text(), "# Demo\n");
}

#[test]
fn a_renamed_project_moves_permanently_to_its_number() {
    let (forge, url) = forge();
    let token = forge.token(TokenKind::GitlabPersonal, Access::All);
    assert!(forge.rename("acme/tools/demo", "acme/other"));
    let reply = get(format!("{url}/repository/commits/feature%2Fx?stats=false")).bearer(&token).send();
    assert_eq!(reply.status, 301);
    assert!(reply.location().ends_with("/repository/commits/feature%2Fx?stats=false"));
    assert_eq!(get(reply.location()).bearer(&token).send().status, 200);
}
