//! `mycopod user`: looks after users, as an Admin.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::api::User;
use crate::client::{Client, ClientError};
use crate::exit::Exit;
use crate::output::{Output, Tone, note};
use crate::terminal;

/// What to do with users.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make an account; its password is asked for, or read from standard input
    Add {
        /// The address to log in with
        email: String,
        /// What the user may do
        #[arg(long, value_enum, default_value_t = RoleArg::User)]
        role: RoleArg,
        /// Approve the account at once
        #[arg(long)]
        approved: bool,
    },
    /// List the accounts
    List,
    /// Approve an account, so that it may declare
    Approve {
        /// Its address
        email: String,
        /// Take the approval back
        #[arg(long)]
        revoke: bool,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum RoleArg {
    Admin,
    User,
}

/// Does it.
pub async fn run(args: Args, client: &Client, out: Output) -> Result<Exit, ClientError> {
    let raw = match args.command {
        Command::Add { email, role, approved } => {
            let Some(password) = terminal::ask_secret(format!("Password for {email}: ")).await.ok().flatten() else {
                note("error: no password was given. Nothing was made");
                return Ok(Exit::Usage);
            };
            let role = match role {
                RoleArg::Admin => "Admin",
                RoleArg::User => "User",
            };
            let body =
                json!({ "email": email, "password": password.expose_secret(), "role": role, "approved": approved });
            Value::Array(vec![client.post("/register", &body).await?])
        }
        Command::List => client.get("/users").await?,
        Command::Approve { email, revoke } => {
            let users: Vec<User> = client.parse(&client.get("/users").await?)?;
            let Some(user) = users.iter().find(|user| user.email.as_str().eq_ignore_ascii_case(email.trim())) else {
                note(format_args!("error: there is no account {email}"));
                return Ok(Exit::Error);
            };
            Value::Array(vec![client.patch(&format!("/users/{}", user.id), &json!({ "approved": !revoke })).await?])
        }
    };
    if out.is_json() {
        out.value(&raw);
        return Ok(Exit::Done);
    }
    let users: Vec<User> = client.parse(&raw)?;
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            let last =
                user.last_login_at.map_or_else(|| "never".to_owned(), |time| time.format("%Y-%m-%d %H:%M").to_string());
            let approved = if user.approved { "yes" } else { "no" }.to_owned();
            let tone = (!user.approved).then_some(Tone::Notice);
            (tone, [user.email.to_string(), user.role.to_string(), approved, last, user.id.to_string()])
        })
        .collect();
    out.table(["E-MAIL", "ROLE", "APPROVED", "LAST LOGIN (UTC)", "ID"], &rows);
    Ok(Exit::Done)
}
