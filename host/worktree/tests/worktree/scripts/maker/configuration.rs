//! Puts git's configuration wherever git reads it: files, includes, variables.

use super::{Maker, quoted};
use crate::scripts::pools::CONDITIONS;

impl Maker {
    /// One setting, wherever git reads it.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        let place = self.place.clone();
        let value = value.replace("$PLACE", &place);
        let file = |file: &str| format!("git config -f {file} --add {key} {}", quoted(&value));
        match self.random.u8(..16) {
            0..3 => self.say(file("home/.gitconfig")),
            3 => self.say(file("home/.config/git/config")),
            4 | 5 => self.counted.push((key.to_owned(), value)),
            6 => self.parameters.push((key.to_owned(), value)),
            7 => {
                self.variable("GIT_CONFIG_GLOBAL", &format!("{place}/global"));
                self.say(file("global"));
            }
            8 => {
                self.script.environment.retain(|(name, _)| name != "GIT_CONFIG_NOSYSTEM");
                self.variable("GIT_CONFIG_SYSTEM", &format!("{place}/system"));
                self.say(file("system"));
            }
            9 => {
                self.variable("XDG_CONFIG_HOME", &format!("{place}/xdg"));
                self.say(format!("mkdir -p xdg/git; {}", file("xdg/git/config")));
            }
            10 | 11 => {
                let condition = self.one(CONDITIONS).replace("$PLACE", &place);
                self.say(file("included"));
                let include = format!("includeIf.{condition}.path");
                self.say(format!("git config -f home/.gitconfig --add {} ../included", quoted(&include)));
            }
            12 => {
                self.say(file("home/more"));
                self.say("git config -f home/.gitconfig --add include.path '~/more'");
            }
            13 => {
                self.say("git -C w config extensions.worktreeConfig true");
                self.local(key, &file("w/.git/config.worktree"));
            }
            _ => self.local(key, &file("w/.git/config")),
        }
    }

    fn local(&mut self, key: &str, line: &str) {
        self.script.may_be_unknown |= key.starts_with("filter.");
        self.say(line);
    }

    pub(super) fn variable(&mut self, name: &str, value: &str) {
        self.script.environment.retain(|(other, _)| other != name);
        self.script.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn fill_environment(&mut self) {
        let counted = std::mem::take(&mut self.counted);
        if !counted.is_empty() {
            self.variable("GIT_CONFIG_COUNT", &counted.len().to_string());
        }
        for (number, (key, value)) in counted.iter().enumerate() {
            self.variable(&format!("GIT_CONFIG_KEY_{number}"), key);
            self.variable(&format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        let parameters: Vec<_> = std::mem::take(&mut self.parameters)
            .iter()
            .map(|(key, value)| match value.len() % 2 {
                0 => format!("{}={}", quoted(key), quoted(value)),
                _ => quoted(&format!("{key}={value}")),
            })
            .collect();
        if !parameters.is_empty() {
            self.variable("GIT_CONFIG_PARAMETERS", &parameters.join(" "));
        }
    }
}
