//! The ways in which servers can be asked for an answer that fits a schema, from the strictest on, and what else about a
//! request not every server takes.

use serde_json::{Map, Value, json};

use super::client::Asked;

/// The longest answer that is asked for, in tokens: a table of forty guests takes most of it, and a model that
/// repeats itself is stopped.
pub const MAX_TOKENS: u64 = 4_096;

/// How the schema is made known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As a strict schema: OpenAI, vLLM, llama-server, LM Studio, Ollama.
    Schema,
    /// As some JSON, with the schema in the field of Ollama's own.
    Format,
    /// As the arguments of a tool.
    Tool,
    /// In words alone.
    Text,
}

/// How the longest answer is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    MaxTokens,
    MaxCompletionTokens,
    Unsaid,
}

/// How a server takes its requests, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    form: Form,
    limit: Limit,
    temperature: bool,
    stream: bool,
    /// Whether the server is asked for what it used at the end of a stream.
    counts: bool,
}

impl Manner {
    /// The strictest.
    pub const fn strictest() -> Self {
        Self { form: Form::Schema, limit: Limit::MaxTokens, temperature: true, stream: true, counts: true }
    }

    /// The next that a server may take which refused this one with these words; `None` where there is none left.
    pub fn after(self, words: &str) -> Option<Self> {
        let words = words.to_lowercase();
        let says = |word: &str| words.contains(word);
        if self.limit == Limit::MaxTokens && says("max_completion_tokens") {
            return Some(Self { limit: Limit::MaxCompletionTokens, ..self });
        }
        if self.limit != Limit::Unsaid && (says("max_tokens") || says("max_completion_tokens")) {
            return Some(Self { limit: Limit::Unsaid, ..self });
        }
        if self.temperature && says("temperature") {
            return Some(Self { temperature: false, ..self });
        }
        if self.counts && says("stream_options") {
            return Some(Self { counts: false, ..self });
        }
        if self.stream && says("stream") {
            return Some(Self { stream: false, ..self });
        }
        self.looser()
    }

    /// The next form; `None` behind the last.
    pub fn looser(self) -> Option<Self> {
        let form = match self.form {
            Form::Schema => Form::Format,
            Form::Format => Form::Tool,
            Form::Tool => Form::Text,
            Form::Text => return None,
        };
        Some(Self { form, ..self })
    }

    /// The request.
    pub fn body(self, model: &str, asked: Asked<'_>) -> Value {
        let Asked { name, schema, messages } = asked;
        let mut body = Map::new();
        body.insert("model".into(), json!(model));
        body.insert("messages".into(), json!(messages));
        if self.temperature {
            body.insert("temperature".into(), json!(0));
        }
        match self.limit {
            Limit::MaxTokens => body.insert("max_tokens".into(), json!(MAX_TOKENS)),
            Limit::MaxCompletionTokens => body.insert("max_completion_tokens".into(), json!(MAX_TOKENS)),
            Limit::Unsaid => None,
        };
        if self.stream {
            body.insert("stream".into(), json!(true));
            if self.counts {
                body.insert("stream_options".into(), json!({ "include_usage": true }));
            }
        }
        match self.form {
            Form::Schema => {
                let schema = json!({ "name": name, "strict": true, "schema": schema });
                body.insert("response_format".into(), json!({ "type": "json_schema", "json_schema": schema }));
            }
            Form::Format => {
                body.insert("response_format".into(), json!({ "type": "json_object" }));
                body.insert("format".into(), schema.clone());
            }
            Form::Tool => {
                let function = json!({ "name": name, "description": "Takes the answer.", "parameters": schema });
                body.insert("tools".into(), json!([{ "type": "function", "function": function }]));
                body.insert("tool_choice".into(), json!({ "type": "function", "function": { "name": name } }));
            }
            Form::Text => {}
        }
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Asked, Manner};

    const ASKED: Asked<'_> = Asked { name: "reading", schema: &Value::Null, messages: &[] };

    #[test]
    fn what_a_server_refuses_is_left_out_and_the_form_stays() {
        let strict = Manner::strictest();
        let body = |words: &[&str]| {
            let manner = words.iter().try_fold(strict, |manner, words| manner.after(words));
            manner.map(|manner| manner.body("m", ASKED))
        };
        let body1 = body(&["Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."]).unwrap();
        assert!(body1.get("max_tokens").is_none() && body1.get("max_completion_tokens").is_some());
        assert_eq!(body1["response_format"]["type"], "json_schema");
        let body2 =
            body(&["'temperature' does not support 0", "Unknown field stream_options", "no streaming"]).unwrap();
        assert!(body2.get("temperature").is_none() && body2.get("stream").is_none());
        assert_eq!(body2["response_format"]["type"], "json_schema");
    }

    #[test]
    fn forms_loosen_from_the_schema_to_words_and_end_there() {
        let mut manner = Some(Manner::strictest());
        let mut forms = Vec::new();
        while let Some(now) = manner {
            let body = now.body("m", ASKED);
            forms.push((body["response_format"]["type"].as_str().map(str::to_owned), body.get("tools").is_some()));
            manner = now.after("no");
        }
        let said = |form: &str| Some(form.to_owned());
        assert_eq!(forms, [(said("json_schema"), false), (said("json_object"), false), (None, true), (None, false)]);
    }
}
