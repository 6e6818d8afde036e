//! A plan’s explanation in a language model’s words, for somebody who looks at it. It is shown beside the plan’s own and
//! nothing depends on it: neither the digest nor an approval, and the audit log knows nothing of it.

use mycopod_core::explain::{Tongue, explain};
use mycopod_core::id::DeclarationId;
use mycopod_store::plans;

use crate::declare::visible;
use crate::view::Wording;
use crate::{Actor, Engine, Refusal};

impl Engine {
    /// The explanation of a declaration’s plan in other words, on the budget of whoever asks; where there are none, or they
    /// are not to be trusted, the plan’s own stand alone.
    pub async fn wording(&self, actor: &Actor, id: DeclarationId) -> Result<Wording, Refusal> {
        let (line, plan) = {
            let mut connection = self.pool().acquire().await?;
            let line = visible(&mut connection, actor, id).await?.line;
            let plan = match line.plan {
                Some(plan) => plans::get(&mut connection, plan).await?,
                None => None,
            };
            (line, plan)
        };
        let stored = plan.ok_or_else(|| Refusal::NotFound("This declaration has no plan.".to_owned()))?;
        let explanation = explain(&stored.plan, Tongue::of(&line.content));
        let errand = self.on_behalf(id, actor.id, false);
        let text = self.0.parts.interpreter.reword(&explanation, &errand).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "a plan was not worded by the language model");
            None
        });
        Ok(Wording { digest: stored.plan.digest().to_string(), text })
    }
}
