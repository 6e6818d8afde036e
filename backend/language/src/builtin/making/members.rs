//! Which new guests a description makes: of what kind, how many, and how they are called.

use mycopod_core::guest::Kind;
use mycopod_core::reading::{Question, Selector, Source, Sourced, Target};

use crate::lexer::{Token, lex};

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Context, Draft, Group};
use crate::builtin::drafting::settle::answered;
use crate::builtin::said::item::{Item, Said};

/// VM or container, as it was said or answered.
pub fn kind(context: &Context<'_>, group: &Group, questions: &mut Vec<Question>) -> Option<Sourced<Kind>> {
    if let Some(kind) = &group.kind {
        return Some(context.said(kind.value, &kind.tokens));
    }
    // “create web-04 like web-01”
    let models = group.items.iter().filter_map(|(_, item)| match &item.value {
        Item::Like(Target { selector: Selector::Name(name), .. }) => context.inventory.guests.get(name),
        _ => None,
    });
    if let [[key]] = models.map(Vec::as_slice).collect::<Vec<_>>().as_slice() {
        let why = format!("like the {} that it shall be like", key.kind.noun());
        return Some(Sourced::new(key.kind, Source::inferred(why)));
    }
    if let Some(kind) = told_by_a_field(context, group) {
        return Some(kind);
    }
    match context.answer("kind", &group.head) {
        Some("VM") => return Some(Sourced::new(Kind::Qemu, answered("VM"))),
        Some("container") => return Some(Sourced::new(Kind::Lxc, answered("container"))),
        _ => {}
    }
    let words = context.words(&group.head);
    questions.push(context.question(
        "kind",
        &group.head,
        format!("Shall “{words}” make a VM or a container?"),
        &["VM", "container"],
    ));
    None
}

/// The kind that alone has what was said: a container has swap, a VM a BIOS. `None` where nothing tells, or things that no one kind has.
fn told_by_a_field(context: &Context<'_>, group: &Group) -> Option<Sourced<Kind>> {
    let mut told = group.items.iter().filter_map(|(_, said)| Some((said.value.only()?, &said.tokens)));
    let (kind, tokens) = told.next()?;
    let why = format!("only a {} has “{}”", kind.noun(), context.words(tokens));
    told.all(|(other, _)| other == kind).then(|| Sourced::new(kind, Source::inferred(why)))
}

/// The names of the guests, as they were said or answered.
pub fn names(
    context: &Context<'_>,
    group: &Group,
    kind: Option<Kind>,
    questions: &mut Vec<Question>,
) -> Vec<Sourced<String>> {
    let wanted = group.count.as_ref().map(|count| count.value).or_else(|| (!group.plural).then_some(1));
    let mut said: Vec<Sourced<String>> =
        group.members.iter().map(|member| context.said(member.value.clone(), &member.tokens)).collect();
    if !group.plural {
        // “VM a-1 …, and call it a-1”
        said.dedup_by(|one, other| one.value == other.value);
    }
    let listed = said.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(", ");
    let double = said.iter().enumerate().any(|(at, name)| said[..at].iter().any(|other| other.value == name.value));
    let fits = |count: usize| wanted.is_none_or(|wanted| u64::try_from(count) == Ok(wanted));
    if !said.is_empty() && !double && fits(said.len()) {
        return said;
    }
    if let Some(answer) = context.answer("name", &group.head) {
        let names = answered_names(context, answer);
        if !names.is_empty() && fits(names.len()) {
            return names.into_iter().map(|name| Sourced::new(name, answered(answer))).collect();
        }
    }
    let noun = kind.map_or("guest", Kind::noun);
    let wanted_words = wanted.map_or_else(
        || "How many guests, and what".to_owned(),
        |n| if n == 1 { "What".to_owned() } else { format!("{n} {noun}s: what") },
    );
    let (text, options) = match (said.as_slice(), wanted) {
        ([], Some(1)) => (format!("What shall the {noun} be called?"), Vec::new()),
        ([], _) => (format!("{wanted_words} shall they be called?"), Vec::new()),
        ([one], Some(n)) if n > 1 && n <= 100 => {
            let numbered: Vec<String> = (1..=n).map(|i| format!("{}-{i}", one.value)).collect();
            (
                format!("{n} {noun}s are wanted, and one name is given: {listed}. What shall they be called?"),
                vec![numbered.join(", ")],
            )
        }
        _ if double => (format!("A name stands twice: {listed}. What shall the guests be called?"), Vec::new()),
        (_, wanted) => (
            format!(
                "{} wanted, and {} named: {listed}. What shall they be called?",
                wanted.map_or_else(String::new, |n| format!("{n} {noun}{} are", if n == 1 { "" } else { "s" })),
                said.len()
            ),
            Vec::new(),
        ),
    };
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    questions.push(context.question("name", &group.head, text, &options));
    Vec::new()
}

/// The names in an answer, ranges included.
fn answered_names(context: &Context<'_>, answer: &str) -> Vec<String> {
    let tokens = lex(answer, |_| true);
    let mut parser = Parser::new(answer, &tokens, context.inventory);
    let names = parser.names(true).or_else(|| parser.any_name().map(|value| vec![Said { value, tokens: 0..1 }]));
    if parser.done() { names.unwrap_or_default().into_iter().map(|name| name.value).collect() } else { Vec::new() }
}

/// Where guests are described one by one, each must be: nobody lists a guest to say nothing of it.
pub fn ask_about_the_undescribed(context: &Context<'_>, group: &Group, questions: &mut Vec<Question>) {
    // “a-1 on pve1, a-2 on pve2 with 2 cores”: where it is does not tell how it is.
    let more = |item: &Item| !matches!(item, Item::Node(_));
    let told = group.items.iter().any(|(_, item)| more(&item.value));
    let tells = |item: &Item| !told || more(item);
    let one_by_one = group.items.iter().any(|(whose, _)| whose.is_some());
    for (at, member) in group.members.iter().enumerate() {
        if one_by_one
            && group.members.len() > 1
            && !group.items.iter().any(|(whose, item)| whose.is_none_or(|whose| whose == at) && tells(&item.value))
        {
            let text = format!(
                "Nothing is said of “{}”, and something of the others. How shall it be? Say it in the declaration.",
                member.value
            );
            questions.push(context.question("each", &member.tokens, text, &[]));
        }
    }
}

/// The answer that keeps what was said from the guests before.
const ONLY_LAST: &str = "Only for the last";
/// The answer that a guest of which nothing was said takes the defaults.
const AS_DEFAULTS: &str = "The defaults hold for it";

/// “a VM x and a container y with 2 cores” says 2 cores of y, or of both.
pub fn ask_about_neighbours(context: &Context<'_>, drafts: &[Draft], questions: &mut Vec<Question>) {
    for pair in drafts.windows(2) {
        let [Draft::Create(first), Draft::Create(second)] = pair else { continue };
        let between = context.tokens.get(first.head.end..second.head.start).unwrap_or_default();
        let joined = !between.iter().any(Token::ends_sentence);
        if joined && first.is_bare() && !second.is_bare() && context.answer("each", &first.head) != Some(ONLY_LAST) {
            let (a, b) = (context.words(&first.head), context.words(&second.tokens));
            questions.push(context.question(
                "each",
                &first.head,
                format!("“{b}” follows “{a}”. Does what is said there hold for the last guest only? To have the same for all, say “both” or “each”."),
                &[ONLY_LAST],
            ));
        }
        // “VM x with 2 cores and VM y”: nobody adds a guest in passing to say nothing of it.
        if joined && !first.is_bare() && !first.shared && second.items.is_empty() && !second.members.is_empty() {
            let words = context.words(&second.head);
            if context.answer("each", &second.head) != Some(AS_DEFAULTS) {
                let text = format!(
                    "Nothing is said of “{words}”, and something of the guest before. Shall the defaults hold for it? Else say in the declaration how it shall be."
                );
                questions.push(context.question("each", &second.head, text, &[AS_DEFAULTS]));
            }
        }
    }
}
