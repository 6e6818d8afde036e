//! `mycopod declare`: says what shall be.

use serde_json::json;

use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, note};
use crate::show::Shown;
use crate::terminal;

/// The API's own bound on bodies; what is longer is refused there with a reason.
const MAX_BYTES: u64 = 64 * 1024;

/// What to declare.
#[derive(clap::Args)]
pub struct Args {
    /// The declaration, such as "two VMs web-1 and web-2 with 4 GB memory"; - reads it from standard input
    #[arg(required = true, num_args = 1..)]
    words: Vec<String>,
    /// Exit with 2 where there are changes to make
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Sends it and shows what was understood and what would be done.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let content = match args.words.as_slice() {
        [dash] if dash == "-" => match terminal::all(MAX_BYTES) {
            Ok(text) => text.trim_end().to_owned(),
            Err(error) => {
                note(format_args!("error: standard input cannot be read: {error}"));
                return Ok(Exit::Error);
            }
        },
        words => words.join(" "),
    };
    let made = client.post("/declarations", &json!({ "content": content })).await?;
    Ok(Shown::of(client, made)?.settled(client).await?.write(out, args.detailed_exitcode))
}
