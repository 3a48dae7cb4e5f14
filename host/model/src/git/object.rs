//! Names and kinds of git's objects, and how their names are computed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha1_checked::{CollisionResult, Digest as _, Sha1};
use sha2::{Digest, Sha256};

/// The hash function that a repository names its objects with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectFormat {
    /// 40 hex digits.
    Sha1,
    /// 64 hex digits.
    Sha256,
}

impl ObjectFormat {
    /// Length of an object's name, in bytes.
    pub fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// The kind of an entry in a tree of git.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A file (mode 100644).
    Regular,
    /// A file that can be executed (100755).
    Executable,
    /// A symbolic link (120000); its blob is the target.
    Symlink,
    /// A directory (40000).
    Tree,
    /// A commit of another repository (160000).
    Submodule,
}

impl FileKind {
    /// The mode as git's tree objects spell it.
    pub fn mode(self) -> &'static [u8] {
        match self {
            Self::Regular => b"100644",
            Self::Executable => b"100755",
            Self::Symlink => b"120000",
            Self::Tree => b"40000",
            Self::Submodule => b"160000",
        }
    }
}

/// The kind in a word, for messages.
impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Regular => "file",
            Self::Executable => "executable file",
            Self::Symlink => "symbolic link",
            Self::Tree => "directory",
            Self::Submodule => "submodule",
        })
    }
}

/// The name of an object of git. Shown as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    format: ObjectFormat,
    bytes: [u8; 32],
}

impl ObjectId {
    /// The hash function it was made with.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// The raw name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.format.length()]
    }

    /// The id with these bytes; none where their length is not that of one of git's hash functions.
    pub fn from_bytes(raw: &[u8]) -> Option<Self> {
        let format = match raw.len() {
            20 => ObjectFormat::Sha1,
            32 => ObjectFormat::Sha256,
            _ => return None,
        };
        let mut bytes = [0; 32];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { format, bytes })
    }

    /// The name of a blob with these contents.
    pub fn of_blob(format: ObjectFormat, contents: &[u8]) -> Result<Self, Collision> {
        let mut hasher = Hasher::blob(format, contents.len() as u64);
        hasher.update(contents);
        hasher.finish()
    }

    /// The name of a tree object with this body. A body with the marks of an attack gets a name that no honest object has, so it never
    /// equals the one that a forge reported.
    pub fn of_tree(format: ObjectFormat, body: &[u8]) -> Self {
        let mut hasher = Hasher::object(format, "tree", body.len() as u64);
        hasher.update(body);
        hasher.digest().0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text is no object id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an object id, which has 40 or 64 hex digits: give the full id")]
pub struct NoObjectId(String);

impl FromStr for ObjectId {
    type Err = NoObjectId;

    fn from_str(text: &str) -> Result<Self, NoObjectId> {
        let refused = || NoObjectId(crate::escape_untrusted_short(text));
        let digits: Option<Vec<u8>> = text.bytes().map(hex_digit).collect();
        let digits = digits.ok_or_else(refused)?;
        let raw: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        // The length in digits, since two odd lengths would round to a right number of bytes.
        if digits.len() != 2 * raw.len() {
            return Err(refused());
        }
        Self::from_bytes(&raw).ok_or_else(refused)
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The content has the marks of an attack: other content may have the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its content has the marks of an attack on SHA-1, so that its id does not prove which content it is; report it to the repository's owner"
)]
pub struct Collision;

/// Computes an object's name from its bytes, piece by piece.
///
/// SHA-1 is the variant that git uses, which detects the known attacks (Stevens, "Counter-cryptanalysis", 2013): it takes 3.2 times
/// as long as plain SHA-1, 0.15 s more for each 64 MiB.
pub enum Hasher {
    /// With collision detection, except for checksums.
    Sha1(Box<Sha1>),
    /// Plain SHA-256.
    Sha256(Sha256),
}

impl Hasher {
    /// Begins a blob. Git hashes the length before the contents, so it has to be known.
    pub fn blob(format: ObjectFormat, length: u64) -> Self {
        Self::object(format, "blob", length)
    }

    /// Begins with the header of an object of this kind and length.
    pub fn object(format: ObjectFormat, kind: &str, length: u64) -> Self {
        let mut hasher = match format {
            ObjectFormat::Sha1 => Self::Sha1(Box::default()),
            ObjectFormat::Sha256 => Self::Sha256(Sha256::new()),
        };
        hasher.update(format!("{kind} {length}\0").as_bytes());
        hasher
    }

    /// Begins a checksum, which only detects damage: collisions do no harm.
    pub fn checksum(format: ObjectFormat) -> Self {
        match format {
            ObjectFormat::Sha1 => Self::Sha1(Box::new(Sha1::builder().detect_collision(false).build())),
            ObjectFormat::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The object's name.
    ///
    /// # Errors
    /// When the bytes are those of a known attack on SHA-1.
    pub fn finish(self) -> Result<ObjectId, Collision> {
        match self.digest() {
            (id, true) => Ok(id),
            (_, false) => Err(Collision),
        }
    }

    /// The name, and true if the bytes have no marks of an attack.
    fn digest(self) -> (ObjectId, bool) {
        let mut bytes = [0; 32];
        match self {
            Self::Sha1(hasher) => {
                let result = hasher.try_finalize();
                bytes[..20].copy_from_slice(result.hash());
                (ObjectId { format: ObjectFormat::Sha1, bytes }, matches!(result, CollisionResult::Ok(_)))
            }
            Self::Sha256(hasher) => {
                bytes.copy_from_slice(&hasher.finalize());
                (ObjectId { format: ObjectFormat::Sha256, bytes }, true)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_blob_has_the_name_that_git_gives_it() {
        let sha1 = ObjectId::of_blob(ObjectFormat::Sha1, b"").unwrap();
        assert_eq!(sha1.to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        let sha256 = ObjectId::of_blob(ObjectFormat::Sha256, b"").unwrap();
        assert_eq!(sha256.to_string(), "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813");
    }

    /// The beginnings of the two files that have the same SHA-1 (Stevens et al., "The first collision for full SHA-1", 2017): what they
    /// have in common, and the blocks in which they differ.
    const SHATTERED: [&str; 3] = [
        concat!(
            "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f48656967687420332030",
            "20522f547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f7253706163",
            "652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0aff",
            "d8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01",
        ),
        concat!(
            "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3dc38",
            "e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500eb4ddc0d",
            "ecc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1",
        ),
        concat!(
            "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c56b45c1530afedfb76038",
            "e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a332ec37fac3514e74ddc0f",
            "2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1",
        ),
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// The attack was on the first blocks of a file, and the header of a blob moves it away from there: no colliding pair of blobs is
    /// known, so the function itself is given the bytes of the known pair.
    #[test]
    fn the_known_attack_on_sha1_is_noticed_and_names_nothing() {
        let [common, one, other] = SHATTERED.map(bytes);
        let plain = |blocks: &[u8]| {
            let mut hasher = Hasher::checksum(ObjectFormat::Sha1);
            hasher.update(&common);
            hasher.update(blocks);
            hasher.digest().0
        };
        assert_eq!(plain(&one), plain(&other));
        let named = [one, other].map(|blocks| {
            let mut hasher = Hasher::Sha1(Box::default());
            common.chunks(7).chain(blocks.chunks(7)).for_each(|chunk| hasher.update(chunk));
            let (id, clean) = hasher.digest();
            assert!(!clean);
            id
        });
        assert_ne!(named[0], named[1]);
        let mut hasher = Hasher::Sha1(Box::default());
        hasher.update(&common);
        assert!(hasher.finish().is_ok());
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let text = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
        assert_eq!(text.parse::<ObjectId>().unwrap().to_string(), text);
        assert_eq!(text.to_uppercase().parse::<ObjectId>().unwrap().to_string(), text);
    }

    #[test]
    fn what_is_no_full_id_is_refused() {
        for text in ["", "main", "e69de29", &"0".repeat(39), &"0".repeat(41), &"g".repeat(40), &"é".repeat(20)] {
            assert!(text.parse::<ObjectId>().is_err(), "{text}");
        }
    }
}
