//! Which cluster a declaration is for: “on cluster lab”, “in the lab cluster”, “cluster: lab”.
//!
//! One declaration is for one cluster, which must be known before there are names to read the rest against. So the
//! phrase is found first, by code, for both readers, and taken out of what they read.

use std::collections::BTreeSet;
use std::ops::Range;

use mycopod_core::reading::{Answers, Question, Reading, Source, Sourced, Span};
use mycopod_core::typed::is_intent;

use crate::lexer::{Token, TokenKind, lex, span};
use crate::vocabulary;

/// Words before “cluster” that name none.
const NO_NAMES: [&str; 12] =
    ["a", "an", "the", "this", "that", "same", "whole", "entire", "my", "our", "your", "proxmox"];

/// The clusters that a text names.
pub struct Named<'a> {
    clusters: &'a BTreeSet<String>,
    /// Each with the words that name it.
    mentions: Vec<Sourced<String>>,
}

impl<'a> Named<'a> {
    /// These mentions.
    pub fn of(mentions: Vec<Sourced<String>>, clusters: &'a BTreeSet<String>) -> Self {
        Self { clusters, mentions }
    }

    /// Takes the phrases out of `tokens`, which are those of `text`.
    pub fn take(text: &str, tokens: &mut Vec<Token>, clusters: &'a BTreeSet<String>) -> Self {
        let mut named = Self { clusters, mentions: Vec::new() };
        let mut at = 0;
        while at < tokens.len() {
            match phrase(&tokens[at..], clusters) {
                Some((length, name)) => {
                    let range: Range<usize> = at..at + length;
                    named.mentions.push(Sourced::new(name, Source::said(span(tokens, &range), text)));
                    tokens.drain(range);
                }
                None => at += 1,
            }
        }
        named
    }

    /// The one cluster, none, or what must be answered.
    pub fn settle(&self, answers: &Answers) -> Result<Option<Sourced<String>>, Question> {
        let Some(first) = self.mentions.first() else { return Ok(None) };
        let names: BTreeSet<&str> = self.mentions.iter().map(|mention| mention.value.as_str()).collect();
        if names.len() == 1 && self.clusters.contains(&first.value) {
            return Ok(Some(first.clone()));
        }
        let place = self.place();
        if let Some(answer) = answers.get("cluster", place).filter(|answer| self.clusters.contains(*answer)) {
            let why = format!("Answered: the cluster is {answer}");
            return Ok(Some(Sourced::new(answer.to_owned(), Source::inferred(why))));
        }
        let text = match self.mentions.iter().find(|mention| !self.clusters.contains(&mention.value)) {
            Some(unknown) => format!("There is no cluster called “{}”. Which one is meant?", unknown.value),
            None => format!(
                "This names more than one cluster: {}. A declaration is for one, and all of this one will be; declare the \
                 rest by itself. Which one?",
                names.into_iter().collect::<Vec<_>>().join(", ")
            ),
        };
        Err(Question::new("cluster", place, text, self.clusters.iter().cloned().collect()))
    }

    /// The reading with its cluster, or with the question about it.
    pub fn complete(&self, mut reading: Reading, answers: &Answers) -> Reading {
        if reading.refusal.is_none() {
            match self.settle(answers) {
                Ok(cluster) => reading.cluster = cluster,
                Err(question) => reading.questions.insert(0, question),
            }
        }
        reading
    }

    /// The words from the first mention to the last.
    fn place(&self) -> Option<Span> {
        let spans = || self.mentions.iter().filter_map(|mention| mention.source.span());
        Some(Span { start: spans().next()?.start, end: spans().next_back()?.end })
    }
}

/// The cluster that a text names, as far as that is settled.
pub fn cluster(text: &str, clusters: &BTreeSet<String>, answers: &Answers) -> Option<String> {
    if is_intent(text) {
        return crate::typed::cluster(text, clusters, answers);
    }
    let named = Named::take(text, &mut lex(text, |word| clusters.contains(word)), clusters);
    named.settle(answers).ok().flatten().map(|cluster| cluster.value)
}

/// The phrase at the beginning of `tokens`: how many of them it has, and the name.
fn phrase(tokens: &[Token], clusters: &BTreeSet<String>) -> Option<(usize, String)> {
    let preposition =
        tokens.first().is_some_and(|token| is_in(token, &["on", "in", "at", "onto", "to", "from", "for"]));
    // Something may be put on, in, at or to a place that is not there; what it is “from” or “for” may be another thing.
    let puts = preposition && !is_in(&tokens[0], &["from", "for"]);
    let mut at = usize::from(preposition);
    if preposition && tokens.get(at).is_some_and(|token| is_in(token, &["the", "proxmox"])) {
        at += 1;
    }
    let rest = tokens.get(at..)?;
    // “cluster lab”, “cluster: lab”
    if rest.first().is_some_and(is_cluster) {
        let linked = rest.get(1).is_some_and(|token| {
            matches!(token.kind, TokenKind::Mark(':' | '=')) || is_in(token, &["called", "named"])
        });
        let name = name(rest.get(1 + usize::from(linked))?)?;
        let meant = clusters.contains(name.as_str()) || (puts || linked) && vocabulary::class(&name).is_none();
        return meant.then_some((at + 2 + usize::from(linked), name.to_string()));
    }
    // “the lab cluster”
    (preposition && rest.get(1).is_some_and(is_cluster)).then_some(())?;
    let name = name(rest.first()?)?;
    let meant = clusters.contains(name.as_str())
        || puts && !NO_NAMES.contains(&name.as_str()) && vocabulary::class(&name).is_none();
    meant.then_some((at + 2, name.to_string()))
}

fn is_cluster(token: &Token) -> bool {
    token.kind == TokenKind::Word && token.text.eq_ignore_ascii_case("cluster")
}

fn is_in(token: &Token, words: &[&str]) -> bool {
    token.kind == TokenKind::Word && words.iter().any(|word| token.text.eq_ignore_ascii_case(word))
}

/// A name of a cluster, quoted or not, in lower case as names are.
fn name(token: &Token) -> Option<compact_str::CompactString> {
    matches!(token.kind, TokenKind::Word | TokenKind::Quoted).then(|| token.text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters() -> BTreeSet<String> {
        ["main", "lab", "dc-2"].map(str::to_owned).into()
    }

    fn taken(text: &str) -> (String, Result<Option<String>, String>) {
        let clusters = clusters();
        let mut tokens = lex(text, |_| false);
        let named = Named::take(text, &mut tokens, &clusters);
        let rest = tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ");
        let settled = named.settle(&Answers::default());
        (rest, settled.map(|cluster| cluster.map(|cluster| cluster.value)).map_err(|question| question.text))
    }

    #[test]
    fn a_cluster_is_named_in_the_ways_people_do() {
        for (text, rest, name) in [
            ("create a VM web-1 on cluster lab with 2 cores", "create a VM web-1 with 2 cores", "lab"),
            ("In the lab cluster, stop web-1", ", stop web-1", "lab"),
            ("cluster: dc-2\nstop web-1", "\n stop web-1", "dc-2"),
            ("stop web-1, cluster=lab", "stop web-1 ,", "lab"),
            ("stop web-1 on Cluster LAB.", "stop web-1 .", "lab"),
            ("delete web-1 from the lab cluster", "delete web-1", "lab"),
            ("on the cluster called \"lab\" stop web-1", "stop web-1", "lab"),
            ("on cluster lab stop a, on cluster lab start b", "stop a , start b", "lab"),
        ] {
            assert_eq!(taken(text), (rest.to_owned(), Ok(Some(name.to_owned()))), "{text}");
        }
    }

    #[test]
    fn words_that_name_no_cluster_stay() {
        for text in [
            "stop every VM in the cluster",
            "stop every VM in the whole cluster",
            "delete web-1 from the web cluster",
            "stop the VM cluster on pve1",
            "in the cluster with two nodes stop web-1",
            "tag web-1 with \"on cluster lab\"",
        ] {
            let (_, settled) = taken(text);
            assert_eq!(settled, Ok(None), "{text}");
        }
    }

    #[test]
    fn two_clusters_or_one_that_is_not_there_become_a_question() {
        let (_, two) = taken("stop a on cluster lab and b on cluster main");
        assert!(two.unwrap_err().contains("more than one cluster: lab, main"));
        let (_, unknown) = taken("stop a on cluster mars");
        assert!(unknown.unwrap_err().contains("no cluster called “mars”"));
        let (_, unknown) = taken("stop a in the mars cluster");
        assert!(unknown.unwrap_err().contains("no cluster called “mars”"));
    }

    #[test]
    fn an_answer_settles_it() {
        let text = "stop a on cluster mars";
        let clusters = clusters();
        let named = Named::take(text, &mut lex(text, |_| false), &clusters);
        let question = named.settle(&Answers::default()).unwrap_err();
        assert_eq!(question.options, ["dc-2", "lab", "main"]);
        let answers = |answer: &str| Answers::from_iter([(question.id.clone(), answer.to_owned())]);
        assert_eq!(cluster(text, &clusters, &answers("lab")).as_deref(), Some("lab"));
        assert_eq!(cluster(text, &clusters, &answers("venus")), None);
    }
}
