//! Asking the reader: within its user's budget, watched by those who wait, and no longer than anybody wants the answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mycopod_core::id::{DeclarationId, UserId};
use mycopod_core::ports::{Errand, Inventory, ReadError, Usage};
use mycopod_core::reading::{Answers, Reading};
use mycopod_core::status::DeclarationStatus;
use mycopod_store::declarations::{self, Declaration};
use mycopod_store::spending::{self, Spending};
use tokio::sync::broadcast;
use tokio::time::sleep;

use crate::{Engine, Refusal};

/// How often it is looked whether a declaration that is being read was called off, here or on another replica.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After so many more characters of an answer it is told how far it is: some ten times in a usual one.
const TELL_EVERY: usize = 100;

/// As many tellings wait for somebody slow; they miss older ones.
pub(crate) const TELLINGS: usize = 64;

/// What declarations may cost at a language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most tokens for each user and day.
    pub tokens: u64,
    /// The most that they may cost, in millionths of the currency that the prices are in.
    pub cost: Option<u64>,
    /// What a million tokens cost that the model reads, in millionths.
    pub input_price: u64,
    /// What a million tokens cost that it writes, in millionths.
    pub output_price: u64,
}

impl Default for Budget {
    /// Some two hundred declarations a day, at no price.
    fn default() -> Self {
        Self { tokens: 1_000_000, cost: None, input_price: 0, output_price: 0 }
    }
}

impl Budget {
    fn of(self, usage: Usage) -> Spending {
        let price = |tokens: u64, price: u64| (u128::from(tokens) * u128::from(price)).div_ceil(1_000_000);
        let cost = price(usage.input, self.input_price) + price(usage.output, self.output_price);
        let tokens = usage.input.saturating_add(usage.output);
        Spending { tokens, cost: u64::try_from(cost).unwrap_or(u64::MAX) }
    }

    fn limit(self) -> Spending {
        Spending { tokens: self.tokens, cost: self.cost.unwrap_or(u64::MAX) }
    }
}

/// How far a language model's answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The declaration that is read.
    pub declaration: DeclarationId,
    /// Whose it is.
    pub user: UserId,
    /// How many characters of the answer have come.
    pub characters: usize,
}

pub(crate) struct OnBehalf<'a> {
    engine: &'a Engine,
    declaration: DeclarationId,
    user: UserId,
    /// Whether it is told how far the answer is.
    watched: bool,
    told: AtomicUsize,
}

#[async_trait]
impl Errand for OnBehalf<'_> {
    async fn reserve(&self, most: Usage) -> Result<(), String> {
        let budget = self.engine.settings().budget;
        let reserve = async {
            let mut connection = self.engine.pool().acquire().await?;
            let now = self.engine.clock().now();
            Ok::<_, Refusal>(spending::reserve(&mut connection, self.user, now, budget.of(most), budget.limit()).await?)
        };
        match reserve.await {
            Ok(true) => Ok(()),
            Ok(false) => Err("its budget for today is used up; there is a new one at midnight, UTC".to_owned()),
            Err(error) => {
                tracing::warn!(%error, "the budget for the language model could not be looked up");
                Err("its budget could not be looked up".to_owned())
            }
        }
    }

    async fn settle(&self, reserved: Usage, spent: Usage) {
        let budget = self.engine.settings().budget;
        let settle = async {
            let mut connection = self.engine.pool().acquire().await?;
            let now = self.engine.clock().now();
            spending::settle(&mut connection, self.user, now, budget.of(reserved), budget.of(spent)).await?;
            Ok::<_, Refusal>(())
        };
        if let Err(error) = settle.await {
            // More stays set aside than was used: the day ends sooner, and nothing worse.
            tracing::warn!(%error, "what the language model used was not noted");
        }
    }

    fn progress(&self, characters: usize) {
        let told = self.told.load(Ordering::Relaxed);
        if self.watched && is_news(told, characters) {
            self.told.store(characters, Ordering::Relaxed);
            let progress = Progress { declaration: self.declaration, user: self.user, characters };
            // Nobody need listen.
            drop(self.engine.0.progress.send(progress));
        }
    }
}

/// Whether so many characters are worth telling after so many were told.
const fn is_news(told: usize, characters: usize) -> bool {
    characters > 0 && (told == 0 || characters >= told + TELL_EVERY)
}

impl Engine {
    /// How far language models' answers are, as they come to this replica.
    #[must_use]
    pub fn progress(&self) -> broadcast::Receiver<Progress> {
        self.0.progress.subscribe()
    }

    /// An errand for a declaration, on somebody’s budget.
    pub(crate) const fn on_behalf(&self, declaration: DeclarationId, user: UserId, watched: bool) -> OnBehalf<'_> {
        OnBehalf { engine: self, declaration, user, watched, told: AtomicUsize::new(0) }
    }

    /// Asks the reader; `None` where the declaration was called off before it answered, which ends the asking.
    pub(crate) async fn interpret(
        &self,
        declaration: &Declaration,
        inventory: &Inventory,
        answers: &Answers,
    ) -> Option<Result<Reading, ReadError>> {
        let line = &declaration.line;
        let errand = self.on_behalf(line.id, line.user, true);
        tokio::select! {
            biased;
            reading = self.0.parts.interpreter.read(declaration.text(), inventory, answers, &errand) => Some(reading),
            () = self.called_off(line.id) => None,
        }
    }

    /// Waits until a declaration is no longer to be read.
    async fn called_off(&self, id: DeclarationId) {
        loop {
            let bell = self.0.changed.notified();
            tokio::select! {
                () = bell => {}
                () = sleep(LOOK_EVERY) => {}
            }
            let look = async {
                let mut connection = self.pool().acquire().await?;
                Ok::<_, Refusal>(declarations::standing(&mut connection, id).await?)
            };
            if matches!(look.await, Ok(standing) if standing.is_none_or(|(status, _)| status != DeclarationStatus::Reading))
            {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Spending, TELL_EVERY, Usage, is_news};

    #[test]
    fn a_price_is_for_a_million_tokens_and_never_rounded_to_nothing() {
        let budget = Budget { input_price: 150_000, output_price: 600_000, ..Budget::default() };
        let of = |input, output| budget.of(Usage { input, output });
        assert_eq!(of(2_000_000, 1_000_000), Spending { tokens: 3_000_000, cost: 900_000 });
        assert_eq!(of(1, 0), Spending { tokens: 1, cost: 1 });
        assert_eq!(of(u64::MAX, u64::MAX).tokens, u64::MAX);
    }

    #[test]
    fn the_first_characters_are_told_and_then_every_so_many() {
        assert_eq!([0, 1].map(|characters| is_news(0, characters)), [false, true]);
        assert_eq!([7, 6 + TELL_EVERY, 7 + TELL_EVERY].map(|characters| is_news(7, characters)), [false, false, true]);
    }
}
