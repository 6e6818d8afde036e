//! A disk that was spoken of just before, and then what becomes of it: “db-1’s second disk is nearly full, grow it by 50 GB”, “move
//! scsi1 of db-1 to tank, and extend it to 200 GB”.

use mycopod_core::field::Value;
use mycopod_core::reading::{Amount, DiskRef, Target};

use super::change::disk_ref;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “grow it by 50 GB”, “add 20 GB to it”, “give it another 8 GB”, where “it” is one disk.
    pub fn that_disk(&mut self) -> Option<()> {
        let start = self.at;
        let it = self.any(words!(
            "grow it|extend it|expand it|enlarge it|increase it|resize it|bump it|raise it|bring it|make it|set it|upgrade it"
        ));
        let by = if it {
            let by = self.any(words!("by"));
            let sets = matches!(self.word_at(start), "make" | "set");
            (by || self.any(words!("up to|to")) || sets).then_some(by)?
        } else {
            self.any(words!("add another|add|give it another|give it")).then_some(true)?
        };
        let given = self.word_at(start) == "give";
        let another = self.last_word() == "another";
        let from = self.at;
        let size = Value::Size(self.quantity()?);
        let more = self.any(words!("more|extra|on top|of space|more space"));
        let named = it || self.any(words!("to it|onto it|there")) || given && (more || another);
        let tokens = from..self.at;
        (named && self.at_boundary()).then_some(())?;
        let (disk, target) = self.disk_spoken_of()?;
        let span = self.span(&(start..start + 1));
        let amount = if by { Amount::Plus(size) } else { Amount::To(size) };
        let item = Said { value: Item::Disk(DiskItem::sized(amount, Which::The(disk))), tokens };
        self.push_change(start, Targets::Old(vec![Target { span, ..target }]), vec![item], How::Set)
    }

    /// “add a 50 GB disk to web-01 and give it SSD emulation”: “it” is the disk that comes, for the guest has others.
    pub fn of_the_new_disk(&mut self, targets: &[Target], items: &[Said<Item>]) -> Option<()> {
        let pronoun = targets.iter().all(|target| ["it", "its"].contains(&target.span.of(self.text).as_str()));
        let parts = items.iter().all(|item| matches!(item.value, Item::DiskPart(None, _, Amount::To(_))));
        let Some(Draft::Change(change)) = self.drafts.last_mut() else { return None };
        let same =
            change.targets.iter().map(|target| &target.selector).eq(targets.iter().map(|target| &target.selector));
        let comes = |item: &Said<Item>| match &item.value {
            Item::Disk(disk) => disk.which == Which::Further || disk.which == Which::One && change.how == How::Add,
            _ => false,
        };
        let own = |item: &Said<Item>| comes(item) || matches!(item.value, Item::Storage(_) | Item::DiskPart(None, ..));
        let adds = matches!(change.how, How::Add | How::Give)
            && change.items.iter().any(comes)
            && change.items.iter().all(own);
        (pronoun && parts && same && adds).then_some(())?;
        change.tokens.end = items.last()?.tokens.end;
        change.items.extend_from_slice(items);
        Some(())
    }

    /// The one disk that the last aside or change speaks of, and whose it is.
    fn disk_spoken_of(&self) -> Option<(DiskRef, Target)> {
        if let Some(topic) = self.topic() {
            return topic.disk.clone();
        }
        let Some(Draft::Change(change)) = self.drafts.last() else { return None };
        let [target] = change.targets.as_slice() else { return None };
        let disk = |item: &Said<Item>| match &item.value {
            Item::DiskPart(disk, ..) => disk.clone(),
            Item::Disk(disk) => disk_ref(&disk.which),
            _ => None,
        };
        let mut disks = change.items.iter().map(disk);
        let first = disks.next()??;
        disks.all(|disk| disk.as_ref() == Some(&first)).then(|| (first, target.clone()))
    }
}
