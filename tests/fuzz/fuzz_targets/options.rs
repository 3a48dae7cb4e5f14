//! Descriptions from strangers and options from people: nothing is granted in clear, and no secret goes where nothing was asked.
#![no_main]

use forgeport_model::{
    Access, Condition, CredentialRule, Description, Need, OptionDefinition, OptionValue, Options, Placement, Scheme,
};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

fuzz_target!(|text: &str| {
    let mut words = text.split('\n');
    let mut next = || words.next().unwrap_or_default().to_owned();
    let conditions = |word: String| match word.split_once('=') {
        None if word.is_empty() => Vec::new(),
        None => vec![Condition::Given(word)],
        Some((name, "")) => vec![Condition::Absent(name.to_owned())],
        Some((name, value)) => vec![Condition::StartsWith(name.to_owned(), value.to_owned())],
    };
    let option = |name: String, secret: bool, default: Option<String>| OptionDefinition {
        name,
        help: "help".into(),
        required: false,
        secret,
        default,
    };
    let description = Description {
        name: "fuzz".into(),
        version: next(),
        summary: next(),
        options: vec![
            option("url".into(), false, Some(next())),
            option("token".into(), true, None),
            option(next(), false, None),
        ],
        needs: vec![
            Need { origin: next(), methods: vec![next()], paths: vec![next()], conditions: conditions(next()) },
            Need { origin: "{url}".into(), methods: Vec::new(), paths: Vec::new(), conditions: Vec::new() },
        ],
        credentials: vec![CredentialRule {
            option: "token".into(),
            origin: next(),
            placement: Placement::Basic(next()),
            conditions: conditions(next()),
        }],
        remote_hosts: vec![next()],
    };
    let valid = description.validate().is_ok();
    let given = [
        ("url".to_owned(), OptionValue::Typed(Zeroizing::new(next()))),
        ("token".to_owned(), OptionValue::Hidden(Zeroizing::new("hunter2".to_owned()))),
        (next(), OptionValue::Typed(Zeroizing::new(next()))),
    ];
    let Ok(options) = Options::check(&description.options, given) else { return };
    assert!(text.contains("hunter2") || !format!("{options:?}").contains("hunter2"));
    let Ok(access) = Access::of(&description, &options) else { return };
    if !valid {
        return;
    }
    for grant in access.origins.iter() {
        let base = grant.origin.base();
        assert!(base.scheme() == Scheme::Https || base.is_loopback());
        assert!(!grant.private && grant.methods().all(|method| method != "CONNECT"));
    }
    for plan in &access.credentials {
        assert!(access.origins.reach(&plan.origin));
    }
});
