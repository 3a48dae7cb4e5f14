//! What Bitbucket Cloud answers, and the one line that a person needs then. Bodies are those of recordings that public projects keep
//! of api.bitbucket.org.

#![allow(clippy::unwrap_used)]

use forgeport_provider::testing::{answer_with, line, resolve, response};

use super::tests::{API, open_with};
use super::*;

const JSON: (&str, &str) = ("content-type", "application/json;charset=utf-8");
const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");

/// What is asked.
#[derive(Clone, Copy)]
enum To {
    Login,
    Resolve(&'static str),
    Download,
}
use To::{Download, Login, Resolve};

fn told(to: To, token: bool, status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let provider = open_with(token);
    let answer = response(status, headers, body);
    let error = match to {
        Login => {
            answer_with(API, answer);
            provider.login().map(|_| ())
        }
        Resolve(revision) => {
            answer_with(&format!("{API}/commit/{revision}"), answer);
            resolve(&provider, revision).map(|_| ())
        }
        Download => Err(provider.meaning(&answer)),
    };
    line(&error.unwrap_err())
}

#[test]
fn each_answer_is_told_with_its_cause_and_the_next_step() {
    type Row<'a> = (To, bool, u16, &'a [(&'a str, &'a str)], &'a str, &'a str);
    let rows: &[Row<'_>] = &[
        (
            Login,
            false,
            404,
            &[JSON],
            r#"{"type": "error","error": {"message": "Repository team/demo not found"}}"#,
            "not found: repository team/demo does not exist, or is private (404: Repository team/demo not found); check the name; for a private one give a token with --token=@FILE: an access token that may read the repository, or an API token with the scope read:repository:bitbucket together with --username",
        ),
        (
            Login,
            true,
            404,
            &[JSON],
            r#"{"type":"error","error":{"message":"You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated."}}"#,
            "not found: repository team/demo does not exist, or the token may not see it (404: You may not have access to this repository or it no longer exists in this workspace. If you think this repository exists and you have access, make sure you are authenticated.); check the name, or give another token with --token=@FILE: an access token that may read the repository, or an API token with the scope read:repository:bitbucket together with --username",
        ),
        (
            Login,
            true,
            401,
            &[],
            "",
            "unauthorized: repository team/demo cannot be read: the forge refuses the token, which is wrong, expired or revoked (401); give another token with --token=@FILE: an access token that may read the repository, or an API token with the scope read:repository:bitbucket together with --username",
        ),
        (
            Login,
            false,
            401,
            &[],
            "",
            "unauthorized: repository team/demo is not given to whoever has no token (401); give a token with --token=@FILE: an access token that may read the repository, or an API token with the scope read:repository:bitbucket together with --username",
        ),
        (
            Login,
            true,
            403,
            &[JSON],
            r#"{"type":"error","error":{"message":"Your credentials lack one or more required privilege scopes.","detail":{"granted":["read:user:bitbucket"],"required":["read:repository:bitbucket"]}}}"#,
            "forbidden: repository team/demo wants a right that the token lacks: one of read:repository:bitbucket, and has read:user:bitbucket (403: Your credentials lack one or more required privilege scopes.); give another token with --token=@FILE: an access token that may read the repository, or an API token with the scope read:repository:bitbucket together with --username",
        ),
        (
            Login,
            true,
            410,
            &[JSON],
            r#"{"type":"error","error":{"message":"Resource removed","detail":"This API is no longer supported."}}"#,
            "not found: repository team/demo does not exist, or the token may not see it (410: Resource removed This API is no longer supported.); check the name, or give another token with --token=@FILE: an access token that may read the repository, or an API token with the scope read:repository:bitbucket together with --username",
        ),
        (
            Resolve("ed899a2f4b50b4370feeea94676502b42383c746"),
            true,
            200,
            &[JSON],
            r#"{"type":"commit"}"#,
            "unavailable: the commit ed899a2f4b50b4370feeea94676502b42383c746 of repository team/demo: the forge does not tell its id; try again later",
        ),
        (
            Resolve("ed899a2f4b50b4370feeea94676502b42383c746"),
            true,
            404,
            &[JSON],
            r#"{"type":"error","error":{"message":"Commit not found"}}"#,
            "not found: the commit ed899a2f4b50b4370feeea94676502b42383c746 of repository team/demo does not exist (404: Commit not found); look for its right name",
        ),
        // Git's own server.
        (
            Download,
            true,
            404,
            &[TEXT],
            "Repository not found",
            "not found: the pack of repository team/demo does not exist (404: Repository not found); look for its right name",
        ),
        (
            Download,
            true,
            403,
            &[TEXT],
            "Access denied. You must have write or admin access.",
            "forbidden: the pack of repository team/demo is not given to this token (403: Access denied. You must have write or admin access.); ask its owner, or give another token with --token=@FILE: an access token that may read the repository, or an API token with the scope read:repository:bitbucket together with --username",
        ),
    ];
    for (to, token, status, headers, body, line) in rows {
        assert_eq!(told(*to, *token, *status, headers, body), *line);
    }
}
