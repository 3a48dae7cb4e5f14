//! Repositories that tests of all crates use.

use crate::builder::{Builder, Content};
use crate::repository::Repository;

/// What the submodules of [`small`] point at.
pub const SUBMODULE_COMMIT: &str = "4444444444444444444444444444444444444444";

/// The content of `data/model.bin` in [`small`], kept in Git LFS.
pub const LFS_CONTENT: &[u8] = b"weights, too large for git\n";

/// A small repository with one of everything that a safe and exact download can bring: modes, links (to a file, to a directory,
/// dangling inside), an empty file, odd names, nesting, a submodule, an LFS pointer, `export-ignore` and `export-subst`.
///
/// Its branches are `main` and `feature/x` (a commit ahead), its tags `v0` (lightweight, first commit) and `v1.0` (annotated).
#[must_use]
pub fn small() -> Repository {
    plain_part()
        .commit("Start")
        .tag("v0")
        .submodule("vendor/library", "https://forge.example/acme/library.git", SUBMODULE_COMMIT)
        .lfs("data/model.bin", LFS_CONTENT)
        .file(
            ".gitattributes",
            "data/*.bin filter=lfs diff=lfs merge=lfs -text\n\
             tests export-ignore\n\
             .ci.yml export-ignore\n\
             VERSION export-subst\n",
        )
        .file("tests/test_one.py", "assert True\n")
        .file("tests/deep/test_two.py", "assert 1 + 1 == 2\n")
        .file(".ci.yml", "steps: []\n")
        .file("VERSION", "$Format:%H$\n")
        .commit("Add what archives leave out or alter")
        .annotated_tag("v1.0", "First release")
        .branch("release")
        .checkout("feature/x")
        .file("feature.txt", "only on the branch\n")
        .commit("Add a feature")
        .finish()
}

/// As [`small`], without anything that makes an archive differ from the commit's tree: no submodule, LFS or export attributes.
#[must_use]
pub fn faithful() -> Repository {
    plain_part().commit("Start").finish()
}

fn plain_part() -> Builder {
    Repository::build()
        .file("README.md", "# Demo\n")
        .file("empty", "")
        .executable("bin/run.sh", "#!/bin/sh\necho hello\n")
        .file("src/package/__init__.py", "")
        .file("src/package/steps/train.py", "def train():\n    return 42\n")
        .file("name with spaces.txt", "spaces\n")
        .file("d\u{ef}r\u{e9}ctory/na\u{ef}ve \u{65e5}\u{672c}.txt", "not ASCII\n")
        .file(b"line\nbreak.txt".to_vec(), "newline in the name\n")
        .file(b"-starts-with-dash".to_vec(), "dash\n")
        .file(format!("long/{}/{}.txt", "d".repeat(120), "f".repeat(150)), "a path too long for the first tar format\n")
        .symlink("link-to-file", "README.md")
        .symlink("src/link-to-directory", "package/steps")
        .symlink("src/link-up-and-down", "../bin/run.sh")
        .symlink("dangling", "no/such/file")
}

/// [`small`]'s companion for names that are not UTF-8.
#[must_use]
pub fn not_utf8() -> Repository {
    Repository::build()
        .file(b"latin1-\xe9.txt".to_vec(), "one byte above ASCII\n")
        .symlink("link", b"latin1-\xe9.txt".to_vec())
        .commit("Start")
        .finish()
}

/// One ordinary file and a symbolic link `link` to the given target, for those that leave the directory (`../../etc`) or
/// are absolute.
#[must_use]
pub fn with_link(target: &str) -> Repository {
    Repository::build().file("file.txt", "ordinary\n").symlink("link", target).commit("Start").finish()
}

/// A binary file of 5 MB (5,000,000 bytes) among text.
#[must_use]
pub fn five_megabytes() -> Repository {
    Repository::build()
        .file("README.md", "# Data\n")
        .file("data/five.bin", Content::Generated(5_000_000, 5))
        .commit("Start")
        .finish()
}

/// So many small files, a hundred in each directory; every tenth is executable.
#[must_use]
pub fn many_files(count: usize) -> Repository {
    let mut builder = Repository::build();
    for n in 0..count {
        let path = format!("part-{:04}/module_{:02}.py", n / 100, n % 100);
        let text = format!("# module {n}\n") + &format!("value_{n} = {n}\n").repeat(1 + n % 90);
        builder = match n % 10 {
            0 => builder.executable(path, text),
            _ => builder.file(path, text),
        };
    }
    builder.commit("Start").finish()
}

/// One file of so many megabytes (of 1,000,000 bytes), of which about half compress away.
#[must_use]
pub fn big_file(megabytes: u64) -> Repository {
    Repository::build().file("big.bin", Content::Generated(megabytes * 1_000_000, 1)).commit("Start").finish()
}

/// No commit at all.
#[must_use]
pub fn empty() -> Repository {
    Repository::build().finish()
}

/// Objects named by SHA-256.
#[must_use]
pub fn sha256() -> Repository {
    Repository::build()
        .file("README.md", "# Long names\n")
        .executable("run.sh", "#!/bin/sh\n")
        .commit("Start")
        .sha256()
        .finish()
}
