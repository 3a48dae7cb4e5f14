//! Which repositories there are, under which names.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::repository::Repository;

/// A repository as the forges know it.
pub(crate) struct Project {
    pub id: u64,
    /// User, organisation, workspace, or groups with slashes between.
    pub owner: String,
    pub name: String,
    pub private: bool,
    pub repository: Repository,
}

impl Project {
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// What a name leads to.
pub(crate) enum Found {
    Here(Arc<Project>),
    /// It had this name before.
    Moved(Arc<Project>),
    Nowhere,
}

#[derive(Default)]
struct Names {
    projects: HashMap<u64, Arc<Project>>,
    /// Lower-case full names, former ones too.
    ids: HashMap<String, u64>,
    last_id: u64,
}

#[derive(Default)]
pub(crate) struct Registry {
    names: RwLock<Names>,
}

impl Registry {
    pub fn add(&self, full_name: &str, private: bool, repository: Repository) -> u64 {
        let mut names = self.write();
        names.last_id += 1;
        // Large enough not to be mistaken for an index, small enough to read.
        let id = 700_000 + names.last_id;
        put(&mut names, id, full_name, private, repository);
        id
    }

    pub fn rename(&self, old: &str, new: &str) -> bool {
        let mut names = self.write();
        let Some(project) = names.ids.get(&old.to_lowercase()).and_then(|id| names.projects.get(id)).cloned() else {
            return false;
        };
        put(&mut names, project.id, new, project.private, project.repository.clone());
        true
    }

    pub fn remove(&self, full_name: &str) -> bool {
        let mut names = self.write();
        let id = names.ids.get(&full_name.to_lowercase()).copied();
        id.and_then(|id| names.projects.remove(&id)).is_some()
    }

    pub fn find(&self, full_name: &str) -> Found {
        let names = self.read();
        let wanted = full_name.to_lowercase();
        match names.ids.get(&wanted).and_then(|id| names.projects.get(id)) {
            Some(project) if project.full_name().to_lowercase() == wanted => Found::Here(project.clone()),
            Some(project) => Found::Moved(project.clone()),
            None => Found::Nowhere,
        }
    }

    pub fn by_id(&self, id: &str) -> Option<Arc<Project>> {
        self.read().projects.get(&id.parse().ok()?).cloned()
    }

    fn read(&self) -> RwLockReadGuard<'_, Names> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Names> {
        self.names.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(names: &mut Names, id: u64, full_name: &str, private: bool, repository: Repository) {
    let (owner, name) = full_name.rsplit_once('/').unwrap_or(("", full_name));
    let project = Project { id, owner: owner.to_owned(), name: name.to_owned(), private, repository };
    names.projects.insert(id, Arc::new(project));
    names.ids.insert(full_name.to_lowercase(), id);
}
