//! The reader as the engine asks it: within a budget, watched, and only as long as somebody wants the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mycopod_core::explain::Explanation;
use mycopod_core::id::DeclarationId;
use mycopod_core::ports::{Errand, Interpreter, Inventory, ReadError, Usage};
use mycopod_core::reading::{Answers, Reading};
use mycopod_core::status::Role;
use mycopod_engine::{Budget, Engine};
use mycopod_store::audit;
use mycopod_store::spending::{self, Spending};

use crate::lab::{Lab, parts, user};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How it words whatever a plan says.
const WORDED: &str = "All is well.";

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

    async fn reword(&self, _: &Explanation, errand: &dyn Errand) -> Result<Option<String>, ReadError> {
        errand.reserve(MOST).await.map_err(ReadError::NotAsked)?;
        errand.progress(7);
        errand.settle(MOST, Usage { input: 30, output: 10 }).await;
        Ok(Some(WORDED.to_owned()))
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

/// A reader that reads as the built-in one does, and words plans as the other.
struct Wording(Asking);

#[async_trait::async_trait]
impl Interpreter for Wording {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn read_at_once(&self, text: &str, inventory: &Inventory, answers: &Answers) -> Reading {
        mycopod_language::read(text, inventory, answers)
    }

    async fn read(
        &self,
        text: &str,
        inventory: &Inventory,
        answers: &Answers,
        _: &dyn Errand,
    ) -> Result<Reading, ReadError> {
        Ok(self.read_at_once(text, inventory, answers))
    }

    async fn reword(&self, explanation: &Explanation, errand: &dyn Errand) -> Result<Option<String>, ReadError> {
        self.0.reword(explanation, errand).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_worded_on_the_budget_of_who_looks_at_it_and_stays_as_it_is() {
    let (mut lab, dropped) = lab(false, 150).await;
    let mut parts = parts(&lab.database, lab.pve.clone());
    parts.interpreter = Arc::new(Wording(Asking { slow: false, dropped }));
    parts.settings.budget = lab.engine.settings().budget;
    lab.engine = Engine::new(parts);
    let mut progress = lab.engine.progress();
    lab.run();
    let before = lab.declare("give web-01 8 GB of memory").await;
    assert_eq!(before.status, "awaiting_approval");
    let plan = before.plan.unwrap();
    let id = DeclarationId(before.id);
    let entries = async || {
        let mut connection = lab.database.pool.acquire().await.unwrap();
        audit::list(&mut connection, None, None, None, 200).await.unwrap().len()
    };
    let recorded = entries().await;
    let wording = lab.engine.wording(&lab.admin, id).await.unwrap();
    assert_eq!((wording.digest, wording.text.as_deref()), (plan.digest.clone(), Some(WORDED)));
    assert_eq!(spent(&lab).await.tokens, 40);
    // 80 are used, and another answer may take 100: without a budget the plan’s own words stand.
    lab.engine.wording(&lab.admin, id).await.unwrap();
    assert_eq!(lab.engine.wording(&lab.admin, id).await.unwrap().text, None);
    let after = lab.engine.detail(&lab.admin, id).await.unwrap().plan.unwrap();
    assert_eq!((after.digest, after.explanation), (plan.digest, plan.explanation));
    assert_eq!(entries().await, recorded, "the audit log knows nothing of it");
    assert!(progress.try_recv().is_err(), "nobody is told that it is read");
    let stranger = user(&lab.engine, "ann@example.org", Role::User, true).await;
    assert!(lab.engine.wording(&stranger, id).await.is_err());
}
