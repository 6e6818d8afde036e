//! Answers that get lost on their way to the command line.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::common::Home;

/// Passes connections on to a server; the first `lost` answers to a declaration are not delivered.
fn losing(server: &str, lost: u32) -> String {
    let to = server.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let seen = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&to).unwrap();
                let seen = &seen;
                scope.spawn(move || pass(client, server, seen, lost));
            }
        });
    });
    url
}

fn pass(mut client: TcpStream, mut server: TcpStream, seen: &AtomicU32, lost: u32) {
    let is_lost = AtomicBool::new(false);
    let (mut answered, mut answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut part = [0; 8_192];
            while let Ok(n @ 1..) = answers.read(&mut part) {
                if is_lost.load(Ordering::SeqCst) || answered.write_all(&part[..n]).is_err() {
                    break;
                }
            }
            let _ = answered.shutdown(Shutdown::Both);
        });
        let mut part = [0; 8_192];
        while let Ok(n @ 1..) = client.read(&mut part) {
            if part[..n].starts_with(b"POST /api/v1/declarations ") {
                is_lost.store(seen.fetch_add(1, Ordering::SeqCst) < lost, Ordering::SeqCst);
            }
            if server.write_all(&part[..n]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
    });
}

#[tokio::test]
async fn a_declaration_whose_answer_got_lost_is_sent_again_and_is_one() {
    let home = Home::new();
    let server = home.serve(&[("MYCOPOD_SANDBOX_TIME_SCALE", "0")]);
    let person = server.login().await;
    let token = person.token.as_str();
    let declare = |url: &str, text: &str| {
        let variables = [("MYCOPOD_URL", url), ("MYCOPOD_TOKEN", token)];
        let output = home.run(&["declare", "--text", text], &variables);
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (output.status.code(), text)
    };
    let (code, shown) = declare(&losing(&server.url, 2), "start web-01");
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(person.get("/declarations").await.as_array().unwrap().len(), 1);

    let (code, shown) = declare(&losing(&server.url, u32::MAX), "stop web-01");
    assert_eq!(code, Some(9), "{shown}");
    assert!(shown.contains("may have been done"), "{shown}");
}
