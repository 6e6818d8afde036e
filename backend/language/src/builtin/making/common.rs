//! What is said once for all new guests: before them (“Common: 2 GB RAM, vmbr1”), or behind the last (“… and 20 GB disk each”).

use mycopod_core::field::NicPart;

use crate::lexer::{Token, TokenKind};

use super::create::JOINS;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Draft, Group};
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::pointing::Number;
use crate::builtin::wordings::words;

/// Words that point at one of several guests.
const POINTING: [&str; 7] = ["first", "second", "third", "other", "latter", "former", "last"];

impl Parser<'_> {
    /// “Common: 2 GB RAM, vmbr1”, “All of these have 2 cores:”: a sentence of its own, before any guest.
    pub fn defaults(&mut self) -> Option<()> {
        const HEADS: [&str; 3] = ["common", "defaults", "shared"];
        // At the beginning of a sentence alone: to look through what follows at each clause would take quadratic time.
        let begins = self.tokens[self.began..self.at].iter().all(|token| !token.is_content());
        (begins && self.drafts.is_empty() && self.common.is_empty()).then_some(())?;
        // “4 GB RAM and 20 GB disk each: VM a-1 with …”
        if let Some(items) = self.attempt(|p| {
            let items = p.phrases();
            p.each_of_them()?;
            (p.mark(':') && !items.is_empty()).then_some(items)
        }) {
            self.common = items;
            return Some(());
        }
        let titled = HEADS.contains(&self.word());
        if titled {
            self.at += 1;
            self.any(words!("settings|values|config|configuration|specs"));
            self.mark(':').then_some(())?;
        } else {
            self.any(words!("all of these|all of the following|each of these|each of the following|all of them|each of them|all|each"))
                .then_some(())?;
            (self.mark(':') || self.any(words!("have|has|get|gets|need|needs|should have"))).then_some(())?;
        }
        let items = self.phrases();
        self.mark(':');
        (self.done() && !items.is_empty()).then_some(())?;
        self.common = items;
        Some(())
    }

    /// Phrases in a row.
    fn phrases(&mut self) -> Vec<Said<Item>> {
        let mut items = Vec::new();
        while let Some(item) = self.attempt(|p| {
            while p.joint() || p.any(JOINS) {}
            p.item(How::Create)
        }) {
            items.push(item);
        }
        items
    }

    /// Gives every new guest what was said of all of them before; where others than new guests follow, it is said of nobody.
    pub fn hand_on(&mut self) {
        let common = std::mem::take(&mut self.common);
        let makes = !self.drafts.is_empty() && self.drafts.iter().all(|draft| matches!(draft, Draft::Create(_)));
        let is_wire = |item: &Item| matches!(item, Item::Nic { .. } | Item::Address(_));
        let wired = common.iter().any(|item| is_wire(&item.value));
        for draft in &mut self.drafts {
            let Draft::Create(group) = draft else { continue };
            // A NIC of its own may be another one, or the same.
            if wired && group.items.iter().any(|(_, item)| bridges(&item.value)) || !makes {
                break;
            }
            for item in &common {
                let own = matches!(item.value, Item::Node(_)) || is_wire(&item.value);
                let has_node = group.items.iter().any(|(_, said)| matches!(said.value, Item::Node(_)));
                match &item.value {
                    Item::Node(_) if has_node => {}
                    _ if own => group.items.insert(0, (None, item.clone())),
                    _ => group.base.push((None, item.clone())),
                }
            }
        }
        let held = |draft: &Draft| match draft {
            Draft::Create(group) => common.iter().all(|item| {
                let said = |known: &(Option<usize>, Said<Item>)| known.1.tokens == item.tokens;
                group.items.iter().chain(&group.base).any(said) || matches!(item.value, Item::Node(_))
            }),
            _ => false,
        };
        if let (Some(first), Some(last)) = (common.first(), common.last())
            && !(makes && self.drafts.iter().all(held))
        {
            self.unread.push(first.tokens.start..last.tokens.end);
        }
    }

    /// “every one has”, “all get”: the new guests, where something is said of them.
    pub fn all_of_them(&mut self) -> Option<()> {
        self.any(words!("each of them|both of them|all of them|each one|every one|each|both|all")).then_some(())?;
        self.any(words!("have|has|get|gets|need|needs|should have|should get|with")).then_some(())
    }

    /// “each”, “(each)”, “for both”, behind what is said of all the new guests.
    pub fn each_of_them(&mut self) -> Option<Number> {
        let open = self.mark('(');
        let number = if self.any(words!("for both of them|for both"))
            || self.verb(words!("on both of them|on the two of them|for the two of them|on the two|for the two"))
        {
            Number::Exactly(2)
        } else if self.any(words!("for all three of them|for all three")) {
            Number::Exactly(3)
        } else if self.attempt(|p| (p.any(words!("both")) && p.ends_a_phrase()).then_some(())).is_some() {
            // “2 cores and 20 GB disk both; …”
            Number::Exactly(2)
        } else {
            self.any(words!("for each of them|for all of them|for each|for all|each")).then_some(Number::Several)?
        };
        (!open || self.mark(')')).then_some(number)
    }

    /// Whether nothing goes on here that a word before it could be said of.
    fn ends_a_phrase(&self) -> bool {
        self.peek(0).is_none_or(|next| matches!(next.kind, TokenKind::Mark(')')))
    }

    /// Adds what stands before “each” to all the new guests it may mean. What else was said of the last of them stays its own,
    /// and is asked about where the others have nothing like it.
    pub fn add_each(&mut self, item: &Said<Item>, each: Number) -> Option<()> {
        let last = self.drafts.len().checked_sub(1)?;
        let head = self.group()?.head.clone();
        let sentence = self.tokens[..head.start].iter().rposition(Token::ends_sentence).map_or(0, |end| end + 1);
        let parallel = self.behind_the_parallel(sentence, item);
        let (from, apart) = match parallel {
            Some(from) => (from, false),
            None => self.shared_from(self.group()?, item),
        };
        let (earlier, present) = self.drafts.split_at_mut(last);
        let [Draft::Create(group)] = present else { return None };
        if group.focus.len() > 1 {
            // “fe-1 and fe-2 with 2 cores and a 10 GB disk each”: where another was described that has none, it may be of all.
            let has = |who: usize| {
                group.items.iter().any(|(whose, said)| *whose == Some(who) && alike(&said.value, &item.value))
            };
            let told = |who: usize| group.items.iter().any(|(whose, _)| *whose == Some(who));
            let apart = (0..group.members.len()).all(|who| group.focus.contains(&who) || has(who) || !told(who));
            return apart.then(|| {
                group.tokens.end = self.at;
                group.say(item.clone());
            });
        }
        let alone = !group.plural && group.members.len() < 2;
        let beyond = alone && (group.shared || apart);
        let mut before: Vec<&mut Group> = Vec::new();
        for draft in earlier.iter_mut().rev() {
            match draft {
                Draft::Create(group) if group.head.start >= sentence || beyond => before.push(group),
                _ => break,
            }
        }
        let count = before.iter().map(|group| &**group).chain([&*group]).map(|group| group.members.len().max(1)).sum();
        (!matches!(each, Number::Exactly(_)) || group.awaits_names() || each.fits(count)).then_some(())?;
        let bare = before.iter().all(|group| group.shared || group.is_bare());
        let own = |item: &Said<Item>| item.tokens.start < from;
        if alone {
            // “a VM and a container, 2 cores and a 10 GB disk each” says all of it of both.
            let all = bare && !beyond && parallel.is_none();
            let said = |(_, item): &&(Option<usize>, Said<Item>)| !own(item) || all && !group.shared;
            let mut items: Vec<_> = group.items.iter().filter(said).cloned().collect();
            let unlike = |item: &Item| {
                before.iter().any(|group| !group.items.iter().any(|(_, other)| alike(&other.value, item)))
            };
            if !all && !group.shared && group.items.iter().any(|(_, item)| own(item) && unlike(&item.value)) {
                return None;
            }
            items.push((None, item.clone()));
            for group in before {
                if !(group.shared || group.is_bare() || !bare) {
                    break;
                }
                group.shared = true;
                group.items.extend(items.iter().cloned());
            }
        } else if let [focus] = *group.focus {
            let of =
                |who: usize| group.items.iter().filter(move |(whose, _)| *whose == Some(who)).map(|(_, item)| item);
            let others = (0..group.members.len()).filter(|who| *who != focus);
            let unlike =
                |item: &Said<Item>| others.clone().any(|who| !of(who).any(|other| alike(&other.value, &item.value)));
            if of(focus).any(|item| own(item) && unlike(item)) {
                return None;
            }
            group.items.iter_mut().filter(|(_, item)| !own(item)).for_each(|(whose, _)| *whose = None);
        } else {
            for group in before {
                if !(group.shared || group.is_bare()) {
                    break;
                }
                group.shared = true;
                group.items.push((None, item.clone()));
            }
        }
        let Some(Draft::Create(group)) = self.drafts.last_mut() else { return None };
        group.focus.clear();
        group.tokens.end = self.at;
        group.items.push((None, item.clone()));
        group.shared = true;
        Some(())
    }

    /// From which token on it is said of all that are described since token `sentence`, where each has a place or an address of its
    /// own and a comma divides those from the rest, whose last is `item`: “a-1 on pve1 and a-2 on pve2, 2 cores, 20 GB disk each”.
    fn behind_the_parallel(&self, sentence: usize, item: &Said<Item>) -> Option<usize> {
        let group = self.group()?;
        let of = |who: usize| {
            group.items.iter().filter(move |(whose, _)| *whose == Some(who)).map(|(_, said)| said).collect()
        };
        let (own, others): (Vec<&Said<Item>>, Vec<Vec<&Said<Item>>>) = match group.focus.as_slice() {
            [focus] => (of(*focus), (0..group.members.len()).filter(|who| who != focus).map(of).collect()),
            [] => {
                let before = self.drafts.iter().rev().skip(1).map_while(|draft| match draft {
                    Draft::Create(group) if group.head.start >= sentence => Some(group),
                    _ => None,
                });
                (said_of(group), before.map(said_of).collect())
            }
            _ => return None,
        };
        let count = others.first()?.len();
        let places = |said: &Item| matches!(said, Item::Node(_) | Item::Nic { .. } | Item::Address(_) | Item::Vmid(_));
        let parallel = |other: &Vec<&Said<Item>>| {
            let pairs = || other.iter().zip(&own);
            other.len() == count && pairs().all(|(other, own)| places(&own.value) && alike(&other.value, &own.value))
        };
        let rest = own.iter().copied().chain([item]).nth(count).filter(|_| count > 0 && others.iter().all(parallel))?;
        let between = self.tokens.get(own[count - 1].tokens.end..rest.tokens.start)?;
        let is_stop = |token: &Token| matches!(token.kind, TokenKind::Mark(',' | ':' | ';' | '–' | '—'));
        between.iter().any(is_stop).then_some(rest.tokens.start)
    }

    /// From which token on “each” behind `item`, the last of `group`, is said of what stands before it too: of all that its own
    /// sentence says where that names nobody (`true`), else of what “and” joins to it.
    fn shared_from(&self, group: &Group, item: &Said<Item>) -> (usize, bool) {
        let start = item.tokens.start;
        let sentence = self.tokens[..start].iter().rposition(Token::ends_sentence).map_or(0, |end| end + 1);
        let names = |token: &Token| {
            POINTING.contains(&token.word.as_str()) || group.members.iter().any(|member| member.value == token.text)
        };
        if sentence >= group.head.end && !self.tokens[sentence..start].iter().any(names) {
            return (sentence, true);
        }
        let and = |token: &Token| ["and", "&", "plus", "as", "well"].contains(&token.word.as_str());
        let mut from = start;
        for (_, before) in group.items.iter().rev() {
            let between = &self.tokens[before.tokens.end.min(from)..from];
            if between.is_empty() || !between.iter().all(and) {
                break;
            }
            from = before.tokens.start;
        }
        (from, false)
    }
}

/// Everything that is said of new guests.
fn said_of(group: &Group) -> Vec<&Said<Item>> {
    group.items.iter().map(|(_, said)| said).collect()
}

/// Whether it says on which bridge a NIC is.
fn bridges(item: &Item) -> bool {
    match item {
        Item::Nic { parts, .. } => parts.iter().any(|(part, _)| *part == NicPart::Bridge),
        Item::Several(items) => items.iter().any(bridges),
        _ => false,
    }
}

/// Whether both are of the same field. What a bare amount is of, its neighbours tell.
pub fn alike(one: &Item, other: &Item) -> bool {
    match (one, other) {
        (Item::Plain(one, _), Item::Plain(other, _)) => one == other,
        (Item::Bare(_), Item::Plain(..) | Item::Disk(_)) | (Item::Plain(..) | Item::Disk(_), Item::Bare(_)) => true,
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}
