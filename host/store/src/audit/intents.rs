//! Requests in flight, recorded before they leave. The audit log gets a request's record when the request ends, and a killed process would
//! leave no record of those in flight.
//!
//! Each process has a locked file in the directory `requests`, with one line of JSON for each request that leaves, and lines with the ids of
//! the requests that the audit log has. Writing a line takes microseconds, since it is not synced: other processes see it, and only a crash
//! of the whole machine loses it. The file is removed when the audit log has all of its requests. A file without a lock belongs to a process
//! that was killed or could not write to the audit log; the next process that makes requests copies it there.

use crate::{
    error::{Result, StoreError},
    home,
};
use forgeport_model::AuditRecord;
use forgeport_platform::{open_regular_with, private};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The directory beside the database.
const DIRECTORY: &str = "requests";
/// A file that is longer, in bytes, is written anew without what has ended.
const LONGEST: u64 = 1 << 20;

/// The requests of this process that are in flight.
pub struct Intents {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<(PathBuf, File)>,
    length: u64,
    /// The lines of those that are not in the audit log, by their ids.
    open: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Leaves(Box<AuditRecord>),
    Written(Vec<String>),
}

impl Intents {
    pub(crate) fn new(store: &Path) -> Intents {
        Intents { directory: store.join(DIRECTORY), state: Mutex::default() }
    }

    /// Records that a request is about to leave; or how it ended, in the place of that.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn announce(&self, record: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        if state.file.is_none() {
            state.file = Some(self.create()?);
            state.length = 0;
        }
        let text = line(&Line::Leaves(Box::new(record.clone())));
        append(&mut state, &text)?;
        state.open.insert(record.id.clone(), text);
        Ok(())
    }

    /// True if the record with this id was announced and is not known to be in the audit log.
    #[must_use]
    pub fn is_announced(&self, id: &str) -> bool {
        self.state().open.contains_key(id)
    }

    /// The records with these ids have come into the audit log. Where that cannot be recorded, they are found there by their ids.
    pub fn written(&self, ids: &[String]) {
        let mut state = self.state();
        for id in ids {
            state.open.remove(id);
        }
        let done = if state.open.is_empty() {
            remove(&mut state)
        } else if state.length > LONGEST {
            self.renew(&mut state)
        } else {
            append(&mut state, &line(&Line::Written(ids.to_vec())))
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the file of requests on their way is longer than it has to be");
        }
    }

    /// Keeps records that could not be put into the audit log.
    ///
    /// # Errors
    /// When they cannot be kept here either.
    pub fn postpone(&self, records: &[AuditRecord]) -> Result<()> {
        records.iter().try_for_each(|record| self.announce(record))
    }

    fn create(&self) -> Result<(PathBuf, File)> {
        home::make(&self.directory)?;
        loop {
            let path = self.directory.join(format!("{}.jsonl", uuid::Uuid::new_v4().simple()));
            let mut options = OpenOptions::new();
            options.create_new(true).append(true);
            let file = private::for_owner(&mut options).open(&path).map_err(StoreError::io("make", &path))?;
            file.lock().map_err(StoreError::io("lock", &path))?;
            // Before it was locked, another process may have taken it for one that was abandoned.
            if path.exists() {
                return Ok((path, file));
            }
        }
    }

    /// A file with what is still on its way; only when all of that is in it, the other one goes.
    fn renew(&self, state: &mut State) -> Result<()> {
        let (path, file) = self.create()?;
        let before = state.file.replace((path, file));
        state.length = 0;
        let text: String = state.open.values().map(String::as_str).collect();
        append(state, &text)?;
        before.map_or(Ok(()), |(path, _)| fs::remove_file(&path).map_err(StoreError::io("remove", &path)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append(state: &mut State, text: &str) -> Result<()> {
    let Some((path, file)) = &mut state.file else { return Ok(()) };
    file.write_all(text.as_bytes()).map_err(StoreError::io("write", path))?;
    state.length += text.len() as u64;
    Ok(())
}

fn remove(state: &mut State) -> Result<()> {
    let Some((path, _)) = state.file.take() else { return Ok(()) };
    fs::remove_file(&path).map_err(StoreError::io("remove", &path))
}

fn line(line: &Line) -> String {
    serde_json::to_string(line).unwrap_or_default() + "\n"
}

/// Files of processes that have ended, whose records are in none but them. They are locked for as long as they are held here.
pub(crate) fn abandoned(store: &Path) -> Vec<(PathBuf, File)> {
    let free = |path: PathBuf| {
        let file = open_regular_with(&path, OpenOptions::new().read(true).write(true)).ok()?;
        file.try_lock().ok().map(|()| (path, file))
    };
    files(store).into_iter().filter_map(free).collect()
}

/// The records of all files: those of requests that are on their way, and those of such as were when their process was killed.
pub(crate) fn all(store: &Path) -> Result<Vec<AuditRecord>> {
    let mut records = Vec::new();
    for path in files(store) {
        records.extend(records_of(&path)?);
    }
    Ok(records)
}

/// The records of a file that are not known to be in the log. A last line that was cut is one of a request that did not leave.
pub(crate) fn records_of(path: &Path) -> Result<Vec<AuditRecord>> {
    let bytes = private::read(path)?.unwrap_or_default();
    let (mut records, mut known) = (Vec::new(), HashSet::new());
    // Backwards, as the last line of an id counts.
    for line in bytes.rsplit(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Line::Leaves(record)) if known.insert(record.id.clone()) => records.push(*record),
            Ok(Line::Written(ids)) => known.extend(ids),
            Ok(Line::Leaves(_)) | Err(_) => {}
        }
    }
    records.reverse();
    Ok(records)
}

fn files(store: &Path) -> Vec<PathBuf> {
    let entries = match fs::read_dir(store.join(DIRECTORY)) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(%error, "requests on their way cannot be read");
            }
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    paths
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        AuditFilter, KeySource, LOCAL, Store,
        audit::tests::{ended, record},
    };
    use forgeport_model::Outcome::{self, Answered, Failed, InFlight};

    async fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), KeySource::File).await.unwrap();
        (directory, store)
    }

    fn leaving(at: i64) -> AuditRecord {
        record(at, "a", InFlight)
    }

    async fn listed(store: &Store) -> Vec<(i64, Outcome)> {
        let log = store.in_workspace(LOCAL).audit().list(&AuditFilter::default()).await.unwrap();
        log.into_iter().map(|record| (record.at, record.outcome().unwrap())).collect()
    }

    #[tokio::test]
    async fn what_is_on_its_way_is_listed_until_the_log_has_how_it_ended() {
        let (directory, store) = store().await;
        let intents = store.audit().intents();
        let records = [1, 2].map(leaving);
        records.iter().for_each(|record| intents.announce(record).unwrap());
        let ids = records.each_ref().map(|record| record.id.clone());
        assert_eq!(listed(&store).await, [(1, InFlight), (2, InFlight)]);
        // Between the two a process may be killed: it is told once.
        store.audit().append(&[ended(&records[0], Answered)]).await.unwrap();
        assert_eq!(listed(&store).await, [(1, Answered), (2, InFlight)]);
        intents.written(&ids[..1]);
        assert_eq!(listed(&store).await.len(), 2);
        store.audit().append(&[ended(&records[1], Failed)]).await.unwrap();
        intents.written(&ids[1..]);
        assert_eq!(listed(&store).await, [(1, Answered), (2, Failed)]);
        assert_eq!(fs::read_dir(directory.path().join(DIRECTORY)).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_a_process_left_that_has_ended_is_put_into_the_log_once_and_what_others_have_is_left_to_them() {
        let (_directory, store) = store().await;
        let (dead, living) = (store.audit().intents(), store.audit().intents());
        // The same time and path: only their ids differ.
        let records = [1, 1, 3, 5].map(leaving);
        records.iter().for_each(|record| dead.announce(record).unwrap());
        living.announce(&leaving(4)).unwrap();
        store.audit().append(&[ended(&records[0], Answered)]).await.unwrap();
        dead.postpone(&[ended(&records[3], Failed)]).unwrap();
        drop(dead);
        for _ in 0..2 {
            store.audit().recover().await.unwrap();
            let outcomes = listed(&store).await;
            assert_eq!(outcomes, [(1, Answered), (1, InFlight), (3, InFlight), (4, InFlight), (5, Failed)]);
        }
        let found = files(store.parts.directory.as_path());
        assert_eq!(found.len(), 1, "the living one's");
    }

    #[tokio::test]
    async fn a_line_that_was_cut_is_one_of_a_request_that_did_not_leave() {
        let (directory, store) = store().await;
        let intents = store.audit().intents();
        for at in 1..=2 {
            intents.announce(&leaving(at)).unwrap();
        }
        drop(intents);
        let path = files(directory.path()).remove(0);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 20]).unwrap();
        assert_eq!(listed(&store).await, [(1, InFlight)]);
    }

    #[tokio::test]
    async fn the_file_is_written_anew_before_it_grows_without_end() {
        let (directory, store) = store().await;
        let intents = store.audit().intents();
        intents.announce(&leaving(0)).unwrap();
        for at in 1..10_000 {
            let record = leaving(at);
            intents.announce(&record).unwrap();
            intents.written(&[record.id]);
            let bytes: u64 = files(directory.path()).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
            assert!(bytes <= 2 * LONGEST, "{bytes}");
        }
        assert_eq!(listed(&store).await, [(0, InFlight)]);
    }
}
