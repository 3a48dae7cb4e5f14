//! Compares content where metadata does not decide, as it would be committed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gix::attrs::StateRef;
use gix::attrs::search::Outcome;
use gix::filter::plumbing::eol;
use gix::index::Entry;
use gix::index::entry::Mode;
use gix::worktree::stack::state::attributes::Source;
use gix::{AttributeStack, Repository};

use crate::convert::{ATTRIBUTES, AttributeValue, Conversion, UnknownEncoding, line_ends};
use crate::file_check::RuleFiles;
use crate::filter::{Filtered, Filters};
use crate::inspection::Inspection;
use crate::tracked::Tracked;
use crate::{ContextError, MaskedText};
use forgeport_model::{Hasher, ObjectFormat};
use forgeport_platform::open_regular_itself;

/// The largest file that is converted: its content is in memory more than once.
const LARGEST: u64 = 512 << 20;
const PIECE: usize = 64 << 10;

/// The result of the comparison.
#[derive(Debug, Default)]
pub struct Compared {
    /// Files with another content (or mode) than the index.
    pub changed: usize,
    /// Files that could not be compared.
    pub not_compared: usize,
    /// The reasons, each once.
    pub why: BTreeSet<String>,
}

enum ContentMatch {
    Same,
    Changed,
    Unknown(String),
}

struct Comparison<'a> {
    repository: &'a Repository,
    tracked: &'a Tracked,
    root: &'a Path,
    inspection: &'a Inspection,
    lines: eol::Configuration,
    attributes: AttributeStack<'a>,
    selected: Outcome,
    rules: RuleFiles<'a>,
    filters: Filters<'a>,
}

/// Compares the files at these positions of the index.
pub fn compare(
    repository: &Repository,
    tracked: &Tracked,
    root: &Path,
    places: &[usize],
    inspection: &Inspection,
) -> Result<Compared, ContextError> {
    let mut compared = Compared::default();
    if places.is_empty() {
        return Ok(compared);
    }
    let attributes = match repository.attributes_only(tracked.state(), Source::WorktreeThenIdMapping) {
        Ok(attributes) => attributes,
        Err(error) => {
            compared.leave_out(places.len(), format!("the attributes cannot be read: {}", MaskedText::of(&error)));
            return Ok(compared);
        }
    };
    let mut comparison = Comparison {
        repository,
        tracked,
        root,
        inspection,
        lines: line_ends(repository.config_snapshot().plumbing()),
        selected: attributes.selected_attribute_matches(ATTRIBUTES),
        attributes,
        rules: RuleFiles::new(root, ".gitattributes"),
        filters: Filters::new(repository, root, inspection.end),
    };
    for place in places {
        match comparison.judge(tracked.entry(*place))? {
            ContentMatch::Same => {}
            ContentMatch::Changed => compared.changed += 1,
            ContentMatch::Unknown(why) => compared.leave_out(1, why),
        }
    }
    Ok(compared)
}

impl Compared {
    fn leave_out(&mut self, files: usize, why: String) {
        self.not_compared += files;
        self.why.insert(why);
    }
}

impl Comparison<'_> {
    fn judge(&mut self, entry: &Entry) -> Result<ContentMatch, ContextError> {
        self.inspection.check_time(self.root)?;
        let path = self.root.join(OsStr::from_bytes(self.tracked.path_of(entry)));
        // Where links are checked out as files, there may be links nevertheless.
        let judged = if entry.mode == Mode::SYMLINK && path.is_symlink() {
            std::fs::read_link(&path).map(|target| {
                let target = target.as_os_str().as_bytes();
                is_same(entry, &mut &target[..], target.len() as u64, self.inspection, self.root)
            })
        } else {
            open(&path).map(|(file, size)| self.judge_file(entry, file, size))
        };
        match judged {
            Ok(verdict) => verdict,
            // It was removed meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(ContentMatch::Changed),
            Err(error) => Err(ContextError::unreadable(&path)(error)),
        }
    }

    fn judge_file(&mut self, entry: &Entry, mut file: File, size: u64) -> Result<ContentMatch, ContextError> {
        let conversion = match self.conversion(entry) {
            Ok(conversion) => conversion,
            Err(why) => return Ok(ContentMatch::Unknown(why)),
        };
        let filter = conversion.filter.as_deref().filter(|name| self.filters.has_program(name));
        if filter.is_none() && conversion.is_identity() {
            return is_same(entry, &mut file, size, self.inspection, self.root);
        }
        if size > LARGEST {
            return Ok(ContentMatch::Unknown(format!("files of more than {} MiB are not converted", LARGEST >> 20)));
        }
        let mut content = Vec::new();
        let path = self.tracked.path_of(entry);
        let read = file.take(LARGEST).read_to_end(&mut content);
        read.map_err(ContextError::unreadable(&self.root.join(OsStr::from_bytes(path))))?;
        if let Some(name) = filter {
            content = match self.filters.apply(name, path, content) {
                Filtered::Unchanged(content) | Filtered::Changed(content) => content,
                Filtered::Unknown(why) => return Ok(ContentMatch::Unknown(why)),
            };
        }
        let mut in_index = |buffer: &mut Vec<u8>| {
            let blob = self.repository.find_object(entry.id)?;
            buffer.clear();
            buffer.extend_from_slice(&blob.data);
            Ok(Some(()))
        };
        match conversion.apply(content, self.lines, &mut in_index) {
            Ok(content) => is_same(entry, &mut &content[..], content.len() as u64, self.inspection, self.root),
            Err(error) => {
                Ok(ContentMatch::Unknown(format!("their committed content cannot be read: {}", MaskedText::of(&error))))
            }
        }
    }

    fn conversion(&mut self, entry: &Entry) -> Result<Conversion, String> {
        let path = self.tracked.path_of(entry);
        if !self.rules.are_usable_for(path) {
            return Err("a `.gitattributes` is not a readable file".to_owned());
        }
        let found = self.attributes.at_entry(path, Some(Mode::FILE));
        let found = found.map_err(|error| format!("the attributes cannot be read: {}", MaskedText::of(&error)))?;
        found.matching_attributes(&mut self.selected);
        let mut values: [AttributeValue; ATTRIBUTES.len()] = Default::default();
        for (value, found) in values.iter_mut().zip(self.selected.iter_selected()) {
            *value = match found.assignment.state {
                StateRef::Set => AttributeValue::Set,
                StateRef::Unset => AttributeValue::Unset,
                StateRef::Value(text) => AttributeValue::Text(text.as_bstr().to_vec()),
                StateRef::Unspecified => AttributeValue::Unspecified,
            };
        }
        Conversion::new(values, self.lines).map_err(|UnknownEncoding(name)| {
            format!("Forgeport does not convert their encoding `{name}`; `git status` there compares them and notes it")
        })
    }
}

/// Opens a regular file without blocking; with its size.
fn open(path: &Path) -> std::io::Result<(File, u64)> {
    // Something else may have been put there meanwhile.
    open_regular_itself(path)?.ok_or_else(|| ErrorKind::NotFound.into())
}

/// Compares the content with that of the entry.
fn is_same(
    entry: &Entry,
    content: &mut dyn Read,
    size: u64,
    inspection: &Inspection,
    root: &Path,
) -> Result<ContentMatch, ContextError> {
    let mut hasher = Hasher::blob(ObjectFormat::Sha1, size);
    // Most files are small, and there may be very many.
    let mut piece = vec![0; usize::try_from(size).unwrap_or(PIECE).clamp(1, PIECE)];
    loop {
        match content.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => hasher.update(&piece[..length]),
            Err(error) => return Err(ContextError::unreadable(root)(error)),
        }
        inspection.check_time(root)?;
    }
    Ok(match hasher.finish() {
        Ok(id) if id.as_bytes() == entry.id.as_bytes() => ContentMatch::Same,
        Ok(_) => ContentMatch::Changed,
        Err(collision) => ContentMatch::Unknown(collision.to_string()),
    })
}
