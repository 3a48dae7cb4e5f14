//! The access of a provider in words, the same in a plan and wherever it is shown later.

use forgeport_service::{CredentialPlan, Grant, OptionDefinition, Placement};

/// A grant's methods and paths, and whether its origin may be private.
pub fn terms(grant: &Grant) -> String {
    let mut text = grant.methods().collect::<Vec<_>>().join(", ");
    if !grant.paths.is_empty() {
        let paths: Vec<String> = grant.paths.iter().map(ToString::to_string).collect();
        text += &format!("; below {}", paths.join(", "));
    }
    if grant.private {
        text += "; also in a private network";
    }
    text
}

/// How a secret option is sent, and under which condition.
pub fn sent(plan: &CredentialPlan) -> String {
    let placement = placed(&plan.placement);
    match plan.beginnings.as_slice() {
        [] => placement,
        beginnings => {
            let beginnings: Vec<String> = beginnings.iter().map(|beginning| format!("{beginning:?}")).collect();
            format!("{placement} if it begins with {}", beginnings.join(" and "))
        }
    }
}

/// The place of a secret in a request.
pub fn placed(placement: &Placement) -> String {
    match placement {
        Placement::Bearer => "as a bearer token".to_owned(),
        Placement::Basic(user) => format!("as the password of {user:?}"),
        Placement::Header(name) => format!("in the header {name}"),
    }
}

/// Whether an option must be given, and whether it is a secret.
pub fn kind_of(setting: &OptionDefinition) -> &'static str {
    match (setting.required, setting.secret) {
        (true, true) => "required, secret",
        (true, false) => "required",
        (false, true) => "secret",
        (false, false) => "",
    }
}
