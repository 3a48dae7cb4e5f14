//! The digest of a plan: a script that names it consents to what was reviewed, and to no other plan.
//!
//! It covers what a provider would get: its component, the requested and granted access, where its credentials are sent, the hosts whose
//! remotes it is given, the options that it sees, and its limits. It does not cover the registration's name, nor the value of any option: the same
//! provider with the same access has the same digest for a second repository.

use crate::Plan;
use forgeport_model::{CredentialPlan, Digest, Grant, Placement};
use serde::Serialize;

/// The hashed values, as JSON with sorted keys and lists. A change of this type is a new version.
#[derive(Serialize)]
struct Canonical<'a> {
    component: &'a Digest,
    credentials: Vec<Sent<'a>>,
    granted: Vec<Reach<'a>>,
    limits: Vec<(String, u64)>,
    remote_hosts: Vec<&'a str>,
    requested: Vec<Reach<'a>>,
    secret_options: Vec<&'a str>,
    seen_options: Vec<&'a str>,
    version: u8,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Reach<'a> {
    methods: Vec<&'a str>,
    origin: String,
    paths: Vec<String>,
    private: bool,
}

#[derive(Serialize)]
struct Sent<'a> {
    beginnings: Vec<&'a str>,
    detail: &'a str,
    option: &'a str,
    origin: String,
    placement: &'static str,
}

impl Plan {
    /// The digest of what the provider would get. No secret value is part of it.
    pub fn plan_digest(&self) -> Digest {
        Digest::of(serde_json::json!(canonical(self)).to_string().as_bytes())
    }
}

fn canonical(plan: &Plan) -> Canonical<'_> {
    let access = plan.access();
    let limits = plan.repository.limits.set_ones().map(|(limit, value)| (limit.to_string(), value));
    Canonical {
        version: 1,
        component: plan.digest(),
        requested: sorted(access.origins.iter().map(reach)),
        granted: sorted(plan.granted().iter().map(reach)),
        // The first rule that fits counts, so their order is part of what they mean.
        credentials: access.credentials.iter().map(sent).collect(),
        remote_hosts: sorted(access.remote_hosts.iter().map(String::as_str)),
        seen_options: sorted(plan.seen()),
        secret_options: sorted(plan.options.secrets_given()),
        limits: sorted(limits),
    }
}

fn reach(grant: &Grant) -> Reach<'_> {
    Reach {
        origin: grant.origin.to_string(),
        methods: sorted(grant.methods()),
        paths: sorted(grant.paths.iter().map(ToString::to_string)),
        private: grant.private,
    }
}

fn sent(plan: &CredentialPlan) -> Sent<'_> {
    let (placement, detail) = match &plan.placement {
        Placement::Bearer => ("bearer", ""),
        Placement::Basic(user) => ("basic", user.as_str()),
        Placement::Header(name) => ("header", name.as_str()),
    };
    let beginnings = plan.beginnings.iter().map(String::as_str).collect();
    Sent { option: &plan.option, origin: plan.origin.to_string(), placement, detail, beginnings }
}

fn sorted<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort();
    all
}
