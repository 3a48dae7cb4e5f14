//! The content of a download, in memory: every path with its kind and object id, and the tree ids that follow from them.

use std::collections::BTreeMap;

use forgeport_model::RepoPath;
use forgeport_model::{FileKind, ObjectFormat, ObjectId};

/// A file tree as git sees it.
#[derive(Debug)]
pub(crate) struct Tree {
    format: ObjectFormat,
    root: DirectoryNode,
}

#[derive(Debug, Default)]
struct DirectoryNode {
    children: BTreeMap<Box<[u8]>, Node>,
    /// Known until something below changes.
    content: Option<DirectoryContent>,
}

/// The content of a directory, as git sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DirectoryContent {
    /// No file, link or submodule: git does not know it.
    Nothing,
    /// Not all has passed.
    Pending,
    Object(ObjectId),
}

#[derive(Debug)]
enum Node {
    // Small on its own, so that a directory of one entry is: a map has room for eleven. An archive of nothing but directories in each
    // other took twice the memory otherwise.
    Leaf(Box<Leaf>),
    Directory(Box<DirectoryNode>),
}

/// A file, a link or a submodule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub kind: FileKind,
    /// None until all of the content has passed.
    pub id: Option<ObjectId>,
    /// True if it is a pointer to content that lies elsewhere (git-lfs).
    pub pointer: bool,
    /// Bytes of a file.
    pub size: u64,
}

impl Leaf {
    pub(crate) fn pending(kind: FileKind) -> Self {
        Self { kind, id: None, pointer: false, size: 0 }
    }

    pub(crate) fn known(kind: FileKind, id: ObjectId) -> Self {
        Self { kind, id: Some(id), pointer: false, size: 0 }
    }
}

/// Something is in the way of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InTheWay {
    /// At its very path.
    Same(FileKind),
    /// This parent of it is no directory.
    Parent(RepoPath, FileKind),
}

/// Something found on a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Leaf(Leaf),
    /// A directory, and whether it is empty.
    Directory {
        empty: bool,
    },
}

impl Found {
    pub(crate) fn kind(&self) -> FileKind {
        match self {
            Found::Leaf(leaf) => leaf.kind,
            Found::Directory { .. } => FileKind::Tree,
        }
    }
}

impl Node {
    fn kind(&self) -> FileKind {
        match self {
            Node::Leaf(leaf) => leaf.kind,
            Node::Directory(_) => FileKind::Tree,
        }
    }

    fn found(&self) -> Found {
        match self {
            Node::Leaf(leaf) => Found::Leaf(**leaf),
            Node::Directory(directory) => Found::Directory { empty: directory.children.is_empty() },
        }
    }
}

impl Tree {
    pub(crate) fn new(format: ObjectFormat) -> Self {
        Self { format, root: DirectoryNode::default() }
    }

    /// True if it is empty: not even a directory is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.children.is_empty()
    }

    /// Adds a file, link or submodule where there is none yet; its parents come with it, and how many had to be made is returned.
    pub(crate) fn add(&mut self, path: &RepoPath, leaf: Leaf) -> Result<u64, InTheWay> {
        self.put(path, leaf, false)
    }

    /// Adds a file, link or submodule, in the place of one that may be there already. An empty directory, which git does not know, gives
    /// way to a submodule.
    pub(crate) fn replace(&mut self, path: &RepoPath, leaf: Leaf) -> Result<(), InTheWay> {
        self.put(path, leaf, true).map(drop)
    }

    fn put(&mut self, path: &RepoPath, leaf: Leaf, replace: bool) -> Result<u64, InTheWay> {
        let Some((parent, name)) = path.split_last() else {
            return Err(InTheWay::Same(FileKind::Tree));
        };
        let (directory, made) = self.make_directory(&parent)?;
        match directory.children.get_mut(name) {
            None => {
                directory.children.insert(name.into(), Node::Leaf(leaf.into()));
            }
            Some(Node::Leaf(old)) if replace => **old = leaf,
            Some(node @ Node::Directory(_))
                if leaf.kind == FileKind::Submodule && node.found() == (Found::Directory { empty: true }) =>
            {
                *node = Node::Leaf(leaf.into());
            }
            Some(node) => return Err(InTheWay::Same(node.kind())),
        }
        Ok(made)
    }

    /// Adds a directory, with its parents; how many had to be made is returned. One that is there already is fine.
    pub(crate) fn add_directory(&mut self, path: &RepoPath) -> Result<u64, InTheWay> {
        self.make_directory(path).map(|(_, made)| made).map_err(|error| match error {
            InTheWay::Parent(parent, kind) if parent == *path => InTheWay::Same(kind),
            error => error,
        })
    }

    fn make_directory(&mut self, path: &RepoPath) -> Result<(&mut DirectoryNode, u64), InTheWay> {
        let mut directory = &mut self.root;
        let mut length = 0;
        let mut made = 0;
        for name in path.components() {
            directory.content = None;
            // A lookup before the insertion saves an allocation for each name of each path.
            if !directory.children.contains_key(name) {
                directory.children.insert(name.into(), Node::Directory(Box::default()));
                made += 1;
            }
            length += name.len() + 1;
            directory = match directory.children.get_mut(name) {
                Some(Node::Directory(next)) => next,
                Some(Node::Leaf(leaf)) => return Err(InTheWay::Parent(path.prefix(length - 1), leaf.kind)),
                None => unreachable!("it was inserted above"),
            };
        }
        directory.content = None;
        Ok((directory, made))
    }

    /// The content of a file has passed. Nothing happens if there is no such file.
    pub(crate) fn complete(&mut self, path: &RepoPath, id: ObjectId, pointer: bool, size: u64) {
        let Some((parent, name)) = path.split_last() else { return };
        let Some(directory) = self.root.walk_mut(&parent) else { return };
        if let Some(Node::Leaf(leaf)) = directory.children.get_mut(name) {
            leaf.id = Some(id);
            leaf.pointer = pointer;
            leaf.size = size;
        }
    }

    /// Removes what is there, with all that is in it.
    pub(crate) fn remove(&mut self, path: &RepoPath) {
        match path.split_last() {
            Some((parent, name)) => {
                if let Some(directory) = self.root.walk_mut(&parent) {
                    directory.children.remove(name);
                }
            }
            None => self.root = DirectoryNode::default(),
        }
    }

    pub(crate) fn get(&self, path: &RepoPath) -> Option<Found> {
        let Some((parent, name)) = path.split_last() else {
            return Some(Found::Directory { empty: self.root.children.is_empty() });
        };
        self.root.walk(&parent)?.children.get(name).map(Node::found)
    }

    /// The id of what is at a path; none where there is no entry, where a directory has no content, and where some content has not passed yet.
    pub(crate) fn id(&mut self, path: &RepoPath) -> Option<ObjectId> {
        let format = self.format;
        let Some((parent, name)) = path.split_last() else {
            return self.root.content(format).id();
        };
        // Not `walk_mut`, which forgets the ids on its way.
        let mut directory = &mut self.root;
        for name in parent.components() {
            directory = match directory.children.get_mut(name)? {
                Node::Directory(next) => next,
                Node::Leaf(_) => return None,
            };
        }
        match directory.children.get_mut(name)? {
            Node::Leaf(leaf) => leaf.id,
            Node::Directory(directory) => directory.content(format).id(),
        }
    }

    /// The id that a commit would have for a directory as its whole tree: also one without content has one then.
    pub(crate) fn id_as_root(&mut self, path: &RepoPath) -> Option<ObjectId> {
        let format = self.format;
        self.id(path).or_else(|| {
            let content = self.root.walk(path)?.content?;
            (content == DirectoryContent::Nothing).then(|| tree_id(format, Vec::new()))
        })
    }

    /// The names in a directory.
    pub(crate) fn names(&self, path: &RepoPath) -> Vec<Vec<u8>> {
        self.root
            .walk(path)
            .map(|directory| directory.children.keys().map(|name| name.to_vec()).collect())
            .unwrap_or_default()
    }

    /// Visits everything below a directory, parents first.
    pub(crate) fn visit(&self, path: &RepoPath, visitor: &mut impl FnMut(&RepoPath, Found)) {
        if let Some(directory) = self.root.walk(path) {
            directory.visit(path, visitor);
        }
    }
}

impl DirectoryNode {
    fn walk(&self, path: &RepoPath) -> Option<&DirectoryNode> {
        path.components().try_fold(self, |directory, name| match directory.children.get(name)? {
            Node::Directory(next) => Some(&**next),
            Node::Leaf(_) => None,
        })
    }

    /// On the way to a change: what was computed before does not hold any more.
    fn walk_mut(&mut self, path: &RepoPath) -> Option<&mut DirectoryNode> {
        self.content = None;
        path.components().try_fold(self, |directory, name| match directory.children.get_mut(name)? {
            Node::Directory(next) => {
                next.content = None;
                Some(&mut **next)
            }
            Node::Leaf(_) => None,
        })
    }

    fn visit(&self, path: &RepoPath, visitor: &mut impl FnMut(&RepoPath, Found)) {
        for (name, node) in &self.children {
            let path = path.child(name);
            visitor(&path, node.found());
            if let Node::Directory(directory) = node {
                directory.visit(&path, visitor);
            }
        }
    }

    /// Recursion is bounded by the depth that [`RepoPath`] allows.
    fn content(&mut self, format: ObjectFormat) -> DirectoryContent {
        if let Some(known) = self.content {
            return known;
        }
        let computed = self.compute_content(format);
        self.content = Some(computed);
        computed
    }

    fn compute_content(&mut self, format: ObjectFormat) -> DirectoryContent {
        let mut entries = Vec::with_capacity(self.children.len());
        for (name, node) in &mut self.children {
            let (kind, content) = match node {
                Node::Leaf(leaf) => (leaf.kind, leaf.id.map_or(DirectoryContent::Pending, DirectoryContent::Object)),
                Node::Directory(directory) => (FileKind::Tree, directory.content(format)),
            };
            match content {
                DirectoryContent::Object(id) => entries.push((&name[..], kind, id)),
                DirectoryContent::Pending => return DirectoryContent::Pending,
                DirectoryContent::Nothing => {}
            }
        }
        if entries.is_empty() { DirectoryContent::Nothing } else { DirectoryContent::Object(tree_id(format, entries)) }
    }
}

impl DirectoryContent {
    fn id(self) -> Option<ObjectId> {
        match self {
            Self::Object(id) => Some(id),
            Self::Nothing | Self::Pending => None,
        }
    }
}

fn sort_key<'a>(entry: &'a (&[u8], FileKind, ObjectId)) -> impl Iterator<Item = u8> + 'a {
    let slash = (entry.1 == FileKind::Tree).then_some(b'/');
    entry.0.iter().copied().chain(slash)
}

/// The id of a tree object with these entries, in any order. Git sorts a directory's name as if it ended in a slash.
pub(crate) fn tree_id(format: ObjectFormat, mut entries: Vec<(&[u8], FileKind, ObjectId)>) -> ObjectId {
    entries.sort_by(|a, b| sort_key(a).cmp(sort_key(b)));
    let mut body = Vec::with_capacity(entries.iter().map(|entry| entry.0.len() + 8 + format.length()).sum());
    for (name, kind, id) in entries {
        body.extend_from_slice(kind.mode());
        body.push(b' ');
        body.extend_from_slice(name);
        body.push(0);
        body.extend_from_slice(id.as_bytes());
    }
    ObjectId::of_tree(format, &body)
}
