//! How more is said of a guest that was just described: “put it on pve2”, “the BIOS should be OVMF”, “… is needed”, “2 cores are plenty”.

use mycopod_core::field::NicPart;

use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::pointing::Number;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “put it on …”, “connect them to …”, “base it on …”, “use …”: verbs by which what is made gets what stands behind them,
    /// with the number of those they name by a pronoun.
    pub fn placing(&mut self) -> Option<Number> {
        const VERBS: [&str; 12] = [
            "put", "place", "host", "store", "base", "connect", "attach", "assign", "locate", "create", "move", "build",
        ];
        // “turn autostart on”
        if self.any(words!("turn|switch")) {
            return self.ahead(Self::switched_behind).then_some(Number::One);
        }
        // “mount debian-12.iso”, “attach the ISO debian-12.iso”
        let point =
            self.word() == "mount" && self.field_length() > 1 || matches!(self.word_ahead(1), "point" | "points");
        if !point && self.any(words!("use|take|allow|mount")) || self.ahead(Self::volume_alone) {
            return Some(Number::One);
        }
        VERBS.contains(&self.word()).then_some(())?;
        self.at += 1;
        if self.any(words!("both of them|them both|both")) {
            return Some(Number::Exactly(2));
        }
        if self.any(words!("all three of them|all three")) {
            return Some(Number::Exactly(3));
        }
        if self.any(words!("them all|all of them|each of them|them|all")) {
            return Some(Number::Several);
        }
        (self.any(words!("it|its nic|its nics|the vm|the container")) || matches!(self.word(), "its" | "the"))
            .then_some(Number::One)
    }

    /// “autostart on”, behind “turn”
    fn switched_behind(&mut self) -> Option<()> {
        self.item(How::Create)?;
        matches!(self.last_word(), "on" | "off").then_some(())
    }

    /// “The BIOS should be OVMF”, “Turn on the guest agent”, “Use CPU type host”, “VMID 555”: more of the new guest, which words for what
    /// exists would else be sought for. Of disks and bridges it has, others may be meant.
    pub fn says_more_of_it(&mut self) -> Option<()> {
        let gets = words!(
            "it gets|it has|it needs|it should have|it should get|it shall have|it shall get|it must have|it will have|it will get"
        );
        let definite = self.any(words!("the|its"));
        let single = self.group().is_some_and(|group| !group.plural || group.focus.len() == 1);
        let gets = !definite && single && self.any(gets);
        let verb = !(definite || gets) && self.attempt(Self::placing).is_some();
        // “put the first two on pve1”
        if verb && self.ahead(Self::places_among_them) {
            return Some(());
        }
        let switched = matches!(self.word(), "turn" | "switch");
        let numbered = self.ahead(Self::vmid);
        (definite || gets || verb || switched || numbered).then_some(())?;
        let it = self.item(How::Create)?.value;
        let nics = self.group()?.nics();
        let other = match &it {
            Item::Several(_) if gets => false,
            Item::Disk(_) | Item::Several(_) | Item::Bare(_) => definite || switched,
            Item::Nic { parts, .. } => nics > 0 && parts.iter().any(|(part, _)| *part == NicPart::Bridge),
            _ => false,
        };
        (!other && (gets || self.at_boundary())).then_some(())
    }

    /// “wan on vmbr0 and lan on vmbr1, both e1000”, “As for the disk, 20 GB.”
    pub fn said_of_a_part(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        if let Some(value) = self.attempt(Self::of_each_nic) {
            return Some(Said { value, tokens: start..self.at });
        }
        self.as_for_a_part()
    }

    /// “As for the disk, 20 GB.”
    fn as_for_a_part(&mut self) -> Option<Said<Item>> {
        self.verb(words!("as for|as to|concerning|regarding")).then_some(())?;
        let start = self.at;
        self.any(words!("the|its"));
        let noun = self.noun()?;
        (self.mark(',') || self.mark(':')).then_some(())?;
        let value = self.connected_value(&noun, How::Create)?;
        self.at_boundary().then_some(Said { value, tokens: start..self.at })
    }

    /// “is needed”, “should be created”, “has to be set up”: that the guest which was just described is wanted.
    pub fn is_wanted(&mut self) -> Option<()> {
        if !self.any(words!("is needed|is required|are needed|are required|is requested|are requested"))
            && !self.verb(words!("has to exist|must exist|should exist|shall exist"))
        {
            self.any(words!(
                "is to be|are to be|should be|shall be|must be|has to be|have to be|needs to be|need to be|is|are"
            ))
            .then_some(())?;
            (self.any(words!("created|set up|built|deployed|made")) || matches!(self.word(), "wanted" | "provisioned"))
                .then_some(())?;
            self.at += usize::from(matches!(self.word(), "wanted" | "provisioned"));
        }
        (self.at_boundary() || self.ahead(|p| p.mark(':').then_some(()))).then_some(())
    }

    /// “16 GB RAM for big-1 and 4 GB RAM for small-1”: the new guests by their names, behind what is said of them.
    pub fn of_these(&mut self) -> Option<Vec<usize>> {
        self.group().filter(|group| group.plural && group.members.len() > 1)?;
        self.any(words!("for|on")).then_some(())?;
        let names = self.names(true)?;
        let members = &self.group()?.members;
        let place = |name: &Said<String>| members.iter().position(|member| member.value == name.value);
        let places = names.iter().map(place).collect::<Option<Vec<_>>>()?;
        self.at_boundary().then_some(places)
    }

    /// “to the cluster”, “with the following specs:”, and “with this key:” above the line in which it stands.
    pub fn says_no_more(&mut self) -> Option<()> {
        if self.attempt(Self::rest_as_usual).is_some() {
            return Some(());
        }
        if self.any(words!("to the cluster|to our cluster|to this cluster|on the cluster|to proxmox|on proxmox")) {
            return Some(());
        }
        self.any(words!("with this|with these|with the following|with the|with|as follows|the following"))
            .then_some(())?;
        let specs = self.any(words!(
            "specs|spec|specifications|specification|configuration|config|settings|parameters|values|hardware|resources|properties|requirements"
        ));
        if !specs && self.last_word() != "follows" {
            self.any(words!("public|ssh"));
            matches!(self.word(), "key" | "keys").then_some(())?;
            self.at += 1;
            return (self.mark(':') && self.done()).then_some(());
        }
        self.mark(':').then_some(())
    }

    /// “rest as usual”, “everything else by default”: what is not said is as it is anyway.
    fn rest_as_usual(&mut self) -> Option<()> {
        const USUAL: [&str; 6] = ["usual", "default", "defaults", "standard", "normal", "always"];
        let start = self.at;
        self.any(words!("the"));
        let rest = self.any(words!("everything else|all else")) || self.verb(words!("rest|remainder"));
        rest.then_some(())?;
        self.mark(':');
        self.any(words!("is|are|stays|can be|may be|should be|shall be"));
        self.any(words!("at the|at|as|by|on|with the|with"));
        USUAL.contains(&self.word()).then_some(())?;
        self.at += 1;
        self.any(words!("values|settings"));
        self.at_boundary().then(|| self.asides.push(start..self.at))
    }

    /// Whether it is said of one of the new guests, and something else of that kind of all of them.
    pub fn is_an_exception(&self, item: &Said<Item>) -> bool {
        let replaces =
            |(whose, other): &(Option<usize>, Said<Item>)| whose.is_none() && item.value.replaces(&other.value);
        self.group().is_some_and(|group| !group.focus.is_empty() && group.items.iter().any(replaces))
    }

    /// “too”, “is plenty”, “are sufficient”, “for now”: behind what is said of a guest, that it is so.
    pub fn suffices(&mut self) -> Option<()> {
        const ENOUGH: [&str; 9] =
            ["plenty", "enough", "sufficient", "fine", "ok", "okay", "good", "perfect", "adequate"];
        if self.any(words!("is|are|would be|will be")) {
            ENOUGH.contains(&self.word()).then_some(())?;
            self.at += 1;
        } else if ["suffice", "suffices", "though"].contains(&self.word()) {
            self.at += 1;
        } else {
            self.any(words!("should do|would do|will do|for now|at first|to begin with|to start with|too|as well"))
                .then_some(())?;
        }
        self.any(words!("for now|for the time being"));
        self.at_boundary().then_some(())
    }
}
