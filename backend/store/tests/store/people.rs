//! Users, sessions, failed logins, answers.

use crate::world::{CLOCK, FIRST, HASH, World, later, noon, user};
use mycopod_core::id::DeclarationId;
use mycopod_core::reading::Answers;
use mycopod_core::status::Role;
use mycopod_store::sessions::{self, Rotation, TokenHash};
use mycopod_store::spending::{self, Spending};
use mycopod_store::testing::database;
use mycopod_store::{StoreError, answers, declarations, login_failures, users};
use uuid::Uuid;

const A: TokenHash = [1; 32];
const B: TokenHash = [2; 32];
const C: TokenHash = [3; 32];
const D: TokenHash = [4; 32];
const FAMILY: Uuid = Uuid::from_u128(1);
const OTHER_FAMILY: Uuid = Uuid::from_u128(2);

#[tokio::test]
async fn an_address_has_one_account_however_it_is_spelt() {
    let world = World::new().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let again = users::create(&mut connection, &user(" Ann@Example.org ", Role::User), HASH).await;
    assert!(matches!(again, Err(StoreError::EmailTaken)), "{again:?}");
    let found = users::credentials(&mut connection, "ANN@example.org").await.unwrap().unwrap();
    assert_eq!((found.user.id, found.password_hash.as_str()), (world.author.id, HASH));
    assert!(users::create(&mut connection, &user("bob@example.org", Role::User), "plain password").await.is_err());
}

#[tokio::test]
async fn of_replicas_that_start_together_one_makes_the_first_admin() {
    let database = database().await;
    let make = |email: &'static str| {
        let pool = database.pool.clone();
        async move {
            let mut transaction = pool.begin().await.unwrap();
            let made = users::create_first_admin(&mut transaction, &user(email, Role::Admin), HASH).await.unwrap();
            transaction.commit().await.unwrap();
            made
        }
    };
    let (one, other) = tokio::join!(make("a@example.org"), make("b@example.org"));
    assert!(one != other);
    let mut connection = database.pool.acquire().await.unwrap();
    assert_eq!(users::list(&mut connection).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_last_admin_stays_even_when_two_demote_each_other() {
    let world = World::new().await;
    let pool = &world.database.pool;
    let second = user("second@example.org", Role::Admin);
    users::create(&mut pool.acquire().await.unwrap(), &second, HASH).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    users::update(&mut transaction, world.admin.id, Some(Role::User), None).await.unwrap();
    let other = tokio::spawn({
        let pool = pool.clone();
        async move {
            let mut transaction = pool.begin().await.unwrap();
            users::update(&mut transaction, second.id, Some(Role::User), None).await
        }
    });
    // The other has to wait for this one's end; were it not to, it would be done here.
    while !other.is_finished() {
        let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())";
        if sqlx::query_scalar(waiting).fetch_one(pool).await.unwrap() {
            break;
        }
    }
    transaction.commit().await.unwrap();
    let refused = other.await.unwrap();
    assert!(matches!(refused, Err(StoreError::LastAdmin)), "{refused:?}");

    let mut transaction = pool.begin().await.unwrap();
    let last = users::list(&mut transaction).await.unwrap().into_iter().find(|user| user.role == Role::Admin).unwrap();
    let barred = users::update(&mut transaction, last.id, None, Some(false)).await;
    assert!(matches!(barred, Err(StoreError::LastAdmin)), "{barred:?}");
    let author = users::update(&mut transaction, world.author.id, None, Some(false)).await.unwrap().unwrap();
    assert!(!author.approved);
}

#[tokio::test]
async fn a_refresh_token_rotates_and_its_reuse_ends_the_session() {
    let world = World::new().await;
    let user = world.author.id;
    let mut transaction = world.database.pool.begin().await.unwrap();
    sessions::begin(&mut transaction, user, FAMILY, &A, noon(), later(600)).await.unwrap();
    sessions::begin(&mut transaction, user, OTHER_FAMILY, &D, noon(), later(600)).await.unwrap();
    let rotated = sessions::rotate(&mut transaction, &A, &B, later(60), later(660)).await.unwrap();
    assert_eq!(rotated, Rotation::Rotated(user));
    let reused = sessions::rotate(&mut transaction, &A, &C, later(71), later(671)).await.unwrap();
    assert_eq!(reused, Rotation::Reused(user));
    for token in [A, B, C] {
        let ended = sessions::rotate(&mut transaction, &token, &[9; 32], later(72), later(672)).await.unwrap();
        assert_eq!(ended, Rotation::Unknown);
    }
    let other = sessions::rotate(&mut transaction, &D, &[8; 32], later(72), later(672)).await.unwrap();
    assert_eq!(other, Rotation::Rotated(user), "another session goes on");
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_both_stay() {
    let world = World::new().await;
    let user = world.author.id;
    let mut transaction = world.database.pool.begin().await.unwrap();
    sessions::begin(&mut transaction, user, FAMILY, &A, noon(), later(600)).await.unwrap();
    for next in [B, C] {
        let tab = sessions::rotate(&mut transaction, &A, &next, later(5), later(605)).await.unwrap();
        assert_eq!(tab, Rotation::Rotated(user));
    }
    let second = sessions::rotate(&mut transaction, &A, &D, later(14), later(605)).await.unwrap();
    assert_eq!(second, Rotation::Rotated(user), "the grace begins with the first replacement");
    let late = sessions::rotate(&mut transaction, &A, &[7; 32], later(16), later(605)).await.unwrap();
    assert_eq!(late, Rotation::Reused(user));
}

#[tokio::test]
async fn a_session_ends_by_time_by_logout_and_by_a_new_password() {
    let world = World::new().await;
    let user = world.author.id;
    let mut transaction = world.database.pool.begin().await.unwrap();
    sessions::begin(&mut transaction, user, FAMILY, &A, noon(), later(600)).await.unwrap();
    let expired = sessions::rotate(&mut transaction, &A, &B, later(600), later(1200)).await.unwrap();
    assert_eq!(expired, Rotation::Unknown);
    sessions::end(&mut transaction, &A).await.unwrap();
    assert_eq!(sessions::rotate(&mut transaction, &A, &B, later(1), later(601)).await.unwrap(), Rotation::Unknown);
    sessions::begin(&mut transaction, user, FAMILY, &A, noon(), later(600)).await.unwrap();
    sessions::end_all(&mut transaction, user).await.unwrap();
    assert_eq!(sessions::rotate(&mut transaction, &A, &B, later(1), later(601)).await.unwrap(), Rotation::Unknown);
}

#[tokio::test]
async fn sessions_are_bounded_and_the_oldest_ends_first() {
    let world = World::new().await;
    let mut transaction = world.database.pool.begin().await.unwrap();
    for n in 0..40_u8 {
        let family = Uuid::from_u128(u128::from(n) + 1);
        sessions::begin(&mut transaction, world.author.id, family, &[n; 32], later(n.into()), later(600))
            .await
            .unwrap();
    }
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM refresh_tokens").fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(kept, 32);
    let oldest = sessions::rotate(&mut transaction, &[7; 32], &[99; 32], later(60), later(660)).await.unwrap();
    assert_eq!(oldest, Rotation::Unknown);
    let newer = sessions::rotate(&mut transaction, &[8; 32], &[99; 32], later(60), later(660)).await.unwrap();
    assert_eq!(newer, Rotation::Rotated(world.author.id));
}

#[tokio::test]
async fn failures_count_within_the_window_and_are_forgotten_after_it() {
    let world = World::new().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let window = i64::try_from(login_failures::WINDOW.as_secs()).unwrap();
    let hostile = format!("account:\0{}", "x".repeat(1000));
    for n in 1..=3_u32 {
        assert_eq!(login_failures::count(&mut connection, &hostile, later(n.into())).await.unwrap().failures, n);
    }
    login_failures::count(&mut connection, "address:192.0.2.1", later(window)).await.unwrap();
    let found =
        login_failures::of(&mut connection, &[&hostile, "address:192.0.2.1", "unknown"], later(window)).await.unwrap();
    assert_eq!(found.len(), 2);
    let again = login_failures::count(&mut connection, &hostile, later(window + 1)).await.unwrap();
    assert_eq!(again.failures, 1, "a window that is over counts no more");
    login_failures::clear(&mut connection, &hostile).await.unwrap();
    assert_eq!(login_failures::of(&mut connection, &[&hostile], later(window + 1)).await.unwrap(), []);
}

#[tokio::test]
async fn a_later_answer_replaces_the_earlier() {
    let world = World::new().await;
    let id = world.declared().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let pair = |answer: &str| [("name@0-4".to_owned(), answer.to_owned())];
    answers::give(&mut connection, id, world.author.id, &pair("web"), noon()).await.unwrap();
    answers::give(&mut connection, id, world.admin.id, &pair("db"), later(1)).await.unwrap();
    assert_eq!(answers::pairs(&mut connection, id).await.unwrap(), pair("db"));
    assert_eq!(answers::of(&mut connection, id).await.unwrap(), pair("db").into_iter().collect::<Answers>());
}

#[tokio::test]
async fn answers_are_renamed_all_at_once() {
    let world = World::new().await;
    let id = world.declared().await;
    let mut connection = world.database.pool.acquire().await.unwrap();
    let given = |pairs: [(&str, &str); 3]| pairs.map(|(question, answer)| (question.to_owned(), answer.to_owned()));
    let before = given([("a@1-2", "one"), ("a@2-3", "two"), ("name", "web")]);
    answers::give(&mut connection, id, world.author.id, &before, noon()).await.unwrap();
    // The new id of the first is the old one of the second.
    let renamed = |question: &str| match question {
        "a@1-2" => "a@2-3".to_owned(),
        "a@2-3" => "a@3-4".to_owned(),
        other => other.to_owned(),
    };
    answers::rename(&mut connection, id, renamed).await.unwrap();
    let after = given([("a@2-3", "one"), ("a@3-4", "two"), ("name", "web")]);
    assert_eq!(answers::pairs(&mut connection, id).await.unwrap(), after);
}

#[tokio::test]
async fn the_list_is_the_authors_own_or_everybodys_page_by_page() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.declared().await);
    }
    let mut connection = world.database.pool.acquire().await.unwrap();
    let foreign = DeclarationId::fresh(&CLOCK);
    declarations::create(&mut connection, foreign, FIRST, world.admin.id, "🦀".repeat(24_000).as_str(), noon())
        .await
        .unwrap();
    world.planned(ids[2], 2).await;

    let lines = declarations::list(&mut connection, Some(world.author.id), None, 2).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.id).collect::<Vec<_>>(), [ids[2], ids[1]]);
    assert_eq!(lines[0].email, "ann@example.org");
    assert_eq!(lines[0].summary.unwrap().update, 2);
    let rest = declarations::list(&mut connection, Some(world.author.id), Some(ids[1]), 2).await.unwrap();
    assert_eq!(rest.iter().map(|line| line.id).collect::<Vec<_>>(), [ids[0]]);
    let all = declarations::list(&mut connection, None, None, 10).await.unwrap();
    assert_eq!(all[0].id, foreign);
    assert_eq!(all.len(), 4);
    let detail = declarations::get(&mut connection, ids[2]).await.unwrap().unwrap();
    assert_eq!(detail.read.unwrap().reader, "builtin");
    assert_eq!(declarations::get(&mut connection, ids[0]).await.unwrap().unwrap().read, None);
    let long = "x".repeat(24_001);
    let id = DeclarationId::fresh(&CLOCK);
    assert!(declarations::create(&mut connection, id, FIRST, world.admin.id, &long, noon()).await.is_err());
}

#[tokio::test]
async fn of_replicas_that_spend_at_once_no_more_is_granted_than_fits_a_day() {
    let world = World::new().await;
    let (author, limit) = (world.author.id, Spending { tokens: 1_000, cost: u64::MAX });
    let ask = |tokens, at| {
        let pool = world.database.pool.clone();
        async move {
            let mut connection = pool.acquire().await.unwrap();
            spending::reserve(&mut connection, author, at, Spending { tokens, cost: 7 }, limit).await.unwrap()
        }
    };
    let granted = futures_util::future::join_all((0..8).map(|_| ask(300, noon()))).await;
    assert_eq!(granted.into_iter().filter(|granted| *granted).count(), 3);
    assert!(!ask(1_001, later(86_400)).await, "more than a whole day has");
    assert!(ask(1_000, later(86_400)).await, "the next day is another");
    let mut connection = world.database.pool.acquire().await.unwrap();
    let (reserved, spent) = (Spending { tokens: 300, cost: 7 }, Spending { tokens: 50, cost: 1 });
    spending::settle(&mut connection, author, noon(), reserved, spent).await.unwrap();
    let today = spending::of(&mut connection, author, noon()).await.unwrap();
    assert_eq!(today, Spending { tokens: 650, cost: 15 });
    assert!(ask(350, noon()).await && !ask(1, noon()).await);
    assert!(ask(1, later(40 * 86_400)).await);
    assert_eq!(spending::of(&mut connection, author, noon()).await.unwrap(), Spending::default(), "old days go");
}
