//! `mycopod answer`: answers a declaration's questions.

use serde_json::{Value, json};

use crate::ask;
use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::Output;
use crate::show::Shown;

/// Which questions to answer, and how.
#[derive(clap::Args)]
pub struct Args {
    /// The declaration
    id: uuid::Uuid,
    /// Answers; without any, each open question is asked on the terminal
    #[arg(value_name = "QUESTION=ANSWER", value_parser = pair)]
    answers: Vec<(String, String)>,
    /// Exit with 2 where there are changes to make
    #[arg(long)]
    detailed_exitcode: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (question, answer) = text.split_once('=').ok_or("should be QUESTION=ANSWER, such as q1=local-lvm")?;
    Ok((question.to_owned(), answer.to_owned()))
}

/// Sends the answers, and asks what is open then.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let path = format!("/declarations/{}", args.id);
    let shown = if args.answers.is_empty() {
        client.get(&path).await?
    } else {
        let answers: Vec<Value> = args
            .answers
            .into_iter()
            .map(|(question, answer)| json!({ "question": question, "answer": answer }))
            .collect();
        client.post(&format!("{path}/answers"), &json!({ "answers": answers })).await?
    };
    ask::settled(Shown::of(client, shown)?, client, out, args.detailed_exitcode).await
}
