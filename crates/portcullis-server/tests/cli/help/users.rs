//! `portcullis user …`

use super::help;

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
