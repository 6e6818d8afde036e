//! What is so or not so of a guest: “start at boot”, “leave it off”, “unprivileged”, “protection on”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::item::Item;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::wordings::{Wordings, words};

impl Parser<'_> {
    /// “start at boot”, “leave it off”, “unprivileged”, “protection on”.
    pub fn flag(&mut self) -> Option<Item> {
        let enabled = self.any(words!("enable|activate|turn on|switch on"));
        let disabled = !enabled && self.any(words!("disable|deactivate|turn off|switch off"));
        let negated = disabled
            || self.any(words!(
                "do not|don't|dont|does not|doesn't|should not|shouldn't|must not|not|no|without|\
            never"
            ));
        self.any(words!("to be|be|is|are|being"));
        let twice = negated && self.any(words!("not|no|never|without"));
        let negated = negated || self.any(words!("not"));
        let (plain, flag) = self
            .attempt(crate::builtin::Parser::at_boot)
            .or_else(|| self.attempt(crate::builtin::Parser::power))
            .or_else(|| self.attempt(crate::builtin::Parser::trait_of_guest))?;
        if negated {
            self.at_all();
        }
        let assigned = self.attempt(|p| {
            let sign = p.assigns() || p.any(words!("to|set to|is|should be"));
            let value = p.yes_or_no()?;
            (sign || !p.done() || p.at_boundary()).then_some(value)
        });
        // Power is no switch of the guest's own that is enabled.
        if (enabled || disabled) && !matches!(plain, Plain::OnBoot | Plain::Protection) {
            return None;
        }
        if assigned.is_none() && (self.mark('=') || self.mark(':')) {
            return None;
        }
        // “not off” and “no autostart: no” say too much at once.
        if twice || negated && (!flag || assigned.is_some()) {
            return None;
        }
        let value = assigned.map_or(flag != negated, |assigned| assigned == flag);
        Some(Item::Plain(plain, Amount::To(Value::Flag(value))))
    }

    pub fn at_boot(&mut self) -> Option<(Plain, bool)> {
        let on = (Plain::OnBoot, true);
        if self.any(words!("autostart|auto-start|auto start|onboot|autostarted|autostarting")) {
            self.any(words!("at boot|on boot"));
            return Some(on);
        }
        if !self.any(words!(
            "fire up|fires up|turn on|turns on|switch on|power up|powers up|powers on|be up|bring up|start|starts|started|starting|boot|boots|booted|booting|power on|come up|comes up|come back|comes back|run"
        )) {
            return None;
        }
        self.any(words!("up"));
        self.any(words!("it|them|both|all|each"));
        let itself = self.by_itself();
        let boot = self.attempt(Self::when_the_host_boots).is_some();
        (itself || boot || self.by_itself()).then_some(on)
    }

    /// “automatically”, “by itself”, “on its own”.
    fn by_itself(&mut self) -> bool {
        const ALONE: [&[&str]; 4] =
            [&["by", "itself"], &["by", "themselves"], &["on", "its", "own"], &["on", "their", "own"]];
        let alone = ALONE.iter().find(|words| (0..words.len()).all(|ahead| self.word_ahead(ahead) == words[ahead]));
        self.at += alone.map_or(0, |words| words.len());
        alone.is_some() || self.any(words!("automatically"))
    }

    /// “at boot”, “with the host”, “whenever the node reboots”, “after a restart of the host”.
    fn when_the_host_boots(&mut self) -> Option<()> {
        const HOST: &Wordings = words!("proxmox host|proxmox node|hosts|nodes|host|node|server|box|machine");
        const BOOTS: &Wordings = words!(
            "boots up|boots|boot|reboots|reboot|restarts|restart|starts up|starts|start|comes up|comes back|does|is rebooted"
        );
        if self.any(words!("with|together with|along with")) {
            self.articles();
            return self.any(HOST).then_some(());
        }
        if self.any(words!("when|whenever|every time|each time")) {
            self.articles();
            return (self.any(HOST) && self.any(BOOTS)).then_some(());
        }
        let after = self.any(words!("after|following"));
        (after || self.any(words!("at|on"))).then_some(())?;
        self.any(words!("every|each|any"));
        self.articles();
        let host = self.any(HOST);
        if !self.any(words!("boot time|boot|startup|start-up")) {
            ((host || after) && self.any(words!("reboot|restart|start"))).then_some(())?;
        }
        let of = self.attempt(|p| {
            p.any(words!("of")).then_some(())?;
            p.articles();
            p.any(HOST).then_some(())
        });
        // “after a reboot” may be the guest’s own.
        (!after || host || of.is_some()).then_some(())
    }

    pub fn power(&mut self) -> Option<(Plain, bool)> {
        let (on, off) = ((Plain::Running, true), (Plain::Running, false));
        if self.any(words!("leave|leaves|keep|stay|stays")) {
            self.any(words!("it|them|both|all"));
            if self.any(words!("powered off|switched off|turned off|shut down|off|stopped")) {
                self.any(words!("for now|at first"));
                return Some(off);
            }
            return self.any(words!("running|powered on|switched on|turned on|started")).then_some(on);
        }
        if self.any(words!("starting it|starting them|booting it|booting them")) {
            return Some(on);
        }
        if self.verb(words!(
            "powered off|powered down|switched off|turned off|stopped|shut down|halted|brought down|taken down"
        )) || matches!(self.last_word(), "be" | "is" | "are") && self.any(words!("off|down"))
        {
            return Some(off);
        }
        let state = matches!(self.last_word(), "be" | "is" | "are");
        if self.verb(words!(
            "started up|started|up and running|running|powered on|powered up|switched on|turned on|booted up|booted|brought up|brought back up"
        )) || state && self.attempt(|p| (p.any(words!("on|up")) && p.at_boundary()).then_some(())).is_some()
        {
            self.at_once();
            return Some(on);
        }
        if !self
            .any(words!("starts|start up|start|boot up|boot|power on|turn on|switch on|power|turn|switch|launch|run"))
        {
            return None;
        }
        let one = self.any(words!("it")) || self.attempt(Self::the_copy).is_some();
        let several = !one
            && self.any(words!("them both|them all|them|both of them|all of them|each of them|all three|both|all"));
        let pronoun = one || several;
        if several && !self.describes_several() {
            return None;
        }
        // “start all VMs …” is about others.
        if pronoun && self.ahead(Self::guest_noun) {
            return None;
        }
        let particle = self.any(words!("up|on"));
        let soon = self.at_once();
        let verb_alone = pronoun
            || soon
            || particle
            || self.at_boundary()
            || self.peek(0).is_some_and(|t| t.text == "=" || t.text == ":");
        verb_alone.then_some(on)
    }

    /// “… and start the copy”, “… and power the new VM on”, behind the one that is made.
    fn the_copy(&mut self) -> Option<()> {
        let made = match self.drafts.last() {
            Some(Draft::Clone(copy)) => copy.names.len() == 1,
            Some(Draft::Create(group)) => {
                !group.plural && group.members.len() < 2 && self.word() == "the" && self.word_ahead(1) == "new"
            }
            _ => false,
        };
        let said = made
            && self.any(words!("the clone|the copy|the new one|the new vm|the new container|the new machine"))
            && (self.at_boundary() || self.ahead(|p| (p.any(words!("up|on")) && p.at_boundary()).then_some(())));
        said.then_some(())
    }

    /// Words for “now”, which is when everything is done anyway.
    pub fn at_once(&mut self) -> bool {
        let mut said = false;
        while self.any(words!(
            "right now|now|immediately|right away|directly|straight away|at once|yet|too|as well|\
            after creation|after creating it|after creating|after create|afterwards|once created|when done|when ready|for now|at first"
        )) || self.attempt(Self::as_soon_as_it_is_there).is_some()
        {
            said = true;
        }
        said
    }

    /// “as soon as it exists”, “once they are ready”, “once done”
    fn as_soon_as_it_is_there(&mut self) -> Option<()> {
        const ALONE: [&str; 6] = ["created", "ready", "made", "done", "built", "finished"];
        let after = self.word() == "after";
        self.any(words!("as soon as|once|when|after")).then_some(())?;
        let alone = !self.verb(words!("it's|it|they're|they|both are|all are|all three are"));
        self.any(words!("'s|is|are|has been|have been"));
        let there = ALONE.contains(&self.word()) && !(alone && after)
            || !alone && ["exists", "exist", "there", "set", "up"].contains(&self.word());
        self.at += usize::from(there);
        there.then_some(())
    }

    pub fn trait_of_guest(&mut self) -> Option<(Plain, bool)> {
        if self.any(words!("unprivileged")) {
            return Some((Plain::Unprivileged, true));
        }
        if self.any(words!("privileged")) {
            return Some((Plain::Unprivileged, false));
        }
        self.verb(words!(
            "safe from accidental deletion|safe against accidental deletion|safe from deletion|safe against deletion|safe from being deleted|\
             protected from accidental deletion|protected against accidental deletion|protected from deletion|protected against deletion|\
             protected from being deleted|delete protection|deletion protection|protected|protection"
        ))
        .then_some((Plain::Protection, true))
    }

    /// Whether what is said goes for several guests that were just spoken of.
    fn describes_several(&self) -> bool {
        match self.drafts.last() {
            Some(Draft::Create(group)) => group.plural && group.focus.is_empty(),
            Some(Draft::Clone(copy)) => copy.names.len() > 1,
            Some(draft) => draft.targets().len() > 1,
            None => false,
        }
    }
}
