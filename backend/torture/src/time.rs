//! Time and chance that belong to the lab.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::ports::Clock;
use tokio::time::Instant;

/// When every run begins: any moment will do, as long as it is the same.
const BEGINNING: i64 = 1_790_000_000_000_000;

/// Numbers that look random and follow from a seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The numbers that follow from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.draw() % bound).unwrap_or(0)
    }

    /// A number from 1 to `most`.
    pub fn far(&mut self, most: u64) -> u64 {
        1 + self.draw() % most.max(1)
    }

    /// Whether something happens that happens in `percent` of all cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.draw() % 100 < percent
    }

    /// One of them.
    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// The lab's clock: the runtime's paused one, from [`BEGINNING`] on, with what was leapt over.
#[derive(Debug)]
pub struct Time {
    started: Instant,
    leapt: AtomicI64,
    chance: Mutex<Chance>,
}

impl Time {
    /// A clock that begins now. The runtime's clock must stand.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { started: Instant::now(), leapt: AtomicI64::new(0), chance: Mutex::new(Chance::new(seed)) }
    }

    /// Lets chance begin again.
    pub fn reseed(&self, seed: u64) {
        *self.chance.lock().unwrap_or_else(PoisonError::into_inner) = Chance::new(seed);
    }

    /// So much time passes for clocks, and for no timer: as for a machine that was stopped.
    pub fn leap(&self, time: Duration) {
        self.leapt.fetch_add(i64::try_from(time.as_micros()).unwrap_or(0), Ordering::SeqCst);
    }

    /// Makes it as late as it was, for clocks; timers go on.
    pub fn set_back(&self, micros: i64) {
        self.leapt.fetch_add(micros - self.micros(), Ordering::SeqCst);
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn micros(&self) -> i64 {
        let passed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        BEGINNING + passed + self.leapt.load(Ordering::SeqCst)
    }

    /// Seconds since 1970.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit")]
    pub fn seconds(&self) -> f64 {
        self.micros() as f64 / 1e6
    }

    /// How long it has been going, for timers.
    #[must_use]
    pub fn passed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Clock for Time {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::microseconds(self.micros())
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            let next = chance.draw().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}

/// Awaits what the lab itself wants of the outside. Meanwhile the clock stands: tokio moves a paused clock only
/// while no blocking task runs.
pub async fn standing<T>(outside: impl Future<Output = T>) -> T {
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let still = tokio::task::spawn_blocking(move || {
        let _ = ended.recv();
    });
    let result = outside.await;
    drop(end);
    let _ = still.await;
    result
}
