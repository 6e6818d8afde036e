//! What stands above or before a wish and only announces it: the subject of a mail, a ticket’s number, “Changes:”.

use crate::lexer::{Token, TokenKind};

use super::Parser;
use super::asides::words::{sort, sort_of};
use super::wordings::words;

impl Parser<'_> {
    /// “Subject: new server”, above a mail. What asks for something there is read.
    pub fn subject_line(&mut self) -> Option<()> {
        let start = self.at;
        (!self.tokens[..start].iter().any(Token::is_content)).then_some(())?;
        let named = self.peek(0).is_some_and(|token| self.inventory.guests.contains_key(token.text.as_str()));
        (!named && self.verb(words!("subject|betreff|re|fwd|asunto")) && self.mark(':')).then_some(())?;
        let titles = |token: &Token| {
            let known = sort_of(token) & (sort::NOUNS | sort::ADJECTIVE) != 0
                || matches!(
                    token.word.as_str(),
                    "new" | "request" | "requests" | "order" | "for" | "a" | "another" | "the"
                );
            token.kind == TokenKind::Word && known && !self.inventory.guests.contains_key(token.text.as_str())
        };
        let body = self.tokens.get(self.end).is_some_and(|token| token.kind == TokenKind::Break)
            && self.tokens[self.end..].iter().any(Token::is_content);
        let rest = &self.tokens[self.at..self.end];
        // “Subject: new VM / Name: a-1”: the first line of a form, which tells the kind.
        let form = |pair: &[Token]| {
            pair[0].kind == TokenKind::Mark(',') && matches!(pair[1].word.as_str(), "name" | "hostname")
        };
        (!rest.windows(2).any(form)).then_some(())?;
        // “Subject: cancelled: new VM” is asked about: “cancelled” is no guest.
        if rest.iter().any(|token| token.kind == TokenKind::Mark(':')) {
            self.unread.push(start..self.end);
            self.at = self.end;
            return Some(());
        }
        if body && rest.iter().all(titles) {
            self.at = self.end;
        }
        self.asides.push(start..self.at);
        Some(())
    }

    /// “CHG-5512”, “#48812”: what somebody files a wish under. No guest is called so.
    pub fn ticket_number(&mut self) -> Option<()> {
        let numbered = self.mark('#');
        let token = self.peek(0)?;
        let digits =
            token.text.trim_start_matches('#').trim_start_matches(|c: char| c.is_ascii_uppercase() || c == '-');
        let prefix = &token.text[..token.text.len() - digits.len()];
        let prefixed = digits.len() >= 3 && digits.bytes().all(|b| b.is_ascii_digit()) && !prefix.is_empty();
        let numbered = numbered && token.kind == TokenKind::Number;
        ((prefixed || numbered) && !self.inventory.guests.contains_key(token.text.as_str())).then_some(())?;
        self.at += 1;
        self.at += usize::from(self.peek(0).is_some_and(|token| token.word == "approved"));
        Some(())
    }

    /// “Changes:”: a line that announces what comes below it.
    pub fn heading(&mut self) -> Option<()> {
        // “Please provision:”, above what shall be there
        let announces = |p: &mut Self| {
            (p.any(words!("create|provision|deploy|build|set up|setup|make|spin up"))
                || p.verb(words!("provide|order|request")))
            .then_some(())?;
            p.any(words!("the following system|the following|these|this"));
            p.any(words!("for us|for me|please"));
            p.mark(':');
            p.done().then_some(())?;
            let below = p.tokens[p.at..].iter().find(|token| token.kind != TokenKind::Break)?;
            let begins = ["name", "hostname", "vm", "container", "ct", "lxc"].contains(&below.word.as_str());
            let fresh = p.looks_like_name(&below.text) && !p.inventory.guests.contains_key(below.text.as_str());
            (begins || fresh && below.kind == TokenKind::Word).then_some(())
        };
        if self.attempt(announces).is_some() {
            return Some(());
        }
        let start = self.at;
        let starts = start.checked_sub(1).is_none_or(|before| !self.tokens[before].is_content());
        let starts = starts || matches!(self.last_word(), "just" | "please");
        let mut filed = self.attempt(Self::ticket_number).is_some();
        if !filed {
            self.any(words!("just|the"));
            self.attempt(Self::number);
            while self
                .verb(words!("following|requested|new|small|quick|more|little|customer|internal|cluster|shop|spring"))
            {
            }
            let named = self.any(words!("changes requested|change request|changes|change|requests|request|resize|resizing|upgrade|upsize|upsizing|scaling|sizing|sizes|checklist|specs|\
                specification|configuration|hardware|details|action|things|thing|tasks|task|points|point|wishes|wish|items|\
                 order|job|one|needed|required|wanted|ticket|issue|case"))
                || self.verb(words!(
                    "so|reference|ref|cleanup|clean-up|cleaning|housekeeping|relaunch|handover|follow-up|reminder|incident|cancellation|\
                     termination|maintenance"
                ))
                // “New:”, above a list
                || self.last_word() == "new"
                    && self.ahead(|p| {
                        p.mark(':').then_some(())?;
                        p.done().then_some(())
                    })
                || self.verb(words!("take care of these|take care of this|take care of the following"));
            named.then_some(())?;
            // “three things please:”
            self.any(words!("please"));
            // “Reminder to myself: …”
            let _ = self.last_word() == "reminder" && self.verb(words!("to myself|to self|for myself|to all"));
            // “Ticket #4711.”, “Ticket: CHG-5512”
            filed = self
                .attempt(|p| {
                    p.mark(':');
                    p.ticket_number()
                })
                .is_some();
            self.attempt(Self::as_agreed);
            // “cluster cleanup, please do all of it:”
            self.attempt(|p| {
                p.mark(',');
                p.any(words!("please"));
                p.verb(words!("do all of it|do all of them|all of it|as follows")).then_some(())
            });
        }
        let heading = start..self.at;
        let colon = self.mark(':');
        let below = self.tokens.get(self.at).is_some_and(|token| token.kind == TokenKind::Break);
        let ends = colon && !self.done() || self.done() && below || filed && self.at_boundary();
        (starts && ends).then(|| self.asides.push(heading))
    }
}
