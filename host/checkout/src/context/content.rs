//! Compares content where metadata does not decide, through the filters that git would apply.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use git2::{AttrCheckFlags, Config, DiffOptions, Oid, Repository};

use super::ContextError;
use super::index::Entry;

/// How many of the entries' files have another content (or mode) than the index.
pub fn count_changed(repository: &Repository, root: &Path, entries: &[&Entry]) -> Result<usize, ContextError> {
    if entries.is_empty() {
        return Ok(0);
    }
    let reading = ContextError::reading("changed files", root);
    let config = repository.config().map_err(&reading)?;
    let programs = has_filter_programs(&config).map_err(&reading)?;
    let needs_git = |entry: &&&Entry| is_converted_by_git_alone(repository, &entry.path, programs);
    let (for_git, for_libgit2): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(needs_git);
    let changed = diff(repository, &for_libgit2).map_err(&reading)?;
    Ok(changed + ask_git(root, &for_git))
}

fn diff(repository: &Repository, entries: &[&Entry]) -> Result<usize, git2::Error> {
    // No path at all would mean every path.
    if entries.is_empty() {
        return Ok(0);
    }
    let mut options = DiffOptions::new();
    options.disable_pathspec_match(true).include_typechange(true).ignore_submodules(true);
    for entry in entries {
        options.pathspec(&entry.path[..]);
    }
    let diff = repository.diff_index_to_workdir(None, Some(&mut options))?;
    let paths: HashSet<_> = diff.deltas().map(|delta| delta.new_file().path_bytes().map(<[u8]>::to_vec)).collect();
    Ok(paths.len())
}

/// Whether any `filter.<name>.clean` or `.process` is configured, as Git LFS does.
fn has_filter_programs(config: &Config) -> Result<bool, git2::Error> {
    let entries = config.entries(Some(r"^filter\..*\.(clean|process)$"))?;
    let mut found = false;
    entries.for_each(|_| found = true)?;
    Ok(found)
}

/// libgit2 knows line ends and `ident`, but neither filter programs nor `working-tree-encoding`.
fn is_converted_by_git_alone(repository: &Repository, path: &[u8], programs: bool) -> bool {
    let path = Path::new(OsStr::from_bytes(path));
    let has = |name| {
        let value = repository.get_attr_bytes(path, name, AttrCheckFlags::FILE_THEN_INDEX);
        matches!(value, Ok(Some(value)) if !matches!(value, b"" | b"[internal]__FALSE__" | b"[internal]__TRUE__"))
    };
    (programs && has("filter")) || has("working-tree-encoding")
}

/// How many entries' files git itself hashes to something else. Where it fails, none is known to be unchanged.
fn ask_git(root: &Path, entries: &[&Entry]) -> usize {
    if entries.is_empty() {
        return 0;
    }
    let hashes = hash_with_git(root, entries).unwrap_or_default();
    let unchanged = entries.iter().zip(&hashes).filter(|(entry, hash)| entry.id == **hash).count();
    entries.len() - unchanged
}

fn hash_with_git(root: &Path, entries: &[&Entry]) -> Option<Vec<Oid>> {
    let mut git = Command::new("git")
        .args(["hash-object", "--stdin-paths"])
        .current_dir(root)
        // Set in a hook, they would point at another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = git.stdin.take()?;
    let paths: Vec<u8> = entries.iter().flat_map(|entry| quoted(&entry.path)).collect();
    let output = std::thread::scope(|scope| {
        // Both pipes have to move, or a long list blocks for ever.
        scope.spawn(move || stdin.write_all(&paths));
        git.wait_with_output()
    });
    let output = output.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.lines().map(|line| Oid::from_str(line).ok()).collect()
}

/// A line for `--stdin-paths`, in C's notation so that any byte may stand in a name.
fn quoted(path: &[u8]) -> Vec<u8> {
    let escaped: String = path.iter().map(|byte| format!("\\{byte:03o}")).collect();
    format!("\"{escaped}\"\n").into_bytes()
}
