//! Changes that a verb names by itself: “double”, “halve”, “tag”, “enable”, “connect”, “rename”.

use std::ops::Range;

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::Parser;
use super::change::Wish;
use super::item::{DiskItem, How, Item, Said};
use super::named::Noun;
use super::nic::NicRef;
use super::target::Targets;

impl Parser<'_> {
    /// “triple the memory of test-1”, “double web-01's cores and memory”, “halve its memory”.
    pub fn scaled(&mut self) -> Option<Wish> {
        let (by, more): (u32, bool) = match self.word() {
            "double" => (2, true),
            "triple" => (3, true),
            "quadruple" => (4, true),
            "halve" | "half" => (2, false),
            _ => return None,
        };
        self.at += 1;
        let amount = move || if more { Amount::Times(by) } else { Amount::Over(by) };
        if let Some((items, targets)) = self.attempt(|p| {
            let items = p.scaled_nouns(&amount)?;
            Some((items, p.of_targets("of|on|for|in")?))
        }) {
            return Some((targets, items, How::Set));
        }
        let targets = self.owner()?;
        let items = self.scaled_nouns(&amount)?;
        Some((targets, items, How::Set))
    }

    /// “cut the memory of web-01 in half”
    pub fn halved(&mut self, noun: &Noun, how: How) -> Option<Item> {
        let Noun::Plain(plain @ (Plain::Cores | Plain::Memory | Plain::Swap)) = noun else { return None };
        (how == How::Less && self.any("in half|by half")).then_some(Item::Plain(*plain, Amount::Over(2)))
    }

    fn scaled_nouns(&mut self, amount: &impl Fn() -> Amount) -> Option<Vec<Said<Item>>> {
        let one = |p: &mut Self| {
            let start = p.at;
            let item = match p.noun()? {
                Noun::Plain(plain @ (Plain::Cores | Plain::Sockets | Plain::Memory | Plain::Swap)) => {
                    Item::Plain(plain, amount())
                }
                Noun::Disk(which, false) => Item::Disk(DiskItem::sized(amount(), which)),
                _ => return None,
            };
            Some(Said { value: item, tokens: start..p.at })
        };
        let mut items = vec![self.attempt(one)?];
        while let Some(item) = self.attempt(|p| {
            p.joint().then_some(())?;
            one(p)
        }) {
            items.push(item);
        }
        Some(items)
    }

    /// “tag web-01 with a and b”, “add the tag a to web-01”, “remove the tag a from all VMs tagged b”, “untag web-01 a”.
    pub fn tagging(&mut self) -> Option<Wish> {
        if self.any("tag|label") {
            let addressed = self.addressed.is_some() && !self.ahead(Self::target);
            let targets = if addressed { Targets::Old(self.addressed.clone()?) } else { self.targets()? };
            let pronoun = addressed || matches!(self.last_word(), "it" | "them");
            if !self.any("with the tags|with the tag|with|as") && !pronoun {
                return None;
            }
            let start = self.at;
            let tags = self.tag_list(true)?;
            return Some((targets, vec![self.tags_said(start, tags, Amount::Plus)], How::Add));
        }
        let remove = self.any("remove|delete|drop|take");
        if !remove && !self.any("add|put|give") {
            return None;
        }
        self.articles();
        let start = self.at;
        let tags = if self.any("tags|tag") {
            let tags = self.tag_list(true)?;
            (start..self.at, tags)
        } else {
            // “remove the web tag from …”
            let tag = self.name()?;
            if !self.any("tag") {
                return None;
            }
            (start..self.at, vec![tag])
        };
        let prepositions: &str = if remove { "from|of|off" } else { "to|on" };
        let targets = self.of_targets(prepositions)?;
        let amount = if remove { Amount::Minus } else { Amount::Plus };
        let value = Item::Plain(Plain::Tags, amount(Value::Set(tags.1.into_iter().collect())));
        Some((targets, vec![Said { value, tokens: tags.0 }], if remove { How::Remove } else { How::Add }))
    }

    fn tags_said(&self, start: usize, tags: Vec<String>, amount: impl Fn(Value) -> Amount) -> Said<Item> {
        let value = Item::Plain(Plain::Tags, amount(Value::Set(tags.into_iter().collect())));
        Said { value, tokens: start..self.at }
    }

    /// “protect db-1”, “enable autostart for web-01”, “start web-01 at boot”, “turn off protection on x”.
    pub fn switching(&mut self) -> Option<Wish> {
        let start = self.at;
        let flag = |plain, on, tokens: Range<usize>| {
            vec![Said { value: Item::Plain(plain, Amount::To(Value::Flag(on))), tokens }]
        };
        if self.any("protect|unprotect") {
            let on = self.word_at(start) == "protect";
            let tokens = start..self.at;
            let targets = self.targets()?;
            self.any("from deletion|against deletion|from being deleted");
            return Some((targets, flag(Plain::Protection, on, tokens), How::Set));
        }
        if let Some(switched) = self.attempt(|p| {
            let negated = p.any("do not|don't|dont|never");
            if !p.any("start|boot|autostart|auto-start") {
                return None;
            }
            let targets = p.targets()?;
            let at = p.at;
            let automatic = p.any("automatically");
            let boot = p.any("at boot|on boot|at startup|with the host|with the node|at host boot|on host boot");
            (automatic || boot || p.word_at(start).starts_with("auto"))
                .then(|| (targets, flag(Plain::OnBoot, !negated, start..p.at.max(at)), How::Set))
        }) {
            return Some(switched);
        }
        // “turn the firewall on for web-01”
        if let Some(switched) = self.attempt(|p| {
            p.any("turn|switch").then_some(())?;
            p.any("the");
            let start = p.at;
            let noun = p.noun()?;
            let on = p.any("on");
            (on || p.any("off")).then_some(())?;
            let value = noun.switched(on)?;
            let tokens = start..p.at;
            Some((p.of_targets("for|on|of|in")?, vec![Said { value, tokens }], How::Set))
        }) {
            return Some(switched);
        }
        let on = if self.any("enable|activate|turn on|switch on") {
            true
        } else if self.any("disable|deactivate|turn off|switch off") {
            false
        } else {
            return None;
        };
        self.articles();
        let start = self.at;
        let switches = self.switches(on)?;
        let tokens = start..self.at;
        let targets = self.of_targets("for|on|of|from|in")?;
        let items = switches.into_iter().map(|value| Said { value, tokens: tokens.clone() }).collect();
        Some((targets, items, How::Set))
    }

    /// “move web-01 to vmbr1”, “connect its nic to vmbr1 vlan 20”, “put web-01 in vlan 30”.
    pub fn plugging(&mut self) -> Option<Wish> {
        if !self.any("move|connect|attach|plug|switch|put|change") {
            return None;
        }
        let card = "network card|network interface|network|nic|interface|net|bridge";
        let (number, targets) = if let Some(found) = self.attempt(|p| {
            let NicRef(number) = p.nic_ref()?;
            Some((number, p.of_targets("of|on|for")?))
        }) {
            found
        } else if let Some(targets) = self.attempt(|p| {
            p.any("the");
            if !p.any(card) {
                return None;
            }
            p.of_targets("of|on|for")
        }) {
            (None, targets)
        } else {
            let targets = self.owner()?;
            let number = self.attempt(Self::nic_ref).and_then(|NicRef(number)| number);
            self.any(card);
            (number, targets)
        };
        if !self.ahead(|p| p.any("to|into|in|on|onto").then_some(())) {
            return None;
        }
        let item = self.attempt(|p| {
            p.any("onto|into");
            p.item(How::Set)
        })?;
        let item = Said { value: item.value.of_nic(number), tokens: item.tokens };
        matches!(item.value, Item::Nic { .. }).then(|| (targets, vec![item], How::Set))
    }

    /// “rename a to b”.
    pub fn renaming(&mut self) -> Option<Wish> {
        // “call test-1 staging-1 from now on”
        if self.any("call|name") {
            let target = self.one_target().filter(|target| self.known(&Targets::Old(vec![target.clone()])))?;
            let start = self.at;
            let value = Item::Plain(Plain::Name, Amount::To(Value::Text(self.name()?)));
            let item = Said { value, tokens: start..self.at };
            self.any("from now on|now");
            return Some((Targets::Old(vec![target]), vec![item], How::Set));
        }
        if !self.any("rename") {
            return None;
        }
        let target = self.one_target()?;
        if !self.any("to|as|into|in") {
            return None;
        }
        let start = self.at;
        let value = Item::Plain(Plain::Name, Amount::To(Value::Text(self.name()?)));
        Some((Targets::Old(vec![target]), vec![Said { value, tokens: start..self.at }], How::Set))
    }
}
