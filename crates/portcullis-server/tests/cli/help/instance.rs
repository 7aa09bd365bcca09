//! `portcullis openapi`, `setup`, `backup`, `restore` and `doctor`: what concerns the instance as a whole.

use super::help;

#[test]
fn of_openapi() {
    insta::assert_snapshot!(help("openapi"), @"
    Print the description of the API, an OpenAPI document, for programs that make clients

    The document is the one that `portcullis serve` answers with at GET /openapi.json. It tells what
    this configuration does: how refusals look, where tokens are, and whether strangers may register. No
    server, no database and no secret are needed, and nothing is written.

    Usage: portcullis openapi [OPTIONS]

    Options:

    Examples:
      portcullis openapi > openapi.json
      ERROR_STYLE=problem portcullis openapi | jq '.paths | keys'
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
