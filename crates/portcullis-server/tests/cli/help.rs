//! The help of every command, as a first-time reader sees it.

use crate::support::Run;

/// What a command's help says: of one with subcommands all, of the others without the options that all have.
fn help(command: &str) -> String {
    let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
    let said = Run::new().run(&arguments);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{command}");
    assert!(said.out.lines().all(|line| line.chars().count() <= 100), "{}", said.out);
    let text = said.out.lines().map(|line| format!("{}\n", line.trim_end())).collect::<Vec<_>>().concat();
    if text.contains("\nCommands:\n") {
        return text;
    }
    let (own, common) = text.split_once("      --instance <DIR>").unwrap();
    let (common, behind) = common.split_once("  -h, --help").unwrap();
    assert!(common.contains("      --profile <NAME>"), "{text}");
    let behind = behind.split_once("Print help").and_then(|(_, behind)| behind.split_once('\n')).unwrap().1;
    format!("{}\n{behind}", own.trim_end())
}

#[test]
fn of_the_program() {
    insta::assert_snapshot!(help(""), @"
    Users, login and revocation over HTTP: the portcullis library as a service

    Usage: portcullis [OPTIONS] <COMMAND>

    Commands:
      serve    Answer requests until SIGTERM or SIGINT
      config   Look at the configuration without starting anything
      user     See, make, change, delete and import users
      session  See and end sessions
      audit    See what happened
      token    Look into a token, or check one
      setup    Print a secret with which the first administrator can be made over HTTP, once
      backup   Copy the database into a file, beside a server that goes on
      restore  Put a backup in the place of the database; everybody has to log in again
      doctor   Look for what is wrong, and say what to do about it

    Options:
          --instance <DIR>  The instance folder: application.cfg, the database file and the made secret
                            [default: instance]
          --profile <NAME>  development, testing or production [default: $PORTCULLIS_ENV, $FLASK_ENV or
                            production]
      -h, --help            Print help
      -V, --version         Print version

    First steps:
      portcullis user create alice --access admin    make the first administrator
      portcullis serve                               answer requests on 127.0.0.1:5000

    Every command has examples in its own help, such as `portcullis user create --help`.
    ");
}

#[test]
fn of_serve() {
    insta::assert_snapshot!(help("serve"), @"
    Answer requests until SIGTERM or SIGINT

    Usage: portcullis serve [OPTIONS]

    Options:
          --listen <IP:PORT>  The address to listen on; port 0 takes a free one [default: LISTEN,
                              127.0.0.1:5000]
    ");
}

#[test]
fn of_config() {
    insta::assert_snapshot!(help("config"), @"
    Look at the configuration without starting anything

    Usage: portcullis config [OPTIONS] <COMMAND>

    Commands:
      check  Say everything that is wrong with the configuration
      show   Print every setting with its value and where it comes from; secrets are redacted

    Options:
          --instance <DIR>  The instance folder: application.cfg, the database file and the made secret
                            [default: instance]
          --profile <NAME>  development, testing or production [default: $PORTCULLIS_ENV, $FLASK_ENV or
                            production]
      -h, --help            Print help
    ");
}

#[test]
fn of_user() {
    insta::assert_snapshot!(help("user"), @"
    See, make, change, delete and import users

    Usage: portcullis user [OPTIONS] <COMMAND>

    Commands:
      list      List users
      show      Show one user
      create    Make a user, who can log in at once
      password  Give a user another password; all sessions of the user end
      access    Give a user another access level
      disable   Disable a user: no login any more, and all sessions end
      enable    Let a disabled user log in again
      unlock    Forget a user's failed logins, and with them a lock
      delete    Delete a user for good; all sessions of the user end
      import    Take over users of another program from a file, with their passwords

    Options:
          --json            Answer in JSON, for programs; lists are one document a line
          --instance <DIR>  The instance folder: application.cfg, the database file and the made secret
                            [default: instance]
          --profile <NAME>  development, testing or production [default: $PORTCULLIS_ENV, $FLASK_ENV or
                            production]
      -h, --help            Print help
    ");
}

#[test]
fn of_user_list() {
    insta::assert_snapshot!(help("user list"), @"
    List users

    In the order in which they came; with --name, by name. Shows the first 50 unless told otherwise.

    Usage: portcullis user list [OPTIONS]

    Options:
          --name <PREFIX>
              Only those whose name begins so; case and width make no difference

          --access <LEVEL>
              Only those of this level

              [possible values: guest, user, admin]

          --disabled
              Only those who are disabled

          --enabled
              Only those who are not disabled

          --limit <N>
              How many at most

              [default: 50]

          --all
              All of them, however many there are

          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis user list --name al                 whose name begins so
      portcullis user list --access admin --enabled  who can administer users
      portcullis user list --all --json              everybody, one JSON document a line
    ");
}

#[test]
fn of_user_show() {
    insta::assert_snapshot!(help("user show"), @"
    Show one user

    Usage: portcullis user show [OPTIONS] <NAME_OR_ID>

    Arguments:
      <NAME_OR_ID>
              The user's name, as at a login, or id

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis user show alice
      portcullis user show alice --json | jq .created_at
    ");
}

#[test]
fn of_user_create() {
    insta::assert_snapshot!(help("user create"), @"
    Make a user, who can log in at once

    Also the first one: where there is no database yet it is made. The password is asked for at the
    terminal, twice and without showing it, or read from standard input. It is never an argument: those
    stand in the list of processes and in the shell's history.

    Usage: portcullis user create [OPTIONS] <NAME>

    Arguments:
      <NAME>
              The new user's name

    Options:
          --access <LEVEL>
              The access level: guest, user, or admin, who may administer all users

              [default: user]
              [possible values: guest, user, admin]

          --password-stdin
              Read the password from standard input, as its one line

          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis user create alice --access admin    asks for the password
      pass show alice | portcullis user create alice --password-stdin
    ");
}

#[test]
fn of_user_password() {
    insta::assert_snapshot!(help("user password"), @"
    Give a user another password; all sessions of the user end

    Failed logins are forgotten, and with them a lock.

    Usage: portcullis user password [OPTIONS] <NAME_OR_ID>

    Arguments:
      <NAME_OR_ID>
              The user's name, as at a login, or id

    Options:
          --password-stdin
              Read the password from standard input, as its one line

          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis user password alice
      pass show alice | portcullis user password alice --password-stdin
    ");
}

#[test]
fn of_user_access() {
    insta::assert_snapshot!(help("user access"), @"
    Give a user another access level

    The user's access tokens are refused from then on, by every node within a second; sessions go on,
    with the new level after their next refresh.

    Usage: portcullis user access [OPTIONS] <NAME_OR_ID> <LEVEL>

    Arguments:
      <NAME_OR_ID>
              The user's name, as at a login, or id

      <LEVEL>
              The new level: guest, user, or admin, who may administer all users

              [possible values: guest, user, admin]

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis user access alice admin
    ");
}

#[test]
fn of_user_disable() {
    insta::assert_snapshot!(help("user disable"), @"
    Disable a user: no login any more, and all sessions end

    A server that is running refuses the user's tokens within a second.

    Usage: portcullis user disable [OPTIONS] <NAME_OR_ID>

    Arguments:
      <NAME_OR_ID>
              The user's name, as at a login, or id

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis user disable alice
    ");
}

#[test]
fn of_user_enable() {
    insta::assert_snapshot!(help("user enable"), @"
    Let a disabled user log in again

    Usage: portcullis user enable [OPTIONS] <NAME_OR_ID>

    Arguments:
      <NAME_OR_ID>
              The user's name, as at a login, or id

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis user enable alice
    ");
}

#[test]
fn of_user_unlock() {
    insta::assert_snapshot!(help("user unlock"), @"
    Forget a user's failed logins, and with them a lock

    After many failed logins no password is accepted for a while, so that nobody can go on guessing.
    This ends such a lock. What a server that is running counts by itself, tries of an address and for a
    name (LIMIT_...), goes on until its time is over, or the server is started again.

    Usage: portcullis user unlock [OPTIONS] <NAME_OR_ID>

    Arguments:
      <NAME_OR_ID>
              The user's name, as at a login, or id

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis user unlock alice
    ");
}

#[test]
fn of_user_delete() {
    insta::assert_snapshot!(help("user delete"), @"
    Delete a user for good; all sessions of the user end

    Asks first. The name cannot be given to anybody else as long as a token may live that says it.

    Usage: portcullis user delete [OPTIONS] <NAME_OR_ID>

    Arguments:
      <NAME_OR_ID>
              The user's name, as at a login, or id

    Options:
          --yes
              Do not ask

          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis user delete alice          asks first
      portcullis user delete alice --yes    in a script
    ");
}

#[test]
fn of_user_import() {
    insta::assert_snapshot!(help("user import"), @"
    Take over users of another program from a file, with their passwords

    Usage: portcullis user import [OPTIONS] <FILE|->

    Arguments:
      <FILE|->
              The file, or - for standard input

    Options:
          --format <FORMAT>
              How it is written, where its name (.jsonl, .ndjson, .json, .csv) does not tell

              Possible values:
              - jsonl: One JSON object a line
              - csv:   Comma-separated values, the names of the columns first

          --field <FIELD=NAME>
              What a field is called in the file, where that is not its name here; may be said several
              times

          --dry-run
              Judge everything and write nothing

          --report <FILE>
              Write the report to a new file too, with every row that was taken

          --json
              Answer in JSON, for programs; lists are one document a line

    Fields: members of the objects, or columns of a CSV whose first line has their names
      username       must be a name that could be registered
      password_hash  a hash that another program wrote; the user keeps the password
      password       or the password itself, which is hashed
      access         guest, user or admin, or 0, 1 or 2; user where there is none
      created_at     2019-04-01T12:00:00Z, seconds since 1970 or a date of MongoDB's JSON;
                     now where there is none
      disabled       true or false; false where there is none
    Others are not read, and the report names them.

    Hashes that are known:
      passlib   $pbkdf2-sha256$...  $pbkdf2-sha512$...  $pbkdf2$...
      Werkzeug  pbkdf2:...  scrypt:...
      Django    pbkdf2_sha256$...  pbkdf2_sha1$...  bcrypt_sha256$...  scrypt$...  argon2$...
      bcrypt    $2a$...  $2b$...  $2y$...
      argon2    $argon2id$...  $argon2i$...

    Each row is judged before anything of it is stored: a hash must be whole, and not so expensive
    that a login would be an attack. A damaged row costs that row; a CSV whose quotes do not hold
    together (RFC 4180) is read up to there and no further. A name that somebody has already is left
    alone and reported, so that an import may be repeated, or go on after it was stopped.

    Exit code 0: all were taken. 1: some were, and some were not or the report could not be written.
    2: nothing was done.

    Examples:
      portcullis user import users.jsonl --dry-run
      portcullis user import users.csv --field created_at=date_joined --report report.txt
      mongoexport -d flask_api_demo -c users |
        portcullis user import - --format jsonl --field password_hash=password
    ");
}

#[test]
fn of_session() {
    insta::assert_snapshot!(help("session"), @"
    See and end sessions

    Usage: portcullis session [OPTIONS] <COMMAND>

    Commands:
      list  List the living sessions of a user, the most recently used first
      end   End a session, or all sessions of a user

    Options:
          --json            Answer in JSON, for programs; lists are one document a line
          --instance <DIR>  The instance folder: application.cfg, the database file and the made secret
                            [default: instance]
          --profile <NAME>  development, testing or production [default: $PORTCULLIS_ENV, $FLASK_ENV or
                            production]
      -h, --help            Print help
    ");
}

#[test]
fn of_session_list() {
    insta::assert_snapshot!(help("session list"), @"
    List the living sessions of a user, the most recently used first

    Usage: portcullis session list [OPTIONS] <NAME_OR_ID>

    Arguments:
      <NAME_OR_ID>
              The user's name, as at a login, or id

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis session list alice
    ");
}

#[test]
fn of_session_end() {
    insta::assert_snapshot!(help("session end"), @"
    End a session, or all sessions of a user

    A server that is running refuses their tokens within a second. The user can log in again;
    `portcullis user disable` prevents that.

    Usage: portcullis session end [OPTIONS] <SESSION_ID|--user <NAME_OR_ID>>

    Arguments:
      [SESSION_ID]
              The session's id, as `session list` shows it

    Options:
          --user <NAME_OR_ID>
              All sessions of this user, by name or id

          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis session end 8aYb0cXq0mUo2bEyLw1n5g  by an id of `session list`
      portcullis session end --user alice            all of them
    ");
}

#[test]
fn of_audit() {
    insta::assert_snapshot!(help("audit"), @"
    See what happened

    Usage: portcullis audit [OPTIONS] <COMMAND>

    Commands:
      list  List what happened, the newest first

    Options:
          --json            Answer in JSON, for programs; lists are one document a line
          --instance <DIR>  The instance folder: application.cfg, the database file and the made secret
                            [default: instance]
          --profile <NAME>  development, testing or production [default: $PORTCULLIS_ENV, $FLASK_ENV or
                            production]
      -h, --help            Print help
    ");
}

#[test]
fn of_audit_list() {
    insta::assert_snapshot!(help("audit list"), @"
    List what happened, the newest first

    Logins, failed ones too, changes of users and passwords, ended sessions, and what was done at a
    terminal. Shows the last 50 unless told otherwise.

    Usage: portcullis audit list [OPTIONS]

    Options:
          --user <NAME_OR_ID>
              Only what this user did, or what was done to the user; a name or an id

          --event <EVENT>
              Only events of this kind, which is one of
                authn_login_success
                authn_login_successafterfail
                authn_login_fail
                authn_login_fail_max
                authn_login_lock
                authn_password_change
                authn_password_change_fail
                authn_token_created
                authn_token_revoked
                authn_token_reuse
                session_created
                session_ended
                session_ahead_of_store
                user_created
                user_updated
                user_disabled
                user_enabled
                user_deleted
                privilege_permissions_changed
                password_hash_unusable
                authz_fail
                authz_admin
                excess_rate_limit_exceeded
                setup_secret_issued
                setup_admin_created
                store_restored

          --since <WHEN>
              Only what happened since then: a moment such as 2026-11-28 or 2026-11-28T16:34:44Z, or as
              long ago as 90s, 30m, 12h or 7d

          --limit <N>
              How many at most

              [default: 50]

          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis audit list --user alice --since 7d
      portcullis audit list --event authn_login_fail --since 2026-11-28T08:00:00Z --limit 1000
      portcullis audit list --json | jq -r .event | sort | uniq -c
    ");
}

#[test]
fn of_token() {
    insta::assert_snapshot!(help("token"), @"
    Look into a token, or check one

    Usage: portcullis token [OPTIONS] <COMMAND>

    Commands:
      inspect  Show what any token says, WITHOUT verifying it
      check    Check a token: whether this instance accepts it now

    Options:
          --json            Answer in JSON, for programs; lists are one document a line
          --instance <DIR>  The instance folder: application.cfg, the database file and the made secret
                            [default: instance]
          --profile <NAME>  development, testing or production [default: $PORTCULLIS_ENV, $FLASK_ENV or
                            production]
      -h, --help            Print help
    ");
}

#[test]
fn of_token_inspect() {
    insta::assert_snapshot!(help("token inspect"), @"
    Show what any token says, WITHOUT verifying it

    Decodes the header and the claims of a compact JWS, whoever issued it. No key is used and no
    signature is checked: anybody can write such a token, so believe nothing of what is shown.
    `portcullis token check` verifies.

    The signature is not printed, so that what is printed is no token that could be used.

    Usage: portcullis token inspect [OPTIONS] [TOKEN|-]

    Arguments:
      [TOKEN|-]
              The token; without one, or with `-`, it is read from standard input, where the list of
              processes and the shell's history do not see it

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis token inspect < token.txt
      portcullis token inspect --json - < token.txt | jq .claims.exp
    ");
}

#[test]
fn of_token_check() {
    insta::assert_snapshot!(help("token check"), @"
    Check a token: whether this instance accepts it now

    Verifies it by the configuration, as a server does, and asks the store whether it was revoked, or
    its session was ended. Of a refresh token it says whether a refresh would get a pair; nothing is
    done with it. All that the store refuses is read for that: with millions of revocations this takes
    seconds.

    Exit code 0: accepted. 1: refused, with the reason. 2: it could not be checked.

    Usage: portcullis token check [OPTIONS] [TOKEN|-]

    Arguments:
      [TOKEN|-]
              The token; without one, or with `-`, it is read from standard input, where the list of
              processes and the shell's history do not see it

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis token check < token.txt
      portcullis token check --json - < token.txt | jq -r .reason
    ");
}

#[test]
fn of_setup() {
    insta::assert_snapshot!(help("setup"), @"
    Print a secret with which the first administrator can be made over HTTP, once

    For whoever sets a service up from elsewhere, as with a container: the secret goes into POST
    /admin/setup with the name and the password of the first administrator. It holds for an hour, for
    one use, and only while there is no administrator who is enabled. Where there is a terminal on the
    server's machine none is needed: `portcullis user create NAME --access admin` makes an administrator
    there.

    The secret is all that standard output gets; what to do with it is said on standard error.

    Usage: portcullis setup [OPTIONS]

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis setup
      docker compose exec api portcullis setup --json | jq -r .secret
    ");
}

#[test]
fn of_backup() {
    insta::assert_snapshot!(help("backup"), @r#"
    Copy the database into a file, beside a server that goes on

    The copy is of one moment, and has all that was acknowledged before. It is checked from its first
    page to its last and synced before it gets its name; only its owner may read it. It has the password
    hashes in it, but not the secret that signs tokens: copy that from the instance folder once.

    A MongoDB has tools of its own: mongodump.

    Usage: portcullis backup [OPTIONS] <FILE>

    Arguments:
      <FILE>
              The file of the copy, in a folder that is there

    Options:
          --force
              Replace a file of this name, when the new one is whole

          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis backup /backups/portcullis.sqlite3 --force
      portcullis backup "/backups/portcullis-$(date +%F).sqlite3"
    "#);
}

#[test]
fn of_restore() {
    insta::assert_snapshot!(help("restore"), @"
    Put a backup in the place of the database; everybody has to log in again

    Stop the server first. The backup is checked before anything is changed, and the database of before
    is kept beside it under a name with the date. A crash at any moment leaves the one or the other.

    What was revoked after the backup was made is not in it. So every token of before is refused for
    good, and every session is over. What else was done since is undone: users who were made are gone,
    and passwords, levels and accounts are as they were.

    Usage: portcullis restore [OPTIONS] [FILE]

    Arguments:
      [FILE]
              The backup

    Options:
          --after-mongorestore
              Do what is left after a mongorestore: refuse every token of before and end every session

          --yes
              Do not ask

          --trust-clock
              The clock of this machine is right, though the database was written later than it shows;
              the instance has another secret now

          --json
              Answer in JSON, for programs; lists are one document a line

    Examples:
      portcullis restore /backups/portcullis-2026-11-28.sqlite3
      portcullis restore /backups/portcullis.sqlite3 --yes --json
      mongorestore --uri=URL --gzip --archive=FILE --drop && portcullis restore --after-mongorestore
    ");
}

#[test]
fn of_doctor() {
    insta::assert_snapshot!(help("doctor"), @r#"
    Look for what is wrong, and say what to do about it

    Looks at the configuration, the secret and its file, the database, the clock, the disk, the proxies
    in front and the limits. Nothing is changed, made or locked; a server may run meanwhile. Run it as
    the user that the server runs as, with the same environment.

    Usage: portcullis doctor [OPTIONS]

    Options:
          --json
              Answer in JSON, for programs; lists are one document a line

    Exit code 0: nothing has failed. 1: something has. Warnings are for somebody to read.

    Examples:
      portcullis doctor
      portcullis doctor --json | jq -r 'select(.level != "ok") | .todo'
    "#);
}
