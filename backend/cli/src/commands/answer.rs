//! `mycopod answer`: answers a declaration's questions.

use serde_json::{Value, json};

use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, Text, note};
use crate::show::Shown;
use crate::terminal;

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

/// Sends the answers and shows what is understood now.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let shown = Shown::fetch(client, &args.id.to_string()).await?;
    let answers = if args.answers.is_empty() { asked(&shown).await } else { args.answers };
    if answers.is_empty() {
        note("Nothing was answered.");
        return Ok(shown.write(out, args.detailed_exitcode));
    }
    let answers: Vec<Value> =
        answers.into_iter().map(|(question, answer)| json!({ "question": question, "answer": answer })).collect();
    let answered = client.post(&format!("/declarations/{}/answers", args.id), &json!({ "answers": answers })).await?;
    Ok(Shown::of(client, answered)?.settled(client).await?.write(out, args.detailed_exitcode))
}

async fn asked(shown: &Shown) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    let questions = shown.declaration.reading.iter().flat_map(|reading| &reading.questions);
    for question in questions.filter(|question| question.answer.is_none() && terminal::is_attended()) {
        let options: Vec<&str> = question.options.iter().map(Text::as_str).collect();
        let options = if options.is_empty() { String::new() } else { format!(" [{}]", options.join(" | ")) };
        match terminal::ask(format!("{}{options} ", question.text)).await {
            Ok(Some(answer)) if !answer.trim().is_empty() => answers.push((question.id.clone(), answer)),
            _ => {}
        }
    }
    answers
}
