//! `docs/cli.md` has the commands that there are.

use std::{fs, path::Path};

const MARK: &str = "a test says how. -->\n\n";

#[test]
fn the_table_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let present = fs::read_to_string(&path).unwrap();
    let (text, _) = present.split_once(MARK).expect("the page has the mark of its generated part");
    let expected = format!("{text}{MARK}{}", portcullis_server::cli::reference());
    if present != expected {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli.md");
        fs::write(&made, expected).unwrap();
        panic!("the commands have changed; take over the new page: cp {} docs/cli.md", made.display());
    }
}
