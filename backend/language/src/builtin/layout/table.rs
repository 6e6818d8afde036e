//! Tables as they are pasted from a wiki or a sheet: a line of column heads, and a guest a line.

use std::ops::Range;

use mycopod_core::field::{Plain, Value};
use mycopod_core::guest::Kind;
use mycopod_core::reading::Amount;

use crate::lexer::{Token, TokenKind};
use crate::quantity;
use crate::vocabulary::{self, Class};

use crate::builtin::Parser;
use crate::builtin::changing::had::changes;
use crate::builtin::drafting::draft::{Change, Draft, Group};
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::named::Noun;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

/// The fewest blanks that part two cells.
const GAP: usize = 2;

/// Words that only announce a table.
const ANNOUNCES: [&str; 50] = [
    "this",
    "in",
    "table",
    "below",
    "according",
    "to",
    "like",
    "values",
    "here",
    "see",
    "build",
    "create",
    "make",
    "new",
    "change",
    "update",
    "adjust",
    "set",
    "resize",
    "these",
    "the",
    "following",
    "guests",
    "vms",
    "containers",
    "please",
    "as",
    "follows",
    "apply",
    "sizes",
    "sizing",
    "sizings",
    "specs",
    "settings",
    "resources",
    "need",
    "needs",
    "shown",
    "be",
    "created",
    "copied",
    "pasted",
    "taken",
    "exported",
    "from",
    "our",
    "my",
    "sheet",
    "spreadsheet",
    "wiki",
];

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
enum Column {
    /// The guests' names, perhaps under their kind: “VM”.
    Name(Option<Kind>),
    /// The names of guests there are, of that kind.
    Known(Kind),
    /// The guests' names, or the nodes they are on.
    Host,
    /// VM or container.
    Kind,
    /// VMIDs.
    Vmid,
    /// What they are made from.
    Image,
    /// A field, perhaps with a unit that holds for all of the column.
    Field(Noun, Option<u64>),
    /// What a field is now.
    Was(Noun, Option<u64>),
    /// The running numbers of the lines.
    Running,
}

/// That the words before a table say another number of guests than it has.
struct OtherCount;

/// What parts the cells of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bar {
    Mark(char),
    Gap,
}

/// Whether a column holds the guests' names.
fn names(column: Option<&Column>) -> bool {
    matches!(column, Some(Column::Name(_)))
}

/// Hosts are guests where no other column names those, and else nodes.
fn with_hosts(mut columns: Vec<Option<Column>>) -> Vec<Option<Column>> {
    let named = columns.iter().any(|column| names(column.as_ref()));
    for column in &mut columns {
        if *column == Some(Column::Host) {
            *column = Some(if named { Column::Field(Noun::Node, None) } else { Column::Name(None) });
        }
    }
    columns
}

impl Parser<'_> {
    /// Reads the table that begins in the present line, and is behind it then. `None` where none begins here.
    pub fn table(&mut self) -> Option<()> {
        let (start, end) = (self.at, self.end);
        let head = self.line_at(start);
        let read = [Bar::Mark('|'), Bar::Gap, Bar::Mark(',')].into_iter().find_map(|bar| {
            let cells = self.cells(&head, bar);
            // `Name    = a-1` is no head.
            let assigns = |cell: &Range<usize>| {
                matches!(self.tokens.get(cell.start).map(|token| token.kind), Some(TokenKind::Mark('=' | ':')))
            };
            if cells.iter().any(assigns) {
                return None;
            }
            let columns = cells.iter().map(|cell| self.exactly(cell.clone(), Self::column)).collect::<Vec<_>>();
            let columns = with_hosts(columns);
            (columns.len() > 1 && columns.iter().any(|column| names(column.as_ref()))).then_some((bar, cells, columns))
        });
        let rows = read.and_then(|(bar, heads, columns)| {
            let rows = self.rows(head.end, bar, columns.len());
            (!rows.is_empty()).then_some((heads, columns, rows))
        });
        (self.at, self.end) = (start, end);
        let (heads, columns, rows) = rows?;
        let lead = self.lead(&head, rows.len()).ok()?;
        let columns = self.with_running_numbers(columns, &heads, &rows);
        let after = rows.last().map_or(head.end, |(line, _)| line.end);
        for (column, cell) in columns.iter().zip(&heads) {
            if column.is_none() {
                self.unread.push(cell.clone());
            }
        }
        // Of a head that is a mark alone, as “#” above other numbers than those of the lines, the cells are asked about.
        let unsaid: Vec<usize> = (0..columns.len())
            .filter(|nth| columns[*nth].is_none() && !self.tokens[heads[*nth].clone()].iter().any(Token::is_content))
            .collect();
        for (_, cells) in &rows {
            self.unread.extend(unsaid.iter().map(|nth| cells[*nth].clone()));
        }
        // Among guests there are, a name that is nobody’s is rather a slip than a guest to be made.
        let known = |cell: &Range<usize>| {
            self.tokens[cell.clone()].iter().any(|token| self.inventory.guests.contains_key(token.text.as_str()))
        };
        let changes = rows
            .iter()
            .any(|(_, cells)| cells.iter().zip(&columns).any(|(cell, column)| names(column.as_ref()) && known(cell)));
        let columns: Vec<Option<Column>> = columns
            .into_iter()
            .map(|column| match column {
                Some(Column::Name(Some(kind))) if changes => Some(Column::Known(kind)),
                column => column,
            })
            .collect();
        for (line, cells) in rows {
            if self.guest_in_a_row(&line, &cells, &columns, lead.as_ref()).is_none() {
                self.unread.push(line);
            }
        }
        (self.at, self.end) = (after, after);
        Some(())
    }

    /// “No.” above 1, 2, 3 … says nothing; above other numbers it may be anything.
    fn with_running_numbers(
        &mut self,
        columns: Vec<Option<Column>>,
        heads: &[Range<usize>],
        rows: &[(Range<usize>, Vec<Range<usize>>)],
    ) -> Vec<Option<Column>> {
        let head = |p: &mut Self| {
            let numbers = p.verb(words!("no|nr|number|pos|#|№|row|item|line")) || p.mark('•');
            p.mark('.');
            numbers.then_some(())
        };
        let runs = |nth: usize| {
            (1..).zip(rows).all(|(number, (_, cells))| {
                matches!(&self.tokens[cells[nth].clone()], [one] if quantity::whole(&one.text) == Some(number))
            })
        };
        let running: Vec<bool> = (0..columns.len()).map(|nth| columns[nth].is_none() && runs(nth)).collect();
        let column = |(nth, column): (usize, Option<Column>)| {
            if running[nth] && self.exactly(heads[nth].clone(), head).is_some() {
                self.asides.push(heads[nth].clone());
                return Some(Column::Running);
            }
            column
        };
        columns.into_iter().enumerate().map(column).collect()
    }

    /// The tokens of the line that begins at `at`.
    fn line_at(&self, at: usize) -> Range<usize> {
        let length = self.tokens[at..].iter().position(|token| token.kind == TokenKind::Break);
        at..length.map_or(self.tokens.len(), |length| at + length)
    }

    /// The cells of a line; a bar at its beginning or end parts none.
    fn cells(&self, line: &Range<usize>, bar: Bar) -> Vec<Range<usize>> {
        let mut cells: Vec<Range<usize>> = std::iter::once(line.start..line.start).collect();
        for at in line.clone() {
            // `||` is one bar.
            if bar == Bar::Mark('|') && self.doubled(at) {
                if let Some(cell) = cells.last_mut() {
                    *cell = at + 1..at + 1;
                }
                continue;
            }
            let parts = match bar {
                Bar::Mark(mark) => self.tokens[at].kind == TokenKind::Mark(mark),
                Bar::Gap => at > line.start && self.gap_before(at),
            };
            let last = cells.last_mut().map_or(line.start, |cell| {
                cell.end = if parts { at } else { at + 1 };
                at
            });
            if parts {
                let next = if bar == Bar::Gap { last } else { last + 1 };
                cells.push(next..if bar == Bar::Gap { last + 1 } else { next });
            }
        }
        if bar == Bar::Mark('|') {
            let edge = |cell: Option<&Range<usize>>| cell.is_some_and(Range::is_empty);
            if edge(cells.first()) {
                cells.remove(0);
            }
            if edge(cells.last()) {
                cells.pop();
            }
        }
        cells
    }

    /// Whether a bar stands right behind another.
    fn doubled(&self, at: usize) -> bool {
        let bar = |at: usize| self.tokens[at].kind == TokenKind::Mark('|');
        at > 0 && bar(at) && bar(at - 1) && self.tokens[at - 1].span.end == self.tokens[at].span.start
    }

    fn gap_before(&self, at: usize) -> bool {
        let (before, after) = (self.tokens[at - 1].span.end, self.tokens[at].span.start);
        after.saturating_sub(before) >= GAP || self.tabs.range(before..after.max(before)).next().is_some()
    }

    fn column(&mut self) -> Option<Column> {
        if self.any(words!("guest name|host name|hostname|server name|name|names|guest")) {
            return Some(Column::Name(None));
        }
        if self.any(words!("vm name|vms|vm")) {
            return Some(Column::Name(Some(Kind::Qemu)));
        }
        if self.any(words!("container name|container|containers|ct|lxc")) {
            return Some(Column::Name(Some(Kind::Lxc)));
        }
        if self.any(words!("host|server|machine|system")) {
            return Some(Column::Host);
        }
        if self.any(words!("type|kind")) {
            return Some(Column::Kind);
        }
        if self.any(words!("vmid|vm id|id")) {
            return Some(Column::Vmid);
        }
        if self.any(words!("os|image|template")) {
            return Some(Column::Image);
        }
        if self.any(words!("tag")) && self.done() {
            return Some(Column::Field(Noun::Plain(Plain::Tags), None));
        }
        // “vCPU (old)”, “current RAM”
        let was = self.verb(words!("current|old|present|previous|existing"));
        let _ = was || self.verb(words!("new|target|requested|wanted|desired"));
        let noun = self.noun()?;
        let told = |p: &mut Self| {
            let open = p.mark('(');
            let was = p.verb(words!("old|now|current|currently|before|was|today|is|from"));
            (was || p.verb(words!("new|target|requested|wanted|desired|after|then|to"))).then_some(())?;
            (!open || p.mark(')')).then_some(was)
        };
        let was = self.attempt(told).unwrap_or(was);
        let unit = self.attempt(|p| {
            let open = p.mark('(') || p.any(words!("in"));
            let unit = p.unit()?;
            p.mark(')');
            open.then_some(unit)
        });
        Some(if was { Column::Was(noun, unit) } else { Column::Field(noun, unit) })
    }

    /// The lines below the heads that have as many cells, without those that only rule it.
    fn rows(&self, head_end: usize, bar: Bar, columns: usize) -> Vec<(Range<usize>, Vec<Range<usize>>)> {
        let mut rows = Vec::new();
        let mut at = head_end + 1;
        while at < self.tokens.len() {
            let line = self.line_at(at);
            let rule =
                |token: &Token| token.text.chars().all(|c| matches!(c, '-' | '=' | ':' | '|' | '+' | '•' | '–' | '—'));
            if line.is_empty() || !self.tokens[line.clone()].iter().all(rule) {
                let cells = self.cells(&line, bar);
                if line.is_empty() || cells.len() != columns {
                    break;
                }
                rows.push((line.clone(), cells));
            }
            at = line.end + 1;
        }
        rows
    }

    /// The words before a table: new guests that are still without names, or words that only announce a change. An error
    /// where they say another number of guests.
    fn lead(&mut self, head: &Range<usize>, rows: usize) -> Result<Option<Group>, OtherCount> {
        let start = head.start;
        let says = |token: &Token| token.is_content() && vocabulary::class(&token.word) != Some(Class::Filler);
        let before = |end: usize, tokens: &[Token]| !tokens[end..start].iter().any(says);
        let (mut start, mut lead, mut made) = (start, None, false);
        if let Some(unread) = self.unread.last().cloned()
            && before(unread.end, self.tokens)
            && self.tokens[unread.clone()].iter().all(|token| {
                let counts = crate::quantity::number_word(&token.word).and_then(|count| usize::try_from(count).ok());
                // “set the RAM as in this table:”, above a column of it
                let column = self.tokens[head.clone()].iter().any(|head| head.word == token.word);
                !token.is_content() || column || ANNOUNCES.contains(&token.word.as_str()) || counts == Some(rows)
            })
        {
            // “VMs to create:”, “these as VMs:”
            let says = |word: &str| self.tokens[unread.clone()].iter().any(|token| token.word == word);
            made = says("create");
            if made || says("as") {
                lead = self.as_kind(unread.clone());
            }
            start = unread.start;
            self.unread.pop();
            if lead.is_none() {
                self.asides.push(unread);
            }
        }
        let leads = |draft: &Draft| match draft {
            Draft::Create(group) => {
                let fits = group.plural || (rows == 1 || made) && group.items.is_empty();
                // “create the VMs below, thx”
                let alone = !self.tokens.get(group.tokens.end..start).is_some_and(|tokens| tokens.iter().any(says));
                group.members.is_empty() && fits && alone
            }
            _ => false,
        };
        if !self.drafts.last().is_some_and(leads) {
            return Ok(lead);
        }
        let Some(Draft::Create(group)) = self.drafts.last() else { return Ok(None) };
        let fits = group.count.as_ref().is_none_or(|count| u64::try_from(rows) == Ok(count.value));
        if !fits {
            return Err(OtherCount);
        }
        Ok(self.drafts.pop().and_then(|draft| match draft {
            Draft::Create(group) => Some(group),
            _ => None,
        }))
    }

    /// New guests of the kind that these words name, where they name one.
    fn as_kind(&self, words: Range<usize>) -> Option<Group> {
        let mut kinds = words.clone().filter_map(|at| match self.word_at(at) {
            "vms" => Some(Said { value: Kind::Qemu, tokens: at..at + 1 }),
            "containers" => Some(Said { value: Kind::Lxc, tokens: at..at + 1 }),
            _ => None,
        });
        let kind = kinds.next().filter(|_| kinds.next().is_none())?;
        Some(Group { kind: Some(kind), ..Group::new(words.clone(), words) })
    }

    /// A guest.
    fn guest_in_a_row(
        &mut self,
        line: &Range<usize>,
        cells: &[Range<usize>],
        columns: &[Option<Column>],
        lead: Option<&Group>,
    ) -> Option<()> {
        let mut group = Group::new(line.clone(), line.clone());
        if let Some(lead) = lead {
            (group.kind, group.items) = (lead.kind.clone(), lead.items.clone());
        }
        let mut before: Vec<Said<Item>> = Vec::new();
        for (cell, column) in cells.iter().zip(columns) {
            let empty = self.tokens[cell.clone()].iter().all(|token| !token.is_content() || token.text == "-");
            let Some(column) = column.clone().filter(|_| !empty) else { continue };
            let item = match column {
                Column::Name(kind) => {
                    let value = self.exactly(cell.clone(), Self::any_name)?;
                    group.members.push(Said { value, tokens: cell.clone() });
                    group.head = cell.clone();
                    let kind = kind.map(|value| Said { value, tokens: cell.clone() });
                    group.kind = group.kind.take().or(kind);
                    continue;
                }
                Column::Known(kind) => {
                    let value = self.exactly(cell.clone(), Self::any_name)?;
                    let keys = self.inventory.guests.get(&value);
                    keys.is_none_or(|keys| keys.iter().any(|key| key.kind == kind)).then_some(())?;
                    group.members.push(Said { value, tokens: cell.clone() });
                    group.head = cell.clone();
                    continue;
                }
                Column::Kind => {
                    let value = self.exactly(cell.clone(), Self::guest_noun)?.kind_to_make()?;
                    group.kind = Some(Said { value, tokens: cell.clone() });
                    continue;
                }
                Column::Vmid => {
                    let vmid = self.exactly(cell.clone(), |p| p.number().and_then(|n| u32::try_from(n).ok()))?;
                    Item::Vmid(vmid)
                }
                Column::Image => {
                    Item::Image(self.exactly(cell.clone(), |p| p.attempt(Self::system).or_else(|| p.name()))?)
                }
                Column::Running => continue,
                Column::Host => return None,
                Column::Was(noun, unit) => {
                    let value = self.exactly(cell.clone(), |p| p.cell(&noun, unit))?;
                    before.push(Said { value, tokens: cell.clone() });
                    continue;
                }
                Column::Field(noun, unit) => self.exactly(cell.clone(), |p| p.cell(&noun, unit))?,
            };
            group.items.push((None, Said { value: item, tokens: cell.clone() }));
        }
        let [name] = group.members.as_slice() else { return None };
        if lead.is_none() && group.kind.is_none() && self.inventory.guests.contains_key(&name.value) {
            let at = name.tokens.start;
            let Targets::Old(targets) = self.exactly(name.tokens.clone(), Self::targets)? else { return None };
            let wanted = group.items.into_iter().map(|(_, item)| item).collect();
            let items = if before.is_empty() { wanted } else { changes(&before, wanted)? };
            let tokens = at..line.end;
            self.drafts.push(Draft::Change(Change { tokens, targets, items, how: How::Set }));
        } else {
            before.is_empty().then_some(())?;
            group.count = Some(Said { value: 1, tokens: group.head.clone() });
            self.drafts.push(Draft::Create(group));
        }
        Some(())
    }

    /// A value, in the unit of its column where it has none of its own.
    fn cell(&mut self, noun: &Noun, unit: Option<u64>) -> Option<Item> {
        if *noun == Noun::Plain(Plain::Tags) {
            let tags = self.tag_list(true)?;
            return Some(Item::Plain(Plain::Tags, Amount::To(Value::Set(tags.into_iter().collect()))));
        }
        if let Some(unit) = unit
            && let Some(number) = self.attempt(|p| {
                let number = p.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.clone();
                p.at += 1;
                p.done().then_some(number)
            })
        {
            let size = Value::Size(quantity::size(&number, unit)?);
            return match noun {
                Noun::Plain(plain) => Some(Item::Plain(*plain, Amount::To(size))),
                Noun::Disk(which, _) => Some(Item::Disk(self.disk_item(Amount::To(size), which.clone(), 1))),
                _ => None,
            };
        }
        self.value(noun, Amount::To)
    }
}
