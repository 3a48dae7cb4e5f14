//! What lies on the disk, compared with what git has.

use forgeport_forge::Repository;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
};

/// Path, then mode as git has it, and content or target.
pub type Files = BTreeMap<Vec<u8>, (String, Vec<u8>)>;

/// Everything in a directory but directories.
pub fn on_disk(directory: &Path) -> Files {
    let mut files = Files::new();
    collect(directory, directory, &mut files);
    files
}

fn collect(root: &Path, directory: &Path, files: &mut Files) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            collect(root, &path, files);
            continue;
        }
        let (mode, content) = if metadata.is_symlink() {
            ("120000", fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
        } else {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            (if executable { "100755" } else { "100644" }, fs::read(&path).unwrap())
        };
        let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
        files.insert(name, (mode.to_owned(), content));
    }
}

/// Everything in a commit, or in one of its directories, but submodules.
pub fn in_git(repository: &Repository, revision: &str, subdirectory: &str) -> Files {
    let tree = match subdirectory {
        "" => repository.tree_of(revision).unwrap(),
        path => repository.tree_at(revision, path).unwrap(),
    };
    let entries = repository.entries(&tree, true).unwrap();
    let blobs = entries.iter().filter(|entry| entry.kind == "blob");
    blobs.map(|entry| (entry.path.clone(), (entry.mode.clone(), repository.blob(&entry.id).unwrap()))).collect()
}

/// The same paths with the same modes and bytes.
#[track_caller]
pub fn assert_exact(directory: &Path, repository: &Repository, revision: &str, subdirectory: &str) {
    let (found, right) = (on_disk(directory), in_git(repository, revision, subdirectory));
    let shown = |files: &Files| files.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect::<Vec<_>>();
    assert_eq!(shown(&found), shown(&right));
    for (path, right) in &right {
        assert!(found[path] == *right, "{} differs: {}", String::from_utf8_lossy(path), found[path].0);
    }
}

/// Nothing is left beside the target.
#[track_caller]
pub fn assert_no_remains(directory: &Path) {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let remains: Vec<String> = names.filter(|name| name.starts_with(".forgeport-")).collect();
    assert!(remains.is_empty(), "{remains:?}");
}
