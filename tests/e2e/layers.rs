//! What the service shows of the crates below it. Whoever calls it must not depend on a row of the store, so its API has types of its own;
//! only the values of the model are everybody's.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What callers may see of the crates below the service, apart from the model; host/service/src/api/mod.rs says why.
const SHOWN: [&str; 6] = ["built_in_names", "Deadline", "KeySource", "Notices", "Progress", "serve_as_child"];

/// The errors of the crates below are the causes of the service's error, which callers do not look into.
const ERROR: &str = "pub enum ServiceError";

fn is_below(name: &str) -> bool {
    name.starts_with("forgeport_") && name != "forgeport_model"
}

/// The code of a file, without comments and tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// Paths and names in a piece of code.
fn names(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').map(|name| name.trim_matches(':'))
}

/// What a file takes from crates below, by `use` or by `pub use`: the names, and the other names of crates.
fn taken<'c>(code: &'c str, by: &'c str) -> impl Iterator<Item = &'c str> {
    let uses = code.split(';').filter_map(move |item| item.trim_start().strip_prefix(by));
    let below = uses.filter(|path| path.split([':', ' ']).next().is_some_and(is_below));
    below.flat_map(|path| names(path).flat_map(|name| name.rsplit("::").next()).filter(|name| !name.is_empty()))
}

/// The signatures of public functions, the types of public fields, and the variants of public enums.
fn public(code: &str) -> impl Iterator<Item = &str> {
    let starts = code.match_indices("pub ").map(|(at, _)| at);
    let starts = starts.filter(|at| code[..*at].rsplit('\n').next().is_some_and(|line| line.trim().is_empty()));
    starts.map(|at| &code[at..]).filter(|item| !item.starts_with("pub use ") && !item.starts_with(ERROR)).map(|item| {
        let end = match item.split(' ').nth(1).unwrap_or_default() {
            "fn" | "async" | "struct" => item.find(['{', ';']),
            "enum" | "trait" => [item.find("\n}"), item.find("{}")].into_iter().flatten().min(),
            _ => item.find('\n'),
        };
        &item[..end.unwrap_or(item.len())]
    })
}

/// The names of crates below in what a file makes public.
fn leaks(code: &str) -> Vec<&str> {
    let own: BTreeSet<&str> = taken(code, "use ").collect();
    let is_leak = |name: &&str| match name.split_once("::") {
        Some((first, _)) => is_below(first) || own.contains(first),
        None => own.contains(name),
    };
    let is_shown = |name: &str| name.rsplit("::").next().is_some_and(|last| SHOWN.contains(&last));
    public(code).flat_map(|item| names(item).filter(is_leak)).filter(|name| !is_shown(name)).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_service_shows_no_type_of_the_crates_below_it_but_those_that_its_callers_need() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../service/src");
    let mut shown = BTreeSet::new();
    let mut items = 0;
    for file in files(&folder) {
        let code = code(&fs::read_to_string(&file).unwrap());
        assert_eq!(leaks(&code), [""; 0], "{} makes types of other crates public", file.display());
        shown.extend(taken(&code, "pub use ").filter(|name| !is_below(name)).map(str::to_owned));
        items += public(&code).count();
    }
    assert_eq!(shown, SHOWN.map(str::to_owned).into());
    assert!(items > 100, "{items} public items: the test reads them in a wrong way");
}

#[test]
fn the_look_for_types_of_other_crates_finds_them() {
    for public in [
        "pub async fn list(&self) -> Result<Vec<CodeRepository>> {",
        "pub fn f(\n    &self,\n    one: &CodeRepository,\n) {",
        "    pub repository: Option<CodeRepository>,\n",
        "pub enum Update {\n    Done(Box<CodeRepository>),\n}",
        "pub struct Update(pub CodeRepository);",
        "pub fn f(one: forgeport_store::StoreError) {",
        "pub fn f(one: worktree::Head) {",
    ] {
        let code = format!(
            "use forgeport_store::{{\n    CodeRepository, KeySource,\n}};\nuse forgeport_worktree as worktree;\n\n{public}"
        );
        assert_eq!(leaks(&code).len(), 1, "{public}");
    }
    for fine in [
        "pub(crate) fn f(one: CodeRepository) {",
        "pub fn f(one: KeySource, other: api::CodeRepository) {\n    CodeRepository::new();",
        "fn f(one: CodeRepository) {",
    ] {
        assert_eq!(leaks(&format!("use forgeport_store::{{CodeRepository, KeySource}};\n\n{fine}")), [""; 0], "{fine}");
    }
}
