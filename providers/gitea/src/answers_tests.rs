//! What Gitea and Forgejo answer, and the one line that a person needs then. Bodies are those of a Gitea that was recorded on
//! loopback, and of recordings that public projects keep of codeberg.org.

#![allow(clippy::unwrap_used)]

use forgeport_provider::testing::{answer_with, line, resolve, response};

use super::tests::{API, open_with};
use super::*;

const JSON: (&str, &str) = ("content-type", "application/json;charset=utf-8");
const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");
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
            answer_with(&super::tests::commit_url(revision), answer);
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
            r#"{"errors":null,"message":"The target couldn't be found.","url":"http://127.0.0.1:3301/api/swagger"}"#,
            "not found: repository ada/demo does not exist, or is private (404: The target couldn't be found.); check the name; for a private one give a token with --token=@FILE: one with the scope read:repository",
        ),
        (
            Login,
            true,
            404,
            &[JSON],
            r#"{"errors":["user redirect does not exist [name: future]"],"message":"GetUserByName","url":"https://codeberg.org/api/swagger"}"#,
            "not found: repository ada/demo does not exist, or the token may not see it (404: GetUserByName); check the name, or give another token with --token=@FILE: one with the scope read:repository",
        ),
        (
            Login,
            true,
            401,
            &[JSON],
            r#"{"message":"token is required","url":"http://127.0.0.1:3301/api/swagger"}"#,
            "unauthorized: repository ada/demo cannot be read: the forge refuses the token, which is wrong, expired or revoked (401: token is required); give another token with --token=@FILE: one with the scope read:repository",
        ),
        (
            Login,
            true,
            403,
            &[JSON],
            r#"{"message":"token does not have at least one of required scope(s): [read:repository]","url":"https://codeberg.org/api/swagger"}"#,
            "forbidden: repository ada/demo is not given to this token (403: token does not have at least one of required scope(s): [read:repository]); ask its owner, or give another token with --token=@FILE: one with the scope read:repository",
        ),
        (
            Login,
            false,
            302,
            &[HTML],
            r#"<a href="/api/v1/repos/alice/Edge2">Found</a>."#,
            "unavailable: repository ada/demo cannot be read: a web page came in the place of the answer, from a proxy or from a wrong address (302: a web page); check the URL options and the proxy settings (HTTPS_PROXY, NO_PROXY)",
        ),
        (
            Login,
            false,
            200,
            &[HTML],
            "<!DOCTYPE html><html><head><title>Sign In - Forgejo</title>",
            "unauthorized: repository ada/demo cannot be read: a sign-in page came in the place of the answer (200: a web page, \"Sign In - Forgejo\"); give a token with --token=@FILE: one with the scope read:repository; or, where the sign-in is a proxy's own, check the URL options and the proxy settings (HTTPS_PROXY, NO_PROXY)",
        ),
        (
            Resolve("deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"),
            true,
            404,
            &[JSON],
            r#"{"errors":null,"message":"deadbeefdeadbeefdeadbeefdeadbeefdeadbeef","url":"http://127.0.0.1:3301/api/swagger"}"#,
            "not found: the commit deadbeefdeadbeefdeadbeefdeadbeefdeadbeef of repository ada/demo does not exist (404: deadbeefdeadbeefdeadbeefdeadbeefdeadbeef); look for its right name",
        ),
        (
            Resolve("main"),
            true,
            200,
            &[JSON],
            "{}",
            "unavailable: the commit main of repository ada/demo: the forge does not tell its id; try again later",
        ),
        (
            Download,
            true,
            500,
            &[TEXT],
            "Internal Server Error\n",
            "unavailable: the archive of repository ada/demo cannot be read: the forge has a problem (500: Internal Server Error); try again later",
        ),
    ];
    for (to, token, status, headers, body, line) in rows {
        assert_eq!(told(*to, *token, *status, headers, body), *line);
    }
}
