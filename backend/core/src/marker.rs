//! The marker by which a guest is known to be ours.
//!
//! It stands in the guest's notes as an HTML comment, which Proxmox's web UI does not
//! render: `<!-- mycopod:RESOURCE:MAC -->`. The MAC (HMAC-SHA-256, truncated to 128 bits)
//! covers the resource and the VMID, so that a marker copied by a clone, or left behind
//! on a recycled VMID by a restore, does not count.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::guest::Vmid;
use crate::id::ResourceId;
use crate::observed::Ownership;

const OPEN: &str = "<!-- mycopod:";
const CLOSE: &str = " -->";
const MAC_LEN: usize = 16;

/// Makes and checks markers.
#[derive(Clone)]
pub struct MarkerKey([u8; 32]);

impl std::fmt::Debug for MarkerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MarkerKey(…)")
    }
}

impl MarkerKey {
    /// From [`crate::keys::Keys::marker`].
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    fn mac(&self, resource: ResourceId, vmid: Vmid) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(b"mycopod marker v1");
        mac.update(resource.0.as_bytes());
        mac.update(&vmid.get().to_be_bytes());
        Some(mac)
    }

    /// The notes `text` with the marker of `resource` on `vmid` below, and no other marker.
    #[must_use]
    pub fn mark(&self, text: &str, resource: ResourceId, vmid: Vmid) -> String {
        let (text, _) = split(text);
        let digits = self
            .mac(resource, vmid)
            .map(|mac| hex::encode(&mac.finalize().into_bytes()[..MAC_LEN]))
            .unwrap_or_default();
        let marker = format!("{OPEN}{resource}:{digits}{CLOSE}");
        if text.is_empty() { marker } else { format!("{text}\n\n{marker}") }
    }

    /// Whose the guest with these notes is, and the notes without the marker.
    #[must_use]
    pub fn judge(&self, notes: &str, vmid: Vmid) -> (Ownership, String) {
        let (text, marker) = split(notes);
        let ownership = match marker {
            None => Ownership::Unmarked,
            Some(marker) => self.check(&marker, vmid).map_or(Ownership::Invalid, Ownership::Ours),
        };
        (ownership, text)
    }

    fn check(&self, marker: &str, vmid: Vmid) -> Option<ResourceId> {
        let (resource, digits) = marker.split_once(':')?;
        let resource: ResourceId = resource.parse().ok()?;
        let given = hex::decode(digits).ok().filter(|mac| mac.len() == MAC_LEN)?;
        self.mac(resource, vmid)?.verify_truncated_left(&given).ok()?;
        Some(resource)
    }
}

/// The notes without any marker, and the first marker's inside. A second marker makes none valid.
fn split(notes: &str) -> (String, Option<String>) {
    let mut rest = notes;
    let mut text = String::new();
    let mut markers = Vec::new();
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((marker, tail)) = after.split_once(CLOSE) else { break };
        text.push_str(before);
        markers.push(marker.to_owned());
        rest = tail;
    }
    text.push_str(rest);
    let marker = match markers.len() {
        0 => None,
        1 => markers.pop(),
        _ => Some(String::new()),
    };
    (text.trim_end().to_owned(), marker)
}

#[cfg(test)]
mod tests {
    use super::{MarkerKey, Ownership};
    use crate::guest::Vmid;
    use crate::id::ResourceId;

    fn vmid(n: u32) -> Vmid {
        Vmid::try_from(n).unwrap()
    }

    fn resource() -> ResourceId {
        "0192f0c1-2d3e-7000-8000-0123456789ab".parse().unwrap()
    }

    #[test]
    fn a_marker_holds_for_its_vmid_and_key_only() {
        let key = MarkerKey::new([7; 32]);
        let notes = key.mark("Shop, do not touch", resource(), vmid(105));
        assert_eq!(key.judge(&notes, vmid(105)), (Ownership::Ours(resource()), "Shop, do not touch".to_owned()));
        assert_eq!(key.judge(&notes, vmid(106)).0, Ownership::Invalid, "a clone copies the marker");
        assert_eq!(MarkerKey::new([8; 32]).judge(&notes, vmid(105)).0, Ownership::Invalid);
        assert_eq!(key.judge("plain notes", vmid(105)).0, Ownership::Unmarked);
    }

    #[test]
    fn marking_again_leaves_one_marker_and_the_notes_as_they_were() {
        let key = MarkerKey::new([7; 32]);
        let once = key.mark("line 1\nline 2", resource(), vmid(105));
        assert_eq!(key.mark(&once, resource(), vmid(105)), once);
    }

    #[test]
    fn two_markers_are_none() {
        let key = MarkerKey::new([7; 32]);
        let one = key.mark("", resource(), vmid(105));
        assert_eq!(key.judge(&format!("{one}\n{one}"), vmid(105)).0, Ownership::Invalid);
    }

    #[test]
    fn a_proxmox_line_end_after_the_marker_does_no_harm() {
        let key = MarkerKey::new([7; 32]);
        let notes = format!("{}\n", key.mark("x", resource(), vmid(105)));
        assert_eq!(key.judge(&notes, vmid(105)), (Ownership::Ours(resource()), "x".to_owned()));
    }
}
