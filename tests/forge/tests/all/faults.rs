use std::io::Read;
use std::time::{Duration, Instant};

use forgeport_forge::{Access, Answer, Fault, Forge, Gate, On, Server, Settings, TokenKind, samples};

use crate::client::{Ask, get};

/// A forge with a repository whose archive has some 2.5 MB, and the request for that archive.
fn forge() -> (Forge, Ask) {
    let forge = Forge::start();
    forge.add("acme/demo", &samples::five_megabytes());
    let ask = get(forge.gitea().instance_url + "/api/v1/repos/acme/demo/archive/main.tar.gz");
    (forge, ask)
}

#[test]
fn a_connection_is_dropped_after_so_many_bytes_and_then_no_more() {
    let (forge, ask) = forge();
    let whole = ask.send();
    assert!(whole.whole);
    for limit in [0, 1_000, 1_000_000] {
        forge.fault(On::server(Server::Gitea).path("archive"), Fault::DropAfter(limit));
        let cut = ask.send();
        assert_eq!(cut.status, 200);
        assert!(!cut.whole);
        assert_eq!(cut.body.len() as u64, limit);
        assert_eq!(cut.body, whole.body[..cut.body.len()]);
        assert!(ask.send().whole);
    }
}

#[test]
fn one_byte_is_corrupted() {
    let (forge, ask) = forge();
    let good = ask.send().body;
    forge.fault(On::any(), Fault::Corrupt(300_000));
    let bad = ask.send().body;
    let different: Vec<_> = (0..good.len()).filter(|&at| good[at] != bad[at]).collect();
    assert_eq!(different, [300_000]);
}

#[test]
fn a_body_is_truncated_with_a_length_that_hides_it() {
    let (forge, ask) = forge();
    forge.fault(On::any(), Fault::Truncate(4_321));
    let reply = ask.send();
    assert_eq!(reply.header("content-length"), Some("4321"));
    assert!(reply.whole);
}

#[test]
fn a_length_can_be_off_in_both_directions() {
    let (forge, ask) = forge();
    let good = ask.send().body.len();
    forge.fault(On::any(), Fault::LengthOff(10));
    let short = ask.send();
    assert_eq!(short.header("content-length"), Some((good + 10).to_string().as_str()));
    assert_eq!((short.body.len(), short.whole), (good, false));
    forge.fault(On::any(), Fault::LengthOff(-10));
    assert_eq!(ask.send().body.len(), good - 10);
}

#[test]
fn a_connection_is_closed_without_an_answer() {
    let (forge, ask) = forge();
    forge.fault(On::any(), Fault::Close);
    assert!(ask.try_send().is_none());
    assert_eq!(forge.requests()[0].status, None);
    assert!(ask.try_send().is_some());
}

#[test]
fn an_answer_stalls_until_it_is_released() {
    let (forge, ask) = forge();
    let gate = Gate::new();
    forge.fault(On::any(), Fault::Stall(gate.clone()));
    let waiting = std::thread::spawn(move || ask.send().status);
    assert!(gate.wait_until_reached());
    assert_eq!(forge.requests()[0].status, None);
    gate.release();
    assert_eq!(waiting.join().unwrap(), 200);
}

#[test]
fn a_body_stalls_after_so_many_bytes_until_it_is_released() {
    let (forge, ask) = forge();
    let good = ask.send().body;
    let gate = Gate::new();
    forge.fault(On::any(), Fault::StallAfter(200_000, gate.clone()));
    let waiting = std::thread::spawn(move || ask.send());
    assert!(gate.wait_until_reached());
    assert!(!waiting.is_finished());
    gate.release();
    let reply = waiting.join().unwrap();
    assert!(reply.whole && reply.body == good);
}

#[test]
fn a_client_that_gives_up_at_a_gate_is_noticed() {
    let (forge, ask) = forge();
    // A server that is told to close after the answer stops listening for the client's end.
    let ask = ask.header("connection", "keep-alive");
    for fault in [Fault::Stall as fn(Gate) -> Fault, |gate| Fault::StallAfter(10, gate)] {
        let gate = Gate::new();
        forge.fault(On::any(), fault(gate.clone()));
        let connection = ask.open();
        assert!(gate.wait_until_reached());
        drop(connection);
        assert!(gate.wait_until_abandoned());
    }
}

#[test]
fn bytes_before_a_stall_have_been_sent() {
    let (forge, ask) = forge();
    let gate = Gate::new();
    forge.fault(On::any(), Fault::StallAfter(100, gate.clone()));
    let mut connection = ask.open();
    let mut seen = Vec::new();
    let sent = |seen: &[u8]| {
        let end = seen.windows(4).position(|four| four == b"\r\n\r\n");
        end.is_some_and(|end| seen.len() - end - 4 >= 100)
    };
    while !sent(&seen) {
        let mut some = [0; 64];
        let count = connection.read(&mut some).unwrap();
        assert_ne!(count, 0);
        seen.extend_from_slice(&some[..count]);
    }
    gate.release();
    connection.read_to_end(&mut seen).unwrap();
    assert!(seen.len() > 1_000_000);
}

#[test]
fn answers_can_be_anything() {
    let (forge, ask) = forge();
    for (fault, status, header) in [
        (Fault::status(503), 503, None),
        (Fault::too_many_requests("7"), 429, Some(("retry-after", "7"))),
        (Fault::rate_limit(1_800_000_000), 403, Some(("x-ratelimit-reset", "1800000000"))),
        (Fault::secondary_rate_limit(Some(3)), 403, Some(("retry-after", "3"))),
        (Fault::Unauthorized, 401, None),
        (Fault::login_page(), 200, Some(("content-type", "text/html; charset=utf-8"))),
        (Fault::redirect(302, "http://127.0.0.1:1/x"), 302, Some(("location", "http://127.0.0.1:1/x"))),
        (Fault::answer(Answer::text(418, "tea").header("x-pot", "short")), 418, Some(("x-pot", "short"))),
    ] {
        forge.fault(On::any(), fault);
        let reply = ask.send();
        assert_eq!(reply.status, status);
        if let Some((name, value)) = header {
            assert_eq!(reply.header(name), Some(value));
        }
    }
    forge.fault(On::any(), Fault::archive(&b"not a tar at all"[..]));
    let reply = ask.send();
    assert_eq!((reply.status, reply.text().as_str()), (200, "not a tar at all"));
    assert_eq!(reply.header("content-length"), None);
    assert_eq!(ask.send().status, 200);
}

#[test]
fn what_was_sent_comes_back_as_an_echo() {
    let (forge, ask) = forge();
    forge.fault(On::any(), Fault::Echo);
    let ask = ask.bearer("visible");
    let reply = ask.send();
    assert_eq!(reply.header("x-echo"), Some("Bearer visible"));
    assert!(reply.text().contains("authorization: Bearer visible"));
}

#[test]
fn faults_concern_only_what_they_name_and_only_so_often() {
    let forge = Forge::start();
    forge.add("acme/demo", &samples::faithful());
    let repository = get(forge.github().api_url + "/repos/acme/demo");
    let commit = get(forge.github().api_url + "/repos/acme/demo/commits/main");
    let elsewhere = get(forge.gitlab().instance_url + "/api/v4/projects/acme%2Fdemo");
    forge.fault(On::server(Server::GithubApi).path("commits").after(1).times(2), Fault::status(500));
    let commits: Vec<_> = (0..5).map(|_| commit.send().status).collect();
    assert_eq!(commits, [200, 500, 500, 200, 200]);
    assert_eq!((repository.send().status, elsewhere.send().status), (200, 200));
    forge.fault(On::any().when(|request| request.headers.contains_key("x-bad")).always(), Fault::status(502));
    assert_eq!(repository.send().status, 200);
    let bad = repository.header("x-bad", "1");
    assert_eq!((bad.send().status, bad.send().status), (502, 502));
    forge.clear_faults();
    assert_eq!(bad.send().status, 200);
}

#[test]
fn a_redirect_to_another_origin_shows_what_is_sent_there() {
    let forge = Forge::start();
    let echo = forge.elsewhere() + "/echo?token=1";
    forge.fault(On::server(Server::GithubApi), Fault::redirect(302, &echo));
    let reply = get(forge.github().api_url + "/user").send();
    assert_eq!(get(reply.location()).bearer("leaked").send().header("x-echo"), Some("Bearer leaked"));
    let last = forge.requests().pop().unwrap();
    assert_eq!(last.server, Server::Elsewhere);
    assert_eq!(last.target, "/echo?token=1");
    assert!(last.has_credential());
}

#[test]
fn latency_holds_every_answer_back() {
    let forge = Forge::with(Settings { latency: Duration::from_millis(30), ..Settings::default() });
    let start = Instant::now();
    get(forge.github().api_url + "/user").send();
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[test]
fn the_servers_stop_when_the_forge_is_dropped() {
    let (forge, ask) = forge();
    let gate = Gate::new();
    forge.fault(On::any(), Fault::Stall(gate.clone()));
    let mut connection = ask.open();
    assert!(gate.wait_until_reached());
    drop(forge);
    assert!(gate.wait_until_abandoned());
    let _ = connection.read_to_end(&mut Vec::new());
}

#[test]
fn no_token_of_one_forge_is_good_at_another() {
    let (one, other) = (Forge::start(), Forge::start());
    let token = one.token(TokenKind::Gitea, Access::All);
    assert_ne!(token, other.token(TokenKind::Gitea, Access::All));
}

#[test]
fn only_reading_is_allowed() {
    let (forge, ask) = forge();
    assert_eq!(ask.method("POST").send().status, 405);
    assert_eq!(get(forge.elsewhere() + "/x").method("DELETE").send().status, 405);
}

#[test]
fn absurd_pages_are_empty() {
    let (forge, _) = forge();
    let page = usize::MAX;
    for url in [
        format!("{}/api/v4/projects/acme%2Fdemo/repository/tree?page={page}", forge.gitlab().instance_url),
        format!("{}/api/v1/repos/acme/demo/git/trees/main?page={page}", forge.gitea().instance_url),
        format!(
            "{}/2.0/repositories/acme/demo/src/{}/?page={page}",
            forge.bitbucket().api_url,
            samples::five_megabytes().commit()
        ),
    ] {
        assert_eq!(get(&url).send().status, 200, "{url}");
    }
}
