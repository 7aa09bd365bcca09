//! A backup of a file that is served and written.

use std::{
    fs,
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use portcullis_server::store::{Existing, Store, StoreErrorKind, sqlite::SqliteStore};
use rusqlite::Connection;

use crate::backend::{Sqlite, login, register, revoke, revoked_jtis};

fn names(folder: &std::path::Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_writes_it_is_one_moment_with_all_that_was_acknowledged_before() {
    let (place, safe) = (Sqlite::new(), tempfile::tempdir().unwrap());
    let store = Arc::new(place.store());
    for n in 0..20 {
        assert!(register(&*store, &format!("user{n}")).await);
    }
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, over) = (store.clone(), over.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    revoke(&*store, &format!("{writer}-{n}"), None).await;
                }
            })
        })
        .collect();
    for round in 0..5 {
        let before = revoked_jtis(&*store).await;
        let copy = safe.path().join(format!("backup-{round}"));
        let steps = Arc::new(Mutex::new(Vec::new()));
        let told = steps.clone();
        store
            .backup_to(&copy, Existing::Kept, move |progress| {
                told.lock().unwrap().push(progress);
                ControlFlow::Continue(())
            })
            .await
            .unwrap();
        let last = *steps.lock().unwrap().last().unwrap();
        assert_eq!(last.copied, last.whole);

        let file = Connection::open(&copy).unwrap();
        let found: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(found, "ok");
        drop(file);
        let restored = SqliteStore::open(&copy).unwrap();
        let there: std::collections::HashSet<_> = revoked_jtis(&restored).await.into_iter().collect();
        assert!(before.iter().all(|jti| there.contains(jti)), "round {round}");
        assert!(restored.user_by_name(&login("user19")).await.unwrap().is_some());
        assert!(register(&restored, "new").await, "it can be served and written");
        restored.close().await;
    }
    over.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn it_replaces_nothing_and_leaves_nothing_behind() {
    let (place, safe) = (Sqlite::new(), tempfile::tempdir().unwrap());
    let store = place.store();
    assert!(register(&store, "alice").await);
    let copy = safe.path().join("backup");
    store.backup_to(&copy, Existing::Kept, |_| ControlFlow::Continue(())).await.unwrap();
    assert_eq!(names(safe.path()), ["backup"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let first = fs::read(&copy).unwrap();
    assert!(register(&store, "bob").await);
    for taken in [copy.as_path(), &place.path(), safe.path(), &safe.path().join("nowhere/backup")] {
        let error = store.backup_to(taken, Existing::Kept, |_| ControlFlow::Continue(())).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    }
    assert_eq!(fs::read(&copy).unwrap(), first);
    assert_eq!(names(safe.path()), ["backup"]);
}

#[tokio::test]
async fn one_that_is_stopped_leaves_nothing_behind() {
    let (place, safe) = (Sqlite::new(), tempfile::tempdir().unwrap());
    let store = place.store();
    let copy = safe.path().join("backup");
    let error = store.backup_to(&copy, Existing::Kept, |_| ControlFlow::Break(())).await.unwrap_err();
    assert!(error.to_string().ends_with("was stopped"), "{error}");
    assert!(names(safe.path()).is_empty());
}
