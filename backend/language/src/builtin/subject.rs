//! Changes that begin with whom they are about: “web-02 gets 4 cores”, “the disk of web-01 has to grow by 20 GB”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Selector, Target};

use super::Parser;
use super::change::Wish;
use super::draft::Draft;
use super::item::{How, Item, Said};
use super::named::Noun;
use super::target::Targets;
use super::wordings::words;

/// The most phrases before the guest they are said of: whoever lists more names the guest first. It bounds what a rule
/// reads in vain.
const MAX_BESIDE: usize = 6;

/// What is to become of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Becomes {
    /// “should be set to”
    This,
    /// “has to grow by”
    More,
}

impl Parser<'_> {
    /// “should be raised to”, “has to grow by”.
    fn becomes(&mut self) -> Option<Becomes> {
        let passive = self.attempt(|p| {
            p.any(words!(
                "should be|shall be|must be|has to be|have to be|needs to be|need to be|is to be|ought to be"
            ))
            .then_some(())?;
            let rises = p.any(words!("raised|increased|extended|expanded"));
            (rises || p.any(words!("set|changed|reduced|lowered|upgraded|bumped|resized"))).then_some(rises)
        });
        let grows = |p: &mut Self| {
            p.any(words!("should|shall|must|has to|have to|needs to|need to|is to|ought to")).then_some(())?;
            p.any(words!("grow|increase")).then_some(true)
        };
        // “its data disk grows by 50 GB”
        let present = |p: &mut Self| p.any(words!("grows|rises|increases")).then_some(true);
        let rises = passive.or_else(|| self.attempt(grows)).or_else(|| self.attempt(present))?;
        if rises && self.any(words!("by")) {
            return Some(Becomes::More);
        }
        (self.any(words!("up to|down to|to")) || self.word() == "from").then_some(Becomes::This)
    }

    /// “should be doubled”
    fn multiplied(&mut self, noun: &Noun) -> Option<Item> {
        let passive = self.any(words!(
            "should be|shall be|must be|has to be|have to be|needs to be|need to be|is to be|are to be|gets|get"
        ));
        (passive || self.any(words!("should|shall|must|has to|have to|needs to|need to|is to"))).then_some(())?;
        let amount = if self.any(words!("doubled|double")) {
            Amount::Times(2)
        } else if self.any(words!("tripled|triple")) {
            Amount::Times(3)
        } else if self.any(words!("quadrupled|quadruple")) {
            Amount::Times(4)
        } else {
            self.any(words!("halved|halve")).then_some(Amount::Over(2))?
        };
        noun.clone().scaled(amount)
    }

    /// “the memory of web-01 should be 8 GB”, “db-1 ram -> 12 GB”, “web-01 memory=8G cores=4”.
    fn owned(&mut self) -> Option<Wish> {
        let start = self.at;
        let (noun, targets) = self.field_of_targets().or_else(|| self.field_beside_targets())?;
        if let Some(value) = self.attempt(|p| p.multiplied(&noun)) {
            return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
        }
        let becomes = self.attempt(Self::becomes);
        let verb = becomes.is_some()
            || self.any(words!(
                "needs to be|need to be|has to be|have to be|ought to be|needs to become|has to become|should be|shall be|\
                 must be|is to be|to be|should become|should read|should say|should have|should use|shall use|uses|becomes|\
                 goes up to|goes down to|goes to|should go to|up to|down to|is|to"
            ));
        // “RAM on web-01 up from 4 to 8 GB”
        let rises = |p: &mut Self| {
            p.any(words!("goes up|goes down|should go up|should go|goes|up|down|changes")).then_some(())?;
            (p.word() == "from").then_some(())
        };
        let verb = verb || self.attempt(rises).is_some();
        let sign = self.known(&targets) && (self.mark(':') || !verb && self.mark('='));
        let arrow = !(verb || sign) && self.known(&targets) && self.ahead(Self::arrow_or_amounts);
        if !(verb || sign || arrow) {
            return None;
        }
        // “db-1 ram -> 12 GB”
        let _ = arrow && self.any(words!("->|→|=>"));
        // “gitlab’s disks: first 80 GB, second 300 GB”
        if matches!(noun, Noun::Disk(_, true))
            && let Some(value) = self.attempt(Self::disks_by_ordinal)
        {
            return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
        }
        // “wiki’s root disk: plus 15 GB”
        let more = becomes == Some(Becomes::More) || sign && self.any(words!("plus|another|+more"));
        let value = if more {
            self.value(&noun, Amount::Plus)?
        } else if self.word() == "from" {
            let at = self.at;
            let first = self.amount_before()?;
            let value = self.value(&noun, Amount::To)?;
            self.changed_from(at, &first, value)?
        } else {
            let value = self.value(&noun, Amount::To)?;
            let value = self.or_arrow(&noun, value)?;
            self.instead_of(value)
        };
        let mut items = vec![Said { value, tokens: start..self.at }];
        // “web-01 memory=8G cores=4”
        while let Some(next) = self.attempt(|p| {
            p.joint();
            p.item(How::Set)
        }) {
            items.push(next);
        }
        self.any(words!("each|large|big|in size|in total"));
        Some((targets, items, How::Set))
    }

    /// “web-02 gets 4 cores”, “everything tagged web should start at boot”, “web-01: 4 cores”.
    pub fn subject(&mut self) -> Option<Wish> {
        if let Some(owned) = self.attempt(Self::owned) {
            return Some(owned);
        }
        if let Some(wish) = self.attempt(Self::could_get) {
            return Some(wish);
        }
        // “currently web-01 has 2 cores, …”
        let now = self.any(words!("currently|at the moment"));
        let led = !now && self.any(words!("for"));
        // In “dns 1.1.1.1” a guest called dns is not meant.
        let is_field = self.field_length() > 0;
        let targets = self.targets()?;
        let each = |p: &mut Self| {
            p.mark(',');
            p.any(words!("each of them|each|both of them|both|all of them|all")).then_some(())?;
            (p.word() != "" || p.ahead(|p| p.mark(':').then_some(()))).then_some(())
        };
        self.attempt(each);
        if let Some(items) = self.having(&targets) {
            return Some((targets, items, How::Set));
        }
        (!now).then_some(())?;
        self.manner();
        // “old-backup should be called archive”
        if let Some(item) = self.attempt(Self::called_from_now_on) {
            return Some((targets, vec![item], How::Set));
        }
        if self.any(words!("loses|lose|should lose|drops")) {
            return Some((targets, self.items(How::Remove)?, How::Remove));
        }
        let modal = self.any(words!(
            "could use|can use|could do with|should|shall|must|will|would|is going to|are going to|needs to|need to|has to|have to|is to|are to|up to|down to|\
            ought to|to"
        ));
        self.any(words!("both|all|each|now|also"));
        // “web-01 should no longer start at boot”
        if modal
            && let Some(item) = self.attempt(|p| {
                p.any(words!("no longer|not")).then_some(())?;
                let start = p.at;
                p.any(words!("be"));
                let (plain, _) = p.at_boot()?;
                p.any(words!("any more|anymore|any longer"));
                let value = Item::Plain(plain, Amount::To(Value::Flag(false)));
                Some(Said { value, tokens: start..p.at })
            })
        {
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
        // “gitlab out of its pool”
        if let Some(item) = self.attempt(|p| {
            let at = p.at;
            p.any(words!("goes|comes|moves|is|leaves"));
            p.any(words!("out of its pool|its pool|out of the pool|no pool")).then_some(())?;
            let value = Item::Plain(Plain::Pool, Amount::To(Value::Text(String::new())));
            (p.word_at(at) != "its" && p.at_boundary()).then_some(Said { value, tokens: at..p.at })
        }) {
            return Some((targets, vec![item], How::Set));
        }
        // “web-01 goes from 2 to 4 cores”, “mail goes to pool lab”
        let moves = self.attempt(Self::goes).is_some();
        if let Some((items, how)) = self.attempt(|p| p.more_or_less(&targets)) {
            return Some((targets, items, how));
        }
        let passive = modal
            && self.any(words!(
                "be given|be granted|be bumped to|be upgraded to|be resized to|be changed to|be scaled to|be set to"
            ));
        let verb = passive
            || moves
            || modal | self.any(words!("have|has|get|gets|use|uses|need|needs|want|wants|belongs|belong|is|are|be"));
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
            return if modal || led && !goes_on { None } else { self.telegram(targets, is_field) };
        }
        let now = self.any(words!("now|both|all|each"));
        self.manner();
        let items = self.items(How::Give)?;
        if now || verb || listed {
            self.any(words!("each|in total|now|any more|anymore|any longer|from now on"));
        }
        Some((targets, items, How::Give))
    }

    /// “could web-01 get 4 cores”
    fn could_get(&mut self) -> Option<Wish> {
        self.any(words!("can|could|may")).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        self.any(words!("please|kindly"));
        self.any(words!("get|have")).then_some(())?;
        Some((targets, self.items(How::Give)?, How::Give))
    }

    /// “goes from …”, “goes to …”, “joins …”: what stands behind says what becomes of it.
    fn goes(&mut self) -> Option<()> {
        if self.any(words!("joins|join")) {
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
    fn counted(&mut self) -> Option<()> {
        self.quantity().map(|_| ()).or_else(|| self.number().map(|_| ()))
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

    /// “called archive”, behind the guest that is meant.
    fn called_from_now_on(&mut self) -> Option<Said<Item>> {
        self.any(words!("should be called|should be named|should be renamed to|shall be called|shall be named|shall be renamed to|must be renamed to|\
            should now be called|should now be named|is to be called|will be called|should have the name|shall have the name|gets the name|becomes|is to be renamed to|is to be renamed|should be renamed|\
            shall be renamed|must be renamed|needs to be renamed to|has to be renamed to|has to be renamed|gets renamed to|gets renamed|will be renamed to|is now called"))
            .then_some(())?;
        let start = self.at;
        let value = Item::Plain(Plain::Name, Amount::To(Value::Text(self.name()?)));
        self.any(words!("from now on|now"));
        Some(Said { value, tokens: start..self.at })
    }

    /// “web-01 4 cores 8 GB RAM”, “gitlab without HA”: a guest that exists, what it shall have, and nothing else.
    /// Where its name is the word of a field as well, nothing that may be that field’s value.
    fn telegram(&mut self, targets: Targets, is_field: bool) -> Option<Wish> {
        if !self.known(&targets) {
            return None;
        }
        // “gitlab with 10 cores”; “VM gitlab with 10 cores” may mean a new one.
        let named =
            self.at.checked_sub(1).is_some_and(|last| self.inventory.guests.contains_key(&self.tokens[last].text));
        let alone = !self.begins_with_a_noun();
        let _ = named && alone && self.any(words!("with"));
        // “Change request: web-01, 4 cores, 8 GB RAM”
        let _ = named && alone && self.mark(',');
        let items = self.items(How::Give)?;
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
        self.any(words!("go"));
        let items = self.some_items(How::Give, MAX_BESIDE)?;
        // “8 GB of RAM: web-01, web-02”, “6 cores -> db-1”
        self.any(words!("each"));
        // “50 GB more for db-1’s data disk”
        if let Some((items, targets)) = self.attempt(|p| p.for_a_part(&items)) {
            return Some((targets, items, How::Set));
        }
        let announced = self.mark(':') || self.any(words!("->|→|=>"));
        let targets = if announced { self.targets()? } else { self.of_targets(words!("of|on|for"))? };
        self.known(&targets).then_some(())?;
        let tells = |item: &Said<Item>| matches!(item.value, Item::Plain(Plain::Running, _) | Item::Node(_));
        (!items.iter().any(tells)).then_some((targets, items, How::Give))
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
