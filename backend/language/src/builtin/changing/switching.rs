//! What is switched on or off, taken away or put in: “enable nesting”, “remove the CPU limit”, “insert local:iso/debian.iso”.

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::reading::Amount;

use super::change::Wish;
use super::verbs::MODAL;
use crate::builtin::Parser;
use crate::builtin::said::fields::Named;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::named::Noun;
use crate::builtin::said::nic::NicRef;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};
use crate::lexer::{Token, TokenKind};

/// Where a CD is put into.
const DRIVE: &Wordings = words!(
    "virtual cd drive|cd-rom drive|cdrom drive|cd drive|dvd drive|drive|cd-rom|cdrom|cd|dvd|iso image|iso file|iso|disc"
);

impl Parser<'_> {
    /// “protect db-1”, “enable autostart for web-01”, “start web-01 at boot”, “turn off protection on x”.
    pub fn switching(&mut self) -> Option<Wish> {
        let rules = [
            Self::protecting,
            Self::at_boot_of,
            Self::turning,
            Self::taken_off,
            Self::enabling,
            Self::fronted,
            Self::booting_from,
        ];
        let (targets, items) = rules.into_iter().find_map(|rule| self.attempt(rule))?;
        Some((targets, items, How::Set))
    }

    /// “protect db-1 from deletion”, “lock db-1 against accidental removal”
    fn protecting(&mut self) -> Option<(Targets, Vec<Said<Item>>)> {
        let start = self.at;
        let locks = self.any(words!("lock"));
        let off = !locks && self.any(words!("unprotect"));
        (locks || off || self.any(words!("protect"))).then_some(())?;
        let tokens = start..self.at;
        let targets = self.targets()?;
        let against = self.any(words!("from|against"));
        let _ = against && self.verb(words!("accidental|any"));
        let deletion = against && self.any(words!("being deleted|being removed|deletion|removal"));
        // To lock a guest against anything else means something else.
        (deletion || !against && !locks).then_some(())?;
        self.attempt(|p| {
            p.mark('(').then_some(())?;
            p.any(words!("protection")).then_some(())?;
            p.box_to_tick();
            p.mark(')').then_some(())
        });
        self.any(words!("again"));
        let value = Item::Plain(Plain::Protection, Amount::To(Value::Flag(!off)));
        Some((targets, vec![Said { value, tokens }]))
    }

    /// “start web-01 at boot”, “don’t autostart web-01”, “stop test-1 from starting at boot”
    fn at_boot_of(&mut self) -> Option<(Targets, Vec<Said<Item>>)> {
        if let Some(wish) = self.attempt(Self::neither_at_boot) {
            return Some(wish);
        }
        let start = self.at;
        let stops = self.any(words!("stop|keep|prevent"));
        let negated = !stops && self.any(words!("do not|don't|dont|never"));
        let at = self.at;
        let automatic = !stops && self.any(words!("autostart|auto-start"));
        (stops || automatic || self.any(words!("start|boot"))).then_some(())?;
        let targets = self.targets()?;
        if stops {
            self.any(words!("from")).then_some(())?;
            self.at_boot()?;
        } else {
            let automatic = self.any(words!("automatically")) || automatic;
            let boot =
                self.any(words!("at boot|on boot|at startup|with the host|with the node|at host boot|on host boot"));
            (automatic || boot).then_some(())?;
        }
        if negated {
            self.any(words!("any more|anymore|any longer"));
        }
        let value = Item::Plain(Plain::OnBoot, Amount::To(Value::Flag(!negated && !stops)));
        let start = if negated || stops { start } else { at };
        Some((targets, vec![Said { value, tokens: start..self.at }]))
    }

    /// “neither web-01 nor web-02 should start at boot”
    fn neither_at_boot(&mut self) -> Option<(Targets, Vec<Said<Item>>)> {
        let start = self.at;
        self.any(words!("neither")).then_some(())?;
        let mut targets = Vec::new();
        loop {
            let Targets::Old(more) = self.targets()? else { return None };
            targets.extend(more);
            self.mark(',');
            if !self.any(words!("nor|or")) {
                break;
            }
        }
        self.any(MODAL).then_some(())?;
        let (plain, _) = self.at_boot()?;
        let value = Item::Plain(plain, Amount::To(Value::Flag(false)));
        Some((Targets::Old(targets), vec![Said { value, tokens: start..self.at }]))
    }

    /// “boot test-1 from net0 first, then from scsi0”
    fn booting_from(&mut self) -> Option<(Targets, Vec<Said<Item>>)> {
        self.any(words!("boot|start")).then_some(())?;
        let targets = self.targets()?;
        self.ahead(|p| p.any(words!("from|first from")).then_some(())).then_some(())?;
        let start = self.at;
        let value = Item::Plain(Plain::BootOrder, Amount::To(self.shaped(Named::Plain(Plain::BootOrder))?));
        Some((targets, vec![Said { value, tokens: start..self.at }]))
    }

    /// “turn the firewall on for web-01”
    fn turning(&mut self) -> Option<(Targets, Vec<Said<Item>>)> {
        self.verb(words!("turn|switch|flip|put")).then_some(())?;
        self.any(words!("the"));
        let start = self.at;
        let noun = self.noun()?;
        self.box_to_tick();
        let on = self.any(words!("on|back on"));
        (on || self.any(words!("off"))).then_some(())?;
        let value = noun.switched(on)?;
        let tokens = start..self.at;
        self.any(words!("again"));
        let targets = self.of_targets(words!("for|on|of|in"))?;
        let items = self.of_its_parts(vec![value]);
        Some((targets, items.into_iter().map(|value| Said { value, tokens: tokens.clone() }).collect()))
    }

    /// “take the protection off”, of whom the sentence addresses
    fn taken_off(&mut self) -> Option<(Targets, Vec<Said<Item>>)> {
        self.any(words!("take")).then_some(())?;
        self.any(words!("the"));
        let start = self.at;
        let noun = self.noun()?;
        self.box_to_tick();
        self.any(words!("off")).then_some(())?;
        let value = noun.switched(false)?;
        let tokens = start..self.at;
        self.any(words!("again"));
        Some((self.addressee()?, vec![Said { value, tokens }]))
    }

    /// “enable nesting and keyctl on cache”, “enable db-1’s NUMA”, “tick the firewall checkbox of net0 of web-01”
    fn enabling(&mut self) -> Option<(Targets, Vec<Said<Item>>)> {
        let ticks = self.verb(words!("tick|check|set"));
        let on = ticks || self.any(words!("enable|activate|turn on|switch on|allow"));
        (on || self.verb(words!("disable|deactivate|turn off|switch off|untick|uncheck|forbid"))).then_some(())?;
        let (allows, checks) = (matches!(self.last_word(), "allow" | "forbid"), self.last_word() == "check");
        let owner = self.attempt(|p| p.owner().filter(|owner| p.known(owner)));
        self.articles();
        let start = self.at;
        let switches = self.switches(on)?;
        // To check the agent is to look at it.
        let boxed = self.box_to_tick();
        let plain = switches.iter().all(|item| matches!(item, Item::Plain(..)));
        (boxed || !checks && (plain || !allows)).then_some(())?;
        let tokens = start..self.at;
        self.any(words!("again"));
        let said = |items: Vec<Item>| items.into_iter().map(|value| Said { value, tokens: tokens.clone() }).collect();
        if let Some(owner) = owner {
            return Some((owner, said(switches)));
        }
        // “switch on the firewall for both NICs of web-01”
        let items: Vec<Said<Item>> = said(switches.clone());
        if let Some((items, targets)) = self.attempt(|p| p.for_a_part(&items)) {
            return Some((targets, items));
        }
        let targets = self.of_targets(words!("for|on|of|from|inside|in"))?;
        Some((targets, said(self.of_its_parts(switches))))
    }

    /// “nesting: disable it on cache”, “nesting and keyctl of cache: turn them on”
    fn fronted(&mut self) -> Option<(Targets, Vec<Said<Item>>)> {
        const ON: &Wordings = words!(
            "enable it|enable them|enable both|activate it|activate them|turn it on|turn them on|turn both on|switch it on|switch them on|switch both on"
        );
        const OFF: &Wordings = words!(
            "disable it|disable them|disable both|deactivate it|deactivate them|turn it off|turn them off|turn both off|switch it off|switch them off|\
             switch both off"
        );
        const WHOSE: &Wordings = words!("for|on|of|in|inside");
        /// The farthest mark behind what is switched: whoever lists more switches says first what is done.
        const NEAR: usize = 8;
        let announces = |token: &Token| matches!(token.kind, TokenKind::Mark(':' | '–' | '—'));
        (0..NEAR).any(|ahead| self.peek(ahead).is_some_and(announces)).then_some(())?;
        [(true, ON), (false, OFF)].into_iter().find_map(|(on, verb)| {
            self.attempt(|p| {
                let start = p.at;
                p.articles();
                let switches = p.switches(on)?;
                let owner = p.attempt(|p| if p.any(WHOSE) { p.targets() } else { None });
                (p.mark(':') || p.mark('–') || p.mark('—')).then_some(())?;
                p.any(verb).then_some(())?;
                let tokens = start..p.at;
                p.any(words!("again"));
                let targets = match owner {
                    Some(owner) => owner,
                    None => p.of_targets(WHOSE)?,
                };
                let items = p.of_its_parts(switches);
                Some((targets, items.into_iter().map(|value| Said { value, tokens: tokens.clone() }).collect()))
            })
        })
    }

    /// “flag”, “checkbox”, behind what is switched.
    pub fn box_to_tick(&mut self) -> bool {
        self.verb(words!("flag|option|checkbox|check box|box|tick box|setting|feature|switch"))
    }

    /// “remove the CPU limit of web-01”, “unset web-01’s VLAN”, “untag net0 of web-01”.
    pub fn clearing(&mut self) -> Option<Wish> {
        let start = self.at;
        if self.any(words!("untag")) {
            // “untag web-01” takes its tags, “untag net0 of web-01” the VLAN.
            let Some((NicRef(number), targets)) = self.nic_of_targets(words!("of|on")) else {
                let targets = self.targets().filter(|targets| self.known(targets))?;
                let value = Noun::Plain(Plain::Tags).switched(false)?;
                return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
            };
            let value = Item::nic(NicPart::Vlan, Value::Count(0)).of_nic(number);
            return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
        }
        // To clear a cache is rather a deed within the guest than a mode of its disk.
        let empties = matches!(self.word(), "clear" | "drop" | "reset");
        let deletes = self.verb(words!("delete|get rid of|strip|scrap|cancel"));
        (deletes || self.any(words!("remove|unset|clear|drop|reset|take|lift"))).then_some(())?;
        // “I want delete protection on db-1” names it.
        if self.last_word() == "delete" && self.word() == "protection" {
            return None;
        }
        let (noun, targets) = self
            .attempt(|p| {
                let all = p.any(words!("all of the|all the|all"));
                let noun = p.noun().filter(|noun| !all || *noun == Noun::Plain(Plain::Tags))?;
                let targets = p.of_targets(words!("from|off of|off|of|on|for|in"))?;
                Some((p.of_its_part(noun), targets))
            })
            .or_else(|| {
                self.attempt(|p| {
                    let targets = p.owner()?;
                    // “strip web-01 of all its tags”
                    let _ = deletes && p.any(words!("of all its|of all their|of all|of its|of their|of"));
                    Some((p.noun()?, targets))
                })
            })?;
        self.any(words!("away"));
        if empties && matches!(noun, Noun::DiskPart(_, DiskPart::Cache)) {
            return None;
        }
        // Backups that are removed are files, not a flag.
        let flag_of_none = matches!(noun, Noun::DiskPart(None, DiskPart::Backup));
        // So may be what is deleted of a pool or HA.
        let around = deletes && matches!(noun, Noun::Plain(Plain::Pool | Plain::Ha));
        let value = noun.switched(false).filter(|_| !flag_of_none && !around)?;
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “insert local:iso/debian.iso into web-01”, “eject the CD of web-01”.
    pub fn changing_the_cd(&mut self) -> Option<Wish> {
        let start = self.at;
        let (targets, volume) = self.attempt(Self::ejecting).or_else(|| self.attempt(Self::inserting))?;
        let value = Item::Plain(Plain::Cdrom, Amount::To(Value::Text(volume)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “eject the CD of web-01”, “take the ISO out of its drive”
    fn ejecting(&mut self) -> Option<(Targets, String)> {
        let disc = words!("iso image|iso file|iso|disc");
        let from = if self.any(words!("eject")) {
            words!("of|from|in|on")
        } else {
            // To remove a drive is more than to take out what is in it.
            let takes = self.any(words!("take|pull"));
            (takes || self.any(words!("remove"))).then_some(())?;
            let disc = |p: &mut Self| {
                p.any(words!("the"));
                (p.any(disc) || takes && p.any(words!("cd|dvd"))).then_some(())
            };
            self.ahead(disc).then_some(())?;
            words!("out of|from")
        };
        let targets = self
            .attempt(|p| {
                p.any(words!("the"));
                p.any(DRIVE).then_some(())?;
                p.of_targets(from)
            })
            .or_else(|| {
                self.attempt(|p| {
                    let targets = p.owner()?;
                    p.any(DRIVE).then_some(targets)
                })
            })?;
        self.attempt(|p| (p.any(words!("'s")) && p.any(DRIVE)).then_some(()));
        Some((targets, "none".to_owned()))
    }

    /// “local:iso/debian-12.iso”, “debian-12.iso”
    fn iso(&mut self) -> Option<String> {
        let volume = self.peek(0).filter(|token| token.text.contains(":iso/")).map(|token| token.text.to_string());
        self.at += usize::from(volume.is_some());
        volume.or_else(|| self.iso_by_name())
    }

    /// “Debian 12 ISO”, where a file is called `debian-12.iso`.
    fn iso_by_system(&mut self) -> Option<String> {
        let system = self.system()?.to_lowercase().replace(' ', "-");
        self.any(words!("iso image|iso file|iso")).then_some(())?;
        let volumes = self.inventory.isos.get(&format!("{system}.iso"))?;
        volumes.first().filter(|_| volumes.len() == 1).cloned()
    }

    /// “insert local:iso/debian.iso into web-01”
    fn inserting(&mut self) -> Option<(Targets, String)> {
        self.any(words!("insert|load|put|mount|attach|add")).then_some(())?;
        self.any(words!("the"));
        self.any(DRIVE);
        let volume = self.attempt(Self::iso).or_else(|| self.attempt(Self::iso_by_system))?;
        self.any(words!("as a cd|as cd|as the cd"));
        self.any(words!("into|in|to|on|for")).then_some(())?;
        let targets = self
            .attempt(|p| {
                p.any(words!("the|a"));
                p.any(DRIVE).then_some(())?;
                p.of_targets(words!("of|in|on"))
            })
            .or_else(|| {
                self.attempt(|p| {
                    let targets = p.owner()?;
                    p.any(DRIVE);
                    Some(targets)
                })
            })?;
        Some((targets, volume))
    }
}
