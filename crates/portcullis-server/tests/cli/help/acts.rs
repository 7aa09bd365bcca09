//! `portcullis session …`, `audit …` and `token …`

use super::help;

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
