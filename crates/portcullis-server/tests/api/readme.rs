//! The README's session with curl, run as it stands there.

use std::process::Command;

use crate::support::{SEED_LINE, Server, instance};

/// The commands of the README's `sh` block that uses curl.
fn session() -> String {
    let readme = include_str!("../../../../README.md");
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains("curl")).collect()
}

#[test]
fn the_session_of_the_readme_works() {
    let folder = instance(SEED_LINE);
    let server = Server::start(folder.path(), &["--profile", "development"], &[]);
    let script = session().replace("127.0.0.1:5000", &server.address);
    assert!(script.matches("curl").count() >= 4, "{script}");
    let done = Command::new("bash").args(["-euo", "pipefail", "-c", &script]).output().unwrap();
    let out = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{out}\n{}", String::from_utf8_lossy(&done.stderr));
    // What the README says that each command answers stands in a comment below it.
    let expected: Vec<&str> = script.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert!(expected.len() >= 3, "{script}");
    for answer in expected {
        assert!(out.contains(answer), "{answer:?} is not in:\n{out}");
    }
}
