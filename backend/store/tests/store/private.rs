//! The private PostgreSQL server: its start, its stop, and what a crash leaves.

use std::fs::{DirBuilder, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mycopod_store::private::{PrivateServer, PrivateServerError};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tempfile::TempDir;

/// A folder that the account `postgres` may pass through.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    folder
}

async fn connect(server: &PrivateServer) -> PgConnection {
    PgConnection::connect_with(&server.connect_options()).await.unwrap()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn kill(pid: i32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}

#[tokio::test]
async fn it_starts_keeps_what_was_written_and_stops() {
    let folder = folder();
    let data = folder.path().join("new/data");
    let server = PrivateServer::start(&data).await.unwrap();
    assert!(!server.was_adopted());
    let pid = server.pid();
    let mut connection = connect(&server).await;
    connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").await.unwrap();
    let setting = |name: &'static str| sqlx::query_scalar::<_, String>("SELECT current_setting($1)").bind(name);
    assert_eq!(setting("fsync").fetch_one(&mut connection).await.unwrap(), "on");
    assert_eq!(setting("listen_addresses").fetch_one(&mut connection).await.unwrap(), "");
    connection.close().await.unwrap();
    server.stop().await.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());

    let server = PrivateServer::start(&data).await.unwrap();
    let kept: i32 = sqlx::query_scalar("SELECT n FROM kept").fetch_one(&mut connect(&server).await).await.unwrap();
    assert_eq!(kept, 7);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn only_its_account_and_root_can_reach_it() {
    let folder = folder();
    let server = PrivateServer::start(folder.path()).await.unwrap();
    let pg = folder.path().join("pg");
    let process = std::fs::metadata(format!("/proc/{}", server.pid())).unwrap();
    assert_ne!(process.uid(), 0, "never as root");
    for path in [pg.clone(), pg.join("run"), pg.join("data")] {
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.uid()), (0o700, process.uid()), "{}", path.display());
    }
    let environment = std::fs::read(format!("/proc/{}/environ", server.pid())).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(!environment.contains("CARGO"), "nothing of MycoPod's environment is handed on: {environment}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_mycopod_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let folder = folder();
    let server = PrivateServer::start(folder.path()).await.unwrap();
    let second = PrivateServer::start(folder.path()).await.unwrap_err();
    assert!(matches!(second, PrivateServerError::InUse { .. }), "{second}");
    connect(&server).await.execute("SELECT 1").await.unwrap();
    server.stop().await.unwrap();
}

/// Not a test: the MycoPod that the next test kills.
#[tokio::test]
#[ignore = "runs in a process of its own, for the test of adoption"]
async fn serve_until_killed() {
    #[expect(clippy::disallowed_methods, reason = "how a test talks to its own second process")]
    let data = PathBuf::from(std::env::var("MYCOPOD_TEST_DATA").unwrap());
    let server = PrivateServer::start(&data).await.unwrap();
    connect(&server).await.execute("CREATE TABLE kept ()").await.unwrap();
    println!("\nserving {}", server.pid());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_server_whose_mycopod_was_killed_is_adopted() {
    let folder = folder();
    let mut mycopod = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "private::serve_until_killed", "--ignored", "--nocapture"])
        .env("MYCOPOD_TEST_DATA", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid: i32 = BufReader::new(mycopod.stdout.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("serving ")?.parse().ok())
        .unwrap();
    let second = PrivateServer::start(folder.path()).await.unwrap_err();
    assert!(matches!(second, PrivateServerError::InUse { .. }), "{second}");
    kill(mycopod.id().cast_signed());
    mycopod.wait().unwrap();

    let server = PrivateServer::start(folder.path()).await.unwrap();
    assert!(server.was_adopted());
    assert_eq!(server.pid(), pid);
    connect(&server).await.execute("SELECT FROM kept").await.unwrap();
    server.stop().await.unwrap();
    let server = PrivateServer::start(folder.path()).await.unwrap();
    assert!(!server.was_adopted(), "an adopted server is stopped like any other");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_just_stopping_is_started_anew() {
    let folder = folder();
    let server = PrivateServer::start(folder.path()).await.unwrap();
    let pid = server.pid();
    drop(server);
    assert!(Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap().success());
    let server = PrivateServer::start(folder.path()).await.unwrap();
    assert!(!server.was_adopted());
    connect(&server).await.execute("SELECT 1").await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_postmaster_is_started_anew_with_all_that_was_committed() {
    let folder = folder();
    let server = PrivateServer::start(folder.path()).await.unwrap();
    connect(&server).await.execute("CREATE TABLE kept ()").await.unwrap();
    kill(server.pid());
    drop(server);
    // At once: backends of the killed one may still be ending.
    let server = PrivateServer::start(folder.path()).await.unwrap();
    assert!(!server.was_adopted());
    connect(&server).await.execute("SELECT FROM kept").await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_is_used_comes_back_by_itself_and_is_stopped_like_any_other() {
    let folder = folder();
    let mut server = PrivateServer::start(folder.path()).await.unwrap();
    let options = server.connect_options();
    connect(&server).await.execute("CREATE TABLE kept ()").await.unwrap();
    kill(server.pid());
    let back = async {
        loop {
            // Each anew: a connection may outlive its postmaster for a moment.
            match PgConnection::connect_with(&options).await {
                Ok(mut connection) => return connection.execute("SELECT FROM kept").await.unwrap(),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    tokio::select! {
        _ = back => {}
        never = server.keep_up() => match never {},
    }
    server.stop().await.unwrap();
    assert!(!folder.path().join("pg/data/postmaster.pid").exists());
}

#[tokio::test]
async fn a_stale_pid_that_another_process_of_the_account_bears_does_not_bar_the_start() {
    let folder = folder();
    let server = PrivateServer::start(folder.path()).await.unwrap();
    kill(server.pid());
    drop(server);
    let data = folder.path().join("pg/data");
    let owner = std::fs::metadata(&data).unwrap();
    let mut other = Command::new("setpriv");
    if is_root() {
        other.args([&format!("--reuid={}", owner.uid()), &format!("--regid={}", owner.gid()), "--clear-groups", "--"]);
    }
    let mut other = other.args(["sleep", "600"]).spawn().unwrap();
    let file = data.join("postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    std::fs::write(&file, format!("{}\n{rest}", other.id())).unwrap();

    let started = PrivateServer::start(folder.path()).await;
    other.kill().unwrap();
    other.wait().unwrap();
    started.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn an_initdb_that_was_cut_short_is_done_anew() {
    let folder = folder();
    let server = PrivateServer::start(folder.path()).await.unwrap();
    server.stop().await.unwrap();
    let pg = folder.path().join("pg");
    std::fs::rename(pg.join("data"), pg.join("data.unfinished")).unwrap();
    std::fs::remove_file(pg.join("data.unfinished/global/pg_control")).unwrap();
    PrivateServer::start(folder.path()).await.unwrap().stop().await.unwrap();
    assert!(!pg.join("data.unfinished").exists());
}

#[tokio::test]
async fn a_folder_that_postgres_cannot_enter_is_refused_by_name_and_nothing_is_made() {
    if !is_root() {
        // Without root the server has MycoPod's own account, which is barred from making the folder at all.
        return;
    }
    let folder = folder();
    let barred = folder.path().join("barred");
    DirBuilder::new().mode(0o700).create(&barred).unwrap();
    let refused = PrivateServer::start(&barred.join("new/data")).await.unwrap_err();
    assert!(matches!(&refused, PrivateServerError::FolderBarred { folder, .. } if *folder == barred), "{refused}");
    assert!(refused.to_string().contains(&format!("chmod o+x {}", barred.display())), "{refused}");
    assert_eq!(std::fs::read_dir(&barred).unwrap().count(), 0);
    let link = folder.path().join("link");
    symlink(&barred, &link).unwrap();
    let refused = PrivateServer::start(&link).await.unwrap_err();
    assert!(matches!(&refused, PrivateServerError::FolderBarred { .. }), "{refused}");
}

#[tokio::test]
async fn a_folder_that_is_a_link_or_open_to_others_is_refused() {
    let folder = folder();
    let elsewhere = folder.path().join("elsewhere");
    DirBuilder::new().mode(0o700).create(&elsewhere).unwrap();
    let pg = folder.path().join("pg");
    symlink(&elsewhere, &pg).unwrap();
    let refused = PrivateServer::start(folder.path()).await.unwrap_err();
    assert!(matches!(refused, PrivateServerError::FolderNotPrivate { .. }), "{refused}");

    std::fs::remove_file(&pg).unwrap();
    DirBuilder::new().mode(0o755).create(&pg).unwrap();
    std::fs::set_permissions(&pg, Permissions::from_mode(0o755)).unwrap();
    let refused = PrivateServer::start(folder.path()).await.unwrap_err();
    assert!(matches!(refused, PrivateServerError::FolderNotPrivate { .. }), "{refused}");
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_a_short_private_folder() {
    let folder = folder();
    let data = folder.path().join("a-folder-with-quite-a-long-name".repeat(4)).join("and \"odd\", characters");
    let server = PrivateServer::start(&data).await.unwrap();
    let socket = server.connect_options().get_socket().unwrap().clone();
    assert!(!socket.starts_with(folder.path()));
    let process = std::fs::metadata(format!("/proc/{}", server.pid())).unwrap();
    let metadata = std::fs::symlink_metadata(&socket).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.uid()), (0o700, process.uid()));
    connect(&server).await.execute("SELECT 1").await.unwrap();
    drop(server);
    let server = PrivateServer::start(&data).await.unwrap();
    assert!(server.was_adopted(), "the short folder is found again");
    server.stop().await.unwrap();
    std::fs::remove_dir(socket).unwrap();
}

#[tokio::test]
async fn odd_characters_in_the_path_are_no_settings() {
    let folder = folder();
    let data = folder.path().join("a \"b\", '$(c)' \\ d");
    let server = PrivateServer::start(&data).await.unwrap();
    connect(&server).await.execute("SELECT 1").await.unwrap();
    server.stop().await.unwrap();
}
