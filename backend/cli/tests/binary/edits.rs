//! Fields of a declaration that are set over the command line, and taken back.

use crate::common::Home;

#[tokio::test]
async fn fields_are_set_listed_and_taken_back() {
    let home = Home::new();
    let server = home.serve(&[("MYCOPOD_SANDBOX_TIME_SCALE", "0")]);
    let person = server.login().await;
    server.keep_session();
    let text = |args: &[&str]| {
        let output = server.run(args);
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (output.status.code(), text)
    };
    assert_eq!(text(&["declare", "Create a VM shop-01 with 2 cores and a 10 GB disk"]).0, Some(0));
    let id = person.get("/declarations").await[0]["id"].as_str().unwrap().to_owned();
    assert!(text(&["edit", &id, "--text"]).1.contains("Nothing was set"));

    for edit in [
        &["memory", "3GB"][..],
        &["onboot", "yes"],
        &["tags", "shop, web"],
        &["disk.scsi1", "size=20GB", "storage=local-lvm", "discard=yes"],
        &["nic.0", "--leave-out"],
    ] {
        let (code, shown) = text(&[&["edit", &id, "shop-01"], edit, &["--text"]].concat());
        assert!(code == Some(0) && shown.contains("awaiting approval"), "{edit:?}: {code:?} {shown}");
    }
    let (_, listed) = text(&["edit", &id, "--text"]);
    for part in ["1  Memory of shop-01: 3 GiB  (holds,", "Tags of shop-01: shop,web", "NIC 0 of shop-01: left out"] {
        assert!(listed.contains(part), "{listed}");
    }
    let disk = "Disk scsi1 of shop-01: discard=true size=20 GiB storage=local-lvm";
    assert!(listed.contains(disk), "{listed}");
    for (edit, part) in [
        (&["web-99", "cores", "4"][..], "no guest web-99"),
        (&["shop-01", "cores", "4", "5"], "takes one value"),
        (&["shop-01", "disk.scsi2"], "Say its parts"),
        (&["shop-01", "disk.scsi2", "vlan=2"], "is no part of disk.scsi2"),
        (&["shop-01", "coers", "4"], "names no field"),
    ] {
        let (code, shown) = text(&[&["edit", &id], edit].concat());
        assert!(code == Some(64) && shown.contains(part), "{edit:?}: {code:?} {shown}");
    }
    let (code, shown) = text(&["edit", &id, "shop-01", "disk.scsi2", "size=lots"]);
    assert!(code == Some(1) && shown.contains("“lots” is no size"), "{code:?} {shown}");

    assert_eq!(text(&["edit", &id, "--take-back", "5"]).0, Some(0));
    assert!(text(&["edit", &id, "--text"]).1.contains("NIC 0 of shop-01: left out  (taken back,"));
    assert_eq!(text(&["approve", &id, "--yes"]).0, Some(0));
    let exported = text(&["export", "shop-01"]).1;
    for part in ["memory: 3 GiB", "scsi1:", "storage: local-lvm", "onboot: true"] {
        assert!(exported.contains(part), "{exported}");
    }
}

#[tokio::test]
async fn a_kind_and_an_image_are_set_and_taken_back() {
    let home = Home::new();
    let server = home.serve(&[("MYCOPOD_SANDBOX_TIME_SCALE", "0")]);
    let person = server.login().await;
    server.keep_session();
    let text = |args: &[&str]| {
        let output = server.run(args);
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (output.status.code(), text)
    };
    assert_eq!(text(&["declare", "Create a VM shop-01 with 2 cores and a 10 GB disk"]).0, Some(0));
    let id = person.get("/declarations").await[0]["id"].as_str().unwrap().to_owned();
    let edit = |field_and_value: &[&str]| text(&[&["edit", &id, "shop-01"], field_and_value].concat());

    assert_eq!(edit(&["cpu", "host"]).0, Some(0));
    let (code, shown) = edit(&["kind", "container"]);
    assert!(code == Some(1) && shown.contains("A container has no “CPU type” (edit 1)"), "{code:?} {shown}");
    assert_eq!(text(&["edit", &id, "--take-back", "1"]).0, Some(0));
    let (code, shown) = edit(&["image", "windows"]);
    assert!(code == Some(1) && shown.contains("There is debian-12, ubuntu-24.04"), "{code:?} {shown}");
    assert_eq!(edit(&["image", "ubuntu-24.04"]).0, Some(0));
    assert_eq!(edit(&["image", "--leave-out"]).0, Some(0));
    assert_eq!(text(&["edit", &id, "--take-back", "3"]).0, Some(0));
    assert_eq!(text(&["edit", &id, "--take-back", "2"]).0, Some(0));
    assert_eq!(edit(&["kind", "container"]).0, Some(0));
    assert_eq!(edit(&["image", "alpine"]).0, Some(0));
    let (_, listed) = text(&["edit", &id, "--text"]);
    for part in ["2  Image of shop-01: ubuntu-24.04  (taken back,", "4  Kind of shop-01: container  (holds,"] {
        assert!(listed.contains(part), "{listed}");
    }
    assert_eq!(text(&["approve", &id, "--yes"]).0, Some(0));
    let exported = text(&["export", "shop-01"]).1;
    assert!(exported.contains("kind: container") && exported.contains("image: alpine-3.21"), "{exported}");
}
