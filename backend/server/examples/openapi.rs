//! Prints the OpenAPI document, or with `--markdown` the reference made from it.

fn main() -> std::io::Result<()> {
    use std::io::Write;
    let markdown = std::env::args().any(|argument| argument == "--markdown");
    let text = if markdown { mycopod_server::api_markdown() } else { mycopod_server::openapi_json() };
    std::io::stdout().write_all(text.as_bytes())
}
