//! What the words of a statement prove, whatever the model says of them.

use mycopod_core::field::{DiskPart, Plain};
use mycopod_core::reading::{Amount, Deed, DiskRef};

use crate::builtin::changing::verbs::{LESS, MORE};
use crate::builtin::drafting::draft::Draft;
use crate::builtin::said::fields::Named;
use crate::builtin::said::item::{How, Item, Which};
use crate::builtin::said::named::Noun;

use super::raw::{Action, RawField};

/// Words that only hold a sentence together. Others that the model leaves out become questions.
pub const LINKS: &str = "i we me us you my our your would like could can let's i'd we'd will shall should must it its it's them their they there \
     that this these those which who of on for in at to with called named name is are be has have having as so do it \
     then next finally additionally afterwards";

/// What may stand between two parts of one enumeration.
pub const JOINTS: &str = "and & plus as well the a an both";

/// The words by which an action is known that is read word by word.
pub struct Evidence {
    /// Those that may be part of its verb. Each says no more than the action does.
    pub verb: &'static str,
    /// Those of which one must be there; none where the values prove it.
    pub proof: &'static str,
}

/// What an action is known by; `None` where the built-in reader’s rules must read all of its words, as they must for
/// whatever deletes.
pub fn evidence(action: Action) -> Option<Evidence> {
    let (verb, proof) = match action {
        Action::Create => {
            ("create make build provision deploy set setup add spin launch new need want like up give get declare", "")
        }
        Action::Change => (
            "set change adjust update modify configure resize make let have put give gets get needs need has should shall must assign add attach \
             remove double triple quadruple halve increase raise grow extend expand enlarge bump boost upgrade reduce decrease lower shrink",
            "",
        ),
        Action::Start => ("start boot on up launch fire turn switch power", "start boot on up launch fire"),
        Action::Stop => (
            "stop off down shutdown shut halt kill plug force forcefully hard pull power turn switch the",
            "stop off down shutdown halt kill plug",
        ),
        Action::Reboot => ("reboot restart", "reboot restart"),
        Action::Snapshot => ("snapshot snapshots take make create a", "snapshot snapshots"),
        Action::Clone => ("clone copy duplicate make create full linked a", "clone copy duplicate"),
        Action::Adopt => ("adopt take over manage control of", "adopt over manage control"),
        Action::Delete
        | Action::Suspend
        | Action::Resume
        | Action::Rollback
        | Action::DeleteSnapshot
        | Action::Backup
        | Action::Restore
        | Action::MakeTemplate
        | Action::Migrate
        | Action::DetachDisk
        | Action::DeleteDisk
        | Action::RemoveNic => return None,
    };
    Some(Evidence { verb, proof })
}

/// Whether `word` is one of `words`.
pub fn is_in(words: &str, word: &str) -> bool {
    !word.is_empty() && words.split_whitespace().any(|known| known == word)
}

/// How the values are meant by a verb, or by how much everything is multiplied; `None` where it says several things.
pub fn how(said: &[String]) -> Option<Result<How, Amount>> {
    let is = |words: &str, word: &str| words.split('|').any(|known| known == word);
    let mut all = said.iter().filter_map(|word| match word.as_str() {
        "double" => Some(Err(Amount::Times(2))),
        "triple" => Some(Err(Amount::Times(3))),
        "quadruple" => Some(Err(Amount::Times(4))),
        "halve" => Some(Err(Amount::Over(2))),
        word if is(MORE.text(), word) => Some(Ok(How::More)),
        word if is(LESS.text(), word) => Some(Ok(How::Less)),
        "add" | "attach" => Some(Ok(How::Add)),
        "remove" => Some(Ok(How::Remove)),
        _ => None,
    });
    let first = all.next().unwrap_or(Ok(How::Give));
    all.next().is_none().then_some(first)
}

/// Whether a draft is what an action stands for.
pub fn is_action(draft: &Draft, action: Action) -> bool {
    match draft {
        Draft::Create(_) => action == Action::Create,
        Draft::Change(_) => action == Action::Change,
        Draft::Clone(_) => action == Action::Clone,
        Draft::Do(doing) => action_of(&doing.deed) == action,
        Draft::Remove(_) => matches!(action, Action::DetachDisk | Action::DeleteDisk),
        Draft::Facility(_) => false,
    }
}

/// Whether a draft takes something away for good.
pub fn destroys(draft: &Draft) -> bool {
    match draft {
        Draft::Remove(_) | Draft::Facility(_) => true,
        Draft::Do(doing) => matches!(
            doing.deed,
            Deed::Delete
                | Deed::DeleteSnapshot { .. }
                | Deed::Rollback { .. }
                | Deed::Restore { .. }
                | Deed::Detach(_)
                | Deed::DestroyDisk(_)
                | Deed::RemoveNic(_)
                | Deed::MakeTemplate
        ),
        Draft::Create(_) | Draft::Change(_) | Draft::Clone(_) => false,
    }
}

/// Whether a phrase that names its field itself names the one that the model gave it.
pub fn is_of(item: &Item, field: RawField) -> bool {
    let named = |named: Named| field == RawField::Named(named);
    match item {
        Item::Plain(plain, _) | Item::Unitless(plain, _) | Item::OnStorage(plain) => named(Named::Plain(*plain)),
        Item::Disk(_) | Item::Several(_) => field == RawField::Disk,
        Item::DiskPart(_, part, _) => named(Named::Disk(*part)),
        Item::Replug { part, .. } => named(Named::Nic(*part)),
        // A bridge and its VLAN are said in one.
        Item::Nic { .. } | Item::Address(_) | Item::NicCount(_) | Item::EachNic(..) => {
            matches!(field, RawField::Named(Named::Nic(_)))
        }
        Item::Storage(_) => named(Named::Disk(DiskPart::Storage)),
        Item::Node(_) => named(Named::Node),
        Item::Image(_) => field == RawField::Image,
        Item::CoresInTotal(_) => named(Named::Plain(Plain::Cores)),
        Item::Bare(_) | Item::Firewall(..) | Item::Vmid(_) | Item::Like(_) | Item::Same | Item::SameAs(_) => false,
    }
}

/// The field’s own word.
pub fn noun(field: RawField) -> Option<Noun> {
    Some(match field {
        RawField::Named(Named::Plain(plain)) => Noun::Plain(plain),
        RawField::Named(Named::Disk(DiskPart::Storage)) => Noun::Storage,
        RawField::Named(Named::Disk(part)) => Noun::DiskPart(None, part),
        RawField::Named(Named::Nic(part)) => Noun::Nic(None, part),
        RawField::Named(Named::Node) => Noun::Node,
        RawField::Disk => Noun::Disk(Which::The(DiskRef::Only), false),
        RawField::Image | RawField::Cluster => return None,
    })
}

/// The action that a deed is.
const fn action_of(deed: &Deed) -> Action {
    match deed {
        Deed::Start => Action::Start,
        Deed::Shutdown { .. } | Deed::Stop => Action::Stop,
        Deed::Reboot => Action::Reboot,
        Deed::Delete => Action::Delete,
        Deed::Snapshot { .. } => Action::Snapshot,
        Deed::Adopt => Action::Adopt,
        Deed::Suspend => Action::Suspend,
        Deed::Resume => Action::Resume,
        Deed::Rollback { .. } => Action::Rollback,
        Deed::DeleteSnapshot { .. } => Action::DeleteSnapshot,
        Deed::Backup { .. } => Action::Backup,
        Deed::Restore { .. } => Action::Restore,
        Deed::MakeTemplate => Action::MakeTemplate,
        Deed::Migrate { .. } => Action::Migrate,
        Deed::Detach(_) => Action::DetachDisk,
        Deed::DestroyDisk(_) => Action::DeleteDisk,
        Deed::RemoveNic(_) => Action::RemoveNic,
    }
}
