//! `mycopod edit`: sets a field of a declaration that waits for approval, or takes that back.

use mycopod_core::reading::FormField;
use mycopod_core::typed::schema;
use serde_json::{Value, json};

use crate::ask;
use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, Text};
use crate::show::Shown;

/// What to set, or to take back; without either, what was set is listed.
#[derive(clap::Args)]
pub struct Args {
    /// The declaration
    id: uuid::Uuid,
    /// The guest, by its name, or by its VMID where it exists
    #[arg(requires = "field")]
    guest: Option<String>,
    /// The field, such as cores or nic.0.vlan; kind, image, node or vmid of a guest to be made; disk.scsi1 or nic.1 is a
    /// whole disk or NIC, which need not be there yet
    field: Option<FormField>,
    /// The value, such as 4, 8GB, yes or web,shop; of a whole disk or NIC its parts: size=20GB storage=local-lvm
    values: Vec<String>,
    /// Leave the disk or NIC out of the declaration, or make the VM from no image
    #[arg(long, requires = "field", conflicts_with = "values")]
    leave_out: bool,
    /// Take back what was set under that number
    #[arg(long, value_name = "NUMBER", conflicts_with = "guest")]
    take_back: Option<usize>,
    /// Exit with 2 where there are changes to make
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Sets it or takes it back, and shows the new plan.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let path = format!("/declarations/{}", args.id);
    let edited = match (args.take_back, args.guest.zip(args.field)) {
        (Some(number), _) => client.delete(&format!("{path}/edits/{number}")).await?,
        (None, Some((guest, field))) => {
            let value = if args.leave_out { Value::Null } else { value_of(&field, &args.values)? };
            let guest = id_of(&client.get(&path).await?, &guest)?;
            let edit = json!({ "guest": guest, "field": field, "value": value });
            client.post(&format!("{path}/edits"), &edit).await?
        }
        (None, None) => {
            list(&client.get(&path).await?["edits"], out);
            return Ok(Exit::Done);
        }
    };
    ask::settled(Shown::of(client, edited)?, client, out, args.detailed_exitcode).await
}

/// The value that was typed, as a file has it. What is none of the field stays a text, which the server refuses with a
/// reason.
fn value_of(field: &FormField, typed: &[String]) -> Result<Value, ClientError> {
    match (field, typed) {
        (FormField::Disk(_) | FormField::Nic(_), [_, ..]) => {
            let part = |typed: &String| {
                let part = typed.split_once('=').and_then(|(name, text)| Some((name, field.part(name)?, text)));
                let Some((name, part, text)) = part else {
                    return usage(format!("“{typed}” is no part of {field}. Parts are said as in size=20GB."));
                };
                Ok((name.to_owned(), one(&FormField::Field(part), text)))
            };
            typed.iter().map(part).collect()
        }
        (FormField::Disk(_) | FormField::Nic(_), []) => {
            usage("Say its parts, such as size=20GB or bridge=vmbr0, or --leave-out.".to_owned())
        }
        (_, [text]) => Ok(one(field, text)),
        _ => usage(format!("“{field}” takes one value; a list is said with commas.")),
    }
}

fn usage<T>(text: String) -> Result<T, ClientError> {
    Err(ClientError::Usage(text))
}

fn one(field: &FormField, text: &str) -> Value {
    match (schema::of_form(field, None)["type"].as_str(), text) {
        (Some("boolean"), "yes" | "true") => true.into(),
        (Some("boolean"), "no" | "false") => false.into(),
        (Some("integer" | "number"), text) => text.parse().map_or_else(|_| text.into(), Value::Number),
        (Some("array"), text) => text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect(),
        _ => text.into(),
    }
}

/// What the declaration calls a guest; while a question is open, what was set names it.
fn id_of(declaration: &Value, guest: &str) -> Result<Value, ClientError> {
    let known = |of: &str, id: &str, name: &str| -> Vec<(Value, Value)> {
        let guests = declaration[of].as_array().into_iter().flatten();
        guests.map(|guest| (guest[id].clone(), guest[name].clone())).collect()
    };
    let mut called = [known("intent", "id", "name"), known("edits", "guest", "guest_name")].concat();
    called.retain(|(id, name)| *id == guest || *name == guest);
    called.dedup();
    match called.as_slice() {
        [(id, _)] => Ok(id.clone()),
        [] => usage(format!("This declaration has no guest {guest} now whose fields can be set.")),
        _ => usage(format!("Several guests of this declaration are called {guest}. Say a VMID.")),
    }
}

fn list(edits: &Value, out: Output) {
    if out.is_json() {
        return out.value(edits);
    }
    let edits = edits.as_array().map(Vec::as_slice).unwrap_or_default();
    if edits.is_empty() {
        out.line("Nothing was set in a form.");
    }
    for edit in edits {
        let text = |key: &str| Text::from(edit[key].as_str().unwrap_or_default().to_owned());
        let (number, to) = (&edit["number"], Text::from(shown(&edit["to"])));
        out.line(format_args!(
            "{number:>3}  {} of {}: {to}  ({}, {})",
            text("label"),
            text("guest_name"),
            text("state").as_str().replace('_', " "),
            text("by")
        ));
    }
}

/// A value as somebody would type it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "left out".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        Value::Object(parts) => {
            parts.iter().map(|(name, part)| format!("{name}={}", shown(part))).collect::<Vec<_>>().join(" ")
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
