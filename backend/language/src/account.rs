//! The account of every word: what a text as a whole is refused for, and the questions about
//! the words that ended in nothing. The same for both readers.

use std::ops::Range;

use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Fragment, LEAVE_OUT, Question, Span, UNREAD};

use crate::lexer::{Token, TokenKind, span};
use crate::vocabulary::{self, Class};

/// Wordings by which a text tries to steer the system instead of declaring guests.
const STEERING: [&str; 33] = [
    "ignore your",
    "ignore all",
    "ignore the",
    "ignore any",
    "ignore previous",
    "ignore my",
    "ignore every",
    "disregard",
    "no confirmation",
    "without confirmation",
    "without confirming",
    "without approval",
    "without asking",
    "without review",
    "no approval",
    "no questions asked",
    "skip the confirmation",
    "skip confirmation",
    "skip the approval",
    "skip approval",
    "bypass",
    "override your",
    "override the",
    "forget your",
    "forget the rules",
    "forget all",
    "system prompt",
    "you are now",
    "pretend",
    "jailbreak",
    "approve it yourself",
    "do not ask",
    "don't ask",
];

/// Why a text is not read at all: it steers the system, or deletes everything.
pub fn refusal(tokens: &[Token]) -> Option<String> {
    // What stands in quotation marks is data.
    let words: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
    if let Some(steering) = STEERING.into_iter().find(|wording| contains(&words, wording)) {
        return Some(format!(
            "“{steering}” is no part of a declaration: rules, approval and confirmation are not set by its text. Say which guests you want, and how they shall be."
        ));
    }
    if tells_a_password(tokens) {
        // Without the words: what is shown here is kept and logged.
        return Some(
            "A password stands in this declaration. Declarations are kept, so nothing of it is used: store the password as a secret, and say “password from secret NAME”. Withdraw this declaration, and change the password if it is one in use."
                .to_owned(),
        );
    }
    let deletes = ["delete", "destroy", "remove", "wipe", "erase", "purge", "kill", "nuke", "drop"];
    let everything = words.iter().enumerate().any(|(at, word)| {
        deletes.contains(word) && {
            let rest: Vec<&str> = words[at + 1..]
                .iter()
                .copied()
                .filter(|word| !["the", "of", "our", "my", "absolutely"].contains(word))
                .take(3)
                .collect();
            let all = matches!(rest.first(), Some(&("everything" | "all" | "every" | "anything")));
            let bare = match rest.as_slice() {
                // What a firewall does with packets is no deletion.
                ["everything", "else", ..] if *word == "drop" => false,
                ["everything" | "anything", rest @ ..] => {
                    rest.first().is_none_or(|word| !["tagged", "with", "that"].contains(word))
                }
                ["all" | "every", noun, rest @ ..] => {
                    is_guest_noun(noun)
                        && rest.first().is_none_or(|word| {
                            !["tagged", "with", "that", "which", "and", "named", "called", "on", "in", "whose"]
                                .contains(word)
                        })
                }
                ["all"] => true,
                _ => false,
            };
            all && bare
        }
    });
    everything.then(|| {
        "MycoPod deletes guests by name or by tag, never all of them at once. Nothing was planned. Name the guests that shall go."
            .to_owned()
    })
}

/// Words for a password.
const PASSWORDS: [&str; 7] = ["password", "passwd", "passphrase", "cipassword", "pwd", "passcode", "pw"];

/// Whether a password itself stands in the text, where a secret’s name belongs.
fn tells_a_password(tokens: &[Token]) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.word.as_str());
    let is_mark = |at: usize| tokens.get(at).is_some_and(|token| matches!(token.kind, TokenKind::Mark('=' | ':')));
    let links = [
        "to", "is", "be", "as", "the", "a", "should", "shall", "must", "will", "it", "from", "in", "of", "stored",
        "kept", "taken", "read",
    ];
    let names = |at: &usize| PASSWORDS.contains(&tokens[*at].word.as_str());
    (0..tokens.len()).filter(names).any(|at| {
        // “hunter2 as its password”
        let mut before = at.checked_sub(1);
        while ["the", "its", "a", "root", "user", "login", "their"].contains(&word(before)) {
            before = before.and_then(|at| at.checked_sub(1));
        }
        let given = word(before) == "as" && {
            let value = before.and_then(|at| at.checked_sub(1));
            word(value.and_then(|at| at.checked_sub(1))) != "secret"
        };
        // “password hunter2”, “password: hunter2”, “password of web-01 to hunter2”
        let end = tokens[at..].iter().position(Token::ends_sentence).map_or(tokens.len(), |end| at + end);
        let value = |from: usize| {
            let value = (from..end).find(|at| !is_mark(*at) && !links.contains(&word(Some(*at))));
            value.is_some_and(|at| tokens[at].is_content() && word(Some(at)) != "secret")
        };
        let next = at + 1;
        let goes_on = [
            "of",
            "for",
            "on",
            "and",
            "or",
            "with",
            "login",
            "logins",
            "authentication",
            "reset",
            "prompt",
            "from",
            "in",
            "by",
            "at",
        ];
        let set_later = || {
            let of = ["of", "for", "on"].contains(&word(Some(next)));
            let to = (next..end).find(|at| is_mark(*at) || ["to", "is", "be", "from"].contains(&word(Some(*at))));
            of && to.is_some_and(value)
        };
        given
            || (next < end && !tokens[next].is_content() && is_mark(next) && value(next))
            || (next < end && tokens[next].is_content() && !goes_on.contains(&word(Some(next))) && value(next))
            || set_later()
    })
}

/// Why a text is no declaration: it says nothing about guests.
pub fn off_topic(tokens: &[Token], inventory: &Inventory) -> Option<String> {
    let words: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
    let backs_up = contains(&words, "back up");
    let concerns = tokens.iter().any(|token| {
        inventory.guests.contains_key(token.text.as_str()) && vocabulary::class(&token.word).is_none()
            || is_domain(&token.word)
            || begins_names(inventory, &token.word)
            || backs_up
            || is_address(&token.text)
            || token.kind == TokenKind::Word && vocabulary::is_system(&token.word)
    });
    (!concerns).then(|| {
        "This says nothing about guests of the cluster. Say which VM or container you want and how it shall be, for example: “Create a VM called web-01 with 2 cores, 4 GB RAM and a 20 GB disk”.".to_owned()
    })
}

/// Whether a word in the plural is how names of guests begin: “runners” of runner-1.
fn begins_names(inventory: &Inventory, word: &str) -> bool {
    let Some(one) = word.strip_suffix('s').filter(|one| one.len() > 2 && vocabulary::class(one).is_none()) else {
        return false;
    };
    let begun = |name: &String| name.strip_prefix(one).is_some_and(|rest| !rest.starts_with(char::is_alphabetic));
    inventory.guests.range(one.to_owned()..).take(2).any(|(name, _)| begun(name))
}

/// Whether it is a web address, from which a node can download.
pub fn is_address(text: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
}

fn contains(words: &[&str], wording: &str) -> bool {
    let wording: Vec<&str> = wording.split(' ').collect();
    words.windows(wording.len()).any(|window| window == wording)
}

fn is_guest_noun(word: &str) -> bool {
    [
        "vm",
        "vms",
        "machine",
        "machines",
        "virtual",
        "container",
        "containers",
        "guest",
        "guests",
        "server",
        "servers",
        "ct",
        "cts",
        "lxc",
        "box",
        "boxes",
        "instance",
        "instances",
    ]
    .contains(&word)
}

/// Whether a word belongs to guests and what is done with them.
fn is_domain(word: &str) -> bool {
    const DOMAIN: [&str; 87] = [
        "rebooted",
        "restarted",
        "started",
        "stopped",
        "deleted",
        "removed",
        "suspended",
        "snapshotted",
        "pool",
        "pools",
        "suspend",
        "pause",
        "resume",
        "roll",
        "revert",
        "detach",
        "eject",
        "nesting",
        "nic",
        "firewall",
        "allow",
        "block",
        "deny",
        "create",
        "provision",
        "deploy",
        "clone",
        "snapshot",
        "snapshots",
        "start",
        "stop",
        "reboot",
        "restart",
        "shutdown",
        "shut",
        "power",
        "switch",
        "delete",
        "destroy",
        "remove",
        "rename",
        "protect",
        "unprotect",
        "protection",
        "adopt",
        "tag",
        "tagged",
        "untag",
        "double",
        "triple",
        "halve",
        "increase",
        "raise",
        "reduce",
        "grow",
        "extend",
        "resize",
        "shrink",
        "core",
        "cores",
        "cpu",
        "cpus",
        "vcpu",
        "vcpus",
        "memory",
        "ram",
        "disk",
        "disks",
        "vlan",
        "bridge",
        "gateway",
        "backup",
        "backups",
        "restore",
        "migrate",
        "template",
        "autostart",
        "storage",
        "swap",
        "kill",
        "install",
        "halt",
        "launch",
        "boot",
        "rollback",
        "node",
        "nodes",
    ];
    is_guest_noun(word) || DOMAIN.contains(&word)
}

/// The fragments of `unread` token ranges, joined where nothing but marks and fillers stands between them.
pub fn fragments(text: &str, tokens: &[Token], unread: &[Range<usize>]) -> Vec<(Range<usize>, Fragment)> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    let mut ordered: Vec<Range<usize>> = unread.to_vec();
    ordered.sort_by_key(|range| range.start);
    for range in ordered {
        match joined.last_mut() {
            Some(last) if between_is_empty(tokens, last.end, range.start) => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
        .into_iter()
        .filter_map(|range| {
            let first = range.clone().find(|at| is_content(&tokens[*at]))?;
            let last = range.clone().rev().find(|at| tokens[*at].is_content())?;
            let mut span = span(tokens, &(first..last + 1));
            // Whoever says it in other words takes back that it was a question.
            if let Some(mark) = tokens.get(last + 1).filter(|token| token.kind == TokenKind::Mark('?')) {
                span.end = span.end.max(mark.span.end);
            }
            Some((first..last + 1, Fragment::at(span, text)))
        })
        .collect()
}

fn between_is_empty(tokens: &[Token], from: usize, to: usize) -> bool {
    from >= to || tokens[from..to].iter().all(|token| !is_content(token) && !token.ends_sentence())
}

/// Whether a token must be accounted for.
pub fn is_content(token: &Token) -> bool {
    token.is_content() && vocabulary::class(&token.word) != Some(Class::Filler)
}

/// The questions about unread fragments that nobody answered yet.
pub fn questions(tokens: &[Token], fragments: &[(Range<usize>, Fragment)], answers: &Answers) -> Vec<Question> {
    fragments
        .iter()
        .filter_map(|(range, fragment)| {
            let span = Span { start: fragment.start, end: fragment.end };
            if answers.left_out(UNREAD, Some(span)) {
                return None;
            }
            let text = explain(&tokens[range.clone()], &fragment.text);
            Some(Question::new(UNREAD, Some(span), text, vec![LEAVE_OUT.to_owned()]))
        })
        .collect()
}

/// Why some words ended in nothing.
fn explain(tokens: &[Token], words: &str) -> String {
    let first = |class: Class| {
        tokens.iter().find(|token| vocabulary::class(&token.word) == Some(class)).map(|token| token.text.as_str())
    };
    if let Some(word) = first(Class::Condition) {
        return format!(
            "“{words}” depends on something (“{word}”). MycoPod plans what is said without conditions. Leave it out, or say what shall be so in any case?"
        );
    }
    if let Some(word) = first(Class::Schedule) {
        return format!(
            "“{words}” names a time (“{word}”). MycoPod acts once, when an Admin has approved the plan, and keeps no schedules. Leave it out?"
        );
    }
    if let Some(word) = first(Class::Negation) {
        return format!(
            "“{words}” says what shall not be (“{word}”), and MycoPod cannot tell what to do for it. Leave it out, or say what shall be?"
        );
    }
    if let Some(word) = first(Class::Choice) {
        return format!("“{words}” leaves open what shall be (“{word}”). Leave it out, or say it exactly?");
    }
    if let Some(word) = first(Class::Outside) {
        return format!(
            "“{words}” is not something MycoPod does (“{word}”): it makes, changes, starts, stops, moves, copies, backs up and deletes guests. Leave it out?"
        );
    }
    format!("MycoPod cannot tell what “{words}” shall mean here. Leave it out, or say it in other words?")
}
