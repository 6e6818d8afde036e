//! Numbers and amounts as people write them.
//!
//! GB and GiB both mean 2³⁰ bytes, MB and MiB 2²⁰, TB and TiB 2⁴⁰: Proxmox counts in
//! binary units under decimal names, and so do the people who use it.

use mycopod_core::size::Size;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// More digits than any amount has that fits a cluster; keeps all arithmetic far from overflow.
const MAX_DIGITS: usize = 12;

/// The bytes in a unit, whatever its spelling and case.
pub fn unit(word: &str) -> Option<u64> {
    Some(match word {
        "k" | "kb" | "kib" => KIB,
        "m" | "mb" | "mib" | "mbyte" | "mbytes" | "meg" | "megs" | "megabyte" | "megabytes" | "mebibyte"
        | "mebibytes" => MIB,
        "g" | "gb" | "gib" | "gbyte" | "gbytes" | "gig" | "gigs" | "gigabyte" | "gigabytes" | "gibibyte"
        | "gibibytes" => GIB,
        "t" | "tb" | "tib" | "tbyte" | "tbytes" | "terabyte" | "terabytes" | "tebibyte" | "tebibytes" => TIB,
        _ => return None,
    })
}

/// A unit cut short in speaking. Guests are called so too, so it is one behind a number alone.
pub fn spoken_unit(word: &str) -> Option<u64> {
    Some(match word {
        "mega" | "megas" => MIB,
        "giga" | "gigas" => GIB,
        "tera" | "teras" => TIB,
        _ => return None,
    })
}

/// Whether `text` is a number: digits with an optional fraction, or grouped by thousands.
pub fn is_number(text: &str) -> bool {
    decimal(text).is_some()
}

/// A fraction as it is written between a number and its unit: its quarters.
pub fn quarters(text: &str) -> Option<u64> {
    match text {
        "1/4" | "¼" => Some(1),
        "1/2" | "½" => Some(2),
        "3/4" | "¾" => Some(3),
        _ => None,
    }
}

/// A whole number.
pub fn whole(text: &str) -> Option<u64> {
    match decimal(text)? {
        (number, 1) => Some(number),
        _ => None,
    }
}

/// `number` times `unit` bytes; fractions are rounded to the nearest MiB, the smallest unit of Proxmox's memory.
pub fn size(number: &str, unit: u64) -> Option<Size> {
    let (digits, scale) = decimal(number)?;
    let (digits, unit, scale) = (u128::from(digits), u128::from(unit), u128::from(scale));
    let bytes = if (digits * unit).is_multiple_of(scale) {
        digits * unit / scale
    } else {
        let mib = u128::from(MIB);
        (digits * unit + scale * mib / 2) / (scale * mib) * mib
    };
    u64::try_from(bytes).ok().map(Size::bytes)
}

/// The digits as a whole number, and the power of ten to divide it by.
fn decimal(text: &str) -> Option<(u64, u64)> {
    if text.len() <= MAX_DIGITS && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some((text.parse().ok()?, 1));
    }
    // “1,5” parts no thousands; “10,25” may be two numbers.
    let is_decimal = |(int, fraction): &(&str, &str)| int.len() == 1 && matches!(*fraction, "5" | "25" | "75");
    let (int, fraction) = match text.split_once(',').filter(is_decimal) {
        Some(decimal) => decimal,
        None => text.split_once('.').unwrap_or((text, "")),
    };
    if text.ends_with('.') || text.len() > MAX_DIGITS {
        return None;
    }
    let int = match int.split_once(',') {
        None => int.to_owned(),
        Some((first, rest)) => {
            let grouped = (1..=3).contains(&first.len())
                && !first.starts_with('0')
                && rest.split(',').all(|group| group.len() == 3);
            if !grouped {
                return None;
            }
            int.replace(',', "")
        }
    };
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    // “.75” has no whole part.
    let empty = int.is_empty() && (fraction.is_empty() || text.contains(','));
    if empty || !all_digits(&int) || !all_digits(fraction) {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    Some((format!("{int}{fraction}").parse().ok()?, scale))
}

/// A number word that can begin a number: “seven”, “twenty”, “hundred” (as in “a hundred”), “dozen”.
pub fn number_word(word: &str) -> Option<u64> {
    Some(match word {
        "zero" => 0,
        "one" | "single" => 1,
        "two" | "dual" => 2,
        "three" => 3,
        "four" | "quad" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" | "octa" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" | "dozen" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        "twenty" => 20,
        "thirty" => 30,
        "forty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        "hundred" => 100,
        "thousand" => 1_000,
        // Most words are none: that is seen by their first letter.
        _ if !word.starts_with(['t', 'f', 's', 'e', 'n', 'h']) => return None,
        _ => return word.split_once('-').and_then(|(tens, ones)| joined(number_word(tens)?, number_word(ones)?)),
    })
}

/// Two number words in a row as one number: “twenty four” is 24, “two hundred” 200.
pub fn joined(first: u64, second: u64) -> Option<u64> {
    match (first, second) {
        (20..=90, 1..=9) if first.is_multiple_of(10) => Some(first + second),
        (1..=99, 12 | 100 | 1_000) => first.checked_mul(second),
        (100..=999, 1..=99) if first.is_multiple_of(100) => Some(first + second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{GIB, MIB, TIB, joined, number_word, size, unit, whole};
    use mycopod_core::size::Size;

    #[test]
    fn decimal_and_binary_names_are_the_same_units() {
        for (a, b) in [("gb", "gib"), ("mb", "mib"), ("tb", "tib")] {
            assert_eq!(unit(a), unit(b));
        }
    }

    #[test]
    fn fractions_are_exact_or_rounded_to_a_mib() {
        assert_eq!(size("1.5", TIB), Some(Size::gib(1536)));
        assert_eq!(size("0.5", GIB), Some(Size::mib(512)));
        assert_eq!(size("1.1", GIB), Some(Size::mib(1126)));
        assert_eq!(size("8,192", MIB), Some(Size::gib(8)));
        assert_eq!(size("1,5", GIB), Some(Size::mib(1536)));
        assert_eq!(size(".5", GIB), Some(Size::mib(512)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", ".", "1.", ".,5", "1,4", "10,25", "0,512", "1,0000", "1.2.3", "10000000000000", "-1", "٣"] {
            assert_eq!(size(text, GIB), None, "{text}");
        }
        assert_eq!(whole("1.5"), None);
    }

    #[test]
    fn number_words_join_as_in_speech() {
        assert_eq!(number_word("thirty-two"), Some(32));
        assert_eq!(joined(20, 4), Some(24));
        assert_eq!(joined(5, 100), Some(500));
        assert_eq!(joined(500, 12), Some(512));
        assert_eq!(joined(2, 4), None);
    }
}
