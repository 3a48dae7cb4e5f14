//! Puts scripts together at random.

mod configuration;

use super::Script;
use super::pools::{ATTRIBUTE_FILES, ATTRIBUTES, CONTENTS, FILES, FILTERS, IGNORE_FILES, IGNORES, NEW, SETTINGS};
use fastrand::Rng;
use std::{path::Path, process::Command, sync::LazyLock};

fn git_version() -> (u32, u32) {
    static VERSION: LazyLock<(u32, u32)> = LazyLock::new(|| {
        let output = Command::new("git").arg("--version").output().unwrap().stdout;
        let output = String::from_utf8(output).unwrap();
        let mut numbers = output.trim_start_matches("git version ").split('.').map(|number| number.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    });
    *VERSION
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Makes one script.
pub struct Maker {
    random: Rng,
    place: String,
    script: Script,
    /// What goes into variables at last: settings for `GIT_CONFIG_COUNT`.
    counted: Vec<(String, String)>,
    parameters: Vec<(String, String)>,
}

impl Maker {
    pub fn new(script: Script, place: &Path) -> Self {
        let (random, place) = (Rng::with_seed(script.seed), place.display().to_string());
        Self { random, place, script, counted: Vec::new(), parameters: Vec::new() }
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.usize(..of.len())]
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.random.u8(..100) < percent
    }

    fn say(&mut self, line: impl Into<String>) {
        self.script.lines.push(line.into());
    }

    pub fn make(mut self) -> Script {
        for _ in 0..self.random.usize(..4) {
            let (key, value) = self.one(SETTINGS);
            self.set(key, value);
        }
        for _ in 0..self.random.usize(..4) {
            let (key, value) = self.one(FILTERS);
            self.set(key, value);
        }
        self.rules();
        self.say("cd w");
        for _ in 0..self.random.usize(..9) {
            self.step();
        }
        if self.chance(50) {
            self.settle();
        }
        for _ in 0..self.random.usize(..4) {
            self.step();
        }
        if self.chance(15) {
            self.elsewhere();
        }
        if self.chance(6) {
            self.foreign();
        }
        self.say("cd ..");
        self.fill_environment();
        self.script
    }

    /// All that was done becomes a commit: what follows differs from that alone.
    fn settle(&mut self) {
        self.say("git add -A; git commit -qm Settled; git checkout -qf HEAD -- .");
        if self.chance(30) {
            self.say("find . -path ./.git -prune -o -type f -exec touch -d 2020-01-01 {} +");
        }
        if self.chance(30) {
            self.say("find . -path ./.git -prune -o -type l -exec touch -h -d 2020-01-01 {} +");
        }
        if self.chance(20) {
            self.say("cp -r . ../copied; cd ..; rm -rf w; mv copied w; cd w");
        }
    }

    fn rule(&mut self, rules: &[&str]) -> String {
        let mut text = String::new();
        for _ in 0..self.random.usize(1..4) {
            text += self.one(rules);
            text += r"\n";
        }
        text
    }

    /// The files that settings name, and those that git reads without any.
    fn rules(&mut self) {
        for (file, rules) in
            [("rules", IGNORES), ("home/rules", IGNORES), ("attributes", ATTRIBUTES), ("home/attributes", ATTRIBUTES)]
        {
            let text = self.rule(rules);
            self.note(&text);
            self.say(format!("printf {} > {file}", quoted(&text)));
        }
        if self.chance(15) {
            let text = self.rule(IGNORES);
            self.say(format!("printf {} > home/.config/git/ignore", quoted(&text)));
        }
        if self.chance(15) {
            let text = self.rule(ATTRIBUTES);
            self.note(&text);
            self.say(format!("printf {} > home/.config/git/attributes", quoted(&text)));
        }
    }

    /// Programs that fail and encodings are reported as not compared.
    fn note(&mut self, attributes: &str) {
        let odd = ["filter=fails", "filter=needed", "working-tree-encoding"];
        self.script.may_be_unknown |= odd.iter().any(|odd| attributes.contains(odd));
    }

    fn path(&mut self) -> String {
        let from = if self.chance(60) { FILES } else { NEW };
        quoted(self.one(from))
    }

    fn write(&mut self, path: &str) {
        let content = quoted(self.one(CONTENTS));
        self.say(format!("mkdir -p \"$(dirname {path})\"; printf {content} > {path}"));
    }

    fn step(&mut self) {
        let path = self.path();
        match self.random.u8(..48) {
            0..6 => self.write(&path),
            6 => self.say(format!("rm -f {path}")),
            7 => self.say(format!("chmod +x {path}")),
            8 => self.say(format!("chmod -x {path}")),
            9 | 10 => self.say(format!("touch -h -d 2020-01-01 {path}")),
            11 => {
                let to = self.one(&["f", "../a.txt", "d", "nowhere", ".", "/dev/null"]);
                self.say(format!("rm -rf {path}; mkdir -p \"$(dirname {path})\"; ln -s {to} {path}"));
            }
            12 => self.say(format!("rm -rf {path}; mkdir -p {path}; printf x > {path}/inside")),
            13 => self.say(format!("rm -rf {path}; mkdir -p {path}")),
            14 => self.say("mv d moved; ln -s moved d"),
            15 => self.say("rm -rf d; printf x > d"),
            16..20 => {
                let file = self.one(IGNORE_FILES);
                self.rules_in(file, IGNORES);
            }
            20..25 => {
                let file = self.one(ATTRIBUTE_FILES);
                self.rules_in(file, ATTRIBUTES);
            }
            25..28 => self.say("git add -A"),
            28 => self.say(format!("git add -f -- {path}")),
            29 => self.say(format!("git add -N -- {path}")),
            30 => self.say("git reset -q"),
            31 => self.say("git commit -qam Change"),
            32 => self.say(format!("git rm -q --cached -r -- {path}")),
            33 => self.say(format!("git mv -f {path} renamed.txt")),
            34 => {
                let flag = self.one(&["skip-worktree", "no-skip-worktree", "assume-unchanged", "no-assume-unchanged"]);
                self.say(format!("git update-index --{flag} -- {path}"));
            }
            35 => {
                let how = self.one(&[
                    "--index-version 4",
                    "--index-version 2",
                    "--refresh -q",
                    "--chmod=+x a.txt",
                    "--untracked-cache",
                    "--force-remove a.txt",
                    "--split-index",
                    "--no-split-index",
                ]);
                self.say(format!("git update-index {how}"));
            }
            36 => {
                let how = self.one(&["--cone d", "--no-cone '/*' '!/d/'", "--cone lib/deep", "--no-cone '*.txt'"]);
                let index = self.one(&["--no-sparse-index", "--sparse-index"]);
                self.say(format!("git sparse-checkout set {index} {how}"));
            }
            37 => {
                let how = self.one(&[
                    "merge -q side",
                    "merge -q --no-commit side",
                    "checkout -q side",
                    "rebase -q side",
                    "cherry-pick side",
                ]);
                self.say(format!("git {how}"));
            }
            38 => {
                let how = self.one(&["f/nested", "nested", "build/nested", "d/nested"]);
                self.say(format!("git init -q {how}"));
                if self.chance(50) {
                    self.say(format!(
                        "cd {how} && {{ printf x > x; git add -A; git commit -qm Nested; cd - >/dev/null; }}"
                    ));
                }
            }
            39 => self.say("git clone -q --bare ../inner bare.git"),
            40 => {
                self.say("git -c protocol.file.allow=always submodule --quiet add ../inner sub");
                if self.chance(60) {
                    self.say("git commit -qam Submodule");
                }
                let how = self.one(&[
                    "printf x > sub/i.txt",
                    "printf x > sub/new",
                    "git -C sub commit -q --allow-empty -m More",
                    "rm -rf sub",
                    "rm -rf sub; mkdir sub",
                    "touch -d 2020-01-01 sub/i.txt",
                    ":",
                ]);
                self.say(how);
            }
            41 => self.say(format!("mkdir -p \"$(dirname {path})\"; [ -e {path} ] || mkfifo {path}")),
            42 => {
                let how = self.one(&[
                    "git checkout -q --detach",
                    "git checkout -q --orphan fresh",
                    "git checkout -q -b other",
                    "git branch -q -u origin/main",
                    "git update-ref -d refs/remotes/origin/main",
                    "git reset -q --soft HEAD~1",
                    "git branch -q -m renamed",
                    "git config branch.main.remote .",
                    "git config branch.main.merge refs/heads/side",
                    "git commit -q --allow-empty -m Ahead",
                    "git pack-refs --all",
                    "git gc -q",
                    r#"printf x > "$(printf 'b\351.txt')""#,
                    r#"printf y > "$(printf 'b\351.txt')"; git add "$(printf 'b\351.txt')""#,
                ]);
                self.say(how);
            }
            43 => {
                let how = self.one(&[
                    "HEAD HEAD~1",
                    "HEAD side",
                    "HEAD^{tree} side^{tree}",
                    "HEAD:a.txt HEAD:crlf.txt",
                    "HEAD~1 side",
                ]);
                self.script.may_be_unknown = true;
                self.script.has_other_history = true;
                self.say(format!("git replace -f {how}"));
            }
            44 => {
                let (file, target) = self.one(&[
                    (".gitignore", "ignores"),
                    (".gitattributes", "rules"),
                    ("d/.gitignore", "../ignores"),
                    ("d/.gitattributes", "../rules"),
                    (".gitignore", "nowhere"),
                    (".gitignore", "d"),
                ]);
                let rules = if file.contains("ignore") { IGNORES } else { ATTRIBUTES };
                let name = target.trim_start_matches("../");
                if name != "d" && name != "nowhere" {
                    self.rules_in(name, rules);
                }
                self.say(format!("rm -rf {file}; ln -s {target} {file}"));
                if self.chance(60) {
                    self.say(format!("git add -f {file}; git commit -qm Linked"));
                }
            }
            45 => {
                let file = self.one(&[".gitignore", ".gitattributes", "d/.gitignore"]);
                self.say(format!("rm -rf {file}; mkdir {file}; printf x > {file}/x"));
            }
            46 => self.say("rm -f .gitignore .gitattributes d/.gitignore d/.gitattributes"),
            _ => self.say(format!("git config --unset-all core.autocrlf; git checkout -q -f -- {path}")),
        }
    }

    fn rules_in(&mut self, file: &str, rules: &[&str]) {
        let text = self.rule(rules);
        self.note(&text);
        let how = if self.chance(70) { ">>" } else { ">" };
        self.say(format!("mkdir -p \"$(dirname {file})\"; printf {} {how} {file}", quoted(&text)));
    }

    /// Another kind of checkout of the same repository.
    fn elsewhere(&mut self) {
        let (how, checkout) = self.one(&[
            ("git worktree add -q -f ../linked side", "linked"),
            ("git worktree add -q --detach ../linked; printf x > ../linked/new.py", "linked"),
            ("git -c protocol.file.allow=always clone -q --filter=blob:none --no-checkout file://\"$PWD\" ../partial; git -C ../partial checkout -q", "partial"),
            ("git config uploadpack.allowFilter true; git clone -q --filter=tree:0 file://\"$PWD\" ../partial; printf x > ../partial/a.txt", "partial"),
            ("git clone -q --depth=1 file://\"$PWD\" ../shallow; touch ../shallow/new.txt", "shallow"),
            ("git clone -q --shared . ../shared; rm ../shared/a.txt", "shared"),
            ("git clone -q --separate-git-dir=../separate.git . ../split; printf x > ../split/d/e/c.txt", "split"),
            ("mv .git ../moved.git; ln -s ../moved.git .git", "w"),
            (":", "w/d"),
            ("git clone -q --bare . ../bare.git; git -C ../bare.git worktree add -q ../linked", "linked"),
            ("git worktree add -q --detach ../linked; git -C ../linked sparse-checkout set --cone d", "linked"),
            ("git -c protocol.file.allow=always submodule --quiet add ../inner sub; printf x > sub/new", "w/sub"),
            ("git config core.worktree \"$PWD\"", "w"),
            ("rm .git/index", "w"),
        ]);
        self.say(how);
        // Where the script could not make it, there is nothing to look at.
        self.say(format!("[ -d ../{checkout} ] || {{ rm -rf ../{checkout}; git init -q ../{checkout}; }}"));
        self.script.checkout = checkout;
    }

    /// It belongs to somebody else. Only root can make that so.
    fn foreign(&mut self) {
        self.say("[ \"$(id -u)\" = 0 ] && chown -R 12345:12345 .");
        let place = self.place.clone();
        let value = self.one(&[
            "*",
            "$PLACE/w",
            "$PLACE/*",
            "$PLACE/w/*",
            "$PLACE/w/",
            "/nowhere",
            "",
            "~/../w",
            "$PLACE/linked",
            ".",
        ]);
        // Patterns came with 2.46.
        let value = if value.ends_with("/*") && git_version() < (2, 46) { "/nowhere" } else { value };
        let lines = std::mem::take(&mut self.script.lines);
        for value in [value, "*", ""].iter().take(if self.chance(80) { 1 } else { 3 }) {
            self.set("safe.directory", &value.replace("$PLACE", &place));
        }
        let settings = std::mem::replace(&mut self.script.lines, lines);
        self.say("cd ..");
        self.script.lines.extend(settings);
        self.say("cd w");
    }
}
