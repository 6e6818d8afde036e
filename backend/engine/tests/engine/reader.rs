//! The reader as the engine asks it: within a budget, watched, and only as long as somebody wants the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mycopod_core::id::DeclarationId;
use mycopod_core::ports::{Errand, Interpreter, Inventory, ReadError, Usage};
use mycopod_core::reading::{Answers, Reading};
use mycopod_engine::{Budget, Engine};
use mycopod_store::spending::{self, Spending};

use crate::lab::{Lab, parts};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A reader that asks for tokens, tells how far it is, and where it is slow never ends.
struct Asking {
    slow: bool,
    dropped: Arc<AtomicBool>,
}

struct Asked(Arc<AtomicBool>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

const MOST: Usage = Usage { input: 60, output: 40 };

#[async_trait::async_trait]
impl Interpreter for Asking {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn read_at_once(&self, _: &str, _: &Inventory, _: &Answers) -> Reading {
        Reading::default()
    }

    async fn read(&self, _: &str, _: &Inventory, _: &Answers, errand: &dyn Errand) -> Result<Reading, ReadError> {
        let _asked = Asked(Arc::clone(&self.dropped));
        errand.reserve(MOST).await.map_err(ReadError::NotAsked)?;
        errand.progress(7);
        if self.slow {
            std::future::pending::<()>().await;
        }
        errand.settle(MOST, Usage { input: 30, output: 10 }).await;
        Ok(Reading { refusal: Some("no".to_owned()), notes: vec!["by a test".to_owned()], ..Reading::default() })
    }
}

async fn lab(slow: bool, tokens: u64) -> (Lab, Arc<AtomicBool>) {
    let mut lab = Lab::new().await;
    let dropped = Arc::new(AtomicBool::new(false));
    let mut parts = parts(&lab.database, lab.pve.clone());
    parts.interpreter = Arc::new(Asking { slow, dropped: Arc::clone(&dropped) });
    parts.settings.budget = Budget { tokens, cost: Some(1_000), input_price: 1_000_000, output_price: 2_000_000 };
    lab.engine = Engine::new(parts);
    (lab, dropped)
}

async fn spent(lab: &Lab) -> Spending {
    let mut connection = lab.database.pool.acquire().await.unwrap();
    spending::of(&mut connection, lab.admin.id, lab.engine.clock().now()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reader_uses_is_counted_and_bounded_by_the_day() {
    let (mut lab, _) = lab(false, 150).await;
    lab.run();
    let first = lab.declare("stop web-01").await;
    assert_eq!((first.status, first.reading.unwrap().notes), ("refused", vec!["by a test".to_owned()]));
    assert_eq!(spent(&lab).await, Spending { tokens: 40, cost: 50 });
    lab.declare("stop web-01").await;
    // 80 are used, and another answer may take 100.
    let third = lab.declare("stop web-01").await;
    assert_eq!(third.status, "failed");
    assert!(third.status_reason.unwrap().contains("its budget for today is used up"));
    assert_eq!(spent(&lab).await, Spending { tokens: 80, cost: 100 });
}

#[tokio::test(flavor = "multi_thread")]
async fn calling_a_declaration_off_ends_the_reading_and_its_progress_is_told() {
    let (mut lab, dropped) = lab(true, 1_000).await;
    let mut progress = lab.engine.progress();
    lab.run();
    let id = lab.engine.declare(&lab.admin, "stop web-01").await.unwrap();
    let told = tokio::time::timeout(PATIENCE, progress.recv()).await.unwrap().unwrap();
    assert_eq!((told.declaration, told.user, told.characters), (id, lab.admin.id, 7));
    assert!(!dropped.load(Ordering::SeqCst));
    lab.engine.cancel(&lab.admin, id).await.unwrap();
    let ended = async {
        while !dropped.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
    assert_eq!(lab.settled(DeclarationId(id.0)).await.status, "cancelled");
    // What may have been used stays set aside.
    assert_eq!(spent(&lab).await.tokens, 100);
}
