//! What was said twice or by halves: an answer decides, and without one it is asked.

use std::fmt::Display;
use std::ops::Range;

use mycopod_core::field::{DiskPart, Plain, Value};
use mycopod_core::reading::{Question, Source, Sourced, WantedDisk};
use mycopod_core::size::Size;

use super::draft::{Context, MAX_OPTIONS};

/// Sets what can be said once.
pub fn once<T: PartialEq + Display>(
    context: &Context<'_>,
    field: &str,
    slot: &mut Option<Sourced<T>>,
    value: T,
    tokens: &Range<usize>,
    questions: &mut Vec<Question>,
) {
    match slot {
        Some(first) => settle(context, field, first, value, tokens, questions),
        None => *slot = Some(context.said(value, tokens)),
    }
}

/// Two values where there can be one: the answer decides, and without one it is asked.
pub fn settle<T: PartialEq + Display>(
    context: &Context<'_>,
    field: &str,
    first: &mut Sourced<T>,
    second: T,
    tokens: &Range<usize>,
    questions: &mut Vec<Question>,
) {
    if first.value == second {
        return;
    }
    let (one, other) = (first.value.to_string(), second.to_string());
    let topic = format!("which-{field}");
    match context.answer(&topic, tokens) {
        Some(answer) if answer == one => {}
        Some(answer) if answer == other => *first = Sourced::new(second, answered(answer)),
        _ => {
            let text = format!("Both {one} and {other} are said for the same {field}. Which shall it be?");
            questions.push(context.question(&topic, tokens, text, &[&one, &other]));
        }
    }
}

/// Sets a part of a disk.
pub fn set_part(
    context: &Context<'_>,
    disk: &mut WantedDisk,
    part: DiskPart,
    value: Value,
    tokens: &Range<usize>,
    questions: &mut Vec<Question>,
) {
    match (part, value) {
        (DiskPart::Storage, Value::Text(storage)) => {
            once(context, "storage", &mut disk.storage, storage, tokens, questions);
        }
        (part, value) => match disk.parts.iter_mut().find(|(known, _)| *known == part) {
            Some((_, first)) => settle(context, part.as_str(), first, value, tokens, questions),
            None => disk.parts.push((part, context.said(value, tokens))),
        },
    }
}

/// The storage that was answered for a small volume.
pub fn storage_answered(
    context: &Context<'_>,
    plain: Plain,
    tokens: &Range<usize>,
    questions: &mut Vec<Question>,
) -> Option<Sourced<Value>> {
    if let Some(answer) = context.answer("storage", tokens).filter(|answer| !answer.trim().is_empty()) {
        return Some(Sourced::new(Value::Text(answer.trim().to_owned()), answered(answer)));
    }
    let storages: Vec<&str> = context.inventory.storages.iter().map(String::as_str).take(MAX_OPTIONS).collect();
    let text = format!("“{}”: on which storage shall the {} be?", context.words(tokens), plain.label());
    questions.push(context.question("storage", tokens, text, &storages));
    None
}

/// That an answer says it.
pub fn answered(answer: &str) -> Source {
    Source::answered(answer)
}

/// The size that a number without a unit was answered to mean.
pub fn unit_answered(
    context: &Context<'_>,
    number: u64,
    tokens: &Range<usize>,
    questions: &mut Vec<Question>,
) -> Option<Size> {
    let (gib, mib) = (format!("{number} GB"), format!("{number} MB"));
    match context.answer("unit", tokens) {
        Some(answer) if answer == gib => Some(Size::gib(number)),
        Some(answer) if answer == mib => Some(Size::mib(number)),
        _ => {
            questions.push(context.question(
                "unit",
                tokens,
                format!("“{}”: {number} of which unit?", context.words(tokens)),
                &[&gib, &mib],
            ));
            None
        }
    }
}

/// The address with the prefix that was answered.
pub fn address_answered(
    context: &Context<'_>,
    address: &str,
    tokens: &Range<usize>,
    questions: &mut Vec<Question>,
) -> Option<String> {
    let options = [24, 16, 8].map(|prefix| format!("{address}/{prefix}"));
    if let Some(answer) = context.answer("prefix", tokens)
        && answer
            .strip_prefix(address)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|prefix| prefix.parse::<u8>().ok())
            .is_some_and(|prefix| (1..=32).contains(&prefix))
    {
        return Some(answer.to_owned());
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    questions.push(context.question(
        "prefix",
        tokens,
        format!("“{}” has no prefix length. Which network is it in?", context.words(tokens)),
        &options,
    ));
    None
}

/// “8 cores in total” of several guests may be what they share.
pub fn shared_cores(context: &Context<'_>, tokens: &Range<usize>) -> Question {
    let text =
        format!("“{}”: how many cores shall each of them have? Say it in the declaration.", context.words(tokens));
    context.question("cores", tokens, text, &[])
}

/// The cores of each socket, where so many in `total` are said.
pub fn cores_of_a_socket(
    context: &Context<'_>,
    total: u64,
    sockets: Option<&Value>,
    tokens: &Range<usize>,
    questions: &mut Vec<Question>,
) -> Option<Value> {
    let sockets = match sockets {
        Some(Value::Count(sockets)) => *sockets,
        _ => 1,
    };
    if sockets > 0 && total.is_multiple_of(sockets) {
        return Some(Value::Count(total / sockets));
    }
    let text = format!(
        "“{}” cannot be shared out evenly to {sockets} sockets. How many cores shall each socket have? Say it in the declaration.",
        context.words(tokens)
    );
    questions.push(context.question("cores", tokens, text, &[]));
    None
}
