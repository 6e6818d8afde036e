//! NICs that are taken out. Further ones and other parts are fields like others.

use super::{Draft, Planner};
use crate::field::{Field, NicPart, Value};
use crate::guest::GuestKey;
use crate::plan::{Action, Effect};

impl Planner<'_> {
    pub(super) fn remove_nic(&mut self, wish: usize, key: GuestKey, number: u8) {
        let Some(standing) = self.guests.get(&key) else { return };
        let bridge = Field::Nic(number, NicPart::Bridge);
        let name = standing.seen.guest.name.clone();
        if standing.has(&bridge).is_none() {
            return self.note(format!("{} has no NIC {number} any more.", standing.called()));
        }
        let effect = standing.effect(&bridge, &Value::Text(String::new()));
        if !self.power_matters(key) || !self.touch(wish, key) {
            return;
        }
        if effect == Effect::Pending {
            self.note(format!("NIC {number} of {name} is taken out when it next stops."));
        }
        self.act(wish, key, Draft::new(Action::RemoveNic { number }, effect));
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.fields.retain(|field, _| !matches!(field, Field::Nic(n, _) if *n == number));
        }
    }
}
