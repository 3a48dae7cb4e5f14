use std::collections::BTreeMap;

use forgeport_forge::{Content, Repository, samples};

/// Mode and content (of links: the target) by path, as the commit has them.
fn files(repository: &Repository, revision: &str) -> BTreeMap<Vec<u8>, (String, Vec<u8>)> {
    let tree = repository.tree_of(revision).unwrap();
    repository
        .entries(&tree, true)
        .unwrap()
        .iter()
        .filter(|entry| entry.kind == "blob")
        .map(|entry| {
            let bytes = repository.blob(&entry.id).unwrap();
            (entry.path.clone(), (entry.mode.clone(), bytes))
        })
        .collect()
}

/// The same, as an archive has them.
fn archived(tar: &[u8]) -> BTreeMap<Vec<u8>, (String, Vec<u8>)> {
    use std::io::Read;
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let kind = entry.header().entry_type();
        let (mode, bytes) = if kind.is_symlink() {
            let target = entry.link_name_bytes().unwrap().into_owned();
            ("120000", target)
        } else if kind.is_file() {
            let executable = entry.header().mode().unwrap() & 0o100 != 0;
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (if executable { "100755" } else { "100644" }, bytes)
        } else {
            continue;
        };
        files.insert(entry.path_bytes().into_owned(), (mode.to_owned(), bytes));
    }
    files
}

#[test]
fn equal_builds_give_equal_commits() {
    assert_eq!(samples::small().commit(), samples::small().commit());
    assert_ne!(samples::small().commit(), samples::faithful().commit());
}

#[test]
fn a_faithful_repository_and_its_archive_hold_the_same_files() {
    let repository = samples::faithful();
    let files = files(&repository, "main");
    assert_eq!(files.len(), 14);
    assert_eq!(files[&b"bin/run.sh"[..]].0, "100755");
    assert_eq!(files[&b"line\nbreak.txt"[..]].1, b"newline in the name\n");
    assert_eq!(files[&b"src/link-to-directory"[..]], ("120000".into(), b"package/steps".to_vec()));
    assert_eq!(files, archived(&repository.archive("main", "").unwrap()));
}

#[test]
fn the_small_sample_has_what_archives_leave_out_and_alter() {
    let repository = samples::small();
    let files = files(&repository, "main");
    let archived = archived(&repository.archive("main", "").unwrap());
    for missing in ["tests/test_one.py", "tests/deep/test_two.py", ".ci.yml"] {
        assert!(files.contains_key(missing.as_bytes()));
        assert!(!archived.contains_key(missing.as_bytes()));
    }
    assert_eq!(files[&b"VERSION"[..]].1, b"$Format:%H$\n");
    let version = format!("{}\n", repository.commit());
    assert_eq!(archived[&b"VERSION"[..]].1, version.as_bytes());
    let pointer = String::from_utf8(files[&b"data/model.bin"[..]].1.clone()).unwrap();
    assert!(pointer.starts_with("version https://git-lfs.github.com/spec/v1\noid sha256:"));
}

#[test]
fn submodules_are_entries_of_the_kind_commit() {
    let repository = samples::small();
    let entries = repository.entries(&repository.tree(), true).unwrap();
    let module = entries.iter().find(|e| e.path == b"vendor/library").unwrap();
    assert_eq!((module.mode.as_str(), module.kind.as_str()), ("160000", "commit"));
    assert_eq!(module.id, samples::SUBMODULE_COMMIT);
}

#[test]
fn names_need_not_be_utf8() {
    let files = files(&samples::not_utf8(), "main");
    assert_eq!(files[&b"latin1-\xe9.txt"[..]].1, b"one byte above ASCII\n");
    assert_eq!(files[&b"link"[..]].1, b"latin1-\xe9.txt");
}

#[test]
fn links_may_point_anywhere() {
    for target in ["../../etc/passwd", "/etc/passwd"] {
        let files = files(&samples::with_link(target), "main");
        assert_eq!(files[&b"link"[..]].1, target.as_bytes());
    }
}

#[test]
fn branches_and_tags_lead_to_their_commits() {
    let repository = samples::small();
    let main = repository.commit();
    assert_eq!(repository.resolve("v1.0"), Some(main.clone()));
    assert_eq!(repository.resolve("release"), Some(main.clone()));
    assert_eq!(repository.resolve(&main[..10]), Some(main.clone()));
    let first = repository.resolve("v0").unwrap();
    let feature = repository.resolve("feature/x").unwrap();
    assert!(first != main && feature != main && feature != first);
    assert_eq!(repository.resolve("nothing"), None);
    assert_eq!(repository.resolve("--help"), None);
}

#[test]
fn a_branch_named_like_a_commit_that_is_not_there_leads_to_its_own() {
    let lookalike = "d".repeat(40);
    let repository = Repository::build().file("a", "a").commit("Start").branch(&lookalike).finish();
    assert_eq!(repository.resolve(&lookalike), Some(repository.commit()));
}

#[test]
fn files_can_be_taken_away_again() {
    let repository = Repository::build()
        .file("kept", "kept")
        .file("gone/file", "gone")
        .commit("Start")
        .remove("gone")
        .commit("Remove")
        .finish();
    let names: Vec<_> = files(&repository, "main").into_keys().collect();
    assert_eq!(names, [b"kept".to_vec()]);
}

#[test]
fn generated_files_have_their_length_and_half_compress() {
    use std::io::Write;
    let repository = Repository::build().file("big", Content::Generated(1_000_003, 7)).commit("Start").finish();
    let files = files(&repository, "main");
    let bytes = &files[&b"big"[..]].1;
    assert_eq!(bytes.len(), 1_000_003);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    let packed = gzip.finish().unwrap().len();
    assert!((400_000..600_000).contains(&packed), "{packed}");
}

#[test]
fn many_files_are_that_many() {
    let repository = samples::many_files(250);
    assert_eq!(files(&repository, "main").len(), 250);
}

#[test]
fn object_names_can_be_sha256() {
    let repository = samples::sha256();
    assert_eq!(repository.commit().len(), 64);
    assert_eq!(repository.tree().len(), 64);
    assert!(!repository.is_empty());
}

#[test]
fn a_repository_without_commits_is_empty() {
    assert!(samples::empty().is_empty());
}

#[test]
fn nothing_is_left_behind() {
    let repository = samples::faithful();
    let path = repository.path().to_owned();
    assert!(path.exists());
    drop(repository);
    assert!(!path.exists());
}
