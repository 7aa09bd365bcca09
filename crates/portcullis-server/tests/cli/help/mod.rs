//! The help of every command, as a first-time reader sees it.

mod acts;
mod instance;
mod users;

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
      openapi  Print the description of the API, an OpenAPI document, for programs that make clients
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
