//! What the binary says of wrong settings, and how it ends.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::common::Home;

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_env_file_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let home = Home::new();
    let path = home.path().join(".env");
    std::fs::write(&path, "PROXMOX_API_TOKEN=root@pam!lab=hush\n").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    for command in ["serve", "doctor"] {
        let output = home.run(&[command, "--text"], &[]);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        let mend = said.split("Mend it with: ").nth(1).unwrap_or_else(|| panic!("no command in: {said}")).trim();
        assert!(mend.starts_with("chmod 600 "), "{mend}");
        assert!(!said.contains("hush"), "{said}");
    }
    assert!(!home.path().join(".local").exists(), "something was made all the same");
}

#[test]
fn the_command_that_mends_an_env_file_does() {
    let home = Home::new();
    let path = home.path().join(".env");
    // Wrong on purpose, so that the server ends after the file was taken.
    std::fs::write(&path, "MYCOPOD_LISTEN=nowhere\n").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
    let said = stderr(&home.run(&["serve"], &[]));
    let mend = said.split("Mend it with: ").nth(1).unwrap().trim().to_owned();
    let mended = std::process::Command::new("sh").args(["-c", &mend]).current_dir(home.path()).status().unwrap();
    assert!(mended.success(), "{mend}");
    assert!(stderr(&home.run(&["serve"], &[])).contains("MYCOPOD_LISTEN should be"));
}

#[test]
fn wrong_values_are_named_together_and_not_shown() {
    let home = Home::new();
    let wrong = [("MYCOPOD_LISTEN", "hush"), ("DATABASE_URL", "mysql://hush"), ("PROXMOX_API_TOKEN", "hush")];
    let output = home.run(&["serve"], &wrong);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    for name in ["MYCOPOD_LISTEN", "DATABASE_URL", "PROXMOX_API_TOKEN", "PROXMOX_API_URL"] {
        assert!(said.contains(name), "{name} is not named: {said}");
    }
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn a_mistyped_setting_in_the_env_file_is_named() {
    let home = Home::new();
    let path = home.path().join(".env");
    std::fs::write(&path, "MYCOPOD_LISEN=127.0.0.1:4001\n").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let said = stderr(&home.run(&["serve"], &[]));
    assert!(said.contains("MYCOPOD_LISEN"), "{said}");
}

#[test]
fn scripts_can_tell_why_a_client_command_failed() {
    let home = Home::new();
    // Port 1 of this machine: nobody listens there.
    let nobody = ("MYCOPOD_URL", "http://127.0.0.1:1");
    let code = |args: &[&str], variables: &[(&str, &str)]| home.run(args, variables).status.code();
    assert_eq!(code(&["guests"], &[nobody, ("MYCOPOD_TOKEN", "t")]), Some(9));
    assert_eq!(code(&["guests"], &[nobody]), Some(8));
    assert_eq!(code(&["no-such-command"], &[]), Some(64));
    assert_eq!(code(&["--version"], &[]), Some(0));
    assert_eq!(code(&["audit", "verify", "--export", "no-such-file"], &[]), Some(1));
}
