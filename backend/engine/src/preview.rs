//! Reading without declaring: for somebody who still types. Nothing is kept, and no language model is asked.

use mycopod_core::id::DeclarationId;
use mycopod_core::intent::Intent;
use mycopod_core::observed::Observed;
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Reading};
use mycopod_core::resolve::{firewalls_of, minds_snapshots_of, resolve};

use crate::clusters::Cluster;
use crate::declare::{answers_in, readable, reworded};
use crate::view::Preview;
use crate::{Engine, Refusal, form, show};

/// The most guests at which one reading looks closer. Of more only the text itself is read.
const MAX_LOOKS: usize = 4;

impl Engine {
    /// What would be understood of `content` with these answers, and what would be asked, by the newest look.
    pub async fn preview(&self, content: &str, given: &[(String, String)]) -> Result<Preview, Refusal> {
        readable(content)?;
        let given = answers_in(given)?;
        let reworded = reworded(content, &given)?;
        let named = |question: String| reworded.as_ref().map_or_else(|| question.clone(), |new| new.id(&question));
        let answers: Answers = given.into_iter().map(|(question, answer)| (named(question), answer)).collect();
        let text = reworded.as_ref().map_or(content, |new| new.text.as_str());
        let cluster = self.meant_by(text, &answers).await?;
        let now = self.clock().now();
        let observed = cluster.newest(now).await?;
        let inventory = Inventory { clusters: self.0.clusters.names(), ..Inventory::of(&observed) };
        let mut reading = self.0.parts.interpreter.read_at_once(text, &inventory, &answers);
        let intent = match reading.refusal {
            Some(_) => None,
            None => self.resolve_at_once(&cluster, &observed, text, &mut reading, &answers).await?,
        };
        reading.reworded = reworded.map(|new| new.text);
        Ok(Preview {
            cluster: cluster.name.clone(),
            age_seconds: cluster.latest.seen(now).age_seconds.unwrap_or(0),
            reading: show::reading(&reading, &answers, "builtin", content),
            intent: intent.as_ref().map(form::intent),
        })
    }

    /// What the reading means by this look, or `None` with what would be asked put into it.
    async fn resolve_at_once(
        &self,
        cluster: &Cluster,
        observed: &Observed,
        content: &str,
        reading: &mut Reading,
        answers: &Answers,
    ) -> Result<Option<Intent>, Refusal> {
        let (id, policy) = (DeclarationId::fresh(self.clock()), &self.settings().policy);
        let guests = minds_snapshots_of(id, content, reading, observed, policy, answers);
        let firewalls = firewalls_of(id, content, reading, observed, policy, answers);
        if guests.len() + firewalls.len() > MAX_LOOKS {
            return Ok(None);
        }
        let observed = &*cluster.with_snapshots(observed, &guests).await;
        let observed = &*cluster.with_firewalls(observed, firewalls).await;
        let open = match resolve(id, content, reading, observed, policy, answers) {
            Ok(intent) => {
                let open = self.unknown_secrets(&intent).await?;
                if open.is_empty() {
                    return Ok(Some(intent));
                }
                open
            }
            Err(open) => open,
        };
        reading.questions = open;
        Ok(None)
    }
}
