//! What GitLab answers, and the one line that a person needs then. Bodies are those of recordings that public projects keep of
//! gitlab.com, and of GitLab's own documentation.

#![allow(clippy::unwrap_used)]

use forgeport_provider::testing::{answer_with, line, resolve, response};

use super::tests::{API, open_with};
use super::*;

const JSON: (&str, &str) = ("content-type", "application/json;charset=utf-8");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

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
            answer_with(&format!("{API}/repository/commits/{revision}?stats=false"), answer);
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
            true,
            401,
            &[JSON],
            r#"{"message":"401 Unauthorized"}"#,
            "unauthorized: project Team/Tools/demo cannot be read: the forge refuses the token, which is wrong, expired or revoked (401 Unauthorized); give another token with --token=@FILE: a personal, project or group token with the scope read_api, or a deploy token together with --username",
        ),
        (
            Login,
            true,
            401,
            &[JSON],
            r#"{"error":"invalid_token","error_description":"Token was revoked. You have to re-authorize from the user."}"#,
            "unauthorized: project Team/Tools/demo cannot be read: the forge refuses the token, which is wrong, expired or revoked (401: Token was revoked. You have to re-authorize from the user.); give another token with --token=@FILE: a personal, project or group token with the scope read_api, or a deploy token together with --username",
        ),
        (
            Login,
            false,
            404,
            &[JSON],
            r#"{"message":"404 Project Not Found"}"#,
            "not found: project Team/Tools/demo does not exist, or is private (404 Project Not Found); check the name; for a private one give a token with --token=@FILE: a personal, project or group token with the scope read_api, or a deploy token together with --username",
        ),
        (
            Login,
            true,
            404,
            &[JSON],
            r#"{"message":"404 Project Not Found"}"#,
            "not found: project Team/Tools/demo does not exist, or the token may not see it (404 Project Not Found); check the name, or give another token with --token=@FILE: a personal, project or group token with the scope read_api, or a deploy token together with --username",
        ),
        (
            Login,
            true,
            403,
            &[JSON],
            r#"{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api read_api"}"#,
            "forbidden: project Team/Tools/demo wants a right that the token lacks: one of api read_api (403: The request requires higher privileges than provided by the access token.); give another token with --token=@FILE: a personal, project or group token with the scope read_api, or a deploy token together with --username",
        ),
        // Apache before GitLab, which decodes %2F.
        (
            Login,
            true,
            404,
            &[HTML],
            r#"<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
<html><head>
<title>404 Not Found</title>
</head><body>
<h1>Not Found</h1></body></html>"#,
            "unavailable: project Team/Tools/demo cannot be read: a web page came in the place of the answer, from a proxy or from a wrong address (404: a web page, \"404 Not Found\"); check the URL options and the proxy settings (HTTPS_PROXY, NO_PROXY); a proxy before GitLab has to pass on %2F as it is, which Apache does with `AllowEncodedSlashes NoDecode` and `nocanon`, and nginx with a `proxy_pass` without a path",
        ),
        (
            Resolve("nope"),
            true,
            404,
            &[JSON],
            r#"{"message":"404 Commit Not Found"}"#,
            "not found: the commit nope of project Team/Tools/demo does not exist (404 Commit Not Found); look for its right name",
        ),
        (
            Resolve("nope"),
            false,
            404,
            &[JSON],
            r#"{"message":"404 Commit Not Found"}"#,
            "not found: the commit nope of project Team/Tools/demo does not exist (404 Commit Not Found); look for its right name",
        ),
        (
            Download,
            true,
            200,
            &[HTML],
            r#"<!DOCTYPE html><html class="html-devise-layout"><head><title>Sign in · GitLab</title>"#,
            "unauthorized: the archive of project Team/Tools/demo cannot be read: a sign-in page came in the place of the answer (200: a web page, \"Sign in · GitLab\"); give another token with --token=@FILE: a personal, project or group token with the scope read_api, or a deploy token together with --username; or, where the sign-in is a proxy's own, check the URL options and the proxy settings (HTTPS_PROXY, NO_PROXY)",
        ),
        (
            Download,
            true,
            406,
            &[JSON],
            "",
            "other: the archive of project Team/Tools/demo was not answered (406); check the options and their spelling, or ask the forge's operator",
        ),
        // A limit of the host's is told with its time; here it has come through.
        (
            Download,
            true,
            429,
            &[JSON],
            r#"{"message":{"error":"This archive has been requested too many times. Try again later."}}"#,
            "rate limited: the archive of project Team/Tools/demo is asked for too often (429: This archive has been requested too many times. Try again later.); try again later",
        ),
    ];
    for (to, token, status, headers, body, line) in rows {
        assert_eq!(told(*to, *token, *status, headers, body), *line);
    }
}
