//! References to secrets, and limits.
#![no_main]

use forgeport_model::{Limits, SecretReference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(Some(reference)) = SecretReference::parse(text) {
        let again = SecretReference::parse(&reference.to_string());
        assert_eq!(again.as_ref(), Ok(&Some(reference)));
    }
    let mut limits = Limits::default();
    if limits.set_text(text).is_ok() {
        for (limit, value) in limits.set_ones() {
            assert_eq!(limit.read(&limit.written(value)), Ok(value));
        }
    }
});
