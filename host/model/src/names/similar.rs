//! The name that somebody meant: options, limits and types of forges are found in any spelling, and suggested where one is misspelt.

/// How different (Jaro-Winkler, 0 to 1) a name may be and still be suggested.
const SIMILAR: f64 = 0.75;

/// The one spelling of an option's name: `api-url` is `api_url`.
#[must_use]
pub fn normalise_name(name: &str) -> String {
    name.replace('-', "_")
}

/// The candidate that is most like a name, when one is like it at all.
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
