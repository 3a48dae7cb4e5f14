//! Random scripts that make checkouts, and the environments that they are looked at in.

mod maker;
mod pools;

use maker::Maker;
use std::{fmt::Write, path::Path};

/// What every script begins with: `origin`, its clone `w` with a branch `side` that conflicts, and programs for filters.
pub const TEMPLATE: &str = r##"
git init -q -b main origin
cd origin
mkdir -p d/e sec lib/deep
printf 'a\n' > a.txt; printf 'b\r\nc\r\n' > crlf.txt; printf 'x\ny\r\n' > mixed.txt; printf 'a\0b\r\n' > d/z.bin
printf '$Id$\n$Id: 0123 $\n' > d/k.id; printf '' > empty.txt; printf 'n\r\n' > n.ipynb
printf '\377\376h\0i\0\n\0' > wide.u16; printf 'caf\351\n' > latin.l1
printf 'SECRET\n' > sec/f; ln -s f sec/l; ln -s d lnk; printf '#!/bin/sh\n' > run.sh; chmod +x run.sh
printf 'e\n' > d/e/c.txt; printf 'q\n' > 'd/sp ace.txt'; printf 'u\n' > 'ü.txt'; printf 'w\n' > 'a*[b].txt'
printf 'deep\n' > lib/deep/m.txt; printf 'p\n' > up.x
printf '*.log\nbuild/\n' > .gitignore
git add -A; git commit -qm One
printf 'second\n' >> a.txt; git commit -qam Two
cd ..
git init -q -b main inner; cd inner; printf 'i\n' > i.txt; git add -A; git commit -qm Inner; cd ..
git clone -q origin w
cd w
git checkout -q -b side; printf 'side\n' > a.txt; printf 's\n' > d/side.txt; git rm -q run.sh; git add -A; git commit -qm Side
git checkout -q main
cd ..
cat > process <<'END'
#!/bin/sh
# A filter that stays (gitattributes(5), "Long Running Filter Process"): it makes letters large.
export LC_ALL=C
packet() { size=$(dd bs=1 count=4 2>/dev/null); [ -n "$size" ] || exit 0; length=$((0x$size)); [ $length -gt 4 ] && dd bs=1 count=$((length - 4)) 2>/dev/null; [ $length -gt 4 ]; }
line() { printf '%04x%s\n' $((${#1} + 5)) "$1"; }
while packet >/dev/null; do :; done
line git-filter-server; line version=2; printf 0000
while packet >/dev/null; do :; done
line capability=clean; printf 0000
while :; do
  while packet >/dev/null; do :; done
  while packet; do :; done > "$0.$$"
  line status=success; printf 0000
  tr a-z A-Z < "$0.$$" > "$0.$$.out"
  size=$(wc -c < "$0.$$.out")
  [ $size -gt 0 ] && printf '%04x' $((size + 4)) && cat "$0.$$.out"
  printf 0000; printf 0000
done
END
chmod +x process
"##;

/// A case.
pub struct Script {
    pub seed: u64,
    pub environment: Vec<(String, String)>,
    lines: Vec<String>,
    /// The directory to look at.
    pub checkout: &'static str,
    /// True if something was done whose changes need not be known: a filter that only the checkout names, `git replace`,
    /// an encoding that is seldom used, what git itself complains of.
    pub may_be_unknown: bool,
    /// Git counts commits in a history that `git replace` changed; Forgeport in the one that remotes have too.
    pub has_other_history: bool,
}

/// The environment of someone without any settings.
pub fn plain(place: &Path) -> Vec<(String, String)> {
    let path = std::env::var("PATH").unwrap_or_default();
    let home = place.join("home").display().to_string();
    let mut variables =
        vec![("PATH".to_owned(), path), ("HOME".to_owned(), home), ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned())];
    for who in ["AUTHOR", "COMMITTER"] {
        variables.push((format!("GIT_{who}_NAME"), "Ada".to_owned()));
        variables.push((format!("GIT_{who}_EMAIL"), "ada@example.com".to_owned()));
        variables.push((format!("GIT_{who}_DATE"), "2024-01-01T00:00:00Z".to_owned()));
    }
    variables
}

impl Script {
    pub fn new(seed: u64, place: &Path) -> Self {
        let script = Self {
            seed,
            environment: plain(place),
            lines: vec!["mkdir -p home/.config/git".to_owned()],
            checkout: "w",
            may_be_unknown: false,
            has_other_history: false,
        };
        Maker::new(script, place).make()
    }

    pub fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    }
}
