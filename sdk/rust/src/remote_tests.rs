#![allow(clippy::unwrap_used)]

use super::*;

fn hosting(base: &str) -> Hosting {
    Hosting::new(&Base::parse(base).unwrap())
}

fn with_host(base: &str, host: &str) -> Hosting {
    let settings = Settings::new([("host", host)], [("", ""); 0]);
    Hosting::with_option(&settings, "host", &Base::parse(base).unwrap()).unwrap()
}

fn remote(scheme: &str, host: &str, port: Option<u16>, path: &str) -> Remote {
    Remote { scheme: scheme.into(), host: host.into(), port, path: path.into() }
}

#[test]
fn the_web_needs_the_instance_s_own_port_and_scheme() {
    let hosting = hosting("https://git.example:8443");
    assert_eq!(hosting.path(&remote("https", "git.example", Some(8443), "a/b")), Some("a/b"));
    assert_eq!(hosting.path(&remote("https", "git.example", None, "a/b")), None);
    assert_eq!(hosting.path(&remote("http", "git.example", Some(8443), "a/b")), None);
}

#[test]
fn ssh_needs_its_own_port_whatever_the_web_has() {
    let hosting = hosting("https://git.example:8443");
    assert_eq!(hosting.path(&remote("ssh", "git.example", None, "a/b")), Some("a/b"));
    assert_eq!(hosting.path(&remote("ssh", "git.example", Some(2222), "a/b")), None);
    assert_eq!(hosting.path(&remote("git", "git.example", None, "a/b")), Some("a/b"));
    assert_eq!(hosting.path(&remote("git", "git.example", Some(1), "a/b")), None);
    assert_eq!(hosting.path(&remote("file", "git.example", None, "a/b")), None);
}

#[test]
fn a_port_of_ssh_can_be_told_with_the_host() {
    let hosting = with_host("https://git.example:8443", "git.example:2222");
    assert!(hosting.path(&remote("ssh", "git.example", Some(2222), "a")).is_some());
    assert!(hosting.path(&remote("ssh", "git.example", None, "a")).is_some());
    assert!(hosting.path(&remote("https", "git.example", Some(8443), "a")).is_some());
    assert!(hosting.path(&remote("ssh", "git.example", Some(2223), "a")).is_none());
}

#[test]
fn a_host_that_is_told_takes_the_place_of_the_instance_s() {
    let hosting = with_host("https://internal.example", "git.example");
    assert!(hosting.path(&remote("https", "git.example", None, "a")).is_some());
    assert!(hosting.path(&remote("https", "internal.example", None, "a")).is_none());
    assert!(hosting.path(&remote("ssh", "internal.example", None, "a")).is_none());
}

#[test]
fn a_host_option_that_is_a_url_is_refused() {
    let settings = Settings::new([("host", "https://git.example")], [("", ""); 0]);
    let refused = Hosting::with_option(&settings, "host", &Base::parse("https://h").unwrap());
    assert!(matches!(refused, Err(Error::InvalidOption((name, _))) if name == "host"));
}

#[test]
fn a_prefix_counts_on_the_web_only() {
    let hosting = hosting("https://git.example/forge");
    assert_eq!(hosting.path(&remote("https", "git.example", None, "forge/a/b")), Some("a/b"));
    assert_eq!(hosting.path(&remote("https", "git.example", None, "forgery/a/b")), None);
    assert_eq!(hosting.path(&remote("https", "git.example", None, "a/b")), None);
    assert_eq!(hosting.path(&remote("ssh", "git.example", None, "a/b")), Some("a/b"));
}

#[test]
fn another_way_for_ssh_belongs_to_one_instance_alone() {
    let main = hosting("https://github.com").alternative_ssh("github.com", "ssh.github.com", 443);
    assert!(main.path(&remote("ssh", "ssh.github.com", Some(443), "a/b")).is_some());
    assert!(main.path(&remote("ssh", "ssh.github.com", None, "a/b")).is_none());
    let own = hosting("https://ghe.example").alternative_ssh("github.com", "ssh.github.com", 443);
    assert!(own.path(&remote("ssh", "ssh.github.com", Some(443), "a/b")).is_none());
}

#[test]
fn look_alikes_are_no_match() {
    let hosting = hosting("https://github.com");
    for host in ["github.com.evil.example", "evilgithub.com", "githubxcom", "gist.github.com", ""] {
        assert!(!hosting.owns(&remote("https", host, None, "a/b"), "a/b"), "{host}");
    }
    for path in ["a/b/c", "a/bb", "aa/b", "a", "b/a", "/a/b", ""] {
        assert!(!hosting.owns(&remote("https", "github.com", None, path), "a/b"), "{path}");
    }
    assert!(hosting.owns(&remote("https", "github.com", None, "A/B"), "a/b"));
}
