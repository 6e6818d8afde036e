//! Guests that are moved to another node: “migrate web-01 to pve2 live”, “test-1 should run on pve2”.

use mycopod_core::guest::Kind;
use mycopod_core::reading::{Deed, Selector, Sourced};

use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::said::item::Item;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// What leads to the node that a guest shall be on, or is moved from.
const HOUSED: &Wordings = words!(
    "run on|be on|live on|sit on|go to|go from|move to|move over to|move from|go onto|move onto|be moved over to|be moved to|be moved from|\
     be migrated to|be migrated from|be relocated to|be transferred to|be placed on|be put on|be hosted on"
);

impl Parser<'_> {
    /// “migrate web-01 to pve2 live with its disks to local-lvm”, “move web-01 to node pve2”.
    pub fn migration(&mut self) -> Option<Draft> {
        let start = self.at;
        let live = self.any(words!("live-migrate|live migrate|live migration of|a live migration of"));
        let titled = |p: &mut Self| (p.any(words!("migration|migrate|move")) && p.mark(':')).then_some(());
        let migrates = live
            || self.attempt(titled).is_some()
            || self.any(words!("migrate|migration of|a migration of|the migration of"));
        let moves = words!("put|move|relocate|transfer|evacuate|shift|send|bring|push|get|take|switch|place|run|host");
        if !migrates && !self.any(moves) {
            return self.attempt(Self::node_gets).or_else(|| self.housed(start));
        }
        let offline = self.attempt(Self::live_or_offline).unwrap_or(false);
        // “migrate to pve2: test-1”
        if let Some((node, targets)) = self.attempt(|p| {
            p.any(words!("to|over to")).then_some(())?;
            let node = p.node_said()?;
            p.mark(':').then_some(())?;
            Some((node, p.targets().filter(|targets| p.known(targets))?))
        }) {
            return self.doing(start, targets, Deed::Migrate { node, storage: None, from: None, offline });
        }
        let targets = self.targets()?;
        if let Some(draft) = self.attempt(|p| p.moved_there(start, &targets)) {
            return Some(draft);
        }
        self.moved_to_a_node(start, targets, migrates, offline)
    }

    /// “from pve1 to pve2 live” behind who is moved.
    pub fn migrated(&mut self, start: usize, targets: Targets, migrates: bool) -> Option<Draft> {
        self.moved_to_a_node(start, targets, migrates, false)
    }

    /// “live”, “(offline)”: whether a guest is off meanwhile.
    fn live_or_offline(&mut self) -> Option<bool> {
        let open = self.mark('(');
        self.mark(',');
        let offline = self.any(words!("offline migration|offline|while off|while it is off|while stopped|cold"));
        (offline
            || self.any(words!(
                "live migration|online migration|live|online|while it is running|while it 's running|while it keeps running|while it runs|\
                 while running|while they run|while they are running"
            )))
        .then_some(())?;
        (!open || self.mark(')')).then_some(offline)
    }

    fn moved_to_a_node(&mut self, start: usize, targets: Targets, migrates: bool, offline: bool) -> Option<Draft> {
        let mut offline = offline;
        let how = |p: &mut Self, offline: &mut bool| *offline |= p.attempt(Self::live_or_offline) == Some(true);
        how(self, &mut offline);
        let from = self.attempt(|p| {
            p.any(words!("away from|off of|off|from")).then_some(())?;
            p.any(words!("the node|the host|node|host"));
            let at = p.at;
            let name = p.name()?;
            let said = Sourced::new(name, p.source(&(at..p.at)));
            let _ = p.mark(',') || p.any(words!("and"));
            Some(said)
        });
        self.any(words!("over to|to|onto|on|->|→|=>")).then_some(())?;
        self.any(words!("the"));
        let at = self.at;
        let announced = self.any(words!("node|host"));
        let node = self.name()?;
        // What else is moved than a guest to a node is another rule’s.
        if !(announced || migrates || self.inventory.nodes.contains(&node)) {
            return None;
        }
        let node = Sourced::new(node, self.source(&(at..self.at)));
        how(self, &mut offline);
        let mut storage = None;
        let with_disks = self.attempt(|p| {
            p.any(words!("together"));
            p.any(words!("with all its|with all of its|with its|with their|with|and all its|and its|including its"))
                .then_some(())?;
            // “local” is the name of a storage as well.
            p.at += usize::from(p.word() == "local");
            p.any(words!("disks|disk")).then_some(())
        });
        if with_disks.is_some() {
            storage = self.attempt(|p| {
                p.any(words!("to|onto|on")).then_some(())?;
                p.any(words!("the"));
                p.any(words!("storage|datastore"));
                let at = p.at;
                let name = p.name()?;
                Some(Sourced::new(name, p.source(&(at..p.at))))
            });
        } else if let Some(said) = self.attempt(Self::storage_of_disk) {
            storage = Some(Sourced::new(said.value, self.source(&said.tokens)));
        }
        how(self, &mut offline);
        if !offline && self.are_vms(&targets) {
            self.attempt(Self::without_downtime);
        }
        self.doing(start, targets, Deed::Migrate { node, storage, from, offline })
    }

    /// “…, no downtime” of what is moved live.
    fn without_downtime(&mut self) -> Option<()> {
        self.any(words!("please"));
        self.mark(',');
        self.any(words!("with"));
        self.any(words!("without|no|zero")).then_some(())?;
        (self.word() == "downtime").then(|| self.at += 1)
    }

    /// Whether all of them are VMs: a container that is moved is down for a while.
    fn are_vms(&self, targets: &Targets) -> bool {
        let Targets::Old(targets) = targets else { return false };
        targets.iter().all(|target| match &target.selector {
            Selector::Name(name) => {
                self.inventory.guests.get(name).is_some_and(|keys| keys.iter().all(|key| key.kind == Kind::Qemu))
            }
            Selector::All(fit) => fit.kind == Some(Kind::Qemu),
            Selector::Vmid(_) | Selector::Vague(_) => false,
        })
    }

    /// “mail has to leave alpha; put it on gamma”, “mail must leave alpha for gamma”
    pub fn leaving(&mut self) -> Option<Draft> {
        self.beyond(|p| {
            let start = p.at;
            let targets = p.targets().filter(|targets| p.known(targets))?;
            // “test-1 currently runs on pve1. Please move it to pve2.”
            let is = p.attempt(|p| {
                p.any(words!("is currently|currently is|is|are|currently runs|runs|run"));
                (p.any(words!("on")) && p.last_word() != p.word_at(start)).then_some(())
            });
            if is.is_none() {
                p.any(words!("must|has to|have to|should|needs to|need to|shall"));
                p.any(words!("leave|leaves")).then_some(())?;
            }
            let from = p.node_said()?;
            if p.any(words!(
                "and should be on|but should be on|and should run on|but should run on|and must go to|and has to go to"
            )) {
                return p.on_a_node(start, targets, Some(from));
            }
            if p.any(words!("for|and go to|and move to")) {
                return p.on_a_node(start, targets, Some(from));
            }
            p.next_sentence();
            while p.mark(',') || p.any(words!("so|and|please|can you|could you|kindly")) {}
            p.any(words!("put|move|migrate|relocate|transfer|shift|bring|send")).then_some(())?;
            p.any(words!("it|them|both of them|both|all of them")).then_some(())?;
            p.any(words!("over to|onto|to|on")).then_some(())?;
            p.on_a_node(start, targets, Some(from))
        })
    }

    /// “test-1 should run on pve2”
    fn housed(&mut self, start: usize) -> Option<Draft> {
        let lets = self.any(words!("let|make"));
        let targets = self.targets()?;
        // “test-1 from pve1 to pve2”
        if let Some(from) = self.attempt(|p| {
            p.any(words!("from")).then_some(())?;
            p.node_said()
        }) {
            self.any(words!("to|onto|->|→|=>")).then_some(())?;
            return self.on_a_node(start, targets, Some(from));
        }
        // “… and db-1 there too”
        if let Some(draft) = self.attempt(|p| p.moved_there(start, &targets)) {
            return Some(draft);
        }
        // “test-1 -> pve2”
        if let Some(draft) = self.attempt(|p| {
            p.any(words!("to|onto|->|→|=>")).then_some(())?;
            p.on_a_node(start, targets.clone(), None)
        }) {
            return Some(draft);
        }
        // “I want test-1 on pve2”, “make sure test-1 runs on pve2”
        let before = self.word_at(start.wrapping_sub(1));
        let wanted = matches!(before, "want" | "need" | "like" | "have");
        let ensured = matches!(before, "sure" | "ensure" | "that");
        let shall = self
            .any(words!("should|shall|must|has to|have to|needs to|need to|ought to|is to|are to|wants to|can|may|to"));
        self.any(words!("now"));
        let housed = (shall || lets) && self.verb(HOUSED)
            || wanted && self.any(words!("on"))
            || ensured && self.verb(words!("runs on|is on|lives on|goes to|are on"))
            || self.verb(words!(
                "belongs on|belong on|goes to|go to|moves to|moves over to|move to|move over to|move onto|over to"
            ));
        housed.then_some(())?;
        if let Some(from) = self.attempt(|p| {
            (p.last_word() == "from").then_some(())?;
            p.node_said()
        }) {
            self.any(words!("over to|to|onto")).then_some(())?;
            return self.on_a_node(start, targets, Some(from));
        }
        self.on_a_node(start, targets, None)
    }

    /// “set the node of test-1 to pve2”, “test-1: node = pve2”
    pub fn node_as_a_field(&mut self) -> Option<Draft> {
        let start = self.at;
        let set = self.any(words!("set|change|switch|move"));
        let targets = if let Some(targets) = self.attempt(|p| {
            p.any(words!("the"));
            p.any(words!("node of|host of|node for")).then_some(())?;
            p.targets()
        }) {
            targets
        } else {
            let targets = self.targets()?;
            let apart = !self.any(words!("'s")) && (self.mark(':') || self.mark(','));
            // “container new-1, node pve2, 2 cores” is a new one.
            (!apart || self.known(&targets)).then_some(())?;
            self.any(words!("node")).then_some(targets)?
        };
        let assigned = self.mark('=') || self.mark(':') || self.any(words!("to|should be|->|→|=>"));
        (assigned || !set).then_some(())?;
        self.on_a_node(start, targets, None)
    }

    pub fn on_a_node(&mut self, start: usize, targets: Targets, from: Option<Sourced<String>>) -> Option<Draft> {
        let node = self.node_said()?;
        let offline = self.attempt(Self::live_or_offline).unwrap_or(false);
        self.doing(start, targets, Deed::Migrate { node, storage: None, from, offline })
    }

    /// “pve2 gets test-1 and test-3”
    fn node_gets(&mut self) -> Option<Draft> {
        let start = self.at;
        self.node_said()?;
        let node = Sourced::new(self.tokens[self.at - 1].text.to_string(), self.source(&(start..self.at)));
        let shall = self.any(words!("should|shall|must|is to|will"));
        (self.verb(words!("gets|get|takes over|take over|takes|take")) || shall && self.verb(words!("host|run")))
            .then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        self.doing(start, targets, Deed::Migrate { node, storage: None, from: None, offline: false })
    }

    /// “move test-2 there”: to the node that was just spoken of.
    fn moved_there(&mut self, start: usize, targets: &Targets) -> Option<Draft> {
        self.any(words!("over there|there|to the same node|onto the same node|to that node|to the same host"))
            .then_some(())?;
        let (node, tokens) = match self.drafts.last()? {
            Draft::Do(doing) => match &doing.deed {
                Deed::Migrate { node, .. } => {
                    let node = node.clone();
                    return self.doing(
                        start,
                        targets.clone(),
                        Deed::Migrate { node, storage: None, from: None, offline: false },
                    );
                }
                _ => return None,
            },
            Draft::Create(group) => {
                let mut nodes = group.items.iter().filter_map(|(_, item)| match &item.value {
                    Item::Node(node) => Some((node, &item.tokens)),
                    _ => None,
                });
                let one = nodes.next()?;
                nodes.next().is_none().then_some(one)?
            }
            _ => return None,
        };
        let node = Sourced::new(node.clone(), self.source(tokens));
        self.doing(start, targets.clone(), Deed::Migrate { node, storage: None, from: None, offline: false })
    }

    /// “node pve2”, “the other node, pve2”: one that there is.
    fn node_said(&mut self) -> Option<Sourced<String>> {
        if !self.any(words!("the other node|the other host|the second node|our other node|our second node")) {
            self.any(words!("the"));
            self.any(words!("node|host"));
        }
        let _ = self.last_word() != "from" && self.mark(',');
        let at = self.at;
        let node = self.name().filter(|name| self.inventory.nodes.contains(name))?;
        Some(Sourced::new(node, self.source(&(at..self.at))))
    }
}
