//! The URLs that git remotes have.
#![no_main]

use forgeport_model::RemoteUrl;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(remote) = RemoteUrl::parse(text) {
        let (host, path) = (remote.host(), remote.path());
        assert!(!host.is_empty() && !host.contains(['/', '@', ' ', '\n']) && host == host.to_lowercase());
        assert!(!path.starts_with('/') && !path.ends_with('/'));
    }
});
