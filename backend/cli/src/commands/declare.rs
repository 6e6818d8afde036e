//! `mycopod declare`: says what shall be, in words or by intents in files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::api::DryPlan;
use crate::ask;
use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::files::{self, IntentFile};
use crate::output::{Output, note};
use crate::show::Shown;
use crate::terminal;

/// The API's own bound on bodies; what is longer is refused there with a reason.
const MAX_BYTES: u64 = 64 * 1024;

/// What to declare.
#[derive(clap::Args)]
pub struct Args {
    /// The declaration, such as "two VMs web-1 and web-2 with 4 GB memory"; - reads it from standard input
    #[arg(required_unless_present = "file", num_args = 1..)]
    words: Vec<String>,
    /// An intent in a file, YAML or JSON; - reads it from standard input. Of a folder each that is not so is declared
    #[arg(long, short, value_name = "PATH", conflicts_with = "words")]
    file: Option<PathBuf>,
    /// Exit with 2 where there are changes to make
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Sends it, shows what was understood and what would be done, and asks what is open.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    if let Some(path) = &args.file {
        return match files::load(path) {
            Ok(files) if path.is_dir() => folder(&files, args.detailed_exitcode, client, out).await,
            Ok(files) => {
                let text = files.first().map(|file| file.text.as_str()).unwrap_or_default();
                declare(&json!({ "intent": text }), args.detailed_exitcode, client, out).await
            }
            Err(error) => {
                note(format_args!("error: {error}. Nothing was declared"));
                Ok(Exit::Error)
            }
        };
    }
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
    declare(&json!({ "content": content }), args.detailed_exitcode, client, out).await
}

async fn declare(body: &Value, detailed: bool, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let made = client.post_once("/declarations", body).await?;
    ask::settled(Shown::of(client, made)?, client, out, detailed).await
}

/// Declares each file of a folder whose guests are not so, or are not declared so.
async fn folder(files: &[IntentFile], detailed: bool, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let mut plans = Vec::new();
    for text in files::by_cluster(files) {
        plans.push(client.parse::<DryPlan>(&client.post("/plans", &json!({ "intent": text })).await?)?);
    }
    let is_so = |file: &IntentFile| {
        let plan = plans.iter().find(|plan| file.cluster().is_none_or(|cluster| plan.cluster.as_str() == cluster));
        plan.is_some_and(|plan| file.names().all(|name| plan.is_declared(name)))
    };
    let mut worst = Exit::Done;
    for file in files {
        if is_so(file) {
            note(format_args!("{}: as declared", shown(&file.path)));
            continue;
        }
        note(format_args!("{}:", shown(&file.path)));
        let exit = declare(&json!({ "intent": file.text }), detailed, client, out).await?;
        if worst == Exit::Done || worst == Exit::Changes && exit != Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
