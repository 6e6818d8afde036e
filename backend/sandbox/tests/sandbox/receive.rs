//! Files that come onto a storage: uploads, downloads, templates by name.

use std::net::SocketAddr;

use mycopod_sandbox::World;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::common::{Answer, Lab, TOKEN};

const UPLOAD: &str = "/nodes/pve1/storage/local/upload";
const DOWNLOAD: &str = "/nodes/pve1/storage/local/download-url";
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Uploads a file, with the other fields before it in this order.
async fn upload(lab: &Lab, fields: &[(&str, &str)], filename: &str, file: &[u8]) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    let head = format!("--edge\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{filename}\"\r\n");
    body.extend(head.bytes());
    body.extend(b"Content-Type: application/octet-stream\r\n\r\n");
    body.extend(file);
    body.extend(b"\r\n--edge--\r\n");
    let url = format!("{}/api2/json{UPLOAD}", lab.running.url());
    let request = lab.client.post(url).header("Authorization", format!("PVEAPIToken={TOKEN}"));
    let sent = request.header("Content-Type", "multipart/form-data; boundary=edge").body(body).send().await.unwrap();
    let status = sent.status().as_u16();
    let body = serde_json::from_slice(&sent.bytes().await.unwrap()).unwrap_or(Value::Null);
    Answer { status, reason: String::new(), body }
}

async fn log(lab: &Lab, upid: &str) -> Vec<String> {
    let lines = lab.get(&format!("/nodes/pve1/tasks/{upid}/log")).await;
    lines.as_array().unwrap().iter().map(|line| line["t"].as_str().unwrap().to_owned()).collect()
}

async fn content(lab: &Lab, content: &str) -> Vec<(String, u64, String)> {
    let listed = lab.get(&format!("/nodes/pve1/storage/local/content?content={content}")).await;
    let entry = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap().to_owned();
        (text("volid"), entry["size"].as_u64().unwrap(), text("format"))
    };
    listed.as_array().unwrap().iter().map(entry).collect()
}

/// A server on this machine with one file, `abc`; anything else is not found.
async fn files() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 4_096];
            let length = stream.read(&mut asked).await.unwrap();
            let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
            let found = asked.split(' ').nth(1) == Some("/abc.iso");
            let (status, body) = if found { ("200 OK", "abc") } else { ("404 Not Found", "") };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: x/y\r\n\r\n", body.len());
            let body = if asked.starts_with("HEAD") { "" } else { body };
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn an_upload_becomes_a_volume_under_its_cleaned_name() {
    let lab = Lab::start(World::Empty, 0.0, None).await;
    // Long enough to come in many pieces, with what looks like its end.
    let file = [b"x".repeat(300_000), b"\r\n--edg\r\n".to_vec(), b"y".repeat(300_000)].concat();
    let upid = upload(&lab, &[("content", "iso")], "../sp ace.iso", &file).await.data();
    assert_eq!(lab.wait(upid.as_str().unwrap()).await, "OK");
    let lines = log(&lab, upid.as_str().unwrap()).await;
    assert_eq!(lines[2], "target file: /var/lib/vz/template/iso/sp_ace.iso");
    assert_eq!(lines[3], format!("file size is: {}", file.len()));
    let found = content(&lab, "iso").await;
    assert!(found.contains(&("local:iso/sp_ace.iso".to_owned(), file.len() as u64, "iso".to_owned())), "{found:?}");
}

#[tokio::test]
async fn an_upload_is_refused_as_proxmox_refuses_it() {
    let lab = Lab::start(World::Empty, 0.0, None).await;
    let wrong = upload(&lab, &[("content", "iso")], "bad.txt", b"x").await;
    assert_eq!((wrong.status, &wrong.body["errors"]["filename"]), (400, &json!("wrong file extension")));
    // The checksum's algorithm comes before it, as Proxmox's own UI sends them.
    let sum = [("content", "iso"), ("checksum", ABC), ("checksum-algorithm", "sha256")];
    assert_eq!(upload(&lab, &sum, "sum.iso", b"abc").await.status, 400);
    let sum = [("content", "iso"), ("checksum-algorithm", "sha256"), ("checksum", ABC)];
    let good = upload(&lab, &sum, "sum.iso", b"abc").await.data();
    assert_eq!(lab.wait(good.as_str().unwrap()).await, "OK");
    let bad = upload(&lab, &sum, "other.iso", b"other").await.data();
    assert!(lab.wait(bad.as_str().unwrap()).await.starts_with("checksum mismatch: got '"));
    let image = upload(&lab, &[("content", "import")], "d.qcow2", b"xxxx").await.data();
    assert!(lab.wait(image.as_str().unwrap()).await.ends_with("Image is not in qcow2 format"));
    let names: Vec<String> = content(&lab, "iso").await.into_iter().map(|(volid, ..)| volid).collect();
    assert_eq!(names, ["local:iso/sum.iso", "local:iso/tiny.iso"]);
    let url = format!("{}/api2/json{UPLOAD}", lab.running.url());
    let plain = lab.client.post(url).header("Authorization", format!("PVEAPIToken={TOKEN}")).body("content=iso");
    assert!(plain.send().await.is_err());
}

#[tokio::test]
async fn a_download_from_this_machine_is_really_fetched() {
    let lab = Lab::start(World::Empty, 0.0, None).await;
    let url = format!("http://{}/abc.iso", files().await);
    let fields = |filename: &str, checksum: &str| {
        json!({
            "content": "iso", "filename": filename, "url": url, "checksum": checksum, "checksum-algorithm": "sha256",
        })
    };
    assert_eq!(lab.run("POST", DOWNLOAD, fields("abc.iso", ABC)).await, "OK");
    assert!(content(&lab, "iso").await.contains(&("local:iso/abc.iso".to_owned(), 3, "iso".to_owned())));
    let wrong = lab.run("POST", DOWNLOAD, fields("wrong.iso", &"0".repeat(64))).await;
    assert_eq!(wrong, format!("checksum mismatch: got '{ABC}' != expect '{}'", "0".repeat(64)));
    let missing = json!({ "content": "iso", "filename": "m.iso", "url": url.replace("abc", "none") });
    assert_eq!(lab.run("POST", DOWNLOAD, missing).await, "download failed: ERROR 404: Not Found.");
    assert_eq!(content(&lab, "iso").await.len(), 2);
    let told = lab.get(&format!("/nodes/pve1/query-url-metadata?url={url}")).await;
    assert_eq!(told, json!({ "filename": "abc.iso", "size": 3, "mimetype": "x/y" }));
}

#[tokio::test]
async fn the_demo_reaches_an_internet_that_is_made_up() {
    let lab = Lab::demo().await;
    let url = "https://images.example/debian.qcow2";
    let told = lab.get(&format!("/nodes/pve1/query-url-metadata?url={url}")).await;
    let fields = json!({ "content": "import", "filename": "debian.qcow2", "url": url });
    assert_eq!(lab.run("POST", DOWNLOAD, fields).await, "OK");
    let size = told["size"].as_u64().unwrap();
    assert_eq!(content(&lab, "import").await, [("local:import/debian.qcow2".to_owned(), size, "qcow2".to_owned())]);
    let templates = lab.get("/nodes/pve1/aplinfo").await;
    let template = templates[0]["template"].as_str().unwrap();
    let asked = json!({ "storage": "local", "template": template });
    assert_eq!(lab.run("POST", "/nodes/pve1/aplinfo", asked).await, "OK");
    let unknown = lab.call("POST", "/nodes/pve1/aplinfo", &json!({ "storage": "local", "template": "x.tar.gz" })).await;
    assert_eq!((unknown.status, &unknown.body["errors"]["template"]), (400, &json!("no such template")));
    // A place without an internet.
    let lab = Lab::start(World::Empty, 0.0, None).await;
    let fields = json!({ "content": "iso", "filename": "x.iso", "url": "https://images.example:81/x.iso" });
    let failed = lab.run("POST", DOWNLOAD, fields).await;
    assert_eq!(failed, "download failed: Connecting to images.example:81... failed: Connection refused.");
    assert_eq!(lab.get("/nodes/pve1/aplinfo").await, json!([]));
}
