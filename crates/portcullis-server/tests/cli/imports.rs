//! `portcullis user import`: what is taken, what is not and why, and who can log in afterwards.

use std::{fmt::Write as _, fs, process::Command};

use serde_json::{Value, json};

use crate::support::{PASSWORD, Run, Said, account};

/// Hashes of "correct horse" by other programs, each of a form of its own.
const HASHES: [&str; 16] = [
    "$pbkdf2-sha256$1000$YYxRKkUopTTGGOMcY0wpRQ$2.oxvmFH6QhfzIHkfgpDMs4T0JYx3NqyD4MMoiBvTZ8",
    "$pbkdf2-sha512$1000$bQ2htBaiNAYAIKQUgjDGuA$Uwq6zf/8Yzd7PgMcBiKPxbpcwEbRq/BYquaFq87XNCoQd8tNJ96FepJ3CJptNwd8j8f5oFA35yNx9/VIJ3PTxw",
    "$pbkdf2$1000$PScE4BwjhHCuVSqFcC4FYA$aEXL6Th.YjIZl78i3l4M0ivalgE",
    "pbkdf2:sha256:1000$w67EWVMNGD4iKIol$370fd9a58c868f32d49f3088866caf4572f25de7f74035a0da8259c9c0f508ba",
    "pbkdf2:sha1:1000$3lHtveAnvsmjR5If$ce0490d31ea919b9f97af1a95b871b8f3d225492",
    "pbkdf2:sha512:1000$tpSJ89SzLK6rvluT$746a8ab84700a3ce6c11948c43fa8a7babb7b7642151c7baa69ed1d890907ac5a20a2428ba8cd0c281d0fa1bc5bc58cdc287e56a6620a5eb1644c7893e6ffbb5",
    "scrypt:1024:8:1$fJlU0kG2C9O4uFyY$d5a8eabd6979a80b4a0728567c11ec430c81014dae59b842b6b6dad9d19d68c701577a88242098bb4cb63bbdde25711e4a0a7bdea7df985a13bb2f2374146deb",
    "pbkdf2_sha256$1000$IWT6xXFq3Glq8wpduMdLUS$uB1U7034yhVxkH1aSVEa+qw94dKHWY8YUN70Kzzs22Q=",
    "pbkdf2_sha1$1000$xjGHxhi3formT1uVlkSDC3$zbWTmeSE1Uksiobyn+rmugjNn40=",
    "bcrypt_sha256$$2b$04$731pCRNXzEgBhosdn4u9XOezsqH5NTXm7yzSSP/Mcqa0OCl9SOX3u",
    "bcrypt$$2b$04$KZU7FankGF7Lerxt1XRQ1.3w/7itpIXdm2AiXmhuZHdUlmUp2Qp7m",
    "scrypt$1024$wAU3bXoG$8$1$VtKWOlHbjMOMNoNzsKaVMPtQ74ZyQ1uMBeoyxvySD5wicAsTJS/wkdUIukP64NeRZRz69aGgkZ0Bxm3Dh72ddg==",
    "$2b$04$KnUOUDdopyVxlDa2W.he4ekjsmBslDJCl6uAgWLPTk8k.TXp2wDKa",
    "$2a$04$0GvojAwSkDFBB8Ro22KZXOwdIxBvLtZ9NDiISwkNSYtNHqlJndJgG",
    "$2y$04$0GvojAwSkDFBB8Ro22KZXOwdIxBvLtZ9NDiISwkNSYtNHqlJndJgG",
    "ARGON2",
];

/// A hash of another form, for what is not about hashes.
const HASH: &str = HASHES[12];

/// Imports a text as a file of a name.
fn import(run: &Run, file: &str, text: impl AsRef<[u8]>, arguments: &[&str]) -> Said {
    fs::write(run.path(file), text).unwrap();
    run.run(&[&["user", "import", file], arguments].concat())
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect::<Vec<_>>().concat()
}

fn names(run: &Run) -> Vec<String> {
    let users = run.lines(&["user", "list", "--all"]);
    users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn everybody_logs_in_with_the_password_of_before() {
    let run = Run::testing();
    let argon2 = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let hash = |hash| if hash == "ARGON2" { argon2 } else { hash };
    let mut rows: Vec<_> = HASHES
        .iter()
        .enumerate()
        .map(|(number, it)| json!({"username": format!("user{number}"), "password_hash": hash(*it)}))
        .collect();
    rows.push(json!({"username": "plain", "password": PASSWORD}));
    rows.push(json!({"username": "gone", "password_hash": HASH, "disabled": true}));
    let said = import(&run, "users.jsonl", lines(&rows), &[]);
    assert_eq!((said.code, said.err.as_str(), said.out.as_str()), (0, "", "18 taken, 0 not\n"));
    let server = run.serve();
    let login = |name: &str, password: &str| {
        server.post("/users/login", &json!({"username": name, "password": password})).0
    };
    for (number, hash) in HASHES.iter().enumerate() {
        let right = if *hash == "ARGON2" { "password" } else { PASSWORD };
        assert_eq!(login(&format!("user{number}"), "battery staple"), 401, "{hash}");
        assert_eq!(login(&format!("user{number}"), right), 200, "{hash}");
    }
    assert_eq!(login("plain", PASSWORD), 200);
    assert_eq!(login("gone", PASSWORD), 401);
}

#[test]
fn what_mongoexport_writes_is_taken_as_it_is() {
    let run = Run::testing();
    let row = format!(
        "{{\"_id\":{{\"$oid\":\"5ca1f0c0d3b4a5e6f7081920\"}},\"username\":\"alice\",\"password\":\"{HASH}\",\"access\":2,\
         \"created_at\":{{\"$date\":\"2019-04-01T12:00:00.5Z\"}}}}\n"
    );
    let said = run.run_with(&["user", "import", "-", "--format", "jsonl"], &row);
    assert_eq!(said.code, 2);
    assert!(said.out.contains("looks like a hash; `--field password_hash="), "{}", said.out);
    let renamed = ["user", "import", "-", "--format", "jsonl", "--field", "password_hash=password"];
    let said = run.run_with(&renamed, &row);
    assert_eq!((said.code, said.out.as_str()), (0, "1 taken, 0 not\nfields that were not read: \"_id\"\n"));
    let user = run.json(&["user", "show", "alice"]);
    assert_eq!((&user["access"], &user["created_at"]), (&2.into(), &1_554_120_000.into()));
    let event = run.json(&["audit", "list", "--user", "alice"]);
    assert_eq!(event["detail"], format!("imported, access admin; at a terminal, as {}", account()));
}

/// Rows of which each but the first two has something wrong with it.
fn mixed() -> String {
    let rows = [
        json!({"username": "alice", "password_hash": HASH, "access": "admin"}),
        json!({"username": "bob", "password": "battery staple", "created_at": "2019-04-01 12:00:00"}),
        json!({"username": "ALICE", "password_hash": HASH}),
        json!({"username": "carol", "password_hash": "hunter2"}),
        json!({"username": "dave", "password_hash": HASH, "access": 7}),
        json!({"password_hash": HASH}),
        json!({"username": "old", "password_hash": HASH}),
    ];
    lines(&rows) + "{\"username\": \"eve\", \n"
}

const REPORT: &str = "\
line 3, \"ALICE\": the name stands in line 1 already
line 4, \"carol\": password_hash is of no scheme that is known here
line 5, \"dave\": access must be 0 or guest, 1 or user, 2 or admin
line 6: username is missing
line 7, \"old\": the name is taken; whoever has it is left alone
line 8: is no JSON: damaged at column 20
";

#[test]
fn the_report_says_what_was_not_taken_and_why() {
    let run = Run::testing();
    run.make("old", "user");
    let said = import(&run, "users.jsonl", mixed(), &["--report", "report.txt"]);
    let sum =
        "2 taken, 6 not (1 bad_access, 1 bad_line, 1 bad_password_hash, 1 bad_username, 2 name_taken)\n";
    assert_eq!((said.code, said.err.as_str(), said.out), (1, "", format!("{REPORT}{sum}")));
    let report = fs::read_to_string(run.path("report.txt")).unwrap();
    assert_eq!(report, format!("line 1, \"alice\": taken\nline 2, \"bob\": taken\n{REPORT}{sum}"));
    assert!(!report.contains("hunter2") && !report.contains("$2b$"), "no secrets in it");
    let mut taken = names(&run);
    taken.sort();
    assert_eq!(taken, ["alice", "bob", "old"]);
    // A report is never replaced, and without one nothing is done.
    let said = import(&run, "users.jsonl", mixed(), &["--report", "report.txt"]);
    said.failed(&["the report report.txt cannot be written"]);

    // The same import again: those who are there are left alone.
    let said = import(&run, "users.jsonl", mixed(), &["--json", "--report", "report.jsonl"]);
    assert_eq!(said.code, 2, "nothing was done");
    assert!(said.err.contains("users.jsonl: no user of it was taken"), "{}", said.err);
    assert_eq!(fs::read_to_string(run.path("report.jsonl")).unwrap(), said.out);
    let report = said.json_lines();
    assert_eq!(report.len(), 9);
    let message = "the name is taken; whoever has it is left alone";
    assert_eq!(
        report[0],
        json!({"line": 1, "username": "alice", "taken": false, "id": null, "reason": "name_taken", "message": message})
    );
    assert_eq!(report[8]["summary"], true);
    assert_eq!((&report[8]["taken"], &report[8]["not_taken"]), (&0.into(), &8.into()));
    assert_eq!(report[8]["reasons"]["name_taken"], 4);
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let run = Run::testing();
    let said = import(&run, "users.jsonl", mixed(), &["--dry-run"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.ends_with(
        "3 would be taken, 5 not (1 bad_access, 1 bad_line, 1 bad_password_hash, 1 bad_username, 1 name_taken); this was a \
         dry run, nothing was written\n"
    ), "{}", said.out);
    assert!(!run.path("instance").exists(), "there was no database, and there is none");
    run.make("old", "user");
    let (users, events) = (run.lines(&["user", "list"]), run.lines(&["audit", "list"]));
    let said = import(&run, "users.jsonl", mixed(), &["--dry-run", "--json"]);
    let report = said.json_lines();
    assert_eq!((said.code, &report[8]["dry_run"], &report[8]["taken"]), (1, &true.into(), &2.into()));
    assert_eq!((run.lines(&["user", "list"]), run.lines(&["audit", "list"])), (users, events));
    // It is the import that follows.
    let said = import(&run, "users.jsonl", mixed(), &["--json"]);
    let taken = |report: &[Value]| report.iter().map(|row| row["taken"].clone()).collect::<Vec<_>>();
    assert_eq!(taken(&said.json_lines()), taken(&report));
}

#[test]
fn a_csv_is_read_by_the_names_of_its_columns() {
    let run = Run::testing();
    let text = format!(
        "\u{feff}id,username,password,is_active,date_joined\r\n\
         1,alice,{HASH},t,2019-04-01 12:00:00+00\r\n\
         2,\"bob\",\"{HASH}\",f,\r\n\
         3,carol\r\n\
         4,\"dave\r\n\",{HASH}\r\n\
         5,eve,{HASH},t,\r\n"
    );
    let fields = ["--field", "password_hash=password", "--field", "created_at=date_joined"];
    let said = import(&run, "users.CSV", text, &fields);
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(
        said.out,
        "line 4: has 2 fields, and the head has 5\nline 5: has 3 fields, and the head has 5\n\
         3 taken, 2 not (2 bad_line)\nfields that were not read: \"id\", \"is_active\"\n"
    );
    let mut taken = names(&run);
    taken.sort();
    assert_eq!(taken, ["alice", "bob", "eve"]);
    assert_eq!(run.json(&["user", "show", "alice"])["created_at"], 1_554_120_000);
}

#[test]
fn what_a_stranger_wrote_into_a_field_makes_nobody_an_administrator() {
    let of =
        |bio: &str| format!("username,bio,password_hash,access\nalice,{bio},{HASH},user\nbob,,{HASH},user\n");
    let mallory = format!("\nmallory,,{HASH},admin\n");
    let (rest, lost) = (
        "; nothing behind that was read",
        "1 taken, 1 not (1 bad_line)\nfields that were not read: \"bio\"\n",
    );
    let stopped = "stopped: nothing behind line 2 was read; the file is not CSV as RFC 4180 has it: export it again, \
                   or as JSON lines\n";
    for (bio, says, sum, code, taken) in [
        // The byte of another encoding, and a field that is missing: the whole row is lost, and no more.
        (format!("\"caf\u{e9}{mallory}\""), "is not UTF-8", lost.to_owned(), 1, "bob"),
        (format!("\"{mallory}"), "has 2 fields, and the head has 4", lost.to_owned(), 1, "bob"),
        // By a program that puts a backslash before a quote.
        (
            format!("\"\\\"{mallory}\\\"\""),
            &format!("has a backslash before a quote{rest}"),
            format!("0 taken, 1 not (1 bad_line)\nfields that were not read: \"bio\"\n{stopped}"),
            2,
            "",
        ),
    ] {
        let run = Run::testing();
        let mut text = of(&bio);
        if says.starts_with("has 2 fields") {
            text = text.replace(&format!("{mallory},{HASH},user\n"), &format!("{mallory}\"\n"));
        }
        let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let said = import(&run, "users.csv", latin, &[]);
        assert_eq!((said.code, said.out), (code, format!("line 2: {says}\n{sum}")), "{bio}: {}", said.err);
        assert_eq!(names(&run).concat(), taken, "{bio}");
    }
}

#[test]
fn what_is_no_file_of_users_is_told_before_anything_is_made() {
    let run = Run::testing();
    for (file, text, arguments, says) in [
        ("users.csv", "a;b\n1;2\n", &[][..], "users.csv: the head has no column \"username\", only \"a;b\""),
        ("users.csv", "", &[], "users.csv: there is nothing in it"),
        (
            "users.csv",
            "a\"b\n",
            &[],
            "users.csv: the head has a quote within a field that does not begin with one; the file",
        ),
        ("users.txt", "", &[], "users.txt: its name does not tell how it is written; say --format"),
        ("users.json", "[{}]", &[], "users.json: it is one JSON array"),
        ("users.jsonl", "\n \n", &["--dry-run"], "users.jsonl: there is no user in it"),
        (
            "users.jsonl",
            "{}",
            &["--field", "name=x"],
            "there is no field \"name\"; there are username, password_hash",
        ),
        ("users.jsonl", "{}", &["--field", "username"], "write FIELD=NAME"),
        ("users.jsonl", "{}", &["--field", "access=x", "--field", "disabled=x"], "two fields have one name"),
    ] {
        import(&run, file, text, arguments).failed(&[says]);
    }
    run.fails(&["user", "import", "missing.csv"], &["missing.csv cannot be read: No such file"]);
    run.fails(&["user", "import", "."], &[". cannot be read"]);
    assert!(!run.path("instance").exists());
}

#[test]
fn many_rows_go_in_a_few_writes_and_damage_stops_none_of_them() {
    const ROWS: usize = 2000;
    let run = Run::testing();
    let mut text = String::from("username,password_hash\n");
    for row in 0..ROWS {
        let damage = if row % 100 == 50 { "," } else { "" };
        writeln!(text, "user{row},{damage}{HASH}").unwrap();
    }
    let said = import(&run, "users.csv", text, &[]);
    let damaged = ROWS / 100;
    assert_eq!(said.code, 1);
    assert!(
        said.out.ends_with(&format!("{} taken, {damaged} not ({damaged} bad_line)\n", ROWS - damaged)),
        "{}",
        said.out
    );
    assert_eq!(names(&run).len(), ROWS - damaged);
    assert_eq!(run.lines(&["audit", "list", "--limit", "9999"]).len(), ROWS - damaged, "each has its event");
}

#[test]
#[cfg(target_os = "linux")]
fn a_line_without_an_end_takes_no_memory() {
    let run = Run::testing();
    // 256 MiB in one line, by a program that may have as much more than what it maps at its start.
    let script = format!(
        "ulimit -v 400000; {{ head -c 268435456 /dev/zero | tr '\\0' x; echo; echo '{{\"username\":\"a\",\"password_hash\":\"{HASH}\"}}'; \
         }} | {} user import - --format jsonl --dry-run",
        env!("CARGO_BIN_EXE_portcullis")
    );
    let mut bash = run.prepared(Command::new("bash"), &["-c", &script]);
    let said = run.said(&bash.output().unwrap());
    assert_eq!(
        (said.code, said.out.as_str()),
        (
            1,
            "line 1: is longer than 1048576 bytes\n1 would be taken, 1 not (1 bad_line); this was a dry run, nothing was \
             written\n"
        ),
        "{}",
        said.err
    );
}

#[test]
#[cfg(target_os = "linux")]
fn what_was_done_is_told_also_where_its_answer_cannot_be_written() {
    let run = Run::testing();
    let full = |arguments: &str, input: &str| {
        let script = format!("{} {arguments} > /dev/full", env!("CARGO_BIN_EXE_portcullis"));
        let mut bash = run.prepared(Command::new("bash"), &["-c", &script]);
        fs::write(run.path("input"), input).unwrap();
        bash.stdin(fs::File::open(run.path("input")).unwrap());
        run.said(&bash.output().unwrap())
    };
    let said = full("user create carol --password-stdin", PASSWORD);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("carol is made") && said.err.contains("standard output: No space"),
        "{}",
        said.err
    );
    let said = full("user create carol --password-stdin", PASSWORD);
    assert!(said.code == 2 && said.err.contains("is taken"), "{}", said.err);
    let said = full("session end --user carol", "");
    assert!(said.code == 1 && said.err.contains("all sessions of carol have ended"), "{}", said.err);
    let row = format!("{{\"username\":\"dave\",\"password_hash\":\"{HASH}\"}}\n");
    let said = full("user import - --format jsonl", &row);
    assert!(said.code == 1 && said.err.contains("1 taken, 0 not; standard output"), "{}", said.err);
    assert_eq!(names(&run).len(), 2);
}
