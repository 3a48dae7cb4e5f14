//! Every kind of token, and what must never happen to one.

use crate::{
    exact::assert_exact,
    scene::{KINDS, Kind, Scene},
};
use forgeport_forge::{Access, BITBUCKET_EMAIL, GITLAB_DEPLOY_USER, Server, TokenKind, samples};

#[test]
fn every_kind_of_token_that_can_read_a_repository_registers_and_downloads() {
    let kinds = [
        (Kind::Github, TokenKind::GithubClassic, None),
        (Kind::Github, TokenKind::GithubFineGrained, None),
        (Kind::Github, TokenKind::GithubInstallation, None),
        (Kind::Github, TokenKind::GithubActions, None),
        (Kind::Gitlab, TokenKind::GitlabPersonal, None),
        (Kind::Gitlab, TokenKind::GitlabProject, None),
        (Kind::Gitlab, TokenKind::GitlabGroup, None),
        (Kind::Gitlab, TokenKind::GitlabDeploy, Some(GITLAB_DEPLOY_USER)),
        (Kind::Gitlab, TokenKind::GitlabJob, None),
        (Kind::Bitbucket, TokenKind::BitbucketAccess, None),
        (Kind::Bitbucket, TokenKind::BitbucketApi, Some(BITBUCKET_EMAIL)),
        (Kind::Gitea, TokenKind::Gitea, None),
    ];
    let repository = samples::faithful();
    for (kind, token, user) in kinds {
        let scene = Scene::with(&repository);
        let mut options = vec![format!("--token={}", scene.forge.token(token, Access::All))];
        options.extend(user.map(|user| format!("--username={user}")));
        scene.try_register(kind, &options).good();
        let told = scene.download("main", "out", &[]).good().json();
        assert_eq!(told["verification"]["state"], "verified", "{token:?}");
    }
}

#[test]
fn tokens_that_only_git_takes_name_branches_tags_and_directories_too() {
    let repository = samples::small();
    for (token, user) in [(TokenKind::GitlabDeploy, Some(GITLAB_DEPLOY_USER)), (TokenKind::GitlabJob, None)] {
        let scene = Scene::with(&repository);
        let secret = scene.forge.token(token, Access::All);
        let mut options = vec![format!("--token={secret}")];
        options.extend(user.map(|user| format!("--username={user}")));
        scene.try_register(Kind::Gitlab, &options).good();
        for revision in ["feature/x", "v1.0", "v0"] {
            let told = scene.download(revision, "out", &["--force"]).good().json();
            assert_eq!(told["commit"], repository.resolve(revision).unwrap());
            assert_exact(&scene.path("out"), &repository, revision, "");
        }
        scene.download("main", "part", &["--subdirectory=src/package"]).good();
        assert_exact(&scene.path("part"), &repository, "main", "src/package");
        let error = scene.download("nope", "none", &[]).bad();
        assert!(error.contains("nope") && !error.contains(&secret), "{error}");
        assert!(scene.download("main", "none", &["--subdirectory=nope"]).bad().contains("no directory `nope`"));
    }
}

#[test]
fn a_token_that_may_not_is_told_from_one_that_is_wrong() {
    let repository = samples::faithful();
    for access in [Access::Expired, Access::NoPermission, Access::Only(vec!["acme/other".into()])] {
        for kind in KINDS {
            let scene = Scene::with(&repository);
            let token = match kind {
                Kind::Github => TokenKind::GithubFineGrained,
                Kind::Gitlab => TokenKind::GitlabPersonal,
                Kind::Bitbucket => TokenKind::BitbucketAccess,
                Kind::Gitea => TokenKind::Gitea,
            };
            let secret = scene.forge.token(token, access.clone());
            let error = scene.try_register(kind, &[format!("--token={secret}")]).bad();
            assert!(error.contains("token") || error.contains("credential"), "{kind:?} {access:?}: {error}");
            assert!(!error.contains(&secret));
        }
    }
}

#[test]
fn github_sends_its_token_to_the_api_and_not_to_where_archives_come_from() {
    let scene = Scene::with(&samples::faithful());
    scene.register(Kind::Github);
    scene.download("main", "out", &[]).good();
    let requests = scene.forge.requests();
    assert!(requests.iter().any(|request| request.server == Server::GithubWeb));
    for request in requests {
        assert_eq!(request.has_credential(), request.server == Server::GithubApi, "{}", request.target);
    }
}

#[test]
fn the_token_is_never_printed_whatever_is_asked() {
    for kind in KINDS {
        let scene = Scene::with(&samples::small());
        let token = scene.token(kind);
        let given = format!("--token={token}");
        let mut runs = vec![
            scene.try_register(kind, &[given.clone(), "--verbose".into()]),
            scene.try_register(kind, &[given]),
            scene.download("main", "out", &["--verbose"]),
            scene.download("main", "out", &["--verbose"]),
            scene.download("nope", "none", &["--verbose"]),
        ];
        scene.forge.revoke(&token);
        runs.push(scene.download("feature/x", "none", &["--verbose"]));
        for arguments in [&["code-repository", "list"][..], &["code-repository", "describe", "demo", "--verbose"]] {
            runs.push(scene.run(arguments));
        }
        for ran in runs {
            assert!(!ran.stdout.contains(&token) && !ran.stderr.contains(&token), "{kind:?}: {}", ran.stderr);
        }
    }
}
