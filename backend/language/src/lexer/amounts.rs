//! Numbers glued to what they count: `8GB`, `4-core`, `2x50G`, `2C/4G/40G`.

use super::TokenKind;
use crate::quantity;
use crate::vocabulary;

/// Where to cut a chunk that is a number, alone or with what it counts: `8`, `8GB`, `4-core`, `2x50G`.
pub fn amounts(chunk: &[char]) -> Option<Vec<(usize, usize, TokenKind)>> {
    let digits = chunk.iter().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).count();
    let number: String = chunk[..digits].iter().collect();
    if !quantity::is_number(&number) {
        return None;
    }
    let mut cuts = vec![(0, digits, TokenKind::Number)];
    if digits == chunk.len() {
        return Some(cuts);
    }
    let skip = usize::from(chunk[digits] == '-');
    let from = digits + skip;
    let rest: String = chunk[from..].iter().collect::<String>().to_lowercase();
    if vocabulary::counts(&rest) {
        cuts.push((from, chunk.len(), TokenKind::Word));
        return Some(cuts);
    }
    // “8gbram”
    let glued =
        ["ram", "memory", "disk"].into_iter().find(|noun| rest.strip_suffix(noun).is_some_and(vocabulary::counts));
    if let Some(noun) = glued {
        let end = chunk.len() - noun.len();
        cuts.push((from, end, TokenKind::Word));
        cuts.push((end, chunk.len(), TokenKind::Word));
        return Some(cuts);
    }
    // “4gb-ram”
    if let Some((unit, noun)) = rest.split_once('-')
        && vocabulary::counts(unit)
        && !noun.is_empty()
    {
        let end = from + unit.chars().count();
        cuts.push((from, end, TokenKind::Word));
        cuts.push((end + 1, chunk.len(), TokenKind::Word));
        return Some(cuts);
    }
    // “8gbram”
    let glued = ["ram", "memory", "disk", "swap"].into_iter().filter_map(|noun| Some((rest.strip_suffix(noun)?, noun)));
    if let Some((unit, _)) = glued.into_iter().find(|(unit, _)| quantity::unit(unit).is_some()) {
        let end = from + unit.chars().count();
        cuts.push((from, end, TokenKind::Word));
        cuts.push((end, chunk.len(), TokenKind::Word));
        return Some(cuts);
    }
    // “2c4g20g”
    let unit = rest.chars().take_while(|c| c.is_alphabetic()).count();
    if skip == 0
        && vocabulary::counts(&rest[..rest.chars().take(unit).map(char::len_utf8).sum::<usize>()])
        && let Some(tail) = amounts(&chunk[from + unit..])
    {
        cuts.push((from, from + unit, TokenKind::Word));
        cuts.extend(tail.into_iter().map(|(start, end, kind)| (start + from + unit, end + from + unit, kind)));
        return (cuts.len() % 2 == 0).then_some(cuts);
    }
    let times = skip == 0 && matches!(chunk[digits], 'x' | 'X' | '×');
    if times {
        let after = digits + 1;
        cuts.push((digits, after, TokenKind::Word));
        if after < chunk.len() {
            let tail = amounts(&chunk[after..])?;
            cuts.extend(tail.into_iter().map(|(from, to, kind)| (from + after, to + after, kind)));
        }
        return Some(cuts);
    }
    None
}

/// Whether these are amounts side by side: `2C/4G/40G`, and `cores/4` and `GB/40` in “2 cores/4 GB/40 GB”.
pub fn are_amounts(parts: &[&[char]]) -> bool {
    let unit = |part: &[char]| {
        let word = part.iter().collect::<String>().to_lowercase();
        vocabulary::counts(&word) || ["ram", "memory", "mem", "swap", "disk", "hdd"].contains(&word.as_str())
    };
    let number = |part: &[char]| amounts(part).is_some_and(|cuts| cuts.len() == 1);
    let whole = |part: &[char]| amounts(part).is_some_and(|cuts| cuts.len() > 1);
    parts.iter().all(|part| whole(part)) || unit(parts[0]) && parts[1..].iter().all(|part| whole(part) || number(part))
}

/// Whether it is a number of cores in words: “four” and “core”.
pub fn spelled_cores(number: &[char], noun: &[char]) -> bool {
    let word = |chars: &[char]| chars.iter().collect::<String>().to_lowercase();
    quantity::number_word(&word(number)).is_some() && matches!(word(noun).as_str(), "core" | "cores" | "cpu" | "vcpu")
}
