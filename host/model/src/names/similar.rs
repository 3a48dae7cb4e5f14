//! Names that a person may misspell: the normal form of options and limits, and the suggestion for an unknown name.

/// The least similarity (Jaro-Winkler, 0 to 1) at which a name is suggested.
const SIMILAR: f64 = 0.75;

/// The normal form of an option's name: `api_url` for `api-url`.
#[must_use]
pub fn normalise_name(name: &str) -> String {
    name.replace('-', "_")
}

/// The candidate that is most similar to a name; none where no candidate is similar.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // Whoever sends a name of a megabyte gets no suggestion: the comparison takes quadratic time.
    let name: String = name.chars().take(64).collect();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate.to_owned())
}
