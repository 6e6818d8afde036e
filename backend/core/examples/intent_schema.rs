//! Writes the JSON Schema of typed intents; `docs/intent.schema.json` is its output.

fn main() -> std::io::Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{:#}", mycopod_core::typed::schema::schema())
}
