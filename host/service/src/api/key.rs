//! The master key: where it is kept, and what its rotation did.

/// The place of a master key that this program made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a file beside the store.
    File,
    /// In the system's keyring.
    Keyring,
}

/// The result of a rotation of the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The place of the new key; none if that is the environment, whose variable has to be changed now.
    pub kept_in: Option<KeyPlace>,
    /// How many workspaces' data keys were encrypted with it.
    pub workspaces: usize,
    /// Why parts of the old key could not be removed, for a person. The new key is in use all the same, and another rotation tries again.
    pub leftovers: Vec<String>,
}

impl From<forgeport_store::KeyPlace> for KeyPlace {
    fn from(place: forgeport_store::KeyPlace) -> KeyPlace {
        match place {
            forgeport_store::KeyPlace::File => KeyPlace::File,
            forgeport_store::KeyPlace::Keyring => KeyPlace::Keyring,
        }
    }
}

impl From<KeyPlace> for forgeport_store::KeyPlace {
    fn from(place: KeyPlace) -> forgeport_store::KeyPlace {
        match place {
            KeyPlace::File => forgeport_store::KeyPlace::File,
            KeyPlace::Keyring => forgeport_store::KeyPlace::Keyring,
        }
    }
}

impl From<forgeport_store::Rotated> for Rotated {
    fn from(rotated: forgeport_store::Rotated) -> Rotated {
        let forgeport_store::Rotated { kept_in, workspaces, leftovers } = rotated;
        let leftovers = leftovers.iter().map(ToString::to_string).collect();
        Rotated { kept_in: kept_in.map(KeyPlace::from), workspaces, leftovers }
    }
}
