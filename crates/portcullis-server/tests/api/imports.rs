//! Taking over a user while the store fails: the same row again settles what nobody knows of it.

use portcullis_server::{
    accounts::{AccountsError, Attempt, By},
    model::{Access, LoginName, NewUser, PasswordHash, UserState, Username},
};

use crate::support::{Fault, TestApp};

fn newcomer(hash: &str) -> NewUser {
    let (name, hash) = (Username::parse("Alice").unwrap(), PasswordHash::stored(hash));
    NewUser { state: UserState::Disabled, ..NewUser::new(name, hash, Access::Guest) }
}

#[tokio::test]
async fn whoever_was_imported_without_an_answer_is_found_again() {
    let by = By::operator(None);
    for fault in [Fault::Before, Fault::After, Fault::Late] {
        let (app, faulty) = TestApp::with_faults().await;
        let accounts = app.state.accounts();
        // The one call: a user and the event of it are one act.
        faulty.fail(1, fault);
        let first = accounts.import_user(&by, newcomer("$hash$1"), Attempt::First).await;
        assert!(matches!(first, Err(AccountsError::Unavailable(_))), "{fault:?}: {first:?}");
        assert!(faulty.settle().await);
        let user = accounts.import_user(&by, newcomer("$hash$1"), Attempt::Again).await.unwrap();
        let found = accounts.user_of_name(&LoginName::parse("alice").unwrap()).await.unwrap();
        assert_eq!((&found.id, found.state, found.access), (&user.id, UserState::Disabled, Access::Guest));
    }
}

#[tokio::test]
async fn whoever_had_the_name_before_is_left_alone() {
    let app = TestApp::new().await;
    let (by, accounts) = (By::operator(None), app.state.accounts());
    accounts.import_user(&by, newcomer("$hash$1"), Attempt::First).await.unwrap();
    for attempt in [Attempt::First, Attempt::Again] {
        let other = accounts.import_user(&by, newcomer("$hash$2"), attempt).await;
        assert!(matches!(other, Err(AccountsError::NameTaken)), "{other:?}");
    }
    let same = accounts.import_user(&by, newcomer("$hash$1"), Attempt::First).await;
    assert!(matches!(same, Err(AccountsError::NameTaken)), "who asks for the first time did not make it");
}
