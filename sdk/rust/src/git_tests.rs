#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::{answer, response};

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn line(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

fn advertisement() -> String {
    let first = format!("{ONE} HEAD\0multi_ack symref=HEAD:refs/heads/main agent=git/2\n");
    let refs =
        [("refs/heads/feature/x", TWO), ("refs/heads/main", ONE), ("refs/tags/v1", TWO), ("refs/tags/v1^{}", ONE)];
    let refs: String = refs.iter().map(|(name, id)| line(&format!("{id} {name}\n"))).collect();
    format!("{}0000{}{refs}0000", line("# service=git-upload-pack\n"), line(&first))
}

fn url() -> Url {
    crate::Base::parse("https://forge.example").unwrap().join(["acme", "demo.git"])
}

#[test]
fn branches_and_peeled_tags_are_read_from_an_advertisement() {
    answer("https://forge.example/acme/demo.git/info/refs?service=git-upload-pack", 200, &advertisement());
    let references = references(url(), &crate::Asked::new("it")).unwrap();
    assert_eq!(references.default_branch.as_deref(), Some("main"));
    let id = |revision: &str| references.resolve(revision).map(|commit| commit.id);
    assert_eq!(
        (id("feature/x").as_deref(), id("v1").as_deref(), id("main").as_deref()),
        (Some(TWO), Some(ONE), Some(ONE))
    );
    assert_eq!((id("nope"), id(&TWO.to_uppercase()).as_deref()), (None, Some(TWO)));
}

#[test]
fn an_answer_that_is_none_of_gits_is_no_references() {
    for body in ["", "<html>", "0000", "zzzz", "00ff short", "+004"] {
        assert_eq!(References::read(&response(200, &[], body)), None, "{body}");
    }
}

#[test]
fn a_fetch_asks_for_one_commit_without_its_history() {
    let request = fetch(url(), ONE).request;
    let body = String::from_utf8(request.body.unwrap()).unwrap();
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", "https://forge.example/acme/demo.git/git-upload-pack")
    );
    assert!(body.starts_with("0012command=fetch\n0001") && body.ends_with("0009done\n0000"), "{body}");
    assert!(body.contains(&format!("0032want {ONE}\n")) && body.contains("000ddeepen 1\n"), "{body}");
}
