//! What GitHub answers, and the one line that a person needs then. Bodies and headers are those of recordings that public projects keep
//! of api.github.com and of an Enterprise Server, and of GitHub's own documentation.

#![allow(clippy::unwrap_used)]

use forgeport_provider::testing::{answer_with, line, resolve, response};

use super::tests::{API, ID, open_with};
use super::*;

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const HTML: (&str, &str) = ("content-type", "text/html");

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
            answer_with(&format!("{API}/commits/{revision}?per_page=1"), answer);
            resolve(&provider, revision).map(|_| ())
        }
        Download => Err(provider.meaning(&answer)),
    };
    line(&error.unwrap_err())
}

#[test]
fn each_answer_is_told_with_its_cause_and_the_next_step() {
    let sso = ("x-github-sso", "required; url=https://github.com/orgs/acme/sso?authorization_request=AZSCKtL4");
    type Row<'a> = (To, bool, u16, &'a [(&'a str, &'a str)], &'a str, &'a str);
    let rows: &[Row<'_>] = &[
        (
            Login,
            true,
            401,
            &[JSON],
            r#"{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest"}"#,
            "unauthorized: repository Ada/Demo cannot be read: the forge refuses the token, which is wrong, expired or revoked \
             (401: Bad credentials); give another token with --token=@FILE: one that may read the repository's contents",
        ),
        (
            Login,
            true,
            401,
            &[JSON, ("x-github-otp", "required; app")],
            r#"{"message":"Must specify two-factor authentication OTP code."}"#,
            "unauthorized: repository Ada/Demo cannot be read: the forge refuses the token, which is wrong, expired or revoked \
             (401: Must specify two-factor authentication OTP code.); give another token with --token=@FILE: one that may read the \
             repository's contents",
        ),
        // An Enterprise Server in private mode.
        (
            Login,
            false,
            401,
            &[JSON],
            r#"{"message":"Must authenticate to access this API."}"#,
            "unauthorized: repository Ada/Demo is not given to whoever has no token (401: Must authenticate to access this API.); \
             give a token with --token=@FILE: one that may read the repository's contents",
        ),
        (
            Login,
            false,
            404,
            &[JSON],
            r#"{"message":"Not Found","documentation_url":"https://docs.github.com/rest/repos/repos#get-a-repository","status":"404"}"#,
            "not found: repository Ada/Demo does not exist, or is private (404: Not Found); check the name; for a private one give a \
             token with --token=@FILE: one that may read the repository's contents",
        ),
        (
            Login,
            true,
            404,
            &[JSON],
            r#"{"message":"Not Found"}"#,
            "not found: repository Ada/Demo does not exist, or the token may not see it (404: Not Found); check the name, or give \
             another token with --token=@FILE: one that may read the repository's contents",
        ),
        (
            Login,
            true,
            403,
            &[JSON],
            r#"{"message":"Repository access blocked","block":{"reason":"tos","created_at":"2024-01-02T03:04:05Z","html_url":"https://github.com/tos"}}"#,
            "forbidden: repository Ada/Demo is blocked by the forge, reason \"tos\", since 2024-01-02T03:04:05Z (403: Repository access \
             blocked); no token helps: read the notice, https://github.com/tos, and ask the repository's owner or the forge's support",
        ),
        (
            Login,
            true,
            403,
            &[JSON],
            r#"{"message":"Repository access blocked"}"#,
            "forbidden: repository Ada/Demo is blocked by the forge (403: Repository access blocked); no token helps: ask the \
             repository's owner or the forge's support",
        ),
        (
            Login,
            false,
            451,
            &[JSON],
            r#"{"message":"Repository access blocked","block":{"reason":"dmca","created_at":"2019-05-27T11:21:33Z","html_url":"https://github.com/github/dmca/blob/master/2019/05/2019-05-27-x.md"}}"#,
            "forbidden: repository Ada/Demo is blocked by the forge for legal reasons, reason \"dmca\", since 2019-05-27T11:21:33Z (451: \
             Repository access blocked); no token helps: read the notice, \
             https://github.com/github/dmca/blob/master/2019/05/2019-05-27-x.md, and ask the repository's owner or the forge's support",
        ),
        (
            Login,
            true,
            403,
            &[JSON, sso],
            r#"{"message":"Resource protected by organization SAML enforcement. You must grant your personal token access to this organization."}"#,
            "forbidden: repository Ada/Demo is in an organization that the token is not authorized for by single sign-on (403: Resource \
             protected by organization SAML enforcement. You must grant your personal token access to this organization.); open \
             https://github.com/orgs/acme/sso?authorization_request=AZSCKtL4 in a browser within the hour, authorize the token, and \
             try again",
        ),
        (
            Login,
            true,
            403,
            &[JSON, ("x-accepted-github-permissions", "contents=read"), ("x-ratelimit-remaining", "4999")],
            r#"{"message":"Resource not accessible by personal access token"}"#,
            "forbidden: repository Ada/Demo wants a right that the token lacks: one of contents=read (403: Resource not accessible by \
             personal access token); give another token with --token=@FILE: one that may read the repository's contents",
        ),
        (
            Login,
            true,
            403,
            &[JSON],
            r#"{"message":"Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource."}"#,
            "forbidden: repository Ada/Demo is not given to this machine's address (403: Although you appear to have the correct \
             authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to \
             access this resource.); have its owner add the address to the list of allowed ones, or ask from another network",
        ),
        (
            Login,
            true,
            403,
            &[JSON],
            r#"{"message":"Must have push access to repository"}"#,
            "forbidden: repository Ada/Demo is not given to this token (403: Must have push access to repository); ask its owner, or \
             give another token with --token=@FILE: one that may read the repository's contents",
        ),
        (
            Login,
            true,
            403,
            &[("content-type", "text/html; charset=UTF-8"), ("server", "cloudflare"), ("cf-mitigated", "challenge")],
            "<!DOCTYPE html><html lang=\"en-US\"><head><title>Just a moment...</title>",
            "unavailable: repository Ada/Demo cannot be reached: a firewall (Cloudflare) answered, and not the forge's API, so the token \
             is not the cause (403: a web page, \"Just a moment...\"); have its operator let this machine through, or ask from another \
             network",
        ),
        // `--api_url` without the API's path leads to pages for people.
        (
            Login,
            true,
            404,
            &[HTML],
            "<!DOCTYPE html><html><head><title>Page not found &middot; GitHub</title></head><a href=/login>Sign in</a>",
            "unavailable: repository Ada/Demo cannot be read: a web page came in the place of the answer, from a proxy or from a wrong \
             address (404: a web page, \"Page not found &middot; GitHub\"); check the URL options and the proxy settings (HTTPS_PROXY, \
             NO_PROXY)",
        ),
        // Its type says JSON.
        (
            Login,
            true,
            503,
            &[JSON],
            "<!DOCTYPE html>\n<html><head><title>Unicorn! &middot; GitHub</title></head><body>No server is currently available</body>",
            "unavailable: repository Ada/Demo cannot be read: the forge has a problem (503: a web page, \"Unicorn! &middot; GitHub\"); \
             try again later",
        ),
        (
            Login,
            true,
            301,
            &[JSON],
            r#"{"message":"Moved Permanently","url":"https://api.github.com/repositories/1000"}"#,
            "unavailable: repository Ada/Demo is elsewhere, and the answer does not say where (301: Moved Permanently); check the URL \
             options: they lead to something that is not this forge's API",
        ),
        (
            Resolve("nope"),
            true,
            422,
            &[JSON],
            r#"{"message":"No commit found for SHA: nope","documentation_url":"https://docs.github.com/rest/commits/commits#get-a-commit"}"#,
            "not found: the commit nope of repository Ada/Demo does not exist (422: No commit found for SHA: nope); look for its right \
             name",
        ),
        (
            Resolve("main"),
            false,
            409,
            &[JSON],
            r#"{"message":"Git Repository is empty."}"#,
            "not found: the commit main of repository Ada/Demo does not exist (409: Git Repository is empty.); look for its right name",
        ),
        (
            Resolve(ID),
            true,
            200,
            &[JSON],
            r#"{"sha":"553c2077f0edc3d5dc5d17262f6aa498e69d6f8e","commit":{}}"#,
            "unavailable: the commit 553c2077f0edc3d5dc5d17262f6aa498e69d6f8e of repository Ada/Demo: the forge's answer \
             (application/json; charset=utf-8) cannot be read: missing field `tree` at line 1 column 61; check the URL options, or try \
             again later",
        ),
        (
            Download,
            true,
            404,
            &[("content-type", "text/plain; charset=utf-8")],
            "404: Not Found",
            "not found: the archive of repository Ada/Demo does not exist (404: Not Found); look for its right name",
        ),
        (
            Download,
            true,
            200,
            &[HTML],
            "<form>Log in</form>",
            "unauthorized: the archive of repository Ada/Demo cannot be read: a sign-in page came in the place of the answer (200: a web \
             page); give another token with --token=@FILE: one that may read the repository's contents; or, where the sign-in is a \
             proxy's own, check the URL options and the proxy settings (HTTPS_PROXY, NO_PROXY)",
        ),
        (
            Download,
            true,
            200,
            &[JSON],
            r#"{"message":"archive is being prepared"}"#,
            "unavailable: the archive of repository Ada/Demo was answered with something else, application/json; charset=utf-8 that \
             begins with \"{\\\"message\\\":\\\"archive is being prepared\\\"}\" (200: archive is being prepared); check the URL options: \
             they lead to something that is not this forge's API",
        ),
    ];
    for (to, token, status, headers, body, line) in rows {
        assert_eq!(told(*to, *token, *status, headers, body), *line);
    }
}
