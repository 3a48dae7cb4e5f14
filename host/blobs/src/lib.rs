//! Blobs: bytes that are known by their names, such as a digest, in a local folder, and behind it, where there is one, in an object store
//! that several machines share. What they are (components, compiled code, downloads) is known to those who use them.
//!
//! | promise | by |
//! | --- | --- |
//! | a blob is there whole or not at all | it is written under another name, and comes by rename |
//! | only its owner reads it | files have the mode 0600, the folder has 0700 |
//! | it is read without a copy | [`Folder::open`] gives the file itself; removing it does not disturb who reads it |
//! | what a killed process left is removed | an unfinished blob is locked while it is written; the system releases the lock of a process that ended |
//! | a cache stays within its limit | what was used least recently is removed when a blob comes |
//! | what must not be lost survives a power cut | a blob of a durable folder is synced before its name is, and its name before it counts |
//! | a folder that cannot be written to is read | that a blob was used is noted where that is possible |
//! | machines share them | [`Blobs`] fetches what the folder lacks from an object store, and brings there what is kept |
//!
//! The caller verifies each blob that it opens, by a MAC or by hashing it again. So an attacker who can write to the folder or to the
//! object store can cause work, and cannot make a caller use other content.
//!
//! ```
//! use forgeport_blobs::Folder;
//! use std::io::{Read, Write};
//!
//! let place = tempfile::tempdir()?;
//! let folder = Folder::cache(place.path().join("blobs"), 1 << 20);
//! let mut unfinished = folder.begin()?;
//! unfinished.write_all(b"content")?;
//! folder.keep(unfinished, "name")?;
//!
//! let mut content = String::new();
//! folder.open("name")?.expect("it was kept").read_to_string(&mut content)?;
//! assert_eq!(content, "content");
//! # Ok::<(), std::io::Error>(())
//! ```

mod blobs;
mod folder;

pub use blobs::Blobs;
pub use folder::{Blob, Folder, UnfinishedBlob};
pub use object_store::ObjectStore;
