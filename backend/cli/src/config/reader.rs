//! Who reads declarations, and what that may cost.

use mycopod_engine::Budget;
use mycopod_language::Part;
use secrecy::SecretString;

use super::Settings;
use super::value::{http_url, is_private_way};

/// OpenAI's own, when a key alone is given.
const LLM_BASE_URL: &str = "https://api.openai.com/v1";
/// A small model that knows structured output, when a key alone is given.
const LLM_MODEL: &str = "gpt-4o-mini";
/// Prices and budgets are counted in these parts of the currency.
const PARTS: usize = 6;

/// Who reads declarations.
#[derive(Debug)]
pub enum Reader {
    /// The built-in reader.
    BuiltIn,
    /// It and a language model behind an OpenAI-compatible server, which may also word what plans say of themselves.
    OpenAi(mycopod_language::Config, Part, Rephrase),
}

/// Whether plans are also shown in the language model’s words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rephrase {
    /// They are shown in MycoPod’s own words alone.
    Off,
    /// Beside them, the model’s are shown where they say the same.
    On,
}

/// The reader that the settings name.
pub fn reader(read: &mut Settings<'_>, allow_plain_http: bool) -> Reader {
    let default = if read.is_set("LLM_API_KEY") { "openai" } else { "builtin" };
    let openai = read.or("LLM_PROVIDER", default, |text| match text {
        "builtin" => Ok(false),
        "openai" => Ok(true),
        _ => Err("should be builtin, or openai for any OpenAI-compatible server".to_owned()),
    });
    let part = read.or("LLM_ROLE", "leftover", |text| match text {
        "leftover" => Ok(Part::Leftover),
        "agree" => Ok(Part::Agree),
        "alone" => Ok(Part::Alone),
        _ => Err("should be leftover, agree or alone".to_owned()),
    });
    let rephrase = read.or("LLM_REPHRASE", "off", |text| match text {
        "off" => Ok(Rephrase::Off),
        "on" => Ok(Rephrase::On),
        _ => Err("should be off or on".to_owned()),
    });
    if !openai {
        return Reader::BuiltIn;
    }
    let api_key = read.optional("LLM_API_KEY", |text| Ok(SecretString::from(text)));
    if api_key.is_none() && !read.is_set("LLM_BASE_URL") {
        read.wrong::<()>("LLM_API_KEY", "is missing: OpenAI’s own server wants one; name another with LLM_BASE_URL");
    }
    let base_url = read.or("LLM_BASE_URL", LLM_BASE_URL, |text| {
        let url =
            http_url(text).ok_or("should be a URL, such as https://api.openai.com/v1 or http://127.0.0.1:11434/v1")?;
        if !is_private_way(&url) && !allow_plain_http {
            return Err("would send declarations over plain HTTP: it should begin with https://".to_owned());
        }
        Ok(text.trim_end_matches('/').to_owned())
    });
    let model = read.or("LLM_MODEL", LLM_MODEL, |text| Ok(text.to_owned()));
    Reader::OpenAi(mycopod_language::Config { base_url, api_key, model, allow_plain_http }, part, rephrase)
}

/// What declarations may cost at a language model, a user and day.
pub fn budget(read: &mut Settings<'_>) -> Budget {
    let tokens = read.or("LLM_TOKENS_PER_DAY", &Budget::default().tokens.to_string(), |text| {
        text.parse().map_err(|_| "should be a whole number of tokens; 0 asks no model".to_owned())
    });
    let cost = read.optional("LLM_COST_PER_DAY", |text| {
        millionths(text).ok_or_else(|| "should be an amount such as 0.50, in the currency of LLM_PRICES".to_owned())
    });
    if cost.is_some() && !read.is_set("LLM_PRICES") {
        read.wrong::<()>("LLM_PRICES", "is missing beside LLM_COST_PER_DAY: it should be such as 0.15/0.60");
    }
    let (input_price, output_price) = read.or("LLM_PRICES", "0/0", |text| {
        let prices = text.split_once('/').and_then(|(input, output)| Some((millionths(input)?, millionths(output)?)));
        prices.ok_or_else(|| {
            "should be what a million tokens cost that are read and that are written, such as 0.15/0.60".to_owned()
        })
    });
    Budget { tokens, cost, input_price, output_price }
}

/// “0.15” in millionths; what is smaller than one is none.
fn millionths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > PARTS {
        return None;
    }
    format!("{whole}{part:0<PARTS$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bad, config};
    use super::{LLM_BASE_URL, Part, Reader, Rephrase, millionths};

    #[test]
    fn a_key_alone_selects_the_language_model_for_what_is_left_over() {
        let all = config(&[("LLM_API_KEY", "sk-1")]);
        assert!(matches!(all.reader, Reader::OpenAi(model, Part::Leftover, Rephrase::Off)
            if model.base_url == LLM_BASE_URL && model.api_key.is_some()));
        let all = config(&[("LLM_API_KEY", "sk-1"), ("LLM_PROVIDER", "builtin")]);
        assert!(matches!(all.reader, Reader::BuiltIn));
        let all = config(&[("LLM_API_KEY", "sk-1"), ("LLM_ROLE", "agree")]);
        assert!(matches!(all.reader, Reader::OpenAi(_, Part::Agree, _)));
        assert_eq!(bad(&[("LLM_ROLE", "both")])[0].name, "LLM_ROLE");
        let all = config(&[("LLM_API_KEY", "sk-1"), ("LLM_REPHRASE", "on")]);
        assert!(matches!(all.reader, Reader::OpenAi(_, _, Rephrase::On)));
        assert_eq!(bad(&[("LLM_REPHRASE", "yes")])[0].name, "LLM_REPHRASE");
    }

    #[test]
    fn a_budget_in_money_needs_prices() {
        assert_eq!(config(&[]).budget, mycopod_engine::Budget::default());
        let priced = config(&[("LLM_COST_PER_DAY", "0.5"), ("LLM_PRICES", "0.15/0.60"), ("LLM_TOKENS_PER_DAY", "9")]);
        let budget = priced.budget;
        let read = (budget.tokens, budget.cost, budget.input_price, budget.output_price);
        assert_eq!(read, (9, Some(500_000), 150_000, 600_000));
        assert_eq!(bad(&[("LLM_COST_PER_DAY", "1")])[0].name, "LLM_PRICES");
    }

    #[test]
    fn amounts_are_exact() {
        for (text, amount) in [("0.15", Some(150_000)), ("2", Some(2_000_000)), ("0.000001", Some(1))] {
            assert_eq!(millionths(text), amount, "{text}");
        }
        for wrong in ["", ".5", "1.", "-1", "1e3", "0.0000001", "1,5", "99999999999999999999"] {
            assert_eq!(millionths(wrong), None, "{wrong}");
        }
    }
}
