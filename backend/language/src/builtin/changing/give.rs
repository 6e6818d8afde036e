//! What is given to guests that exist, and what they are to be without: “give web-01 4 cores”, “add 20 GB to the disk of db-1”.

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::reading::Amount;

use super::change::{Wish, stepped};
use super::verbs::{ADD, Course, GIVE, Leads, PROVIDE, PUT, REMOVE, SHIFT};
use crate::builtin::Parser;
use crate::builtin::said::fields::Named;
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::said::multiple::of_hundredths;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// What a guest’s system has from its cloud-init drive.
const CLOUD_INIT: [Plain; 6] =
    [Plain::CiUser, Plain::Password, Plain::SshKeys, Plain::CiUpgrade, Plain::Nameserver, Plain::SearchDomain];

impl Parser<'_> {
    /// “give web-01 4 cores”, “assign 4 cores to web-01”, “add 20 GB to the disk of web-01”, “remove 2 cores from web-01”.
    pub fn giving(&mut self) -> Option<Wish> {
        let verb = self.at;
        let back = self.word() == "give" && self.word_ahead(1) == "back";
        let (how, prepositions) = if !back && self.verb(GIVE) {
            (How::Give, words!("to|on"))
        } else if self.verb(ADD) || self.ahead(Self::puts_in) && self.verb(PUT) {
            (How::Add, words!("on to|onto|to|on|into|in|at|for|off of|off"))
        } else if self.verb(REMOVE) {
            (How::Remove, words!("away from|from|off of|off|out of|of"))
        } else {
            return self.providing();
        };
        // “add 20 GB to the disk of web-01”, “add 2 GB to its memory”
        if matches!(how, How::Add | How::Remove)
            && let Some(grown) = self.attempt(|p| p.onto_a_field(how, prepositions))
        {
            return Some((grown.0, vec![grown.1], how));
        }
        // “assign an additional 4 GB to the memory of web-01”
        if how == How::Give
            && self.ahead(|p| p.any(words!("another|an additional|an extra")).then_some(()))
            && let Some(grown) = self.attempt(|p| p.onto_a_field(How::Add, prepositions))
        {
            return Some((grown.0, vec![grown.1], How::Add));
        }
        if how == How::Remove
            && let Some(wish) = self.attempt(Self::some_of_its_cores)
        {
            return Some(wish);
        }
        if let Some((items, targets)) = self.attempt(|p| {
            let items = p.items(how)?;
            let targets = p.of_targets(prepositions)?;
            Some((items, targets))
        }) {
            self.any(words!("each"));
            let mut items = self.with_storage(items);
            if let [Said { value: Item::Nic { number: None, parts, fresh: true }, tokens }] = items.as_mut_slice()
                && parts.is_empty()
            {
                (*parts, tokens.end) = (self.parts_of_a_nic(), self.at);
            }
            // “add two NICs to web-01, both on vmbr1”
            if let [Said { value, tokens }] = items.as_mut_slice()
                && let Item::NicCount(number) = *value
            {
                (*value, tokens.end) = (self.each_nic_on(number)?, self.at);
            }
            let drive = items.iter().any(|item| matches!(item.value, Item::Plain(Plain::CloudInit, _)));
            // “… to web-01 with discard on”
            while let Some(part) = self.attempt(|p| {
                let _ = p.joint() || p.mark('(');
                p.any(words!("with|on"));
                p.item(How::Give).filter(|item| match item.value {
                    Item::Plain(plain, _) => drive && CLOUD_INIT.contains(&plain),
                    _ => matches!(item.value, Item::DiskPart(None, ..) | Item::Nic { number: None, fresh: false, .. }),
                })
            }) {
                items.push(part);
            }
            return Some((targets, items, how));
        }
        if how == How::Remove {
            return None;
        }
        let got = self.word_at(verb) == "get";
        self.any(words!("to"));
        let targets = self.targets()?;
        self.any(words!("each|both|please"));
        let items = self.items(how)?;
        self.any(words!("each"));
        // “get web-01 off” is about more than what it has.
        (!got || items.iter().all(Self::is_stuff)).then_some((targets, items, how))
    }

    /// What a guest has an amount of, or a further part for it.
    fn is_stuff(item: &Said<Item>) -> bool {
        matches!(
            item.value,
            Item::Plain(_, Amount::To(Value::Count(_) | Value::Size(_)) | Amount::Plus(_) | Amount::FromTo(..))
                | Item::Disk(_)
                | Item::Nic { fresh: true, .. }
        )
    }

    /// “two of prod-db’s cores away”, “one of the cores of web-01”
    fn some_of_its_cores(&mut self) -> Option<Wish> {
        let start = self.at;
        let number = self.number().filter(|number| *number > 0)?;
        self.any(words!("of")).then_some(())?;
        let (noun, targets) = self.field_of_targets()?;
        self.any(words!("away"));
        let value = stepped(&noun, Value::Count(number), Amount::Minus)?;
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Remove))
    }

    /// “provide web-01 with 4 cores”
    fn providing(&mut self) -> Option<Wish> {
        self.verb(PROVIDE).then_some(())?;
        let targets = self.targets()?;
        self.any(words!("with")).then_some(())?;
        let items = self.items(How::Give)?;
        self.any(words!("each"));
        Some((targets, items, How::Give))
    }

    /// “new disk for web-01: 20 GB on local”, “another NIC for web-01 on vmbr1”: what is added, whose, and then how it shall be.
    pub fn anew(&mut self) -> Option<Wish> {
        let start = self.at;
        let _ = self.verb(ADD) || self.verb(words!("create|make|provision|set up|put|give"));
        self.any(words!("a|an|one"));
        let new = self
            .verb(words!("new|another|extra|additional|further|more|second|2nd|third|3rd|fourth|4th|fresh|separate"));
        self.any(words!("virtual"));
        // A mount point is never the disk of the system.
        let mount = self.any(words!("mount point|mountpoint"));
        (new || mount && self.at > start + 1).then_some(())?;
        let disk = mount || self.any(words!("data disk|hard disk|disk|drive|volume"));
        (disk || self.any(words!("network card|network interface|network adapter|nic|interface"))).then_some(())?;
        self.any(words!("for|on|into|in|to")).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let open = self.mark(':') || self.mark(',');
        let bracket = !open && self.mark('(');
        self.any(words!("with|of"));
        let value = if disk {
            let size = Value::Size(self.quantity()?);
            Item::Disk(self.disk_item(Amount::To(size), Which::Further, 1))
        } else {
            let parts = self.parts_of_a_nic();
            let bridge = parts.iter().any(|(part, _)| *part == NicPart::Bridge);
            bridge.then_some(Item::Nic { number: None, parts, fresh: true })?
        };
        // “new mount point for cache: 15 GB on tank, path /srv/logs”
        let items = self.with_storage(vec![Said { value, tokens: start..self.at }]);
        (!bracket || self.mark(')')).then_some(())?;
        Some((targets, items, How::Add))
    }

    /// “put a 10 GB disk on test-1”, “create a second NIC for web-01”, “put another 2 GB of RAM into test-1”
    fn puts_in(&mut self) -> Option<()> {
        self.verb(PUT).then_some(())?;
        // “put 16 GB of RAM in db-1” says what it shall have.
        let puts = self.last_word() == "put";
        let more = |item: &Said<Item>| matches!(item.value, Item::Plain(_, Amount::Plus(_)));
        let part = |item: &Said<Item>| matches!(item.value, Item::Disk(_) | Item::Nic { fresh: true, .. });
        (puts && self.ahead(|p| p.item(How::Give).filter(more)) || self.ahead(|p| p.item(How::Add).filter(part)))
            .then_some(())
    }

    /// “… (bridge vmbr1, vlan 20)”: what a NIC is that was only named.
    fn parts_of_a_nic(&mut self) -> Vec<(NicPart, Value)> {
        let mut all = Vec::new();
        while let Some(parts) = self.attempt(|p| {
            let _ = p.joint() || p.mark('(') || p.mark(':');
            p.any(words!("with|on|using"));
            // “…: vmbr1, e1000”
            if let Some(model) = p.attempt(|p| p.nic_model().filter(|_| p.at_boundary())) {
                return Some(vec![(NicPart::Model, Value::Text(model))]);
            }
            match p.item(How::Give)?.value {
                Item::Nic { number: None, parts, fresh: false } => Some(parts),
                _ => None,
            }
        }) {
            all.extend(parts);
        }
        all
    }

    /// “… to web-01 on local-lvm”: the place of the disk just added.
    pub fn with_storage(&mut self, mut items: Vec<Said<Item>>) -> Vec<Said<Item>> {
        let [Said { value: Item::Disk(disk), tokens }] = items.as_mut_slice() else { return items };
        // Behind a comma something else may begin.
        let storage = |p: &mut Self| {
            let apart = p.mark(',');
            p.storage_of_disk().filter(|_| !apart || p.at_boundary())
        };
        let mount = |p: &mut Self| {
            let apart = p.mark(',');
            p.any(words!("mounted at|mounted on|mounted under|mount point|mount path|path|at|under|on|as"));
            p.shaped(Named::Disk(DiskPart::Mount)).filter(|_| !apart || p.at_boundary())
        };
        loop {
            if disk.storage.is_none()
                && let Some(storage) = self.attempt(storage)
            {
                disk.storage = Some(storage);
            } else if disk.which != Which::System
                && !disk.parts.iter().any(|(part, _)| *part == DiskPart::Mount)
                && let Some(mount) = self.attempt(mount)
            {
                disk.parts.push((DiskPart::Mount, mount));
                disk.which = Which::Further;
            } else {
                break;
            }
            *tokens = tokens.start..self.at;
        }
        items
    }

    pub fn onto_a_field(&mut self, how: How, prepositions: &Wordings) -> Option<(Targets, Said<Item>)> {
        let start = self.at;
        self.any(words!("another|an additional|an extra"));
        // “add 25 % to prod-db’s RAM”
        if let Some(grown) = self.attempt(|p| {
            let per_cent = p.per_cent()?;
            p.any(prepositions).then_some(())?;
            let (noun, targets) = p.field_of_targets()?;
            let item = noun.scaled(of_hundredths(per_cent, how == How::Add)?)?;
            Some((targets, Said { value: item, tokens: start..p.at }))
        }) {
            return Some(grown);
        }
        let step = self.step()?;
        self.any(words!("more|of space|of disk space|space"));
        if !self.any(prepositions) {
            return None;
        }
        let (noun, targets) = self.field_of_targets()?;
        let item = stepped(&noun, step, if how == How::Add { Amount::Plus } else { Amount::Minus })?;
        Some((targets, Said { value: item, tokens: start..self.at }))
    }

    /// An amount, or a number of things.
    pub fn step(&mut self) -> Option<Value> {
        self.quantity().map(Value::Size).or_else(|| self.number().map(Value::Count))
    }

    /// “take db-1 down to 2 cores”, “bring web-01 up by 8 GB of RAM”.
    pub fn bringing(&mut self) -> Option<Wish> {
        self.verb(SHIFT).then_some(())?;
        // “put the CPU type of web-01 to host”; to drop or reset something is more than to change it.
        let brings = matches!(self.last_word(), "bring" | "put" | "move" | "get");
        // “bring the memory of web-01 up to 8 GB”
        if let Some((targets, items)) = self.attempt(|p| p.field_and_value(How::Set)) {
            return (brings || items.iter().all(Self::is_amount)).then_some((targets, items, How::Set));
        }
        let targets = self.targets()?;
        let back = |p: &mut Self| (p.any(words!("back on")) && p.ahead(Self::counted)).then_some(Course::To);
        let how = match self.course(Leads::Anywhere).or_else(|| self.attempt(back)) {
            Some(Course::To) => How::Give,
            Some(Course::More) => How::Add,
            Some(Course::Less) => How::Remove,
            None => {
                self.any(words!("up|down"));
                self.ahead(Self::amount_before).then_some(How::Give)?
            }
        };
        let items = self.items(how)?;
        self.any(words!("each"));
        items.iter().all(Self::is_amount).then_some((targets, items, how))
    }

    fn is_amount(item: &Said<Item>) -> bool {
        let amount = |amount: &Amount| !matches!(amount, Amount::To(value) if !matches!(value, Value::Count(_) | Value::Size(_)));
        match &item.value {
            Item::Plain(_, of) | Item::Disk(DiskItem { amount: of, .. }) => amount(of),
            Item::Bare(Amount::To(Value::Size(_))) => true,
            _ => false,
        }
    }
}
