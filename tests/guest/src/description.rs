//! What a guest says of itself, laid out in its memory as the canonical ABI wants the record `description`.

use crate::Guest;

/// A description without conditions.
#[derive(Clone, Debug)]
pub struct Description {
    /// The kind of forge.
    pub name: &'static str,
    /// Options: the name, and whether it is a secret. None is required.
    pub settings: Vec<(&'static str, bool)>,
    /// Origins that it wants to read from and to write to.
    pub needs: Vec<String>,
    /// Which option goes to which origin.
    pub credentials: Vec<(&'static str, String, Placement)>,
    /// Hosts of remotes.
    pub remote_hosts: Vec<String>,
}

/// Where a credential goes.
#[derive(Clone, Debug)]
pub enum Placement {
    /// `Authorization: Bearer`.
    Bearer,
    /// A header of this name.
    Header(&'static str),
}

impl Default for Description {
    fn default() -> Self {
        Description {
            name: "evil",
            settings: Vec::new(),
            needs: Vec::new(),
            credentials: Vec::new(),
            remote_hosts: Vec::new(),
        }
    }
}

impl Description {
    /// Puts everything that the record points to into the guest's memory, and returns the record.
    pub(crate) fn words(&self, guest: &mut Guest) -> Vec<u8> {
        let settings = self.settings.iter().map(|(name, secret)| {
            let flags = u32::from(*secret) << 8;
            [text(guest, name), text(guest, "An option."), vec![flags, 0, 0, 0]].concat()
        });
        let settings = settings.collect();
        let needs = self.needs.iter().map(|origin| {
            let methods = ["GET", "POST"].map(|method| text(guest, method)).to_vec();
            [text(guest, origin), list(guest, methods), vec![0; 4]].concat()
        });
        let needs = needs.collect();
        let credentials = self.credentials.iter().map(|(setting, origin, placement)| {
            let placement = match placement {
                Placement::Bearer => vec![0; 3],
                Placement::Header(name) => [vec![2], text(guest, name)].concat(),
            };
            [text(guest, setting), text(guest, origin), placement, vec![0; 2]].concat()
        });
        let credentials = credentials.collect();
        let hosts = self.remote_hosts.iter().map(|host| text(guest, host)).collect();
        let mut words = [text(guest, self.name), text(guest, "1.0.0"), text(guest, "A test.")].concat();
        for records in [settings, needs, credentials, hosts] {
            words.extend(list(guest, records));
        }
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }
}

/// Address and length.
fn text(guest: &mut Guest, text: &str) -> Vec<u32> {
    let text = guest.put(text);
    vec![text.at, text.length]
}

/// Address and number of records, each of as many words as the others.
fn list(guest: &mut Guest, records: Vec<Vec<u32>>) -> Vec<u32> {
    let (count, words) = (records.len() as u32, records.concat());
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    vec![guest.put(bytes).at, count]
}
