//! Changes that a verb names by itself: “double”, “halve”, “tag”, “enable”, “connect”, “rename”.

use std::ops::Range;

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use crate::lexer::TokenKind;

use super::change::Wish;
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::named::Noun;
use crate::builtin::said::nic::NicRef;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

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
            Some((items, p.of_targets(words!("of|on|for|in"))?))
        }) {
            return Some((targets, items, How::Set));
        }
        self.any(words!("the size of|size of"));
        let targets = self.owner()?;
        let items = self.scaled_nouns(&amount)?;
        Some((targets, items, How::Set))
    }

    /// “cut the memory of web-01 in half”
    pub fn halved(&mut self, noun: &Noun, how: How) -> Option<Item> {
        let Noun::Plain(plain @ (Plain::Cores | Plain::Memory | Plain::Swap)) = noun else { return None };
        (how == How::Less && self.any(words!("in half|by half"))).then_some(Item::Plain(*plain, Amount::Over(2)))
    }

    fn scaled_nouns(&mut self, amount: &impl Fn() -> Amount) -> Option<Vec<Said<Item>>> {
        let one = |p: &mut Self| {
            let start = p.at;
            let value = p.noun()?.scaled(amount())?;
            Some(Said { value, tokens: start..p.at })
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
        if self.any(words!("tag|label")) {
            let addressed = self.addressed.is_some() && !self.ahead(Self::target);
            let targets = if addressed { Targets::Old(self.addressed.clone()?) } else { self.targets()? };
            let pronoun = addressed || matches!(self.last_word(), "it" | "them");
            if !self.any(words!("with the tags|with the tag|with|as")) && !pronoun {
                // “tag web-01 prod”
                let tag = |p: &mut Self| p.any_name().filter(|tag| !p.inventory.guests.contains_key(tag));
                (self.known(&targets) && self.ahead(tag)).then_some(())?;
            }
            let start = self.at;
            let tags = self.tag_list(true)?;
            let item = self.tags_said(start, tags, Amount::Plus);
            self.attempt(Self::besides_theirs);
            return Some((targets, vec![item], How::Add));
        }
        // “replace the tags of web-01 with prod”
        if let Some(wish) = self.attempt(|p| {
            p.any(words!("replace")).then_some(())?;
            p.any(words!("the tags of|the tags on|tags of|all tags of")).then_some(())?;
            let targets = p.targets()?;
            p.any(words!("with|by")).then_some(())?;
            let start = p.at;
            let tags = p.tag_list(true)?;
            Some((targets, vec![p.tags_said(start, tags, Amount::To)], How::Set))
        }) {
            return Some(wish);
        }
        if let Some(wish) = self.attempt(Self::retagging) {
            return Some(wish);
        }
        let remove = self.any(words!("remove|delete|drop|take"));
        if !remove && !self.any(words!("add|put|give")) {
            return None;
        }
        self.articles();
        let start = self.at;
        let tags = if self.any(words!("tags|tag")) {
            let tags = self.tag_list(true)?;
            (start..self.at, tags)
        } else {
            // “remove the web tag from …”
            let tag = self.name()?;
            if !self.any(words!("tag")) {
                return None;
            }
            (start..self.at, vec![tag])
        };
        let prepositions = if remove { words!("from|of|off") } else { words!("to|on") };
        let targets = self.of_targets(prepositions)?;
        let amount = if remove { Amount::Minus } else { Amount::Plus };
        let value = Item::Plain(Plain::Tags, amount(Value::Set(tags.1.into_iter().collect())));
        Some((targets, vec![Said { value, tokens: tags.0 }], if remove { How::Remove } else { How::Add }))
    }

    /// “add a note to db-1: “belongs to billing””
    pub fn noting(&mut self) -> Option<Wish> {
        if let Some(wish) = self.attempt(Self::writing) {
            return Some(wish);
        }
        self.any(words!("add|put|set|attach|leave|make|give")).then_some(())?;
        self.articles();
        self.any(words!("note|comment|description|notes")).then_some(())?;
        self.any(words!("to|on|for|in|at")).then_some(())?;
        let targets = self.targets()?;
        let sign = self.mark(':') || self.mark('=') || self.mark('–');
        (sign || self.any(words!("saying|that says|which says|reading|to"))).then_some(())?;
        self.mark(':');
        let start = self.at;
        let value = Item::Plain(Plain::Description, Amount::To(Value::Text(self.free_text(sign)?)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “write “belongs to billing” into the notes of db-1”
    fn writing(&mut self) -> Option<Wish> {
        self.any(words!("write|put|enter|add")).then_some(())?;
        let start = self.at;
        let text = self.peek(0).filter(|token| token.kind == TokenKind::Quoted)?.text.clone();
        self.at += 1;
        let value = Item::Plain(Plain::Description, Amount::To(Value::Text(text)));
        let item = Said { value, tokens: start..self.at };
        self.any(words!("into|in|to|as")).then_some(())?;
        let (noun, targets) = self.field_of_targets()?;
        (noun == Noun::Plain(Plain::Description)).then_some((targets, vec![item], How::Set))
    }

    /// “replace the tag web with front on web-01”, “change the tag of web-01 from web to front”.
    fn retagging(&mut self) -> Option<Wish> {
        let replaces = self.any(words!("replace"));
        let verb = replaces || self.any(words!("change"));
        self.any(words!("the"));
        self.any(words!("tag")).then_some(())?;
        let start = self.at;
        let of = words!("on|of|for|from");
        if !verb {
            return self.tag_becomes(start);
        }
        // “change the tag of web-01 from web to front”
        let mut targets = None;
        if !replaces && self.any(words!("of|on|for")) {
            targets = Some(self.targets()?);
            self.any(words!("from")).then_some(())?;
        }
        let from = self.name()?;
        if targets.is_none() && self.ahead(|p| p.any(of).then_some(())) {
            targets = Some(self.of_targets(of)?);
        }
        self.any(if replaces { words!("with|by|for") } else { words!("to|into") }).then_some(())?;
        let to = self.name()?;
        let set = |tag: String| Value::Set(std::iter::once(tag).collect());
        let value = Item::Plain(Plain::Tags, Amount::FromTo(set(from), set(to)));
        let item = Said { value, tokens: start..self.at };
        let targets = match targets {
            Some(targets) => targets,
            None => self.of_targets(of)?,
        };
        Some((targets, vec![item], How::Set))
    }

    /// “the tag web on web-01 should become front”
    fn tag_becomes(&mut self, start: usize) -> Option<Wish> {
        let from = self.name()?;
        self.any(words!("on|of|for")).then_some(())?;
        let targets = self.targets()?;
        self.any(words!("should become|should be|shall become|must become|becomes|->|→|=>")).then_some(())?;
        let set = |tag: String| Value::Set(std::iter::once(tag).collect());
        let value = Item::Plain(Plain::Tags, Amount::FromTo(set(from), set(self.name()?)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “… in addition to what they have”
    fn besides_theirs(&mut self) -> Option<()> {
        self.any(words!("in")).then_some(())?;
        // The reader takes “addition” for “additional” with a slip.
        matches!(self.word(), "addition" | "additional").then(|| self.at += 1)?;
        self.attempt(|p| {
            p.any(words!("to what|to those|to the ones|to the tags|to the existing ones")).then_some(())?;
            p.any(words!("it has|they have|it has now|they have now")).then_some(())
        });
        Some(())
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
        if self.any(words!("protect|unprotect")) {
            let on = self.word_at(start) == "protect";
            let tokens = start..self.at;
            let targets = self.targets()?;
            self.any(words!("from deletion|against deletion|from being deleted"));
            return Some((targets, flag(Plain::Protection, on, tokens), How::Set));
        }
        if let Some(switched) = self.attempt(|p| {
            let negated = p.any(words!("do not|don't|dont|never"));
            if !p.any(words!("start|boot|autostart|auto-start")) {
                return None;
            }
            let targets = p.targets()?;
            let at = p.at;
            let automatic = p.any(words!("automatically"));
            let boot =
                p.any(words!("at boot|on boot|at startup|with the host|with the node|at host boot|on host boot"));
            if negated {
                p.any(words!("any more|anymore|any longer"));
            }
            (automatic || boot || p.word_at(start).starts_with("auto"))
                .then(|| (targets, flag(Plain::OnBoot, !negated, start..p.at.max(at)), How::Set))
        }) {
            return Some(switched);
        }
        // “stop test-1 from starting at boot”
        if let Some(switched) = self.attempt(|p| {
            p.any(words!("stop|keep|prevent")).then_some(())?;
            let targets = p.targets()?;
            p.any(words!("from")).then_some(())?;
            let at = p.at;
            p.at_boot()?;
            Some((targets, flag(Plain::OnBoot, false, at..p.at), How::Set))
        }) {
            return Some(switched);
        }
        // “turn the firewall on for web-01”
        if let Some(switched) = self.attempt(|p| {
            p.any(words!("turn|switch")).then_some(())?;
            p.any(words!("the"));
            let start = p.at;
            let noun = p.noun()?;
            let on = p.any(words!("on"));
            (on || p.any(words!("off"))).then_some(())?;
            let value = noun.switched(on)?;
            let tokens = start..p.at;
            Some((p.of_targets(words!("for|on|of|in"))?, vec![Said { value, tokens }], How::Set))
        }) {
            return Some(switched);
        }
        let on = if self.any(words!("enable|activate|turn on|switch on")) {
            true
        } else if self.any(words!("disable|deactivate|turn off|switch off")) {
            false
        } else {
            return None;
        };
        self.articles();
        let start = self.at;
        let switches = self.switches(on)?;
        let tokens = start..self.at;
        let targets = self.of_targets(words!("for|on|of|from|in"))?;
        let switches = self.of_its_parts(switches);
        let items = switches.into_iter().map(|value| Said { value, tokens: tokens.clone() }).collect();
        Some((targets, items, How::Set))
    }

    /// “move web-01 to vmbr1”, “connect its nic to vmbr1 vlan 20”, “put web-01 in vlan 30”.
    pub fn plugging(&mut self) -> Option<Wish> {
        if !self.any(words!("move|connect|attach|plug|switch|put|change|swap|shift|transfer|bring|get me|get us|get")) {
            return None;
        }
        let card = words!("network card|network interface|network|nic|interface|net|bridge");
        let (number, targets) = if let Some(found) = self.attempt(|p| {
            let NicRef(number) = p.nic_ref()?;
            Some((number, p.of_targets(words!("of|on|for"))?))
        }) {
            found
        } else if let Some(targets) = self.attempt(|p| {
            p.any(words!("the"));
            if !p.any(card) {
                return None;
            }
            p.of_targets(words!("of|on|for"))
        }) {
            (None, targets)
        } else {
            let targets = self.owner()?;
            let number = self.attempt(Self::nic_ref).and_then(|NicRef(number)| number);
            self.any(card);
            (number, targets)
        };
        if !self.ahead(|p| p.any(words!("to|into|in|on|onto|over to|from")).then_some(())) {
            return None;
        }
        let item = self.attempt(|p| {
            p.any(words!("onto|into|over"));
            p.item(How::Set)
        })?;
        let item = Said { value: item.value.of_nic(number), tokens: item.tokens };
        let plugs = |item: &Item| matches!(item, Item::Nic { .. } | Item::Replug { .. });
        let all = match &item.value {
            Item::Several(items) => items.iter().all(plugs),
            item => plugs(item),
        };
        all.then(|| (targets, vec![item], How::Set))
    }
}
