//! Typed intents over the command line: compared, declared, exported, and compared again.

use std::fs;

use crate::common::Home;

const SHOP: &str = "mycopod: v1
guests:
  - name: file-1
    kind: vm
    cores: 2
    memory: 1 GiB
    disk:
      scsi0: {size: 4 GiB}
";

#[tokio::test]
async fn a_folder_in_git_is_compared_declared_and_exported_the_same() {
    let home = Home::new();
    let server = home.serve(&[("MYCOPOD_SANDBOX_TIME_SCALE", "0")]);
    let person = server.login().await;
    server.keep_session();
    let folder = home.path().join("guests");
    fs::create_dir_all(folder.join("shop")).unwrap();
    fs::write(folder.join("shop/file-1.yaml"), SHOP).unwrap();
    let text = |args: &[&str]| {
        let output = server.run(args);
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (output.status.code(), text)
    };

    let (code, shown) = text(&["plan", "-f", "guests", "--text"]);
    assert!(code == Some(2) && shown.contains("1 to create"), "{code:?} {shown}");
    let (code, shown) = text(&["declare", "-f", "guests", "--text"]);
    assert!(code == Some(0) && shown.contains("awaiting approval"), "{code:?} {shown}");
    let id = person.get("/declarations").await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(text(&["approve", &id, "--yes"]).0, Some(0));
    let (code, shown) = text(&["plan", "-f", "guests", "--text"]);
    assert!(code == Some(0) && shown.contains("Nothing would be done"), "{code:?} {shown}");
    let (code, shown) = text(&["declare", "-f", "guests"]);
    assert!(code == Some(0) && shown.contains("as declared"), "{code:?} {shown}");

    assert_eq!(text(&["export", "--all", "-o", "out"]).0, Some(0));
    let (code, shown) = text(&["plan", "-f", "out/file-1.yaml", "--text"]);
    assert_eq!(code, Some(0), "{shown}");
    let (code, shown) = text(&["export", "file-1", "--format", "terraform"]);
    assert!(code == Some(0) && shown.contains("proxmox_virtual_environment_vm"), "{shown}");

    fs::write(folder.join("bad.yaml"), SHOP.replace("cores", "coers")).unwrap();
    let (code, shown) = text(&["plan", "-f", "guests"]);
    assert!(code == Some(1) && shown.contains("guests/bad.yaml: line 5, guests[0].coers: "), "{code:?} {shown}");
    fs::write(folder.join("bad.yaml"), SHOP.replace("file-1", "file-2").replace("cores: 2", "cores: 4000")).unwrap();
    let (code, shown) = text(&["plan", "-f", "guests", "--text"]);
    assert!(code == Some(3) && shown.contains("Would be asked: "), "{code:?} {shown}");
    // Nobody is there to be asked.
    let (code, shown) = text(&["declare", "-f", "guests/bad.yaml", "--text"]);
    assert!(code == Some(3) && shown.contains("Go on with: mycopod answer "), "{code:?} {shown}");
}
