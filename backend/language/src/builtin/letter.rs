//! What stands around a wish as in a letter: greetings, thanks, “could you please”, headings.

use crate::lexer::{Token, TokenKind};
use crate::vocabulary::{self, Class};

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Deed};

use super::Parser;
use super::asides::words::{sort, sort_of};
use super::drafting::draft::Draft;
use super::making::create::VERBS;
use super::said::item::{Item, Said};
use super::wordings::{Wordings, words};

/// Words by which somebody asks, announces or goes on.
const ASKING: &Wordings = words!(
    "would you mind|i would like you to|i would like to have|i would like to|i would like|i would love to have|i would love|\
    i'd like you to|i'd like to have|i'd like to|i'd like|i'd love to have|i'd love|we would like to have|\
    we would like to|we would like|we'd like to have|we'd like to|we'd like|i want you to|\
    i want to have|i want to see|i want to|i want|i'd like to see|we'd like to see|i would like to see|we would like to see|we want to have|we want to|we want|i need you to|i need to|\
    i need|we also need|we also want|i also need|i also want|we need to|we need|i require|we require|i'm going to need|we're going to need|we are going to need|we'll need|\
    i'd appreciate|we'd appreciate|i would appreciate|we would appreciate|i'd need|we'd need|i could use|we could use|i would need|we would need|\
    would it be possible to have|would it be possible to get|would it be possible to|is it possible to have|is it possible to get|\
    is it possible to|it would be great to have|it would be nice to have|i'm looking for|we're looking for|i am looking for|\
    i am needing|we are needing|i'd be grateful for|we'd be grateful for|i would be grateful for|we would be grateful for|please to|let me have|let us have|be so kind as to|be so kind and|\
    requesting|need|want|could we please get|can we please get|could i please get|can i please get|could i please have|\
    can i please have|could we please have|could we get|can we get|could we|can we|could you please|\
    could you quickly|can you quickly|could you|can you please|can you|can someone please|can someone|could someone please|could someone|\
    could somebody please|could somebody|can somebody|you can|you may|feel free to|go ahead and|would you please|would you|\
    will you|don't forget to|do not forget to|remember to|would someone please|would someone|would somebody please|would somebody|see to it that|it is time to|time to|may i ask you to|may we ask you to|i ask you to|we ask you to|i think that|i think|we think that|we think|i believe that|i believe|just|simply|\
    right now|right away|urgently|urgent|for your information|fyi|can i have|can we have|could i have|could we have|may i have|can i get|could i get|please|kindly|\
    let us|let 's|let's|now|-|then|also|next|first of all|firstly|first|do the following|the following|finally|additionally|and|&|\
    plus|as well as|as well|afterwards|okay so|okay|ok so|ok|um|uh|yo|+|\
    after that|after this|a quick one|quick one|in its place|in their place|request for|requests for|kindly to|please to|i am in need of|we are in need of|i'm in need of|we're in need of|\
    urgent|urgently|while you are at it|while you're at it|while we are at it|while we're at it|\
    someone please|somebody please|it is time to|it 's time to|go and|i have to ask you to|we have to ask you to|we have to|i have to|we can|\
    i request|we request|can i have|make sure to|be sure to|\
    there should be|there shall be|there must be|make sure there is|make sure that there is|ensure there is|\
    ensure that there is|make sure that|make sure|ensure that|ensure|asap"
);

/// Words that greet.
const GREETING: &Wordings = words!(
    "to whom it may concern|hiya|dear team|dear all|dear colleagues|todo|to do|tasks|hi there|hello there|hey there|hi team|hi all|hi everybody|hi everyone|\
    hi folks|hi guys|hello team|hello all|hello everybody|hello everyone|hello folks|hey folks|hey guys|hey all|hi|hello|hey|\
    good morning|good afternoon|good evening|good day|have a nice day|have a great day|have a good day|have a nice weekend|\
    folks|guys"
);

/// Words that end a letter. Whose name stands below them is asked about: it might be a guest’s.
const CLOSING: &Wordings = words!(
    "thank you very much in advance|thank you very much|thank you in advance|many thanks in advance|many thanks|\
    thanks a lot|thanks in advance|thanks guys|thanks all|best regards|kind regards|warm regards|best wishes|regards|thank you|thanks|\
    greetings|sincerely|best"
);

/// As many tokens may stand before somebody says who they are: a greeting.
const MOST_BEFORE: usize = 5;

/// Whether a word is more than a greeting or a thanks.
fn says(token: &Token) -> bool {
    token.is_content() && vocabulary::class(&token.word) != Some(Class::Filler)
}

impl Parser<'_> {
    /// What begins a clause and says nothing by itself.
    pub fn courtesies(&mut self) {
        const MARKS: [char; 13] = [',', ':', '(', ')', '•', '-', '–', '—', '…', '/', '|', '¡', '¿'];
        loop {
            let said = MARKS.into_iter().any(|mark| self.mark(mark))
                || self.attempt(Self::subject_line).is_some()
                || self.attempt(Self::opening).is_some()
                || self.greeting()
                || self.closing().is_some()
                || self.attempt(Self::enough).is_some()
                || self.any(ASKING)
                || self.attempt(Self::purpose_of_a_wish).is_some()
                || self.attempt(Self::purpose_of_the_new).is_some()
                || self.attempt(Self::filed).is_some()
                || self.attempt(Self::adding).is_some()
                || self.attempt(Self::in_its_stead).is_some()
                || self.attempt(Self::numbering).is_some()
                || self.attempt(Self::somebody_wants).is_some()
                || self.attempt(Self::a_guest_is_missing).is_some()
                || self.attempt(Self::heading).is_some()
                || self.attempt(Self::section).is_some()
                || self.attempt(Self::in_addition_to_that).is_some()
                || self.attempt(Self::ahead_of_all).is_some()
                || self.attempt(Self::at_last).is_some()
                || self.attempt(Self::busy).is_some()
                || self.attempt(Self::would_be_nice).is_some()
                || self.attempt(Self::make_it_so).is_some();
            if !said {
                return;
            }
        }
    }

    /// “… immediately”, “… as well, please”: how it is asked for, which says nothing more. Everything is done at once.
    pub fn manner(&mut self) -> bool {
        let start = self.at;
        self.at += usize::from(self.word() == "alike");
        while !(self.word() == "as" && self.word_ahead(2) == "as") && self.any(words!(
            "than now|than it has now|than before|as well|too|also|please|kindly|immediately|urgently|promptly|right now|right away|straight away|at once|asap|now|for me|for us|\
             from now on|there"
        )) || self.attempt(Self::besides).is_some() || self.attempt(Self::enough).is_some()
        {}
        self.at > start
    }

    /// Whether somebody asks here for something to be made.
    pub fn asks(&mut self) -> Option<()> {
        while self.any(ASKING) {}
        if self.any(VERBS) || self.attempt(Self::ordering).is_some() {
            return Some(());
        }
        self.any(words!("a new|another|an|a|one")).then_some(())?;
        self.attempt(Self::idle_adjective);
        self.guest_noun().map(|_| ())
    }

    /// “… in addition to what they have”, “… in return”
    pub fn besides(&mut self) -> Option<()> {
        self.any(words!("in")).then_some(())?;
        if self.word() == "return" {
            self.at += 1;
            return Some(());
        }
        // The reader takes “addition” for “additional” with a slip.
        matches!(self.word(), "addition" | "additional").then(|| self.at += 1)?;
        self.attempt(|p| {
            p.any(words!("to what|to those|to the ones|to the tags")).then_some(())?;
            p.any(words!("it has now|they have now|it has|they have")).then_some(())
        });
        Some(())
    }

    /// “my boss wants a VM …”, “our team needs two containers …”: for whom it is.
    fn somebody_wants(&mut self) -> Option<()> {
        const WHO: [&str; 8] = ["boss", "team", "project", "customer", "colleague", "department", "developers", "devs"];
        // “Finance needs a VM”
        let named = self.at == self.began && self.is_a_person(self.at);
        if named {
            self.asides.push(self.at..self.at + 1);
            self.at += 1;
            self.any(words!("needs|wants|would like")).then_some(())?;
            return self.ahead(Self::noun_of_nobody_yet).then_some(());
        }
        self.any(words!("my|our|the|a")).then_some(())?;
        // “the dev team”
        let whose = WHO.contains(&self.word_ahead(1)) && self.peek(0).is_some_and(|token| sort_of(token) != 0);
        if whose {
            self.asides.push(self.at..self.at + 1);
            self.at += 1;
        }
        WHO.contains(&self.word()).then_some(())?;
        self.at += 1;
        self.any(words!("could use|can use|wants|needs|would like|want|need|requested")).then_some(())?;
        self.ahead(|p| {
            p.any(words!("a|an|another"));
            p.number();
            p.any(words!("new"));
            p.guest_noun().or_else(|| p.role(true))
        })
        .then_some(())
    }

    /// “(2) …”, “b) …”, “Step 2: …”
    fn numbering(&mut self) -> Option<()> {
        let start = self.at;
        let step = self.verb(words!("step"));
        let token = self.peek(0)?;
        let counts = token.kind == TokenKind::Number && token.text.len() <= 2;
        let letter = !step && token.text.len() == 1 && matches!(token.text.as_str(), "a" | "b" | "c" | "d" | "e");
        (counts || letter).then_some(())?;
        self.at += 1;
        let marked = if step { self.mark(':') } else { self.mark(')') };
        // “… 8 GB (4)”
        (marked && !self.done()).then(|| self.asides.push(start..self.at))
    }

    /// “Besides, …”, “In addition, …”, “Second, …”
    fn adding(&mut self) -> Option<()> {
        /// What “second” may stand before in a row of wishes.
        const DOES: [&str; 18] = [
            "start", "stop", "reboot", "restart", "put", "add", "set", "give", "move", "migrate", "delete", "snapshot",
            "rename", "double", "tag", "clone", "create", "increase",
        ];
        let start = self.at;
        let alone = self.verb(words!(
            "secondly|thirdly|lastly|proceed to|in return|in exchange|furthermore|moreover|while you're there|while you are there|\
             while we're there|while we are there|when you're there|when you are there"
        ));
        let more = words!(
            "besides|in additional to that|in addition to that|in additional|in addition|on top of that|on top|last but not least|second|third|last"
        );
        // “first double …, second start it”
        let counts = |p: &mut Self| {
            let parted = p.at > p.began && p.last_word().is_empty();
            (parted && p.verb(words!("second|third|fourth|fifth"))).then_some(())?;
            DOES.contains(&p.word()).then_some(())
        };
        (alone || self.attempt(counts).is_some() || self.verb(more) && self.mark(','))
            .then(|| self.asides.push(start..self.at))
    }

    /// “Instead, I want a container …”, where something was deleted or stopped before.
    fn in_its_stead(&mut self) -> Option<()> {
        let start = self.at;
        let goes = |draft: &Draft| matches!(draft, Draft::Do(doing) if matches!(doing.deed, Deed::Delete | Deed::Shutdown { .. } | Deed::Stop));
        self.verb(words!("instead of it|instead of them|instead of that|instead")).then_some(())?;
        let words = start..self.at;
        // “delete test-3, and make a VM test-4 … instead”
        let ends = self.at_boundary();
        if ends && matches!(self.drafts.as_slice(), [.., gone, Draft::Create(_)] if goes(gone)) {
            self.asides.push(words);
            return Some(());
        }
        self.drafts.last().is_some_and(goes).then_some(())?;
        self.mark(',');
        let starts = |p: &mut Self| p.any(words!("start|boot|please start|power on")).then_some(());
        (self.ahead(Self::asks) || self.ahead(starts)).then(|| self.asides.push(words))
    }

    /// “We are missing a VM”: only a guest, for “we are missing 2 cores on web-01” asks for so many more.
    fn a_guest_is_missing(&mut self) -> Option<()> {
        let start = self.at;
        self.verb(words!(
            "there has to be|there needs to be|we are missing|we're missing|it would be lovely to have|i'd be happy about|i would be happy about|\
             we'd be happy about|we would be happy about|gimme"
        ))
        .then_some(())?;
        let words = start..self.at;
        self.ahead(|p| {
            p.any(words!("a|an|another"));
            p.number();
            p.any(words!("new"));
            p.guest_noun()
        })
        .then(|| self.asides.push(words))
    }

    /// “… should do”: that what was said is enough.
    fn enough(&mut self) -> Option<()> {
        self.any(words!(
            "should do|would do|will do|should be fine|would be fine|is fine|would be great|would be nice|is required|is needed|is wanted|\
            are required|are needed|required|needed|wanted"
        ))
        .then_some(())?;
        self.done().then_some(())
    }

    /// “Hello”, “Hi Tom,”
    fn greeting(&mut self) -> bool {
        // “Hello team, morning! …”
        let first = !self.tokens[..self.at].iter().any(|token| says(token) && token.word != "team");
        // “Morning” is a time anywhere else.
        let whom =
            usize::from(matches!(self.word_ahead(1), "all" | "everyone" | "everybody" | "team" | "folks" | "guys"));
        let greets = first
            && matches!(self.word(), "morning" | "afternoon" | "evening")
            && self.peek(1 + whom).is_none_or(|token| !token.is_content());
        self.at += if greets { 1 + whom } else { 0 };
        if self.attempt(Self::who_speaks).is_some() {
            return true;
        }
        // In “Hello, all three VMs …” nobody is greeted as “all”.
        let all = |p: &mut Self| {
            (p.any(words!("hi|hello|hey")) && p.word() == "all" && p.peek(1).is_some_and(Token::is_content))
                .then_some(())
        };
        let greets = greets
            || self.attempt(all).is_some()
            || self.any(GREETING)
            || first && self.verb(words!("dear sir or madam|dear sirs|dear sir|dear madam"));
        if greets && first && self.is_a_person(self.at) && self.peek(1).is_none_or(|token| !token.is_content()) {
            self.asides.push(self.at..self.at + 1);
            self.at += 1;
        }
        greets
    }

    /// “Security here.”, “Homelab newbie here.”, “on call here, …”
    fn who_speaks(&mut self) -> Option<()> {
        const MOST: usize = 3;
        let start = self.at;
        (start < MOST_BEFORE).then_some(())?;
        self.verb(words!("it's|this is"));
        if !self.verb(words!("on call|on-call")) {
            let who = (self.at..self.end).take(MOST).take_while(|at| {
                let token = &self.tokens[*at];
                self.is_a_person(*at)
                    || sort_of(token) & (sort::OCCASION | sort::ADJECTIVE) != 0
                    || self.may_be_theirs(*at, true, true)
            });
            self.at += who.count();
        }
        (self.at > start && self.word() == "here").then(|| self.at += 1)?;
        let ends = self.peek(0).is_none_or(|token| !token.is_content());
        ends.then(|| self.asides.push(start..self.at))
    }

    /// Whether a token is built like a person’s name, and no guest’s or anything else’s.
    fn is_a_person(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token.kind == TokenKind::Word
                && token.text.starts_with(char::is_uppercase)
                && token.text.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '.'))
                && vocabulary::class(&token.word).is_none()
                && !self.inventory.guests.contains_key(token.text.as_str())
                && !self.inventory.guests.contains_key(token.word.as_str())
                && !self.inventory.tags.contains(token.word.as_str())
        })
    }

    /// “Cheers”
    fn closing(&mut self) -> Option<()> {
        let at = self.at;
        if self
            .verb(words!("thank you so much|thanks so much|thanks a bunch|thanks a million|thanks a ton|thanks heaps"))
        {
            self.asides.push(at..self.at);
            return Some(());
        }
        if !self.any(CLOSING) {
            self.verb(words!("yours sincerely|yours faithfully|yours truly|yours|cheers|ta")).then_some(())?;
            let ends = self.done() || self.ahead(|p| p.mark(',').then_some(()));
            self.asides.push(at..self.at);
            return ends.then_some(());
        }
        // “best” begins other things than the end of a letter.
        if self.last_word() == "best" && !(self.done() || self.ahead(|p| p.mark(',').then_some(()))) {
            self.at = at;
            return None;
        }
        Some(())
    }

    /// “web-01 gets 4 cores, too.”: at the end of a sentence.
    fn in_addition_to_that(&mut self) -> Option<()> {
        let parted = self.at.checked_sub(1).is_some_and(|at| self.tokens[at].kind == TokenKind::Mark(','));
        let start = self.at;
        (parted && !self.drafts.is_empty() && self.verb(words!("too|as well|also"))).then_some(())?;
        self.done().then(|| self.asides.push(start..self.at))
    }

    /// “Before anything else snapshot it”: what keeps its state comes first in any case.
    fn ahead_of_all(&mut self) -> Option<()> {
        let start = self.at;
        self.verb(words!("before anything else|before everything else|before all else|before you do anything else|before you do anything"))
            .then_some(())?;
        let words = start..self.at;
        self.mark(',');
        self.any(words!("please"));
        let keeps = matches!(self.word(), "snapshot" | "back" | "backup")
            || self.verb(words!("take a|make a|create a|take|make|create"))
                && matches!(self.word(), "snapshot" | "backup");
        let after = self.at;
        self.at = words.end;
        self.mark(',');
        self.any(words!("please"));
        (keeps && after >= self.at).then(|| self.asides.push(words))
    }

    /// “Power it on once done.”: what is started is started behind all else.
    fn at_last(&mut self) -> Option<()> {
        let runs = |item: &Said<Item>| matches!(item.value, Item::Plain(Plain::Running, Amount::To(Value::Flag(true))));
        let starts = |draft: &Draft| match draft {
            Draft::Do(doing) => matches!(doing.deed, Deed::Start | Deed::Reboot) && doing.tokens.end == self.at,
            Draft::Change(change) => change.items.iter().all(runs),
            _ => false,
        };
        let start = self.at;
        self.drafts.last().is_some_and(starts).then_some(())?;
        self.verb(words!(
            "after that|after this|once done|once that is done|once that's done|once this is done|when done|when that is done|when that's done|\
             when everything is done"
        ))
        .then_some(())?;
        self.done().then(|| self.asides.push(start..self.at))
    }

    /// “I'm decluttering: remove old-backup …”: what somebody is about, before the wish.
    fn busy(&mut self) -> Option<()> {
        let start = self.at;
        let begins = !self.tokens[self.began..start].iter().any(says);
        (begins && self.verb(words!("i'm|i am|we're|we are"))).then_some(())?;
        let token = self.peek(0).filter(|token| token.kind == TokenKind::Word)?;
        let does = token.word.ends_with("ing") && vocabulary::class(&token.word).is_none();
        does.then(|| self.at += 1)?;
        self.verb(words!("up|out"));
        let words = start..self.at;
        (self.mark(':') && !self.done()).then_some(())?;
        let before = self.drafts.len();
        let told = self.ahead(Self::statement);
        self.drafts.truncate(before);
        told.then(|| self.asides.push(words))
    }

    /// “And a mount point of 20 GB … would be great.”
    fn would_be_nice(&mut self) -> Option<()> {
        let start = self.at;
        (!self.drafts.is_empty()
            && self.verb(words!("would be great|would be nice|would be lovely|would be good|would be perfect")))
        .then_some(())?;
        self.done().then(|| self.asides.push(start..self.at))
    }

    /// “…; create it.”, “…, unprivileged, all of them”: a guest that was described is made anyway, and as all of them.
    fn make_it_so(&mut self) -> Option<()> {
        let start = self.at;
        let Some(Draft::Create(group)) = self.drafts.last() else { return None };
        let several = group.plural;
        let said = self.verb(words!(
            "create it|build it|deploy it|provision it|set it up|make it so|make it happen|create them|build them|do so|go ahead and create it|go ahead"
        )) || several && self.verb(words!("all of them|both of them|each of them|every one of them"));
        let end = self.at;
        self.mark(',');
        self.any(words!("please|thanks|thank you"));
        let ends = self.done();
        self.at = end;
        (said && ends).then(|| self.asides.push(start..end))
    }
}
