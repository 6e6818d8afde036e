//! Makes sure that there is a user interface to embed: without a build of the front end,
//! a page that says how to make one.

use std::path::Path;
use std::{fs, io};

const DIST: &str = "../../frontend/dist";

const PLACEHOLDER: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>MycoPod</title>
<h1>MycoPod</h1>
<p>The server runs, but it was built without its user interface. <code>make build</code> builds both.</p>
<p>The HTTP API is described at <a href=\"/api/v1/docs/\">/api/v1/docs/</a>.</p>
</html>
";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={DIST}");
    let index = Path::new(DIST).join("index.html");
    if index.exists() {
        return Ok(());
    }
    fs::create_dir_all(DIST)?;
    fs::write(index, PLACEHOLDER)
}
