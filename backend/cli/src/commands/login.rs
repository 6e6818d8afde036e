//! `mycopod login`: logs in and keeps the session.

use crate::client::{Client, ClientError};
use crate::config::{ClientConfig, is_private_address, server_url};
use crate::exit::Exit;
use crate::output::{Output, note};
use crate::terminal;

/// Where to log in, and as whom.
#[derive(clap::Args)]
pub struct Args {
    /// The server's address; otherwise `MYCOPOD_URL`, or this machine
    #[arg(value_parser = server_url)]
    url: Option<String>,
    /// The address to log in with; otherwise it is asked for
    #[arg(long)]
    email: Option<String>,
    /// Send the password over plain HTTP to another machine, where anybody on the way can read it
    #[arg(long)]
    plain_http: bool,
}

/// Asks for what is missing, logs in and keeps the session.
pub async fn run(args: Args, config: &ClientConfig, out: Output) -> Result<Exit, ClientError> {
    let file = config.session_file.clone().ok_or(ClientError::NoHome)?;
    let config = ClientConfig { url: args.url.or_else(|| config.url.clone()), ..config.clone() };
    let client = Client::new(&config)?;
    if !args.plain_http && !is_private_address(client.url()) {
        note(format_args!(
            "error: {} is plain HTTP to another machine: the password could be read on the way. Nothing was sent. \
             Use https://, a tunnel, or --plain-http on a network that you trust",
            client.url()
        ));
        return Ok(Exit::Usage);
    }
    let email = match args.email {
        Some(email) => Some(email),
        None => terminal::ask("E-mail: ".to_owned()).await.ok().flatten(),
    };
    let password = terminal::ask_secret("Password: ".to_owned()).await.ok().flatten();
    let (Some(email), Some(password)) = (email, password) else {
        note("error: no e-mail address or no password was given");
        return Ok(Exit::Usage);
    };
    let welcome = client.login(&file, email.trim(), &password).await?;
    if out.is_json() {
        out.value(
            &serde_json::json!({ "url": client.url(), "email": welcome.email.as_str(), "role": welcome.role.as_str() }),
        );
    } else {
        out.line(format_args!("Logged in to {} as {} ({}).", client.url(), welcome.email, welcome.role));
    }
    Ok(Exit::Done)
}
