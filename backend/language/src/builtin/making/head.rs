//! What stands around the noun of new guests: their names, their number, where they are, and words that only announce them.

use mycopod_core::guest::Kind;

use crate::lexer::{Token, TokenKind};

use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::shaped::is_device;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

/// A phrase, and of which of the new guests it is said; of all where `None`.
pub type OfMember = (Option<usize>, Said<Item>);

/// The most words between the article and the noun of what is ordered.
const MAX_ORDERED: usize = 3;

impl Parser<'_> {
    /// The number in “VM 334 named dmz-3” and “VM 401 (kv-23)”.
    pub fn numbered(&mut self) -> Option<OfMember> {
        let at = self.at;
        self.any(words!("number|id|with id|with the id"));
        let value = Item::Vmid(self.vmid_number()?);
        let tokens = at..self.at;
        // “VM 510, name a-1”, “VM 510, a-1, 2 cores”
        let listed = |p: &mut Self| {
            p.mark(',').then_some(())?;
            p.called(false).or_else(|| {
                p.names(false).filter(|names| {
                    names.len() == 1 && p.is_fresh(names) && (p.at_boundary() || p.ahead(Self::describes))
                })
            })
        };
        if self.ahead(listed) {
            self.mark(',');
            return Some((None, Said { value, tokens }));
        }
        let bracketed = |p: &mut Self| {
            p.mark('(').then_some(())?;
            p.name()?;
            p.mark(')').then_some(())
        };
        // “VM 620 vault-9”
        let next = |p: &mut Self| {
            let fresh = p.name().filter(|name| !p.inventory.guests.contains_key(name))?;
            let announced = p.ahead(|p| p.mark(':').then_some(()));
            (announced || p.looks_like_name(&fresh) && p.at_boundary()).then_some(fresh)
        };
        let keyed = |p: &mut Self| {
            p.mark(':').then_some(())?;
            p.called(false)
        };
        if self.ahead(keyed) {
            self.mark(':');
            return Some((None, Said { value, tokens }));
        }
        let named = self.ahead(|p| p.called(false)) || self.ahead(bracketed) || self.ahead(next);
        named.then_some((None, Said { value, tokens }))
    }

    /// “(731)” behind the name of a new guest.
    pub fn number_in_brackets(&mut self) -> Option<OfMember> {
        let at = self.at;
        self.mark('(').then_some(())?;
        let value = Item::Vmid(self.vmid_number().filter(|number| *number >= 100)?);
        self.mark(')').then_some((None, Said { value, tokens: at..self.at }))
    }

    /// “(VM)” behind the name of a new guest.
    pub fn kind_in_brackets(&mut self) -> Option<Said<Kind>> {
        self.mark('(').then_some(())?;
        let at = self.at;
        let value = self.guest_noun().filter(|noun| !noun.plural)?.kind?;
        let tokens = at..self.at;
        self.mark(')').then_some(Said { value, tokens })
    }

    /// The names of new guests, right behind their noun or its `number`.
    pub fn members(&mut self, number: bool, several: bool, plural: bool, count: Option<u64>) -> Vec<Said<String>> {
        // “VM 401 (kv-23)”
        let bracketed = |p: &mut Self| {
            (number && p.mark('(')).then_some(())?;
            p.names(false).filter(|_| p.mark(')'))
        };
        let mut members =
            self.attempt(bracketed).or_else(|| self.head_names(several, plural, count)).unwrap_or_default();
        // “vms q-1 q-2 q-3”
        let next = |p: &mut Self| {
            let named = p.peek(0).is_some_and(|token| token.kind == TokenKind::Word && p.looks_like_name(&token.text));
            if named { p.names(false) } else { None }
        };
        while plural
            && !members.is_empty()
            && let Some(more) = self.attempt(next)
        {
            members.extend(more);
        }
        members
    }

    /// “use web-01 as a blueprint for …”: the guest that what is made shall be like.
    pub fn blueprint(&mut self) -> Option<OfMember> {
        const WORDS: [&str; 3] = ["blueprint", "model", "basis"];
        let at = self.at;
        self.any(words!("use|take|using|with")).then_some(())?;
        let target = self.one_target()?;
        self.known(&Targets::Old(vec![target.clone()])).then_some(())?;
        self.any(words!("as a|as the|as an|as")).then_some(())?;
        WORDS.contains(&self.word()).then_some(())?;
        self.at += 1;
        let tokens = at..self.at;
        (self.any(words!("for")) || self.mark(',')).then_some((None, Said { value: Item::Like(target), tokens }))
    }

    /// “a VM (not a container)”: that it is not of the other kind.
    pub fn not_the_other(&mut self, kind: Option<Kind>) {
        self.attempt(|p| {
            let open = p.mark('(');
            (open || p.mark(',')).then_some(())?;
            p.any(words!("not a|not an|no|not")).then_some(())?;
            let other = p.guest_noun()?.kind?;
            let closes = if open { p.mark(')') } else { p.mark(',') || p.at_boundary() };
            (closes && kind.is_some_and(|kind| kind != other)).then_some(())
        });
    }

    /// “order a VM”, “put a VM on pve2”: verbs that make guests where an article and their noun follow.
    pub fn ordering(&mut self) -> Option<()> {
        const VERBS: [&str; 14] = [
            "order",
            "request",
            "install",
            "open",
            "arrange",
            "generate",
            "book",
            "put",
            "place",
            "run",
            "host",
            "commission",
            "supply",
            "provide",
        ];
        VERBS.contains(&self.word()).then_some(())?;
        self.at += 1;
        self.ahead(|p| {
            p.any(words!("for me|for us"));
            p.any(words!("a new|another|an|a")).then_some(())?;
            // “put a privileged container on pve1”
            for _ in 0..MAX_ORDERED {
                if p.attempt(Self::idle_adjective).is_none() && p.attempt(Self::adjective).is_none() {
                    break;
                }
            }
            p.guest_noun()
        })
        .then_some(())
    }

    /// “Name of the VM: a-1”
    pub fn name_of_the(&mut self) -> Option<()> {
        self.any(words!("name of the new|name of the|name of my|name for the")).then_some(())?;
        self.ahead(|p| {
            p.guest_noun()?;
            p.mark(':').then_some(())
        })
        .then_some(())
    }

    /// “VM request: …”, “VM #1: …”, “VM specs” above a list: words behind the noun that only announce what it shall be.
    pub fn announcing(&mut self) {
        const NOUNS: [&str; 20] = [
            "request",
            "order",
            "form",
            "sheet",
            "details",
            "data",
            "spec",
            "specs",
            "specification",
            "specifications",
            "config",
            "configuration",
            "parameters",
            "settings",
            "setup",
            "creation",
            "deployment",
            "provisioning",
            "requirements",
            "properties",
        ];
        let noun = |p: &Self, ahead: usize| NOUNS.contains(&p.word_ahead(ahead));
        let ends = |p: &Self, ahead: usize| {
            p.peek(ahead).is_none_or(|token| matches!(token.kind, TokenKind::Mark(':' | '–' | '—' | '(')))
        };
        loop {
            if self.attempt(Self::what_it_is_to_do).or_else(|| self.attempt(Self::brought_about)).is_some() {
                continue;
            }
            if self.any(words!("too|as well|also|for me|for us|please|wanted|needed|required|requested|details|request|ready|immediately|right away|asap|right now|now")) {
                continue;
            }
            // “VM to build: …”
            if self
                .attempt(|p| {
                    p.verb(words!(
                        "to build|to create|to set up|to provision|to deploy|to be built|to be created|to be set up"
                    ))
                    .then_some(())?;
                    (ends(p, 0) && p.peek(1).is_some_and(Token::is_content)).then_some(())
                })
                .is_some()
            {
                continue;
            }
            let numbered = self.peek(0).is_some_and(|token| {
                token.text.strip_prefix('#').is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
            });
            let announces = noun(self, 0) && (noun(self, 1) || ends(self, 1));
            if !(announces || numbered && ends(self, 1)) {
                return;
            }
            self.at += 1;
        }
    }

    /// “… going”, “… set up”, behind the noun of what somebody gets or has made.
    fn brought_about(&mut self) -> Option<()> {
        let asked =
            (self.began..self.at).any(|at| matches!(self.word_at(at), "get" | "have" | "want" | "need" | "like"));
        (asked && self.verb(words!("going|set up|stood up|rolled out|put together"))).then_some(())
    }

    /// “a container for pve1: …”, where a node is called so.
    pub fn for_a_node(&mut self) -> Option<OfMember> {
        self.any(words!("for")).then_some(())?;
        let at = self.at;
        self.any(words!("the"));
        self.any(words!("node|host"));
        let node = self.name()?;
        let placed = self.inventory.nodes.contains(&node) && !self.inventory.guests.contains_key(&node);
        let item = Said { value: Item::Node(node), tokens: at..self.at };
        let announces = |p: &mut Self| (p.mark(':') || p.called(false).is_some()).then_some(());
        (placed && (self.at_boundary() || self.ahead(announces))).then_some((None, item))
    }

    /// Whether it is one name that is built like one, and nobody’s yet.
    fn is_fresh(&self, names: &[Said<String>]) -> bool {
        let [name] = names else { return false };
        self.looks_like_name(&name.value) && !self.inventory.guests.contains_key(&name.value)
    }

    /// “The VM should be called a-1 and have …”: a guest to be made, where none was spoken of and nobody is called so.
    pub fn begins_anew(&mut self) -> Option<()> {
        self.drafts.is_empty().then_some(())?;
        self.any(words!("the new|our new|my new|this new|the")).then_some(())?;
        self.guest_noun().filter(|noun| !noun.plural)?;
        self.called_anew()
    }

    /// “VM 600: name=a-1, …”: a number that is nobody’s yet, and a name.
    pub fn numbered_anew(&mut self) -> Option<()> {
        self.guest_noun().filter(|noun| !noun.plural && noun.kind.is_some())?;
        let vmid = self.vmid_number()?;
        self.mark(':');
        self.any(words!("name|hostname")).then_some(())?;
        (!self.inventory.guests.values().flatten().any(|key| key.vmid.get() == vmid)).then_some(())
    }

    /// “VM 101: …” of a guest that there is, which nobody makes.
    pub fn numbered_already(&mut self) -> Option<()> {
        self.guest_noun().filter(|noun| !noun.plural)?;
        let vmid = self.vmid_number()?;
        (self.mark(':') || self.mark(',')).then_some(())?;
        self.inventory.guests.values().flatten().any(|key| key.vmid.get() == vmid).then_some(())
    }

    /// “make VM a-1 with 2 cores”, “VM a-1 in VLAN 15, …”, of a guest that is nobody yet.
    pub fn makes_anew(&mut self) -> Option<()> {
        let made = self.any(words!("make"));
        let _ = made && self.any(words!("the"));
        self.guest_noun().filter(|noun| noun.kind.is_some())?;
        let names = self.names(true)?;
        let fresh =
            names.iter().all(|name| self.may_be_made(&name.value) && !self.inventory.guests.contains_key(&name.value));
        (fresh && (made || self.word() == "in") && self.ahead(Self::describes)).then_some(())
    }

    /// “the VM should be called a-1” of a guest that is nobody yet, where none was spoken of.
    pub fn called_anew(&mut self) -> Option<()> {
        self.drafts.is_empty().then_some(())?;
        // “the VM a-1 shall be created with …”
        let shall = |p: &mut Self| {
            let names = p.names(false).filter(|names| p.is_fresh(names))?;
            p.ahead(|p| {
                p.any(words!("is to|should|shall|must|has to|needs to")).then_some(())?;
                p.any(words!("be"));
                let made = matches!(p.word(), "created" | "made" | "built" | "deployed" | "exist" | "get" | "have");
                (made || p.any(words!("set up"))).then_some(())
            })
            .then_some(names)
        };
        let names = self.attempt(|p| p.called(false)).or_else(|| self.attempt(shall))?;
        names.iter().all(|name| !self.inventory.guests.contains_key(&name.value)).then_some(())
    }

    /// The names right after the noun: “called a”, “a”, “: a, b”, “(a, b)”, “, a, b and c,”.
    pub fn head_names(&mut self, several: bool, plural: bool, count: Option<u64>) -> Option<Vec<Said<String>>> {
        self.attempt(|p| p.called(several)).or_else(|| self.attempt(|p| p.names_of(several, plural))).or_else(|| {
            self.attempt(|p| {
                let bracket = p.mark('(');
                let colon = !bracket && p.ahead(|p| p.mark(':').then_some(()));
                // “vm=a-1”, “vms = [a-1, a-2]”
                let assigned = p.mark('=');
                let bracket = bracket || assigned && p.mark('(');
                if !(bracket
                    || assigned
                    || p.mark(':')
                    || p.mark(',')
                    || p.mark('/')
                    || p.mark('|')
                    || p.mark('–')
                    || p.mark('—'))
                {
                    return None;
                }
                let names = p.names_of(several, plural)?;
                // “1 VM (a-1: 2 cores, …)”
                let introduces = bracket
                    && !assigned
                    && p.ahead(|p| {
                        // “VM(a-1, cores=4)”
                        let listed = names.len() == 1 && p.is_fresh(&names) && p.mark(',');
                        (p.mark(':') || listed && p.item(How::Create).is_some()).then_some(())
                    });
                let enough = names.len() > 1 && count.is_none_or(|count| u64::try_from(names.len()) == Ok(count))
                    || assigned && names.len() == 1
                    || bracket && assigned
                    || bracket && (several || names.len() == 1 && p.looks_like_name(&names[0].value))
                    || colon && count.is_none_or(|count| count == 1) && (p.at_boundary() || names.len() == 1 && p.looks_like_name(&names[0].value) && p.ahead(Self::describes))
                    // “VM, a-1, 2 cores”, “vm:a-1 cores:2”
                    || !bracket && p.is_fresh(&names) && (p.at_boundary() || colon && p.ahead(|p| p.item(How::Create)))
                    // “one more VM, wiki-2: 1 core”
                    || !bracket
                        && count == Some(1)
                        && names.len() == 1
                        && p.looks_like_name(&names[0].value)
                        && (p.at_boundary() || p.ahead(|p| p.mark(':').then_some(())));
                (enough && (!bracket || introduces || p.mark(')'))).then_some(names)
            })
        })
    }

    /// Whether a guest that is made may be called so, where nothing says that it is a name: it is built like one, and neither a part of
    /// a guest nor a node or storage is called so.
    pub fn may_be_made(&self, name: &str) -> bool {
        let lower = name.to_lowercase();
        let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit());
        let part = is_device(&lower) || stem.len() < lower.len() && ["eth", "mp", "vmbr"].contains(&stem);
        let there = self.inventory.nodes.contains(&lower) || self.inventory.storages.contains(&lower);
        self.looks_like_name(name) && !part && !there
    }

    /// Names in a row. Behind “VM” a word after a comma is a further name only where it is built like one: in “VM a-1, cloned from …” it is
    /// none.
    fn names_of(&mut self, several: bool, plural: bool) -> Option<Vec<Said<String>>> {
        let alike = |p: &Self, names: &[Said<String>]| names.iter().skip(1).all(|name| p.may_be_made(&name.value));
        let names = self.attempt(|p| p.names(several).filter(|names| plural || alike(p, names)));
        names.or_else(|| self.names(false))
    }

    /// “called web-01”, “with the name web-01”, “name: web-01”, “its name is web-01”.
    pub fn called(&mut self, several: bool) -> Option<Vec<Said<String>>> {
        self.any(words!("should be|shall be|to be|is|are|be"));
        if !self.any(words!("named|called|i'll call it|we'll call it|let's call it|i'd call it|with the names|with the name|with names|with name|with a name|with a hostname|under the name|by the name|its name is|\
            its name should be|its name shall be|its name will be|the name shall be|the name should be|the name is|their names are|name it|name them|call it|call them|names|name|\
            hostname|with the hostname|with hostname")) {
            return None;
        }
        // “name of archive-1”; “name of the VM” begins another way.
        if matches!(self.last_word(), "name" | "names" | "hostname") && self.any(words!("of")) {
            return self.names(several);
        }
        // “name servers 1.1.1.1 and 9.9.9.9”
        if matches!(self.last_word(), "name") && matches!(self.word(), "server" | "servers") {
            return None;
        }
        self.assigns();
        self.any(words!("is|are"));
        if let Some(names) = self.attempt(|p| p.names(several)) {
            return Some(names);
        }
        let mut names = Vec::new();
        // “called mint-1 and mint-2”, though there are systems of that name
        while names.is_empty() || several && names.last().is_some_and(|last| self.ahead(|p| p.goes_on_like(last))) {
            self.joint();
            let at = self.at;
            let value = self.any_name()?;
            names.push(Said { value, tokens: at..self.at });
        }
        Some(names)
    }

    /// “with VMID 555”, “(id 555)”.
    pub fn vmid(&mut self) -> Option<Item> {
        let open = self.mark('(');
        self.any(words!("at|under"));
        self.any(words!("using|use|with|has|have|gets|as"));
        self.any(words!("the|its|a|an"));
        self.any(words!("vmid|vm id|guest id|ct id|ctid|id")).then_some(())?;
        let _ = self.assigns() || self.any(words!("is|of|number|should be|shall be|must be|will be|to be"));
        let vmid = self.vmid_number()?;
        (!open || self.mark(')')).then_some(Item::Vmid(vmid))
    }

    pub fn vmid_number(&mut self) -> Option<u32> {
        let number = self.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.parse().ok()?;
        self.at += 1;
        self.unit().is_none().then_some(number)
    }
}
