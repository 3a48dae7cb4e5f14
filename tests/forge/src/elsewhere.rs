//! An origin that no forge knows: it takes whatever comes and tells what it saw.

use crate::message::{Answer, Request};

/// A plain answer, unless the path asks for an echo.
pub(crate) fn answer(request: &Request) -> Answer {
    match request.path.as_str() {
        "/echo" => echo(request),
        _ => Answer::text(200, "elsewhere\n"),
    }
}

/// The request's head in the body, and its credentials in a header.
pub(crate) fn echo(request: &Request) -> Answer {
    let mut text = format!("{} {}?{}\n", request.method, request.path, request.query);
    let mut credentials = Vec::new();
    for (name, value) in &request.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        text.push_str(&format!("{name}: {value}\n"));
        if name == "authorization" || name.as_str().ends_with("-token") {
            credentials.push(value.into_owned());
        }
    }
    Answer::text(200, &text).header("x-echo", credentials.join(", "))
}
