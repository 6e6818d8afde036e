//! Calendar events: when jobs run.

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const WORDS: [&str; 8] = ["minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly"];

/// Refuses what is no calendar event.
pub fn check(text: &str) -> Result<(), String> {
    let time = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_digit() || c == '*')
            && part.chars().all(|c| c.is_ascii_digit() || ":*/,.-".contains(c))
    };
    let day =
        |day: &str| DAYS.contains(&day.get(..3).unwrap_or_default()) && day.bytes().all(|b| b.is_ascii_alphabetic());
    let days = |part: &str| part.split([',', '.']).filter(|part| !part.is_empty()).all(day);
    let event =
        WORDS.contains(&text) || !text.is_empty() && text.split_whitespace().all(|part| time(part) || days(part));
    if event { Ok(()) } else { Err(format!("invalid calendar event '{text}' - unable to parse calendar event\n\n")) }
}
