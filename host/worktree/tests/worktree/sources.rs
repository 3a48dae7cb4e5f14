//! Git's settings count from every place where git reads them, with and without git on the machine.

use crate::support::{Place, add, git};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
};

type Environment = Vec<(String, String)>;

/// Someone at home, without any settings.
fn plain(place: &Place) -> Environment {
    let home = place.path("home");
    fs::create_dir_all(&home).unwrap();
    let variables = [("HOME", home.display().to_string()), ("GIT_CONFIG_NOSYSTEM", "1".to_owned())];
    let path = std::env::var("PATH").unwrap();
    [("PATH", path)].into_iter().chain(variables).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Each place where a value may be, outside of the checkout, with the environment in which git looks there.
fn everywhere(place: &Place, key: &str, value: &str) -> Vec<(&'static str, Environment)> {
    let (section, name) = key.rsplit_once('.').unwrap();
    let file = match section.split_once('.') {
        Some((section, subsection)) => format!("[{section} \"{subsection}\"]\n\t{name} = {value}\n"),
        None => format!("[{section}]\n\t{name} = {value}\n"),
    };
    let mut all = Vec::new();
    let mut put = |title, path: &str, more: &[(&str, &str)]| {
        let place = Place(tempfile::tempdir_in(place.0.path()).unwrap());
        let mut environment = plain(&place);
        let path = place.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &file).unwrap();
        for (name, value) in more {
            environment
                .retain(|(other, _)| other != name && (*name != "GIT_CONFIG_SYSTEM" || other != "GIT_CONFIG_NOSYSTEM"));
            environment.push((
                (*name).to_owned(),
                value
                    .replace("$PATH", &path.display().to_string())
                    .replace("$FOLDER", &place.path("xdg").display().to_string()),
            ));
        }
        // It goes with the place.
        let _ = place.0.keep();
        all.push((title, environment));
    };
    put("the user's file", "home/.gitconfig", &[]);
    put("the user's other file", "home/.config/git/config", &[]);
    put("XDG_CONFIG_HOME", "xdg/git/config", &[("XDG_CONFIG_HOME", "$FOLDER")]);
    put("GIT_CONFIG_GLOBAL", "any", &[("GIT_CONFIG_GLOBAL", "$PATH")]);
    put("GIT_CONFIG_SYSTEM", "any", &[("GIT_CONFIG_SYSTEM", "$PATH")]);
    put(
        "GIT_CONFIG_COUNT",
        "none",
        &[("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", key), ("GIT_CONFIG_VALUE_0", value)],
    );
    put("git -c", "none", &[("GIT_CONFIG_PARAMETERS", &format!("'{key}'='{value}'"))]);
    put("git -c, as it once was", "none", &[("GIT_CONFIG_PARAMETERS", &format!("'{key}={value}'"))]);
    all
}

/// The error, or an empty text.
fn error(answer: &Value) -> &str {
    answer["error"].as_str().unwrap_or_default()
}

/// A checkout of somebody else. None where one cannot be made.
fn of_somebody_else(prepare: fn(&Place)) -> Option<Place> {
    let place = Place::new();
    prepare(&place);
    let given =
        Command::new("chown").args(["-R", "12345:12345"]).arg(place.path("checkout")).stderr(Stdio::null()).status();
    if !given.unwrap().success() {
        println!("skipped: only root can give a checkout to somebody else");
        return None;
    }
    Some(place)
}

#[test]
fn a_checkout_of_somebody_else_is_looked_at_where_any_source_calls_it_safe() {
    let Some(place) = of_somebody_else(|_| {}) else { return };
    let checkout = place.path("checkout").canonicalize().unwrap();
    let above = checkout.parent().unwrap().display();
    for value in ["*".to_owned(), checkout.display().to_string(), format!("{above}/*")] {
        for (source, environment) in everywhere(&place, "safe.directory", &value) {
            let answer = crate::asked::ask(&checkout, &environment);
            assert_eq!(answer["context"]["changes"]["state"], "clean", "{value} by {source}: {answer}");
        }
    }
    for value in [String::new(), "/nowhere".to_owned(), format!("{above}/other/*"), "checkout".to_owned()] {
        for (source, environment) in everywhere(&place, "safe.directory", &value) {
            let answer = crate::asked::ask(&checkout, &environment);
            assert!(error(&answer).contains("belongs to another user"), "{value} by {source}: {answer}");
        }
    }
}

#[test]
fn a_submodule_is_as_safe_as_the_checkout_around_it() {
    let Some(place) = of_somebody_else(|place| {
        let origin = place.path("origin").display().to_string();
        git(&place.path("checkout"), &["submodule", "--quiet", "add", &origin, "sub"]);
        place.commit("checkout");
    }) else {
        return;
    };
    let checkout = place.path("checkout").canonicalize().unwrap();
    let safe = everywhere(&place, "safe.directory", &checkout.display().to_string());
    for (source, environment) in safe {
        let answer = crate::asked::ask(&checkout, &environment);
        assert_eq!(answer["context"]["changes"]["state"], "clean", "{source}: {answer}");
    }
}

#[test]
fn a_checkout_cannot_call_itself_safe() {
    let Some(place) = of_somebody_else(|_| {}) else { return };
    add(&place.path("checkout/.git/config"), "[safe]\n\tdirectory = *");
    let answer = crate::asked::ask(&place.path("checkout"), &plain(&place));
    assert!(error(&answer).contains("belongs to another user"), "{answer}");
}

#[test]
fn what_the_refusal_of_a_checkout_advises_works() {
    let Some(place) = of_somebody_else(|_| {}) else { return };
    let odd = place.path("it's a checkout");
    fs::rename(place.path("checkout"), &odd).unwrap();
    let root = odd.canonicalize().unwrap().display().to_string();
    let environment = plain(&place);
    let answer = crate::asked::ask(&odd.join("d"), &environment);
    let refusal = error(&answer);
    assert!(refusal.contains(&root) && !refusal.contains('\n'), "{refusal}");
    let (_, variables) = refusal.split_once("without git, set ").unwrap();
    let printed = Command::new("sh").args(["-c", &format!("env -i {variables} env -0")]).output().unwrap().stdout;
    let printed = String::from_utf8(printed).unwrap();
    let mut set: Environment = environment.clone();
    set.extend(printed.split('\0').filter_map(|line| line.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(crate::asked::ask(&odd, &set)["context"]["changes"]["state"], "clean");
    let command = refusal.split('`').nth(1).unwrap();
    let ran = Command::new("sh").args(["-c", command]).env_clear().envs(environment.iter().cloned()).status();
    assert!(ran.unwrap().success(), "{command}");
    assert_eq!(crate::asked::ask(&odd, &environment)["context"]["changes"]["state"], "clean");
}

#[test]
fn insteadof_and_ignore_rules_count_from_every_source() {
    let place = Place::new();
    let checkout = place.path("checkout");
    git(&checkout, &["remote", "set-url", "origin", "gh:acme/widgets"]);
    fs::write(place.path("rules"), "*.py\n").unwrap();
    place.write("checkout", "new.py", "");
    for (source, environment) in everywhere(&place, "url.https://forge.example/.insteadOf", "gh:") {
        let answer = crate::asked::ask(&checkout, &environment);
        assert_eq!(
            answer["context"]["remotes"][0]["address"], "https://forge.example/acme/widgets",
            "{source}: {answer}"
        );
        assert_eq!(answer["context"]["changes"]["untracked"], 1);
    }
    let rules = place.path("rules").display().to_string();
    for (source, environment) in everywhere(&place, "core.excludesFile", &rules) {
        let answer = crate::asked::ask(&checkout, &environment);
        assert_eq!(answer["context"]["changes"]["state"], "clean", "{source}: {answer}");
    }
}

#[test]
fn the_longest_insteadof_wins_and_an_empty_url_starts_anew() {
    let place = Place::new();
    let checkout = place.path("checkout");
    add(
        &checkout.join(".git/config"),
        "[url \"https://a.example/\"]\ninsteadOf = gh:\n[url \"https://b.example/\"]\ninsteadOf = gh:acme/\n\
         [remote \"other\"]\nurl = gh:first/x\nurl =\nurl = gh:acme/x\nurl = gh:last/x",
    );
    assert_eq!(git(&checkout, &["remote", "get-url", "other"]).trim(), "https://b.example/x");
    let answer = crate::asked::ask(&checkout, &plain(&place));
    assert_eq!(answer["context"]["remotes"][1]["address"], "https://b.example/x", "{answer}");
}

#[test]
fn an_object_that_is_far_larger_than_it_looks_takes_no_memory() {
    let place = Place::new();
    let checkout = place.path("checkout");
    place.write("checkout", "a", "second\n");
    let commit = place.commit("checkout");
    let (folder, rest) = commit.split_at(2);
    let object = checkout.join(".git/objects").join(folder).join(rest);
    let size = 800_u64 << 20;
    fs::remove_file(&object).unwrap();
    let mut packed = flate2::write::ZlibEncoder::new(fs::File::create(&object).unwrap(), flate2::Compression::fast());
    write!(packed, "commit {size}\0").unwrap();
    std::io::copy(&mut std::io::repeat(b'\n').take(size), &mut packed).unwrap();
    packed.finish().unwrap();
    assert!(object.metadata().unwrap().len() < 8 << 20);
    let answer = crate::asked::ask(&checkout, &plain(&place));
    assert!(error(&answer).contains("cannot read the commit that is checked out"), "{answer}");
    assert!(answer["peak_kib"].as_u64().unwrap() < 300 << 10, "{answer}");
}

#[test]
fn a_filter_of_the_user_gets_no_secret_of_the_environment_and_no_way_to_the_checkouts_configuration() {
    let place = Place::new();
    let checkout = place.path("checkout");
    place.write("checkout", ".gitattributes", "a filter=seen\n");
    place.commit("checkout");
    crate::support::set_old(&checkout.join("a"));
    let mut environment = plain(&place);
    let seen = place.path("seen");
    fs::write(
        place.path("home/.gitconfig"),
        format!("[filter \"seen\"]\n\tclean = \"env > {0}; git config --list >> {0}; cat\"\n", seen.display()),
    )
    .unwrap();
    add(&checkout.join(".git/config"), "[alias]\n\tcanary = !canary");
    for name in ["FORGEPORT_KEY", "GITHUB_TOKEN", "GIT_DIR", "GIT_SSH_COMMAND"] {
        environment.push((name.to_owned(), "canary".to_owned()));
    }
    let answer = crate::asked::ask(&checkout, &environment);
    assert_eq!(answer["context"]["changes"]["state"], "clean", "{answer}");
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.contains("PATH=") && seen.contains("filter.seen.clean=") && !seen.contains("canary"), "{seen}");
}

/// Lines of an attribute, and content for which it matters.
const CONVERTED: &[(&str, &[u8])] = &[
    ("*.x text", b"a\r\nb\r\n"),
    ("*.x text=auto eol=crlf", b"a\r\nb\r\n"),
    ("*.x ident", b"$Id: 0123456789 $\n"),
    ("*.x working-tree-encoding=UTF-16LE-BOM", b"\xff\xfea\0\n\0"),
    ("*.x working-tree-encoding=ISO-8859-1", b"caf\xe9\n"),
    ("*.x filter=large", b"large\n"),
];

#[test]
fn no_installed_git_is_needed() {
    for (attribute, content) in CONVERTED {
        let place = Place::new();
        let checkout = place.path("checkout");
        place.write("checkout", ".gitattributes", attribute);
        fs::write(checkout.join("f.x"), content).unwrap();
        let environment = plain(&place);
        fs::write(place.path("home/.gitconfig"), "[filter \"large\"]\n\tclean = tr a-z A-Z\n").unwrap();
        for arguments in [&["add", "-A"][..], &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "x"]] {
            let mut git = Command::new("git");
            let done =
                git.args(arguments).current_dir(&checkout).env_clear().envs(environment.iter().cloned()).status();
            assert!(done.unwrap().success());
        }
        let modified = |content: &[u8], path: &str| {
            fs::write(checkout.join("f.x"), content).unwrap();
            crate::support::set_old(&checkout.join("f.x"));
            let mut environment = environment.clone();
            environment.retain(|(name, _)| name != "PATH");
            environment.push(("PATH".to_owned(), path.to_owned()));
            crate::asked::ask(&checkout, &environment)["context"]["changes"].clone()
        };
        // `tr` and `sh` are there, and a git that says so when it is started.
        let programs = without_git(&place);
        let answer = modified(content, &programs);
        assert_eq!((&answer["state"], place.path("ran").exists()), (&"clean".into(), false), "{attribute}: {answer}");
        let mut other = content.to_vec();
        let letter = other.iter().rposition(u8::is_ascii_alphabetic).unwrap();
        other[letter] = if *attribute == "*.x ident" { b'J' } else { b'z' };
        if *attribute != "*.x ident" {
            assert_eq!(modified(&other, &programs)["modified"], 1, "{attribute}");
        }
    }
}

/// A folder of programs in which git leaves a mark.
fn without_git(place: &Place) -> String {
    let folder = place.path("programs");
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
        for name in ["sh", "tr"] {
            let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output().unwrap().stdout;
            std::os::unix::fs::symlink(Path::new(String::from_utf8(found).unwrap().trim()), folder.join(name)).unwrap();
        }
        let git = folder.join("git");
        fs::write(&git, format!("#!/bin/sh\n: > {}\nexit 1\n", place.path("ran").display())).unwrap();
        fs::set_permissions(&git, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    folder.display().to_string()
}
