//! `mycopod export`: guests as files, to be kept in Git or given to Terraform.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::api::Exported;
use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, note};

/// Which guests, and how.
#[derive(clap::Args)]
pub struct Args {
    /// The guests, by name or VMID; of those that are not MycoPod's what was seen is written
    #[arg(required_unless_present = "all")]
    names: Vec<String>,
    /// All guests that MycoPod manages
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// The folder to write to, a file for each guest; - writes all to standard output
    #[arg(long, short, value_name = "DIR", default_value = "-")]
    output: PathBuf,
    /// As typed intents, or as Terraform for the provider bpg/proxmox
    #[arg(long, value_enum, default_value = "intent")]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Intent,
    Terraform,
}

/// Writes them.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let format = match args.format {
        Format::Intent => "intent",
        Format::Terraform => "terraform",
    };
    if let Some(odd) =
        args.names.iter().find(|name| !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)))
    {
        note(format_args!("error: “{odd}” is no guest’s name. Nothing was exported"));
        return Ok(Exit::Usage);
    }
    let guests = if args.all { String::new() } else { format!("&guests={}", args.names.join(",")) };
    let raw: Value = client.get(&format!("/intents?format={format}{guests}")).await?;
    let files: Vec<Exported> = client.parse(&raw)?;
    if args.output == Path::new("-") {
        for (at, file) in files.iter().enumerate() {
            // One YAML stream is one intent.
            if at > 0 && matches!(args.format, Format::Intent) {
                out.line("---");
            }
            out.line(file.content.trim_end());
        }
        return Ok(Exit::Done);
    }
    for file in &files {
        let path = args.output.join(&file.file);
        let is_plain = Path::new(&file.file).file_name().is_some_and(|name| name == file.file.as_str());
        let written = if is_plain {
            fs::create_dir_all(&args.output).and_then(|()| fs::write(&path, &file.content))
        } else {
            Err(std::io::Error::other("the server gave it no plain name"))
        };
        if let Err(error) = written {
            note(format_args!("error: {} was not written: {error}", path.display()));
            return Ok(Exit::Error);
        }
        note(format_args!("{}", path.display()));
    }
    Ok(Exit::Done)
}
