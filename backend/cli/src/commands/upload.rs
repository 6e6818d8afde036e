//! `mycopod upload`: an image or a template for a storage, as an Admin.

use std::path::PathBuf;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, Text, note};

/// What goes where.
#[derive(clap::Args)]
pub struct Args {
    /// The file; its ending tells what it is: .iso or .img, .tar.gz, .tar.xz or .tar.zst, .qcow2, .raw, .vmdk or .ova
    file: PathBuf,
    /// The storage
    #[arg(long)]
    storage: String,
    /// The node
    #[arg(long)]
    node: String,
    /// Another name for it there
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// The cluster; the first where it is left out
    #[arg(long)]
    cluster: Option<String>,
}

#[derive(Deserialize)]
struct Uploaded {
    volume: Text,
    node: Text,
}

/// Does it.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let Args { file: path, storage, node, name, cluster } = args;
    let name = name.or_else(|| Some(path.file_name()?.to_str()?.to_owned())).unwrap_or_default();
    let opened = async {
        let file = tokio::fs::File::open(&path).await?;
        let size = file.metadata().await?.len();
        Ok::<_, std::io::Error>((file, size))
    };
    let (file, size) = match opened.await {
        Ok(opened) => opened,
        Err(error) => {
            note(format_args!("error: {} cannot be read: {error}. Nothing was sent", path.display()));
            return Ok(Exit::Usage);
        }
    };
    let query = [("node", Some(node)), ("storage", Some(storage)), ("file", Some(name)), ("cluster", cluster)];
    let query: Vec<String> = query
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", utf8_percent_encode(&value?, NON_ALPHANUMERIC))))
        .collect();
    let raw = client.upload(&format!("/uploads?{}", query.join("&")), file, size).await?;
    if out.is_json() {
        out.value(&raw);
    } else {
        let Uploaded { volume, node } = client.parse(&raw)?;
        out.line(format_args!("{volume} is on {node}."));
    }
    Ok(Exit::Done)
}
