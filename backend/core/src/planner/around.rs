//! A guest's pool and its HA state: they stand beside its configuration and take calls of their own.

use super::keep::Fields;
use super::{Draft, Planner, change};
use crate::field::{Field, Plain, Value};
use crate::guest::GuestKey;
use crate::plan::{Action, Effect};
use crate::settle::holds;

impl Planner<'_> {
    pub(super) fn around(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        for plain in [Plain::Pool, Plain::Ha] {
            let field = Field::Plain(plain);
            let Some(standing) = self.guests.get(&key) else { return };
            let from = standing.text(plain).to_owned();
            let is = standing.has(&field).cloned();
            let (Some(draft), Some(said)) = (beside(plain, &from, is.as_ref(), fields), fields.get(&field)) else {
                continue;
            };
            if !self.touch(wish, key) {
                return;
            }
            self.act(wish, key, draft);
            self.remember(key, &field, &said.value);
        }
    }

    /// What the HA manager keeps is started and stopped by it.
    pub(super) fn note_ha(&mut self, key: GuestKey) {
        let Some(standing) = self.guests.get(&key) else { return };
        let state = standing.text(Plain::Ha);
        if !state.is_empty() {
            let text = format!(
                "{} is kept in state {state} by the HA manager, through which Proxmox carries this out; its HA state \
                 follows.",
                standing.called()
            );
            self.note(text);
        }
    }
}

/// The step that a guest's pool or HA state takes, where it is not so.
pub(super) fn beside(plain: Plain, from: &str, is: Option<&Value>, fields: &Fields) -> Option<Draft> {
    let field = Field::Plain(plain);
    let said = fields.get(&field)?;
    let Value::Text(to) = &said.value else { return None };
    if holds(&field, &said.value, is) {
        return None;
    }
    let action = if plain == Plain::Pool {
        Action::SetPool { from: from.to_owned(), to: to.clone() }
    } else {
        Action::SetHa { known: !from.is_empty(), state: to.clone() }
    };
    Some(Draft::new(action, Effect::Live).with(vec![change(&field, is, said)]))
}
