//! Changes that begin with whom they are about: “web-02 gets 4 cores”, “the disk of web-01 has to grow by 20 GB”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, DiskRef, Selector, Target};

use super::change::{Wish, stepped};
use super::verbs::{Course, MODAL};
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::said::disks::DISKS;
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::said::named::Noun;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

/// The most phrases before the guest they are said of: whoever lists more names the guest first. It bounds what a rule
/// reads in vain.
const MAX_BESIDE: usize = 6;

impl Parser<'_> {
    /// “web-02 gets 4 cores”, “everything tagged web should start at boot”, “web-01: 4 cores”.
    pub fn subject(&mut self) -> Option<Wish> {
        if let Some(owned) = self.attempt(Self::owned) {
            return Some(owned);
        }
        if let Some(wish) = self.attempt(Self::could_get).or_else(|| self.attempt(Self::could_be)) {
            return Some(wish);
        }
        // “currently web-01 has 2 cores, …”
        let now = self.any(words!("currently|at the moment"));
        let sized = self.attempt(Self::sizing_for).is_some();
        let led = !now && !sized && self.any(words!("for"));
        // “make sure that test-1 is running”
        let ensured = matches!(self.last_word(), "sure" | "ensure" | "that");
        // In “dns 1.1.1.1” a guest called dns is not meant.
        let is_field = self.field_length() > 0;
        let targets = self.targets()?;
        let each = |p: &mut Self| {
            p.mark(',');
            p.any(words!("each of them|each|both of them|both|all of them|all")).then_some(())?;
            (p.word() != "" || p.ahead(|p| p.mark(':').then_some(()))).then_some(())
        };
        let each = self.attempt(each).is_some();
        if let Some(items) = self.having(&targets) {
            return Some((targets, items, How::Set));
        }
        (!now).then_some(())?;
        self.manner();
        // “test-3 additionally goes into the pool lab”
        self.verb(words!("additionally|furthermore|in turn"));
        // “web-01, new sizing: …”
        self.attempt(|p| {
            p.mark(',');
            p.any(words!("new|requested"));
            (p.sizing() && p.ahead(|p| p.mark(':').then_some(()))).then_some(())
        });
        // “I want web-01 at 4 cores”
        let at = self.known(&targets)
            && self.attempt(|p| (p.any(words!("at|on")) && p.ahead(Self::counted)).then_some(())).is_some();
        if let Some((items, how)) = self.attempt(Self::at_an_end) {
            return Some((targets, items, how));
        }
        if let Some(limit) = self.attempt(Self::may_use) {
            return Some((targets, vec![limit], How::Set));
        }
        let modal = self.any(MODAL) || self.any(words!("up to|down to|to"));
        self.any(words!("both|all|each|now|also|please|additionally"));
        // “web-02 should look like this: 6 cores, …”
        if modal
            && self.verb(words!(
                "look like this|look as follows|be like this|be as follows|have the following|get the following"
            ))
        {
            self.mark(':').then_some(())?;
            return Some((targets, self.items(How::Set)?, How::Set));
        }
        if modal && let Some(item) = self.attempt(Self::never_at_boot) {
            return Some((targets, vec![item], How::Set));
        }
        // “For db-1 I need 16 GB RAM”
        let asked = led && self.any(words!("i need|we need|i want|we want|i'd like|we'd like|set|use"));
        // “db-1 add 4 GB RAM”
        if !(modal || asked) && self.known(&targets) && self.any(words!("add")) {
            let items = self.items(How::Add)?;
            self.any(words!("each"));
            return Some((targets, items, How::Add));
        }
        if self.known(&targets)
            && let Some(disk) = self.attempt(Self::grown)
        {
            return Some((targets, vec![disk], How::Set));
        }
        // “web-01 goes from 2 to 4 cores”, “mail goes to pool lab”
        let moves = self.attempt(Self::goes).is_some();
        if let Some((items, how)) = self.attempt(|p| p.more_or_less(&targets)) {
            return Some((targets, items, how));
        }
        if let Some((items, how)) = self.attempt(|p| p.moved_to(modal)) {
            return Some((targets, items, how));
        }
        let told = !(modal || ensured) && matches!(self.word(), "is" | "are");
        let verb = moves || at || modal | self.has(modal);
        let listed = !verb
            && (asked || self.mark(':') || self.mark('=') || self.mark('–') || self.any(words!("->|→|=>")))
            && self.known(&targets);
        // Of “vm a-1 start at boot” nobody knows whether there is one.
        let flagged = !verb
            && !listed
            && !self.names_nobody(&targets)
            && self.ahead(|p| p.any(words!("starts|start|stays|boots")).then_some(()));
        // “web-01 memory=8G cores=4”
        let keyed = !(verb || listed || flagged)
            && self.known(&targets)
            && self.ahead(|p| {
                p.mark('(');
                // “cache (name: pre-r)” may name something else than the guest.
                p.noun().filter(|noun| p.mark('=') || *noun != Noun::Plain(Plain::Name) && p.mark(':')).map(|_| ())
            });
        let _ = keyed && self.mark('(');
        if !(verb && !led || listed || keyed || flagged && !led) {
            // “for db-1 I need 16 GB RAM, for web-01 8 GB”
            let goes_on =
                matches!(self.drafts.last(), Some(Draft::Change(change)) if change.tokens.start >= self.began);
            return if modal || led && !goes_on { None } else { self.telegram(targets, is_field, each) };
        }
        let now = self.any(words!("now|both|all|each"));
        self.manner();
        let items = self.items(How::Give)?;
        // “test-1 is off, start it” tells what is; “test-1 should be off” what shall be.
        if told && items.iter().any(|item| matches!(item.value, Item::Plain(Plain::Running, _))) {
            return None;
        }
        if now || verb || listed {
            let _ = self.in_total(&targets) || self.any(words!("each|now|any more|anymore|any longer|from now on"));
        }
        Some((targets, items, How::Give))
    }

    /// “has”, “should run with”: that what stands behind is the guest’s.
    fn has(&mut self, modal: bool) -> bool {
        // “altserver should be on”
        if self.ahead(|p| (p.any(words!("be on")) && p.at_boundary()).then_some(())) {
            return self.any(words!("be"));
        }
        if self.verb(words!(
            "be running with|be running on|be sized at|be sized to|be sized with|be sized|be equipped with|be given|be granted|be allocated|be assigned|be provided with|be on|be at|\
             run with|run on|come with|work with|live with|do with|manage with|make do with|get by with"
        )) {
            return true;
        }
        if !modal
            && self.verb(words!(
                "could do with|can do with|could live with|can live with|can manage with|could manage with|can get by with|could get by with|\
                 gets by with|will do with|would do with|is fine with|would be fine with|does fine with|is good with|deserves|\
                 calls for|runs with|comes with|is given|gets given|is granted"
            ))
        {
            return true;
        }
        self.any(words!("have|has|get|gets|use|uses|need|needs|want|wants|carry|carries|belongs|belong|is|are|be"))
    }

    /// “… should be upgraded to 4 cores”, “… can be cut by 2 GB of RAM”, “… gets bumped up to 8 cores”.
    fn moved_to(&mut self, modal: bool) -> Option<(Vec<Said<Item>>, How)> {
        if !modal {
            self.any(words!("can be|may be|could be|can now be|gets|get|is being|is")).then_some(())?;
        } else if !self.any(words!("be|get")) {
            return None;
        }
        if let Some(limit) = self.attempt(Self::limited_to) {
            return Some((vec![limit], How::Set));
        }
        let leads = self.moved()?;
        let how = match self.course(leads)? {
            Course::To => How::Give,
            Course::More => How::Add,
            Course::Less => How::Remove,
        };
        let items = self.items(how)?;
        self.any(words!("each"));
        Some((items, how))
    }

    /// “… should be called archive”, “… loses 2 cores”, “… out of its pool”: what needs no verb besides.
    fn at_an_end(&mut self) -> Option<(Vec<Said<Item>>, How)> {
        // “old-backup should be called archive”
        if let Some(item) = self.attempt(Self::called_from_now_on) {
            return Some((vec![item], How::Set));
        }
        // “db-1 may balloon down to 4 GB”
        if self.verb(words!(
            "may balloon down to|can balloon down to|balloons down to|should balloon down to|may balloon to"
        )) {
            let start = self.at;
            let value = Item::Plain(Plain::Balloon, Amount::To(Value::Size(self.quantity()?)));
            return Some((vec![Said { value, tokens: start..self.at }], How::Set));
        }
        if self.any(words!("loses|lose|should lose|should give up|gives up|give up|drops")) {
            return Some((self.items(How::Remove)?, How::Remove));
        }
        if self.verb(words!("gains|gain|should gain")) {
            return Some((self.items(How::Add)?, How::Add));
        }
        if let Some(lacking) = self.attempt(Self::no_longer) {
            return Some(lacking);
        }
        // “gitlab out of its pool”
        self.attempt(Self::leaving_a_pool).map(|item| (vec![item], How::Set))
    }

    /// “… no longer start at boot”
    fn never_at_boot(&mut self) -> Option<Said<Item>> {
        self.any(words!("no longer|not")).then_some(())?;
        let start = self.at;
        self.any(words!("be"));
        let (plain, _) = self.at_boot()?;
        self.any(words!("any more|anymore|any longer"));
        let value = Item::Plain(plain, Amount::To(Value::Flag(false)));
        Some(Said { value, tokens: start..self.at })
    }

    /// “new specs for”, “changes for”, “upgrade of”: what is said behind the guest is what it shall have.
    pub fn sizing_for(&mut self) -> Option<()> {
        self.any(words!("the"));
        self.any(words!("new|following|requested"));
        self.sizing().then_some(())?;
        self.any(words!("for|of|on")).then_some(())
    }

    fn sizing(&mut self) -> bool {
        self.any(words!(
            "startup behaviour|startup behavior|startup settings|start-up|startup|changes|change|specs|spec|specification|sizing|size|resources|configuration|config|hardware|upgrade|resize|values|settings"
        ))
    }

    /// “could web-01 get 4 cores”
    fn could_get(&mut self) -> Option<Wish> {
        self.any(words!("can|could|may")).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        self.any(words!("please|kindly"));
        // “can web-01 be raised to 4 cores?”
        if let Some((items, how)) = self.attempt(|p| p.moved_to(true)) {
            return Some((targets, items, how));
        }
        self.any(words!("get|have|be given")).then_some(())?;
        Some((targets, self.items(How::Give)?, How::Give))
    }

    /// “goes from …”, “goes to …”, “joins …”: what stands behind says what becomes of it.
    fn goes(&mut self) -> Option<()> {
        // “joins pool lab”
        if matches!(self.word(), "joins" | "join") {
            return Some(());
        }
        self.any(words!("goes|go|moves|move|grows|grow|rises|changes|change|scales|shrinks|drops|steps"))
            .then_some(())?;
        self.any(words!("up|down"));
        self.ahead(|p| p.any(words!("from|to|into|onto|up to|down to")).then_some(())).then(|| {
            let amount = |p: &mut Self| (p.any(words!("up to|down to|to")) && p.ahead(Self::counted)).then_some(());
            self.attempt(amount);
        })
    }

    /// “may grow to a 20 GB disk”: the one that is there.
    fn grown(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        self.any(words!("may|can"));
        self.any(words!("grow to|grow up to|grows to|expand to")).then_some(())?;
        self.any(words!("a|an"));
        let size = Amount::To(Value::Size(self.quantity()?));
        self.any(DISKS).then_some(())?;
        let value = Item::Disk(DiskItem::sized(size, Which::The(DiskRef::Only)));
        Some(Said { value, tokens: start..self.at })
    }

    /// Whether the sentence begins with a noun for guests.
    fn begins_with_a_noun(&mut self) -> bool {
        let at = std::mem::replace(&mut self.at, self.began);
        self.articles();
        self.any(words!("new"));
        let noun = self.guest_noun().is_some();
        self.at = at;
        noun
    }

    /// A number of something, or an amount.
    pub fn counted(&mut self) -> Option<()> {
        self.quantity().map(|_| ()).or_else(|| self.number().map(|_| ()))
    }

    /// “no longer needs the tag web”, “no longer needs protection”
    fn no_longer(&mut self) -> Option<(Vec<Said<Item>>, How)> {
        let gone = self.any(words!(
            "no longer needs|no longer need|no longer has|no longer have|no longer uses|no longer carries|no longer is|should no longer have|\
             should no longer carry|should no longer use|should no longer be|shall no longer have|must no longer have|should not have|shouldn't have|\
             must not have|mustn't have|should not use|shouldn't use|should not carry|shouldn't carry"
        ));
        let unneeded =
            !gone && self.any(words!("doesn't need|does not need|don't need|do not need|doesn't use|does not use"));
        (gone || unneeded).then_some(())?;
        let tags = |p: &mut Self| {
            let items = p.items(How::Remove)?;
            items.iter().all(|item| matches!(item.value, Item::Plain(Plain::Tags, _))).then_some((items, How::Remove))
        };
        let switch = |p: &mut Self| {
            let start = p.at;
            p.articles();
            p.any(words!("any"));
            let value = p.noun()?.switched(false)?;
            Some((vec![Said { value, tokens: start..p.at }], How::Set))
        };
        let lacking = self.attempt(tags).or_else(|| self.attempt(switch))?;
        let ends = self.any(words!("any more|anymore|any longer"));
        (gone || ends).then_some(lacking)
    }

    /// “web-01: plus 2 cores, plus 4 GB of RAM”, “db-1 minus 2 cores”: of what is counted.
    fn more_or_less(&mut self, targets: &Targets) -> Option<(Vec<Said<Item>>, How)> {
        self.known(targets).then_some(())?;
        self.mark(':');
        let how = if self.any(words!("plus")) { How::Add } else { self.any(words!("minus")).then_some(How::Remove)? };
        let items = self.items(how)?;
        self.any(words!("each"));
        let counted = items.iter().all(|item| matches!(item.value, Item::Plain(..)));
        counted.then_some((items, how))
    }

    /// “web-01 4 cores 8 GB RAM”, “gitlab without HA”: a guest that exists, what it shall have, and nothing else.
    /// Where its name is the word of a field as well, nothing that may be that field’s value.
    fn telegram(&mut self, targets: Targets, is_field: bool, each: bool) -> Option<Wish> {
        if !self.known(&targets) {
            return None;
        }
        // “gitlab with 10 cores”; “VM gitlab with 10 cores” may mean a new one.
        let named = self
            .at
            .checked_sub(1)
            .is_some_and(|last| self.inventory.guests.contains_key(self.tokens[last].text.as_str()));
        // “h-20 with 1 core, h-21 with 3 cores” behind both
        let earlier = |target: &Target| self.is_new(target) && self.drafts.len() > 1;
        let named = named || matches!(&targets, Targets::Old(all) if all.iter().all(earlier));
        let alone = !self.begins_with_a_noun();
        let with = (named && alone || each) && self.any(words!("with"));
        // “dns1 starts at boot with order 1, dns2 with order 2”
        let boots = |item: &&Said<Item>| matches!(item.value, Item::Plain(Plain::OnBoot, _));
        let (shared, here): (Vec<_>, bool) = match self.drafts.last() {
            Some(Draft::Change(change)) if with => {
                (change.items.iter().filter(boots).cloned().collect(), change.tokens.start >= self.began)
            }
            _ => (Vec::new(), true),
        };
        // “Change request: web-01, 4 cores, 8 GB RAM”
        let _ = named && alone && self.mark(',');
        let said = self.items(How::Give)?;
        // “dns1 starts at boot with order 1. dns2 with order 2.”
        let in_order = |item: &Said<Item>| matches!(item.value, Item::Plain(Plain::StartupOrder | Plain::StartupUp, _));
        let shared = if here || said.iter().all(in_order) { shared } else { Vec::new() };
        let items: Vec<Said<Item>> = shared.into_iter().chain(said).collect();
        self.any(words!("each"));
        // “web-01 stopped” tells what is, or what shall be.
        let tells = |item: &Said<Item>| matches!(item.value, Item::Plain(Plain::Running, _) | Item::Node(_));
        let counts = |item: &Said<Item>| {
            matches!(&item.value, Item::Plain(Plain::Cores | Plain::Sockets | Plain::Memory | Plain::Swap, _))
        };
        let plain = !is_field || items.iter().all(counts);
        (plain && !items.iter().any(tells)).then_some((targets, items, How::Give))
    }

    /// “two more cores for web-01”, “mtu 9000 on net0 of db-1”: what a guest that exists shall have, and then the guest.
    pub fn beside(&mut self) -> Option<Wish> {
        // Of a guest that the same sentence makes, the phrases are its own: “VM a with 2 cores and the memory of web-01”.
        let makes =
            |draft: &Draft| matches!(draft, Draft::Create(_) | Draft::Clone(_)) && draft.tokens().start >= self.began;
        if self.drafts.last().is_some_and(makes) {
            return None;
        }
        // “go from 2 to 4 cores on web-02”
        self.any(words!("go|make it|make that"));
        let lacks = self.word() == "no";
        let plus = self.at.checked_sub(1).is_some_and(|before| matches!(self.word_at(before), "plus" | "+"));
        // “no more than 15 MB/s on web-01’s NIC”
        if let Some(rate) = self.attempt(Self::rate_alone) {
            let (items, targets) = self.for_a_part(&[rate])?;
            return Some((targets, items, How::Set));
        }
        let mut items = self.some_items(How::Give, MAX_BESIDE)?;
        // “3 GB of memory are enough for web-02”
        self.attempt(|p| {
            p.any(words!("is|are|will be|would be|should be")).then_some(())?;
            p.verb(words!("enough|plenty|sufficient|plenty enough|more than enough")).then_some(())?;
            p.ahead(|p| p.any(words!("for")).then_some(())).then_some(())
        });
        if plus {
            // Behind something else “plus” may mean “and”.
            let first = self.drafts.last().is_none_or(|draft| draft.tokens().start < self.began);
            items = items.into_iter().map(|item| if first { more(item) } else { no_less(item) }).collect();
        }
        // “8 GB of RAM: web-01, web-02”, “6 cores -> db-1”
        self.any(words!("each"));
        // “an extra 2 GB for web-01’s RAM”
        if let Some(wish) = self.attempt(|p| p.for_a_field(&items)) {
            return Some(wish);
        }
        // “60 GB instead of 40 for the first disk of db-1”
        if let Some((items, targets)) = self.attempt(|p| {
            let [Said { value: Item::Bare(Amount::To(to)), tokens }] = items.as_slice() else { return None };
            let disk = Item::Disk(DiskItem::sized(Amount::To(to.clone()), Which::Mass));
            let Item::Disk(DiskItem { amount: amount @ Amount::FromTo(..), .. }) = p.instead_of(disk) else {
                return None;
            };
            p.for_a_part(&[Said { value: Item::Bare(amount), tokens: tokens.start..p.at }])
        }) {
            return Some((targets, items, How::Set));
        }
        // “50 GB more for db-1’s data disk”
        if let Some((items, targets)) = self.attempt(|p| p.for_a_part(&items)) {
            return Some((targets, items, How::Set));
        }
        let counts = |item: &Said<Item>| matches!(&item.value, Item::Plain(_, Amount::To(_) | Amount::Plus(_)));
        let announced = self.mark(':')
            || self.any(words!(
                "->|→|=>|should be given to|shall be given to|must be given to|should go to|to be given to"
            ))
            || items.iter().all(counts) && self.any(words!("to"));
        let targets = if announced { self.targets()? } else { self.of_targets(words!("of|on|for|in"))? };
        let _ = self.any(words!("each")) || lacks && self.any(words!("any more|anymore|any longer"));
        self.known(&targets).then_some(())?;
        let tells = |item: &Said<Item>| matches!(item.value, Item::Plain(Plain::Running, _) | Item::Node(_));
        // “3 cores for web-02 rather than 2”
        if let [Said { value, .. }] = items.as_mut_slice() {
            *value = self.instead_of(value.clone());
        }
        (!items.iter().any(tells)).then_some((targets, items, How::Give))
    }

    fn for_a_field(&mut self, items: &[Said<Item>]) -> Option<Wish> {
        let [Said { value: Item::Bare(Amount::Plus(step)), tokens }] = items else { return None };
        self.any(words!("for|of|on|to")).then_some(())?;
        let (noun, targets) = self.field_of_targets()?;
        let value = stepped(&noun, step.clone(), Amount::Plus)?;
        Some((targets, vec![Said { value, tokens: tokens.clone() }], How::Set))
    }

    /// Whether none of the names is anybody’s.
    fn names_nobody(&self, targets: &Targets) -> bool {
        let Targets::Old(targets) = targets else { return false };
        let nobody = |target: &Target| match &target.selector {
            Selector::Name(name) => !self.inventory.guests.contains_key(name) && !self.is_new(target),
            Selector::Vmid(_) | Selector::All(_) | Selector::Vague(_) => false,
        };
        targets.iter().all(nobody)
    }
}

/// So much on top.
fn more(item: Said<Item>) -> Said<Item> {
    let value = match item.value {
        Item::Plain(plain, Amount::To(by @ (Value::Count(_) | Value::Size(_)))) => Item::Plain(plain, Amount::Plus(by)),
        other => other,
    };
    Said { value, ..item }
}

/// “plus 4 GB of RAM”, which may be as much on top, or what it shall be: a question where there is more now.
pub fn no_less(item: Said<Item>) -> Said<Item> {
    let value = match item.value {
        Item::Plain(plain, Amount::To(to @ (Value::Count(_) | Value::Size(_)))) => Item::Plain(plain, Amount::UpTo(to)),
        other => other,
    };
    Said { value, ..item }
}
