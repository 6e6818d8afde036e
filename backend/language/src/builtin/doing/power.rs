//! Verbs of deeds that need nothing but guests, wherever they stand: “shut down web-01”, “bring test-1 up”, “web-02: restart”,
//! “need test-1 up”, “old-backup must be deleted”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Deed, Sourced};

use super::errand::Errand;
use crate::builtin::Parser;
use crate::builtin::changing::change::Wish;
use crate::builtin::drafting::draft::{Change, Draft};
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::named::Noun;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};
use crate::lexer::{Token, TokenKind};

const START: &Wordings = words!(
    "start up|start|power on|power up|turn on|switch on|boot up|boot|fire up|bring up|bring back up|bring online|wake up"
);
/// Verbs that start the guests there are, and make others.
const LAUNCH: &Wordings = words!("spin up|launch");
const SHUT_DOWN: &Wordings = words!(
    "stop|shut down|shutdown|shut off|power off|power-off|power down|turn off|switch off|halt|bring down|take down"
);
const STOP: &Wordings = words!("force-stop|hard-stop|hard stop|kill|pull the plug on|pull the plug of");
const REBOOT: &Wordings = words!("reboot|restart|power cycle|power-cycle|bounce");
const SUSPEND: &Wordings = words!("suspend|pause");
const RESUME: &Wordings = words!("resume|unpause|continue");
const DELETE: &Wordings =
    words!("delete|destroy|remove|get rid of|tear down|throw away|throw out|scrap|trash|dispose of|do away with");
const ADOPT: &Wordings = words!("adopt|take over|take control of|manage");

/// What a guest is then.
const UP: &Wordings = words!(
    "back up and running|up and running|back up again|back up|up again|back online|back on|on again|online|running|up|on"
);
const DOWN: &Wordings = words!("off again|down again|down|off");

/// Verbs in two parts, and what their second part is.
const PARTED: [(&Wordings, &Wordings, Deed); 8] = [
    (words!("power|turn|switch"), words!("back on|on again|on"), Deed::Start),
    (
        words!("power|bring|fire|boot|spin|start"),
        words!("back up and running|up and running|back up again|back up|up again|back online|online|up"),
        Deed::Start,
    ),
    (words!("power|turn|switch|shut"), words!("off again|off"), Deed::Shutdown { within: None }),
    (words!("power|turn|switch|shut|bring|take"), words!("down again|down"), Deed::Shutdown { within: None }),
    (words!("take"), words!("over"), Deed::Adopt),
    (words!("force"), words!("to stop|to shut down|to power off|off|down"), Deed::Stop),
    (words!("throw"), words!("away|out"), Deed::Delete),
    (words!("put|send"), words!("to sleep|into suspend|into suspension|into standby"), Deed::Suspend),
];

/// How a guest is stopped that is not shut down.
pub const FORCEFULLY: &Wordings = words!("forcefully|forcibly|by force|hard|the hard way");

/// How a guest is shut down anyway.
const GENTLY: [&str; 6] = ["gracefully", "cleanly", "properly", "gently", "nicely", "softly"];

/// Verbs that say too little of what is done, so that it must stand in brackets behind the guests.
const PUT_AWAY: [&str; 7] = ["park", "shelve", "retire", "decommission", "sunset", "mothball", "kick"];

impl Parser<'_> {
    /// The deed that a verb asks for: “shut down”, “bounce”.
    pub fn asked_for(&mut self) -> Option<Deed> {
        if self.any(STOP) {
            return Some(Deed::Stop);
        }
        let verbs = [
            (START, Deed::Start),
            (SHUT_DOWN, Deed::Shutdown { within: None }),
            (REBOOT, Deed::Reboot),
            (SUSPEND, Deed::Suspend),
            (RESUME, Deed::Resume),
            (DELETE, Deed::Delete),
            (ADOPT, Deed::Adopt),
        ];
        verbs.into_iter().find_map(|(said, deed)| self.any(said).then_some(deed))
    }

    /// “up and running”, “off”: the deed that makes it so.
    pub fn up_or_down(&mut self) -> Option<Deed> {
        if self.any(UP) {
            return Some(Deed::Start);
        }
        self.any(DOWN).then_some(Deed::Shutdown { within: None })
    }

    /// “…, but gently”, “… (clean shutdown)”
    fn gently(&mut self) -> bool {
        let word = |p: &mut Self| {
            p.mark(',');
            p.any(words!("but|and"));
            GENTLY.contains(&p.word()).then(|| p.at += 1)
        };
        let bracket = |p: &mut Self| {
            p.mark('(').then_some(())?;
            p.any(words!("clean shutdown|graceful shutdown|proper shutdown")).then_some(())?;
            p.mark(')').then_some(())
        };
        self.attempt(word).or_else(|| self.attempt(bracket)).is_some()
    }

    /// “gracefully shut down web-01 within 5 minutes”, “delete test-1 with its disks”, “start test-1 with 2 cores”.
    pub fn verb_ahead(&mut self) -> Option<Draft> {
        let start = self.at;
        // “To delete: test-1, test-2”
        self.any(words!("to"));
        let gently = self.gently();
        let for_good = !gently && self.any(words!("permanently|completely"));
        let force = !gently && self.any(words!("hard|forcefully|forcibly|force"));
        let deed = if force {
            self.any(words!("-"));
            let off = self.any(words!("to stop|stop|power off|shut down|shutdown|off"));
            off.then_some(Deed::Stop)?
        } else if self.any(words!("stop and delete|stop and then delete|stop and destroy|stop and remove")) {
            Deed::Delete
        } else if self.any(LAUNCH) {
            let known = self.ahead(|p| p.targets().filter(|targets| p.known(targets)));
            known.then_some(Deed::Start)?
        } else {
            self.asked_for().or_else(|| self.minded())?
        };
        // “turn on the guest agent” is said of somebody’s field.
        let switches = (start..self.at).any(|at| matches!(self.word_at(at), "turn" | "switch"));
        let field = |p: &mut Self| {
            p.articles();
            let noun = p.noun().filter(|noun| matches!(noun, Noun::Plain(_)))?;
            p.at_boundary().then_some(noun)
        };
        if switches && self.ahead(field) && !self.names_something() {
            return None;
        }
        if gently && !matches!(deed, Deed::Shutdown { .. }) || for_good && deed != Deed::Delete {
            return None;
        }
        let alone = |p: &mut Self| p.listed_targets().filter(|_| !p.ahead(Self::goes_on_as_a_subject));
        let targets = self.attempt(alone).or_else(|| self.attempt(Self::before_a_subject))?;
        let deed = match deed {
            Deed::Shutdown { .. } if self.any(FORCEFULLY) => Deed::Stop,
            Deed::Shutdown { .. } | Deed::Stop if self.attempt(Self::forced_in_brackets).is_some() => Deed::Stop,
            Deed::Shutdown { .. } => {
                self.gently();
                Deed::Shutdown { within: self.attempt(Self::within) }
            }
            Deed::Delete => {
                self.with_its_disks();
                Deed::Delete
            }
            other => other,
        };
        if matches!(deed, Deed::Start | Deed::Reboot)
            && let Some(items) = self.attempt(Self::with_other_sizes)
        {
            let tokens = start..self.at;
            let Targets::Old(targets) = &targets else { return None };
            targets.iter().all(|target| !self.is_new(target)).then_some(())?;
            self.drafts.push(Draft::Change(Change { tokens, targets: targets.clone(), items, how: How::Give }));
        }
        self.any(words!("again|right now|now|right away|for me|afterwards|too|as well|there"));
        // Where nothing was said before, nobody knows after what.
        let _ = !self.drafts.is_empty() && self.any(words!("after that"));
        self.doing(start, targets, deed)
    }

    /// “(force stop)”, “(hard)”, behind whom is stopped
    fn forced_in_brackets(&mut self) -> Option<()> {
        self.mark('(').then_some(())?;
        (self.verb(words!("force stop|force-stop|forced stop|hard stop|hard-stop|hard|forced|force"))
            || self.any(FORCEFULLY))
        .then_some(())?;
        self.mark(')').then_some(())
    }

    fn goes_on_as_a_subject(&mut self) -> Option<()> {
        self.any(words!("should|must|shall|needs|has to|gets|can|may|is to")).then_some(())
    }

    /// “web-01” in “reboot web-01 and test-1 should be started”.
    fn before_a_subject(&mut self) -> Option<Targets> {
        let (start, end) = (self.at, self.end);
        self.listed_targets()?;
        let parts = |token: &Token| token.word == "and" || matches!(token.kind, TokenKind::Mark(',' | '&'));
        let joint = start + self.tokens[start..self.at].iter().rposition(parts)?;
        (self.at, self.end) = (start, joint);
        let targets = self.listed_targets().filter(|_| self.done());
        self.end = end;
        targets
    }

    /// “start test-1 with 2 cores”
    fn with_other_sizes(&mut self) -> Option<Vec<Said<Item>>> {
        let counts =
            |item: &Said<Item>| matches!(item.value, Item::Plain(Plain::Cores | Plain::Memory | Plain::Swap, _));
        self.any(words!("with")).then_some(())?;
        self.items(How::Give).filter(|items| items.iter().all(counts))
    }

    /// “… completely”, “… including all its disks”, “… from the cluster” behind whom is deleted: it is so anyway.
    pub fn with_its_disks(&mut self) {
        if self.any(words!("completely|permanently|for good|from the cluster")) {
            return;
        }
        self.attempt(|p| {
            p.mark(',');
            p.any(words!("together with|along with|with|including|and")).then_some(())?;
            p.any(words!("all of its|all of their|all its|all their|its|their|the|all"));
            p.any(words!("disks|disk|data|volumes|storage")).then_some(())?;
            p.at_boundary().then_some(())
        });
    }

    /// “power test-2 on”, “turn web-01 off”, “shut web-01 down gently”, “take web-01 over”.
    pub fn parted_verb(&mut self) -> Option<Draft> {
        let start = self.at;
        let verb = PARTED.into_iter().any(|(verb, ..)| self.ahead(|p| p.any(verb).then_some(())));
        verb.then_some(())?;
        self.at += 1;
        let targets = self.targets()?;
        let deed = PARTED.into_iter().find_map(|(verb, second, deed)| {
            let end = std::mem::replace(&mut self.at, start);
            let fits = self.any(verb);
            self.at = end;
            (fits && self.any(second)).then_some(deed)
        })?;
        let deed = match deed {
            Deed::Shutdown { .. } if self.any(FORCEFULLY) => Deed::Stop,
            Deed::Shutdown { .. } => {
                self.gently();
                Deed::Shutdown { within: self.attempt(Self::within) }
            }
            deed => deed,
        };
        self.any(words!("again|right now|now|right away"));
        self.doing(start, targets, deed)
    }

    /// “within 5 minutes”, “with a timeout of 90 s”.
    fn within(&mut self) -> Option<Sourced<u64>> {
        let _ = self.mark(',') || self.mark('(');
        let start = self.at;
        let said = self.any(words!(
            "within at most|within|in at most|in no more than|with a timeout of|with a time-out of|with timeout|\
            with a time limit of|with a limit of|with a deadline of|timeout"
        ));
        let _ = said && (self.mark('=') || self.mark(':'));
        let seconds = said.then(|| self.seconds())?.filter(|seconds| *seconds > 0)?;
        let source = self.source(&(start..self.at));
        self.mark(')');
        Some(Sourced::new(seconds, source))
    }

    /// “give web-01 5 minutes to shut down”
    pub fn time_to_stop(&mut self) -> Option<Draft> {
        let start = self.at;
        if !self.any(words!("give|allow")) {
            return None;
        }
        let targets = self.targets()?;
        let at = self.at;
        let seconds = self.seconds().filter(|seconds| *seconds > 0)?;
        let within = Some(Sourced::new(seconds, self.source(&(at..self.at))));
        self.any(words!("to shut down|to shutdown|to stop|to power off")).then_some(())?;
        self.doing(start, targets, Deed::Shutdown { within })
    }

    /// “web-01 reboot”, “db-1 → reboot”, “test-3: delete”.
    pub fn verb_behind(&mut self) -> Option<Draft> {
        let start = self.at;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        // “web-01 (pve1): reboot”
        if let Targets::Old(targets) = &targets {
            self.attempt(|p| p.where_they_are(targets));
        }
        let sign = self.mark(':') || self.mark('–') || self.any(words!("->|→|=>"));
        let _ = sign && self.any(words!("just"));
        // “web-01: live migration to pve2”, “wiki backup to nas”
        if let Some(draft) = self.attempt(|p| {
            let errand = p.noun_of_errand()?;
            let telegram = matches!(errand, Errand::Backup | Errand::Rollback | Errand::Migration);
            (sign || telegram).then_some(())?;
            let at = p.at;
            let draft = p.complete(start, targets.clone(), errand)?;
            // “web-01 backup” alone may be a heading.
            (sign || p.at > at).then_some(())?;
            p.any(words!("required|needed|requested|wanted"));
            p.manner();
            p.at_boundary().then_some(draft)
        }) {
            return Some(draft);
        }
        let deed = self.asked_for()?;
        self.any(words!("required|needed|requested|wanted"));
        let plain = matches!(deed, Deed::Reboot | Deed::Start | Deed::Shutdown { .. });
        let plain = plain || sign && matches!(deed, Deed::Suspend | Deed::Resume | Deed::Stop);
        (plain || sign && deed == Deed::Delete).then_some(())?;
        self.manner();
        self.at_boundary().then_some(())?;
        self.doing(start, targets, deed)
    }

    /// “runner-1 and runner-2 up, runner-3 down”. One guest that is up, or only down, may be what somebody tells.
    pub fn up_and_down(&mut self) -> Option<Draft> {
        let pair = |p: &mut Self| {
            let start = p.at;
            let targets = p.targets().filter(|targets| p.known(targets))?;
            let _ = p.mark(':') || p.any(words!("->|→|=>"));
            let deed = p.up_or_down().filter(|_| p.at_boundary())?;
            p.doing(start, targets, deed)
        };
        let first = pair(self)?;
        // “web-01 down” may be what somebody found.
        let alone = matches!(self.last_word(), "on" | "off");
        let mut pairs = vec![first];
        while let Some(next) = self.attempt(|p| {
            p.joint().then_some(())?;
            pair(p)
        }) {
            pairs.push(next);
        }
        let starts = pairs.iter().any(|draft| matches!(draft, Draft::Do(doing) if doing.deed == Deed::Start));
        let last = pairs.pop().filter(|_| if pairs.is_empty() { alone } else { starts })?;
        self.drafts.extend(pairs);
        Some(last)
    }

    /// “park runner-3 for now (clean shutdown)”, “retire test-1 for good (delete)”: what it means stands in brackets.
    pub fn explained(&mut self) -> Option<Draft> {
        let start = self.at;
        PUT_AWAY.contains(&self.word()).then_some(())?;
        let kicked = self.word() == "kick";
        self.at += 1;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        self.any(words!("for now|for good"));
        self.mark('(').then_some(())?;
        self.any(words!("clean|graceful|proper"));
        let it = |p: &mut Self| p.any(words!("it|them|both")).then_some(());
        let parted = |p: &mut Self| {
            p.any(words!("shut|power|turn|switch")).then_some(())?;
            it(p)?;
            p.any(words!("down|off")).then_some(Deed::Shutdown { within: None })
        };
        let deed = self.attempt(parted).or_else(|| self.attempt(Self::asked_for))?;
        let fits = match deed {
            Deed::Reboot => kicked,
            Deed::Shutdown { .. } | Deed::Delete | Deed::Suspend => !kicked,
            _ => false,
        };
        fits.then_some(())?;
        it(self);
        self.gently();
        self.any(words!("please"));
        self.mark(')').then_some(())?;
        self.doing(start, targets, deed)
    }

    /// “…, don’t shut it down”: what the deed before does not do anyway.
    pub fn not_that(&mut self, done: &Deed) -> Option<()> {
        self.mark(',');
        self.any(words!("but"));
        self.any(words!("don't|dont|do not|not")).then_some(())?;
        let it = words!("it|them|both");
        let parted = |p: &mut Self| {
            p.any(words!("shut|power|turn|switch")).then_some(())?;
            p.any(it).then_some(())?;
            p.any(words!("down|off")).then_some(Deed::Shutdown { within: None })
        };
        let other = self.attempt(parted).or_else(|| {
            self.attempt(|p| {
                let deed = p.asked_for()?;
                p.any(it).then_some(deed)
            })
        })?;
        let spared = matches!(
            (done, other),
            (Deed::Suspend, Deed::Shutdown { .. } | Deed::Stop | Deed::Delete)
                | (Deed::Shutdown { .. } | Deed::Reboot | Deed::Snapshot { .. } | Deed::Migrate { .. }, Deed::Delete)
                | (Deed::Reboot, Deed::Shutdown { .. })
                | (Deed::Shutdown { .. }, Deed::Stop)
        );
        (spared && self.at_boundary()).then_some(())
    }

    /// “keep db-1 running”, “leave web-02 off”: how a guest is, and shall be.
    pub fn keeping(&mut self) -> Option<Wish> {
        self.any(words!("but"));
        self.any(words!("keep|leave")).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let start = self.at;
        let on = self.any(words!("up and running|running|online|up|on|powered on|switched on"));
        (on || self.any(words!("off|stopped|shut down|powered off|switched off|down"))).then_some(())?;
        let value = Item::Plain(Plain::Running, Amount::To(Value::Flag(on)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }
}
