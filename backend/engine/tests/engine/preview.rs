//! Reading without declaring.

use mycopod_engine::Refusal;
use mycopod_engine::view::{Preview, SourceView};

use crate::lab::Lab;

fn words(preview: &Preview, field: &str) -> Option<String> {
    let fields = preview.reading.statements.iter().flat_map(|statement| &statement.fields);
    let source = &fields.into_iter().find(|seen| seen.field == field)?.source;
    match source {
        SourceView::Said { text, .. } => Some(text.clone()),
        SourceView::Default { .. }
        | SourceView::Inferred { .. }
        | SourceView::Answered { .. }
        | SourceView::Set { .. } => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_understood_and_asked_is_told_and_nothing_is_kept() {
    let lab = Lab::running().await;
    let preview = lab.engine.preview("Create a VM shop-01 with 4 cores", &[]).await.unwrap();
    assert_eq!((preview.cluster.as_str(), preview.reading.reader.as_str()), ("main", "builtin"));
    assert_eq!(words(&preview, "cores").as_deref(), Some("4 cores"));
    assert!(preview.reading.questions.is_empty(), "{preview:#?}");

    // What only the cluster tells is asked as well, and an answer settles it.
    let text = "Create a VM shop-01 with bridge vmbr77";
    let preview = lab.engine.preview(text, &[]).await.unwrap();
    let [question] = preview.reading.questions.as_slice() else { panic!("{preview:#?}") };
    assert!(question.text.contains("vmbr77") && question.start.is_some(), "{question:?}");
    let answer = (question.id.clone(), question.options[0].clone());
    let preview = lab.engine.preview(text, &[answer]).await.unwrap();
    assert!(preview.reading.questions.is_empty(), "{preview:#?}");

    let preview = lab.engine.preview("Tell me a joke", &[]).await.unwrap();
    assert!(preview.reading.refusal.is_some() || !preview.reading.questions.is_empty(), "{preview:#?}");
    for bad in ["  ", "a\u{7}b", &"x".repeat(4_001)] {
        assert!(matches!(lab.engine.preview(bad, &[]).await, Err(Refusal::Invalid(_))), "{bad:.9}");
    }
    assert!(lab.engine.list(&lab.admin, 10, None).await.unwrap().is_empty());
    assert!(lab.named("shop-01").await.is_empty());
    let entries: i64 =
        sqlx::query_scalar("SELECT count(*) FROM declarations").fetch_one(&lab.database.pool).await.unwrap();
    assert_eq!(entries, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_snapshots_looks_at_them_for_a_few_guests() {
    let lab = Lab::running().await;
    lab.make("vm calm-3: 1 core, 1 GB memory, 4 GB disk").await;
    lab.make("take a snapshot of calm-3 called clean-1").await;
    let preview = lab.engine.preview("rollback calm-3 to clean-1", &[]).await.unwrap();
    assert!(preview.reading.questions.is_empty(), "{preview:#?}");
    let preview = lab.engine.preview("rollback calm-3 to clean-2", &[]).await.unwrap();
    assert!(preview.reading.questions[0].options.contains(&"clean-1".to_owned()), "{preview:#?}");

    // While somebody types, a cluster is not asked for more than four.
    lab.make("Create 4 VMs calm-4 to calm-7, each with 1 core, 1 GB memory and a 4 GB disk").await;
    let four = lab.engine.preview("rollback calm-4, calm-5, calm-6 and calm-7 to clean-1", &[]).await.unwrap();
    assert!(four.intent.is_none() && !four.reading.questions.is_empty(), "{four:#?}");
    let five = lab.engine.preview("rollback calm-3, calm-4, calm-5, calm-6 and calm-7 to clean-1", &[]).await.unwrap();
    assert!(five.intent.is_none() && five.reading.questions.is_empty(), "{five:#?}");
}
