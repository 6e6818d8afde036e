//! Secrets that declarations name: an Admin sets them, a step hands them over, nobody reads them back.

use std::collections::BTreeSet;

use mycopod_core::cluster::Secret;
use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::intent::{Intent, Wish};
use mycopod_core::reading::Question;
use mycopod_core::seal::SealKey;
use mycopod_store::audit::{self, Kind, NewEntry};
use mycopod_store::secrets;
use serde_json::json;

use crate::cluster_admin::must_be_admin;
use crate::view::SecretLine;
use crate::{Actor, Engine, Refusal};

/// The most secrets; an installation has dozens.
const MAX_SECRETS: i64 = 1_000;
/// The longest value, in bytes: Proxmox takes passwords of 64 characters for containers, cloud-init hashes of some 120.
const MAX_VALUE: usize = 1_024;
/// The answer by which a declaration is read again.
const SET_NOW: &str = "It is set now";
/// The longest name.
const MAX_NAME: usize = 64;

impl Engine {
    /// Which secrets there are.
    pub async fn secrets(&self, actor: &Actor) -> Result<Vec<SecretLine>, Refusal> {
        let mut connection = self.pool().acquire().await?;
        must_be_admin(&mut connection, actor).await?;
        let line = |listed: secrets::Listed| SecretLine {
            name: listed.name,
            changed_at: listed.changed_at,
            changed_by: listed.changed_by,
        };
        Ok(secrets::list(&mut connection).await?.into_iter().map(line).collect())
    }

    /// Sets a secret's value. Guests that were given an older one keep it.
    pub async fn set_secret(&self, actor: &Actor, name: &str, value: &Secret) -> Result<(), Refusal> {
        let name = checked(name)?;
        let text = value.expose();
        if text.is_empty() || text.len() > MAX_VALUE || text.chars().any(char::is_control) {
            return Err(Refusal::Invalid(format!(
                "A secret has 1 to {MAX_VALUE} bytes on one line. Nothing was stored."
            )));
        }
        let sealed = SealKey::new(self.keys().seal).seal(text.as_bytes(), &bound_to(name), self.clock());
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        if secrets::count(&mut transaction).await? >= MAX_SECRETS {
            return Err(Refusal::Conflict(format!("{MAX_SECRETS} secrets are the most. Nothing was stored.")));
        }
        secrets::set(&mut transaction, name, &sealed, actor.id, self.clock().now()).await?;
        audit::append(&mut transaction, self.secret_entry(actor, Kind::SecretSet, name, "set")).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets a secret. Guests that were given it keep it.
    pub async fn remove_secret(&self, actor: &Actor, name: &str) -> Result<(), Refusal> {
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        if !secrets::remove(&mut transaction, name).await? {
            return Err(Refusal::NotFound("There is no secret of that name. Nothing was changed.".to_owned()));
        }
        audit::append(&mut transaction, self.secret_entry(actor, Kind::SecretRemoved, name, "removed")).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The value of a secret, or why there is none.
    pub(crate) async fn secret(&self, name: &str) -> Result<Result<Secret, String>, Refusal> {
        let sealed = secrets::get(&mut *self.pool().acquire().await?, name).await?;
        let Some(sealed) = sealed else { return Ok(Err(format!("There is no secret {name} any more"))) };
        let opened = SealKey::new(self.keys().seal).open(&sealed, &bound_to(name)).ok();
        Ok(opened
            .and_then(|value| String::from_utf8(value).ok())
            .map(Secret::new)
            .ok_or_else(|| format!("The secret {name} was sealed with the key of another secret file")))
    }

    /// Questions about the secrets that `intent` names and that there are not.
    pub(crate) async fn unknown_secrets(&self, intent: &Intent) -> Result<Vec<Question>, Refusal> {
        let named: BTreeSet<&str> = intent.wishes.iter().filter_map(secret_of).collect();
        let mut questions = Vec::new();
        if named.is_empty() {
            return Ok(questions);
        }
        let known: BTreeSet<String> =
            secrets::list(&mut *self.pool().acquire().await?).await?.into_iter().map(|known| known.name).collect();
        for name in named {
            if !known.contains(name) {
                let text = format!(
                    "There is no secret {name}. An Admin sets it by `mycopod secret set {name}`; then plan again. A \
                     password itself has no place in a declaration, which is kept as it was typed."
                );
                questions.push(Question::new(&format!("secret-{name}"), None, text, vec![SET_NOW.to_owned()]));
            }
        }
        Ok(questions)
    }

    fn secret_entry(&self, actor: &Actor, kind: Kind, name: &str, status: &str) -> NewEntry {
        NewEntry {
            time: self.clock().now(),
            actor: actor.into(),
            kind,
            subject: format!("secret {name}"),
            status: status.to_owned(),
            declaration: None,
            details: json!({}),
        }
    }
}

/// What a sealed value is bound to: moved to another name it does not open.
fn bound_to(name: &str) -> Vec<u8> {
    json!(["mycopod secret v1", name]).to_string().into_bytes()
}

fn checked(name: &str) -> Result<&str, Refusal> {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    fits.then_some(name).ok_or_else(|| {
        Refusal::Invalid(format!(
            "A secret’s name has 1 to {MAX_NAME} letters, digits, dots, dashes and underscores. Nothing was stored."
        ))
    })
}

/// The secret that a wish names.
fn secret_of(wish: &Wish) -> Option<&str> {
    let fields = match wish {
        Wish::Exist(new) => &new.fields,
        Wish::Hold { fields, .. } => fields,
        Wish::Once { .. } | Wish::Facility { .. } => return None,
    };
    match &fields.get(&Field::Plain(Plain::Password))?.value {
        Value::Text(name) if !name.is_empty() => Some(name),
        _ => None,
    }
}
