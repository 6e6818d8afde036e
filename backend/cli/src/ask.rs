//! A declaration's questions, asked on the terminal until none is open.

use serde_json::{Value, json};

use crate::api::Question;
use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, Text, note};
use crate::show::Shown;
use crate::terminal;

/// Waits until the declaration is settled, asks what is open where somebody is there, and writes it in full.
pub async fn settled(shown: Shown, client: &Client, out: Output, detailed: bool) -> Result<Exit, ClientError> {
    let mut shown = shown.settled(client).await?;
    while !open(&shown).is_empty() && terminal::is_attended() {
        let Some(answers) = answers(&open(&shown)).await else {
            let exit = shown.write(out, detailed);
            note(format_args!("\nNothing more was answered; the declaration stays as it is. {}", go_on(&shown)));
            return Ok(exit);
        };
        let path = format!("/declarations/{}/answers", shown.declaration.id);
        let answered = client.post(&path, &json!({ "answers": answers })).await?;
        shown = Shown::of(client, answered)?.settled(client).await?;
    }
    let exit = shown.write(out, detailed);
    if exit == Exit::NeedsAnswer {
        note(go_on(&shown));
    }
    Ok(exit)
}

fn go_on(shown: &Shown) -> String {
    format!("Go on with: mycopod answer {}", shown.declaration.id)
}

fn open(shown: &Shown) -> Vec<&Question> {
    let questions = shown.declaration.reading.iter().flat_map(|reading| &reading.questions);
    questions.filter(|question| question.answer.is_none()).collect()
}

/// An answer to each question, or `None` where somebody gave up: by Ctrl-C, or by ending the input.
async fn answers(questions: &[&Question]) -> Option<Vec<Value>> {
    let mut answers = Vec::new();
    for (at, question) in questions.iter().enumerate() {
        note(format_args!("\nQuestion {} of {}: {}", at + 1, questions.len(), question.text));
        let mark = mark(question);
        for (number, option) in question.options.iter().enumerate() {
            note(format_args!("{:>4}  {option}", format!("{mark}{}", number + 1)));
        }
        let prompt = match question.options.len() {
            0 => "Answer: ".to_owned(),
            most => format!("Answer ({mark}1 to {mark}{most}, or your own words): "),
        };
        let answer = loop {
            let given = tokio::select! {
                given = terminal::ask(prompt.clone()) => given.ok().flatten()?,
                _ = tokio::signal::ctrl_c() => return None,
            };
            if let Some(number) = beyond(given.trim(), question) {
                note(format_args!(
                    "There is no answer {number}: there are {mark}1 to {mark}{}.",
                    question.options.len()
                ));
            } else if !given.trim().is_empty() {
                break chosen(given.trim(), question);
            }
        };
        answers.push(json!({ "question": question.id, "answer": answer }));
    }
    Some(answers)
}

/// What stands before an option's number: a mark where a number alone may be an answer of its own, such as “2” to “how many?”.
fn mark(question: &Question) -> &'static str {
    let is_number = |option: &Text| option.as_str().starts_with(|c: char| c.is_ascii_digit());
    if question.options.len() < 2 || question.options.iter().any(is_number) { "#" } else { "" }
}

/// From here on a number may be a guest’s.
const LEAST_VMID: usize = 100;

/// The number of an option that there is not.
fn beyond<'a>(given: &'a str, question: &Question) -> Option<&'a str> {
    let number: usize = given.strip_prefix(mark(question))?.parse().ok()?;
    let none = !question.options.is_empty() && !(1..=question.options.len()).contains(&number);
    (none && number < LEAST_VMID).then_some(given)
}

/// The option of that number, or the words themselves.
fn chosen(given: &str, question: &Question) -> String {
    let number = given.strip_prefix(mark(question)).and_then(|number| number.parse::<usize>().ok());
    let option = number.and_then(|number| question.options.get(number.checked_sub(1)?));
    option.map_or(given, Text::as_str).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{beyond, chosen};
    use crate::api::Question;

    #[test]
    fn a_number_chooses_and_words_answer() {
        let question = |options: &[&str]| Question {
            id: "q".to_owned(),
            text: "Which?".to_owned().into(),
            options: options.iter().map(|option| (*option).to_owned().into()).collect(),
            answer: None,
        };
        let storages = question(&["local-lvm", "ceph"]);
        for (given, answer) in [("1", "local-lvm"), ("2", "ceph"), ("3", "3"), ("0", "0"), ("nfs", "nfs")] {
            assert_eq!(chosen(given, &storages), answer);
        }
        assert_eq!(beyond("9", &storages), Some("9"));
        assert_eq!(["1", "2", "101", "nfs"].map(|given| beyond(given, &storages)), [None; 4]);
        // “1” is one core, and not the first option.
        for numbers in [question(&["8", "Leave it out"]), question(&["Leave it out"])] {
            assert_eq!(chosen("1", &numbers), "1");
            assert_eq!(chosen("#1", &numbers), numbers.options[0].as_str());
        }
    }
}
