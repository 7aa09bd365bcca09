//! `docs/config.md` documents the settings that there are.

use std::{fs, path::Path};

const MARK: &str = "a test says how. -->\n\n";

#[test]
fn the_tables_are_those_of_the_compiled_in_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let present = fs::read_to_string(&path).unwrap();
    let (text, _) = present.split_once(MARK).expect("the page has the mark of its generated part");
    let expected = format!("{text}{MARK}{}", portcullis_server::config::reference());
    if present != expected {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("config.md");
        fs::write(&made, expected).unwrap();
        panic!("the settings have changed; take over the new page: cp {} docs/config.md", made.display());
    }
}
