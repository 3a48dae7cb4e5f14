//! What a provider gets, in words: the same in the consent and wherever it is shown later.

use forgeport_service::{CredentialPlan, Grant, Placement};

/// A grant's methods, paths and mark, in words.
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

/// Where in a request a secret goes.
pub fn placed(placement: &Placement) -> String {
    match placement {
        Placement::Bearer => "as a bearer token".to_owned(),
        Placement::Basic(user) => format!("as the password of {user:?}"),
        Placement::Header(name) => format!("in the header {name}"),
    }
}
