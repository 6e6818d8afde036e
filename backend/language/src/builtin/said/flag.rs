//! What is so or not so of a guest: “start at boot”, “leave it off”, “unprivileged”, “protection on”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::item::Item;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “start at boot”, “leave it off”, “unprivileged”, “protection on”.
    pub fn flag(&mut self) -> Option<Item> {
        let enabled = self.any(words!("enable|activate"));
        let disabled = !enabled && self.any(words!("disable|deactivate"));
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
        let assigned = self.attempt(|p| {
            let sign = p.mark('=') || p.mark(':');
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
        if !self.any(words!("start|starts|started|starting|boot|boots|booted|booting|power on|come up|comes up|run")) {
            return None;
        }
        self.any(words!("up"));
        self.any(words!("it|them|both|all|each"));
        let itself = self.any(words!("automatically"));
        let boot = self.any(words!(
            "at boot time|at boot|on boot|at startup|on startup|at host boot|on host boot|\
            at node boot|with the host|with the node|with its node|with its host|when the host boots|\
            when the node boots|when the host starts|when the node starts|when the host does|when the node does|\
            after a host reboot|after a node reboot|after a reboot of the host|after a reboot of the node|after a host restart"
        ));
        (itself || boot || self.any(words!("automatically"))).then_some(on)
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
        if self.any(words!("powered off|switched off|turned off|stopped|shut down"))
            || matches!(self.last_word(), "be" | "is" | "are") && self.any(words!("off"))
        {
            return Some(off);
        }
        if self.any(words!("started|up and running|running|powered on|switched on|turned on|booted")) {
            self.at_once();
            return Some(on);
        }
        if !self
            .any(words!("starts|start up|start|boot up|boot|power on|turn on|switch on|power|turn|switch|launch|run"))
        {
            return None;
        }
        let one = self.any(words!("it"));
        let several = !one && self.any(words!("them both|them all|them|both of them|all of them|both|all"));
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

    /// Words for “now”, which is when everything is done anyway.
    pub fn at_once(&mut self) -> bool {
        let mut said = false;
        while self.any(words!(
            "right now|now|immediately|right away|directly|straight away|at once|yet|too|as well|\
            after creation|afterwards|once created|when done|once it is created|after creating it|for now"
        )) {
            said = true;
        }
        said
    }

    pub fn trait_of_guest(&mut self) -> Option<(Plain, bool)> {
        if self.any(words!("unprivileged")) {
            return Some((Plain::Unprivileged, true));
        }
        if self.any(words!("privileged")) {
            return Some((Plain::Unprivileged, false));
        }
        self.any(words!(
            "protected from deletion|protected against deletion|delete protection|deletion protection|\
            protected|protection"
        ))
        .then_some((Plain::Protection, true))
    }

    /// Whether what is said goes for several guests that were just spoken of.
    fn describes_several(&self) -> bool {
        match self.drafts.last() {
            Some(Draft::Create(group)) => group.plural && group.focus.is_none(),
            Some(Draft::Clone(copy)) => copy.names.len() > 1,
            Some(draft) => draft.targets().len() > 1,
            None => false,
        }
    }
}
