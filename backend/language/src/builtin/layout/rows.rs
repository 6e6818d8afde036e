//! What is said in rows: “give web-01 and db-1 4 and 8 cores respectively”, and “tag web-01 with front, web-02 with back”, where
//! the verb stands once. Each becomes the statements it stands for.

use std::ops::Range;

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use crate::lexer::{Token, TokenKind};
use crate::quantity;
use crate::vocabulary;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Draft, Group};
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::said::named::Noun;
use crate::builtin::wordings::words;

/// The word by which the parts of two rows belong together, one by one.
const ONE_BY_ONE: &str = "respectively";

/// The most VMIDs before the guests that get them.
const MAX_AHEAD: usize = 64;

/// Verbs that are said once for several guests, and what stands between a guest and what is said of it.
const CARRIED: [(&str, &[&str]); 11] = [
    ("tag", &["with", "as"]),
    ("rename", &["to", "as", "into"]),
    ("migrate", &["to", "onto", "on"]),
    ("move", &["to", "onto", "into"]),
    ("relocate", &["to"]),
    ("connect", &["to"]),
    ("clone", &["to", "as", "into"]),
    ("copy", &["to", "as"]),
    ("snapshot", &["as"]),
    ("bring", &["up", "down"]),
    ("turn", &["on", "off"]),
];

/// What parts the elements of a row.
fn joins(token: &Token) -> bool {
    token.kind == TokenKind::Mark(',') || ["and", "&"].contains(&token.word.as_str())
}

/// A row of at least two parts.
struct Row {
    /// Each of its parts.
    parts: Vec<Range<usize>>,
}

impl Row {
    fn start(&self) -> usize {
        self.parts[0].start
    }

    fn end(&self) -> usize {
        self.parts.last().map_or(0, |last| last.end)
    }

    /// `tokens` with nothing of this row but one part; a unit of its own stands in place of the one behind the row.
    fn only(&self, part: usize, tokens: &[Token], within: Range<usize>) -> Vec<Token> {
        let part = self.parts[part].clone();
        let has_unit = |at: usize| tokens.get(at).is_some_and(|token| quantity::unit(&token.word).is_some());
        let behind = self.end() + usize::from(part.len() > 1 && part.end != self.end() && has_unit(self.end()));
        [&tokens[within.start..self.start()], &tokens[part], &tokens[behind..within.end]].concat()
    }
}

/// The rows among `tokens` of parts that `part` tells the length of.
fn rows(tokens: &[Token], within: Range<usize>, part: impl Fn(usize) -> Option<usize>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut at = within.start;
    while at < within.end {
        let mut parts = Vec::new();
        while let Some(length) = part(at).filter(|length| at + length <= within.end) {
            parts.push(at..at + length);
            at += length;
            let joined = tokens[at..within.end].iter().take(2).take_while(|token| joins(token)).count();
            if joined == 0 || part(at + joined).is_none() || at + joined >= within.end {
                break;
            }
            at += joined;
        }
        if parts.len() > 1 {
            rows.push(Row { parts });
        } else if parts.is_empty() {
            at += 1;
        }
    }
    rows
}

/// The rows of numbers, each perhaps with its unit.
fn numbers(tokens: &[Token], within: Range<usize>) -> Vec<Row> {
    let end = within.end;
    rows(tokens, within, |at| {
        tokens.get(at).filter(|token| token.kind == TokenKind::Number)?;
        // The unit behind the last one is that of all.
        let unit = tokens.get(at + 1).is_some_and(|token| quantity::unit(&token.word).is_some());
        let goes_on = at + 2 < end && joins(&tokens[at + 2]);
        Some(if unit && goes_on { 2 } else { 1 })
    })
}

/// The row of values before token `end`: of numbers, else of words that stand right before it.
fn values(tokens: &[Token], within: Range<usize>) -> Option<Row> {
    let end = within.end;
    let mut numbers = numbers(tokens, within.clone());
    if let Some(row) = numbers.pop() {
        return numbers.is_empty().then_some(row);
    }
    let word = |at: usize| {
        let token = tokens.get(at).filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted))?;
        (token.word.is_empty() || vocabulary::class(&token.word).is_none()).then_some(1)
    };
    rows(tokens, within, word).pop().filter(|row| row.end() == end)
}

/// “one each on pve1 and pve2” as “on pve1 and pve2 respectively”.
fn one_each_on(tokens: &mut Vec<Token>) {
    let says = |at: &usize| {
        let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.word.as_str());
        word(0) == "one" && word(1) == "each" && word(2) == "on"
    };
    let Some(at) = (0..tokens.len()).find(says) else { return };
    let name =
        |at: usize| tokens.get(at).filter(|token| vocabulary::class(&token.word).is_none() && token.is_content());
    let places = rows(tokens, at + 3..tokens.len(), |at| name(at).map(|_| 1));
    let Some(end) = places.first().filter(|row| row.start() == at + 3).map(Row::end) else { return };
    let order = Token { word: ONE_BY_ONE.into(), ..tokens[at + 1].clone() };
    tokens.insert(end, order);
    tokens.drain(at..at + 2);
}

/// Writes out rows of guests there are, which `known` tells.
pub fn write_out(mut tokens: Vec<Token>, known: impl Fn(&str) -> bool) -> Vec<Token> {
    one_each_on(&mut tokens);
    let carries = |token: &Token| CARRIED.iter().any(|(verb, _)| *verb == token.word);
    if !tokens.iter().any(|token| token.word == ONE_BY_ONE || carries(token)) {
        return tokens;
    }
    let mut written = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let length = tokens[at..].iter().position(Token::ends_sentence).unwrap_or(tokens.len() - at);
        match one_by_one(&tokens, at..at + length, &known) {
            Some(statements) => written.extend(statements),
            None => carried(&tokens[at..at + length], &known, &mut written),
        }
        at += length;
        written.extend(tokens.get(at).cloned());
        at += 1;
    }
    written
}

/// “set the memory of web-01 and web-02 to 6 and 8 GB respectively” as a statement for each.
fn one_by_one(tokens: &[Token], sentence: Range<usize>, known: impl Fn(&str) -> bool) -> Option<Vec<Token>> {
    let last = sentence.clone().find(|at| tokens[*at].word == ONE_BY_ONE)?;
    let polite = |token: &Token| !token.is_content() || ["please", "thanks"].contains(&token.word.as_str());
    tokens[last + 1..sentence.end].iter().all(polite).then_some(())?;
    let end = last - usize::from(last > sentence.start && tokens[last - 1].kind == TokenKind::Mark(','));
    let within = sentence.start..end;
    let is_known = |at: usize| tokens.get(at).is_some_and(|token| known(&token.text));
    let [guests] = <[Row; 1]>::try_from(rows(tokens, within.clone(), |at| is_known(at).then_some(1))).ok()?;
    let named = within.clone().filter(|at| is_known(*at)).count();
    let values = match <[Row; 1]>::try_from(numbers(tokens, within.clone())) {
        Ok([row]) => row,
        Err(rows) if rows.is_empty() && guests.end() < end => values(tokens, guests.end()..end)?,
        Err(_) => return None,
    };
    if named != guests.parts.len() || values.parts.len() != guests.parts.len() {
        return None;
    }
    let mut statements = Vec::new();
    for part in 0..guests.parts.len() {
        if part > 0 {
            let place = tokens[last].span;
            let token = Token { kind: TokenKind::Mark(';'), word: "".into(), ..tokens[last].clone() };
            statements.push(Token { span: place, ..token });
        }
        let (first, second) = if guests.start() < values.start() { (&guests, &values) } else { (&values, &guests) };
        statements.extend(first.only(part, tokens, within.start..second.start()));
        statements.extend(second.only(part, tokens, second.start()..within.end));
    }
    Some(statements)
}

/// “tag web-01 with front, web-02 with back” with its verb before each guest.
fn carried(sentence: &[Token], known: impl Fn(&str) -> bool, written: &mut Vec<Token>) {
    let mut verb: Option<(&Token, &[&str])> = None;
    let mut between: Option<&str> = None;
    for (at, token) in sentence.iter().enumerate() {
        let joined = at > 0 && joins(&sentence[at - 1]);
        let word = token.word.as_str();
        let next = sentence.get(at + 1).map_or("", |next| next.word.as_str());
        let said = at + 2 <= sentence.len();
        if let Some((_, words)) = CARRIED.iter().find(|(known, _)| *known == word) {
            (verb, between) = (Some((token, *words)), None);
        } else if let Some((_, words)) = verb.filter(|(_, words)| words.contains(&word)) {
            between = words.iter().find(|known| **known == word).copied();
        } else if joined && known(&token.text) && said {
            // What is carried is the verb with its guest; “up” and “down” may change places.
            let fits = |words: &[&str], between: &str| {
                next == between || words.contains(&next) && ["up", "down", "on", "off"].contains(&next)
            };
            if let Some(((said, words), between)) = verb.zip(between)
                && fits(words, between)
            {
                let at = mycopod_core::reading::Span { start: token.span.start, end: token.span.start };
                written.push(Token { span: at, ..said.clone() });
            }
        } else if joined && vocabulary::class(word).is_some() && !joins(token) {
            verb = None;
        }
        written.push(token.clone());
    }
}

impl Parser<'_> {
    /// “2, 4 and 8 GB of RAM respectively”: what is said of new guests in a row, of each its own.
    pub fn respective(&mut self) -> Option<()> {
        let start = self.at;
        // “10.0.0.1/24, 10.0.0.2/24 and 10.0.0.3/24 in that order”
        let ordered = |at: usize| {
            self.word_at(at) == "in"
                && matches!(self.word_at(at + 1), "that" | "this")
                && self.word_at(at + 2) == "order"
        };
        let last = (start..self.end).find(|at| self.word_at(*at) == ONE_BY_ONE || ordered(*at))?;
        let length = if self.word_at(last) == ONE_BY_ONE { 1 } else { 3 };
        let end = last - usize::from(self.tokens[last - 1].kind == TokenKind::Mark(','));
        self.verb(words!("ip addresses are|addresses are|ips are|ip addresses|addresses|ips"));
        let start = self.at;
        let group = self.group().filter(|_| start < end)?;
        let count = group.members.len();
        group.count.as_ref().is_none_or(|said| u64::try_from(count) == Ok(said.value)).then_some(())?;
        let row = values(self.tokens, start..end).filter(|row| row.parts.len() == count)?;
        let mut items = Vec::new();
        for part in 0..count {
            let said = row.only(part, self.tokens, start..end);
            let mut alone = Parser::new(self.text, &said, self.inventory);
            let value = alone.exactly(0..said.len(), |p| {
                p.any(words!("with|and|of"));
                p.item(How::Create)
            })?;
            // A storage of its own stands elsewhere.
            let plain = !matches!(&value.value, Item::Disk(disk) if disk.storage.is_some());
            let tokens = row.parts[part].clone();
            plain.then(|| items.push((Some(part), Said { value: value.value, tokens })))?;
        }
        let alike = |pair: &[(Option<usize>, Said<Item>)]| {
            std::mem::discriminant(&pair[0].1.value) == std::mem::discriminant(&pair[1].1.value)
        };
        items.windows(2).all(alike).then_some(())?;
        self.at = last + length;
        let group = self.group_mut()?;
        group.items.extend(items);
        group.tokens.end = last + length;
        Some(())
    }

    /// “2 and 4 cores”, “2/4 GB RAM”, “10/20 GB disk”: as many amounts as new guests, of each its own. Of disks only with a slash, for
    /// “10 and 20 GB” may be two disks of each.
    pub fn one_each(&mut self) -> Option<()> {
        let start = self.at;
        let group = self.group().filter(|group| group.focus.is_empty())?;
        let all = |count: usize| group.count.as_ref().is_none_or(|said| u64::try_from(count) == Ok(said.value));
        let apart = if all(1) && group.members.len() == 1 { self.one_by_one() } else { 0 };
        let count = apart.max(group.members.len());
        (count > 1 && (apart > 0 || all(count))).then_some(())?;
        let slashed = self
            .peek(0)
            .filter(|token| token.kind == TokenKind::Word && token.text.contains('/'))
            .map(|token| token.text.clone());
        let mut numbers: Vec<(String, Option<u64>)> = Vec::new();
        if let Some(text) = &slashed {
            self.at += 1;
            numbers.extend(text.split('/').map(|number| (number.to_owned(), None)));
        } else {
            loop {
                let number = self.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.clone();
                self.at += 1;
                numbers.push((number.to_string(), self.unit()));
                if !self.joint() {
                    break;
                }
            }
        }
        let fits = numbers.len() == count && numbers.iter().all(|(number, _)| quantity::is_number(number));
        fits.then_some(())?;
        let unit = self.unit().or_else(|| numbers.last().and_then(|(_, unit)| *unit));
        self.any(words!("of"));
        let what = if self.any(words!("cpu cores|cores|vcpus|cpus")) {
            Noun::Plain(Plain::Cores)
        } else if self.any(words!("memory|ram")) {
            Noun::Plain(Plain::Memory)
        } else if slashed.is_some() && self.any(words!("disk")) {
            Noun::Disk(Which::One, false)
        } else {
            return None;
        };
        self.any(words!("respectively"));
        self.at_boundary().then_some(())?;
        let tokens = start..self.at;
        let mut items = Vec::new();
        for (at, (number, own)) in numbers.into_iter().enumerate() {
            let value = match (&what, own.or(unit)) {
                (Noun::Plain(Plain::Cores), None) => {
                    Item::Plain(Plain::Cores, Amount::To(Value::Count(quantity::whole(&number).filter(|n| *n > 0)?)))
                }
                (Noun::Plain(Plain::Memory), Some(unit)) => {
                    Item::Plain(Plain::Memory, Amount::To(Value::Size(quantity::size(&number, unit)?)))
                }
                (Noun::Disk(..), Some(unit)) => {
                    Item::Disk(DiskItem::sized(Amount::To(Value::Size(quantity::size(&number, unit)?)), Which::One))
                }
                _ => return None,
            };
            items.push((Some(at), Said { value, tokens: tokens.clone() }));
        }
        if apart > 0 {
            let first = self.drafts.len() - apart;
            for (draft, (_, item)) in self.drafts[first..].iter_mut().zip(items) {
                if let Draft::Create(group) = draft {
                    group.items.push((None, item));
                }
            }
        } else {
            self.group_mut()?.items.extend(items);
        }
        self.group_mut()?.tokens.end = tokens.end;
        Some(())
    }

    /// “VM a-1 with 2 cores, VM a-2 with 4; their disks: 10 GB and 20 GB”: as many as guests that were described one by one, of each
    /// its own. Where they are others in number, or the guests one group, each may have all of them, which is asked about.
    pub fn their_disks(&mut self) -> Option<()> {
        let start = self.at;
        self.group()?;
        self.verb(words!("their disks are|their disks")).then_some(())?;
        self.assigns();
        let mut sizes = vec![self.quantity()?];
        while let Some(next) = self.attempt(|p| if p.joint() { p.quantity() } else { None }) {
            sizes.push(next);
        }
        (sizes.len() > 1 && self.at_boundary()).then_some(())?;
        let tokens = start..self.at;
        let apart = |draft: &&Draft| match draft {
            Draft::Create(group) => {
                let disk = group.items.iter().any(|(_, item)| item.value.is_disk());
                group.members.len() == 1 && !group.plural && !disk
            }
            _ => false,
        };
        let first = self.drafts.len() - self.drafts.iter().rev().take_while(apart).count();
        if self.drafts.len() - first != sizes.len() {
            self.unread.push(tokens);
            return Some(());
        }
        for (draft, size) in self.drafts[first..].iter_mut().zip(sizes) {
            let Draft::Create(group) = draft else { continue };
            let value = Item::Disk(DiskItem::sized(Amount::To(Value::Size(size)), Which::One));
            group.items.push((None, Said { value, tokens: tokens.clone() }));
        }
        Some(())
    }

    /// How many guests were begun one by one in the present sentence, and nothing said of any: “container a-1 and container a-2”.
    fn one_by_one(&self) -> usize {
        let begun = |draft: &&Draft| match draft {
            Draft::Create(group) => group.head.start >= self.began && group.members.len() == 1 && group.is_bare(),
            _ => false,
        };
        self.drafts.iter().rev().take_while(begun).count()
    }

    /// “VMIDs 401 to 403”, “with the IDs 401, 402 and 403 respectively”: as many as new guests.
    pub fn vmids_each(&mut self) -> Option<()> {
        let start = self.at;
        self.any(words!("with|under|using|use|the"));
        self.any(words!("the"));
        self.any(words!("vmids|ids|vm ids|vm vmids")).then_some(())?;
        let _ = self.assigns() || self.any(words!("are"));
        let group = self.group().filter(|group| group.focus.is_empty())?;
        let count = match group.members.len() {
            // “6 VMs, ids 501 to 506, names a-1 to a-6”
            0 => usize::try_from(group.count.as_ref()?.value).ok().filter(|count| *count <= MAX_AHEAD)?,
            count => count,
        };
        let vmids = self.vmid_list(count)?;
        self.any(words!("respectively"));
        (count > 1 && vmids.len() == count && self.at_boundary()).then_some(())?;
        let tokens = start..self.at;
        let group = self.group_mut()?;
        let each = vmids.into_iter().enumerate();
        group.items.extend(each.map(|(at, vmid)| (Some(at), Said { value: Item::Vmid(vmid), tokens: tokens.clone() })));
        group.tokens.end = tokens.end;
        Some(())
    }

    /// “ids 401 and 402: VMs a-1 and a-2, …”: before as many new guests.
    pub fn vmids_ahead(&mut self) -> Option<()> {
        let start = self.at;
        self.any(words!("vmids|ids|vm ids|vm vmids")).then_some(())?;
        let vmids = self.vmid_list(MAX_AHEAD)?;
        let tokens = start..self.at;
        (vmids.len() > 1 && self.mark(':') && self.ahead(Self::guest_noun)).then_some(())?;
        let before = self.drafts.len();
        let made = self.create();
        let fits = |group: &Group| group.members.len() == vmids.len() && group.items.is_empty();
        if made.is_none() || self.drafts.len() != before + 1 || !self.group().is_some_and(fits) {
            self.drafts.truncate(before);
            return None;
        }
        let each = vmids.into_iter().enumerate();
        let group = self.group_mut()?;
        group.items.extend(each.map(|(at, vmid)| (Some(at), Said { value: Item::Vmid(vmid), tokens: tokens.clone() })));
        group.tokens.start = start;
        Some(())
    }

    /// “401 to 403”, “401, 402 and 403”; of a longer range one more than `count`.
    fn vmid_list(&mut self, count: usize) -> Option<Vec<u32>> {
        let number = |p: &mut Self| {
            let number = p.peek(0)?.text.parse::<u32>().ok().filter(|number| *number >= 100)?;
            p.at += 1;
            Some(number)
        };
        let mut vmids = Vec::new();
        if let Some((low, high)) = self
            .peek(0)?
            .text
            .split_once(['-', '–'])
            .and_then(|(low, high)| Some((low.parse::<u32>().ok()?, high.parse::<u32>().ok()?)))
        {
            self.at += 1;
            vmids.extend((low..=high).take(count + 1));
        } else {
            let low = number(self)?;
            if self.any(words!("to|through|-")) || self.mark('–') || self.mark('-') {
                vmids.extend((low..=number(self)?).take(count + 1));
            } else {
                vmids.push(low);
                while let Some(next) = self.attempt(|p| {
                    p.joint().then_some(())?;
                    number(p)
                }) {
                    vmids.push(next);
                }
            }
        }
        Some(vmids)
    }

    /// “a-1 with 2 cores, a-2 with 4”: a number alone, of what the guest before has a number of.
    pub fn as_many(&mut self) -> Option<()> {
        let start = self.at;
        let group = self.group()?;
        let before = self.drafts.len().checked_sub(2).map(|before| &self.drafts[before]);
        let last = match (group.focus.as_slice(), before) {
            // “VM a-1 with 2 cores and VM a-2 with 4”
            ([], Some(Draft::Create(before))) if group.items.is_empty() => before.items.last().map(|(_, item)| item),
            ([focus], _) => {
                group.items.last().filter(|(whose, _)| whose.is_some_and(|whose| whose != *focus)).map(|(_, item)| item)
            }
            _ => None,
        };
        let plain = match last {
            Some(Said { value: Item::Plain(plain @ (Plain::Cores | Plain::Sockets), Amount::To(_)), .. }) => *plain,
            _ => return None,
        };
        let count = self.number().filter(|count| *count > 0)?;
        self.at_boundary().then_some(())?;
        let value = Item::Plain(plain, Amount::To(Value::Count(count)));
        let tokens = start..self.at;
        let group = self.group_mut()?;
        group.tokens.end = tokens.end;
        group.say(Said { value, tokens });
        Some(())
    }
}
