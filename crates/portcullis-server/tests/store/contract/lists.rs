//! The list of users: pages, in two orders, of those who are wanted.

use std::sync::Arc;

use portcullis_server::{
    model::{Access, NamePrefix, UserChange, UserCursor, UserId, UserQuery, UserState},
    store::{Store, StoreErrorKind},
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, login, new_user, register},
    sessions::{a_user, a_user_of, change, second},
};

fn prefix(text: &str) -> NamePrefix {
    NamePrefix::parse(text).unwrap()
}

/// The names on all pages of a list, one page after the other; each cursor goes the way of a client.
async fn listed(store: &dyn Store, query: UserQuery) -> Vec<String> {
    let (mut names, mut query) = (Vec::new(), query);
    loop {
        let page = store.users(&query).await.unwrap();
        assert!(page.users.len() <= query.limit);
        assert!(
            page.next.is_none() || page.users.len() == query.limit,
            "a page that is not full is the last"
        );
        names.extend(page.users.into_iter().map(|user| user.username));
        let Some(next) = page.next else { return names };
        query.after = Some(UserCursor::parse(&next.to_string(), query.order()).unwrap());
    }
}

async fn all(store: &dyn Store, limit: usize) -> Vec<String> {
    listed(store, UserQuery { limit, ..UserQuery::default() }).await
}

async fn beginning(store: &dyn Store, text: &str, limit: usize) -> Vec<String> {
    listed(store, UserQuery { name_prefix: Some(prefix(text)), limit, ..UserQuery::default() }).await
}

pub(crate) async fn everybody_is_on_one_page_as_they_came<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    assert!(all(&*store, 5).await.is_empty());
    let mut expected = Vec::new();
    for n in 0..10_u64 {
        let name = format!("user{}", (n * 7) % 10);
        store.create_user(new_user(&name), None, second(n)).await.unwrap();
        expected.push(name);
    }
    for limit in [1, 3, 5, 9, 10, 11, 200] {
        let names = all(&*store, limit).await;
        assert_eq!(names, expected, "by {limit}");
    }
    store.close().await;
    let store = place.open().await;
    assert_eq!(all(&*store, 4).await.len(), 10);
    let page = store.users(&UserQuery { limit: 10, ..UserQuery::default() }).await.unwrap();
    assert_eq!(page.next, None, "nothing follows a page that ends with the list");
}

pub(crate) async fn a_page_has_every_field<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user_of(&*store, Access::Guest, "Uschi").await;
    change(&*store, &user.id, UserChange::Disable, second(1)).await;
    for name_prefix in [None, Some(prefix("u"))] {
        let page = store.users(&UserQuery { name_prefix, limit: 1, ..UserQuery::default() }).await.unwrap();
        let [listed] = page.users.as_slice() else { panic!("{page:?}") };
        assert_eq!((&listed.id, &*listed.username, listed.access), (&user.id, "Uschi", Access::Guest));
        assert_eq!((listed.state, listed.created_at), (UserState::Disabled, user.created_at));
        assert_eq!((listed.epoch, &listed.password), (user.epoch + 1, &user.password));
    }
}

pub(crate) async fn names_are_found_by_how_they_begin<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for name in [
        "Alice",
        "alina",
        "Bob",
        "ALF",
        "ärmel",
        "Ärger",
        "zoë",
        "Zoe",
        "日本",
        "日程",
        "本",
        "a_b",
        "a%b",
        "a.b",
        "ab",
        "x\u{10400}",
        "straße",
    ] {
        assert!(register(&*store, name).await, "{name}");
    }
    for (text, expected) in [
        ("al", &["ALF", "Alice", "alina"][..]),
        ("AL", &["ALF", "Alice", "alina"]),
        ("ａｌｉ", &["Alice", "alina"]),
        ("ALICE", &["Alice"]),
        ("alices", &[]),
        ("Ä", &["Ärger", "ärmel"]),
        ("a\u{308}", &["Ärger", "ärmel"]),
        ("ZOE", &["Zoe"]),
        ("zo", &["Zoe", "zoë"]),
        ("日", &["日本", "日程"]),
        ("x\u{10400}", &["x\u{10400}"]),
        ("STRAß", &["straße"]),
        ("a_", &["a_b"]),
        ("a%", &["a%b"]),
        ("a.", &["a.b"]),
        ("%", &[]),
        ("^", &[]),
        ("' OR 1=1 --", &[]),
        ("\u{10ffff}", &[]),
    ] {
        for limit in [1, 2, 200] {
            assert_eq!(beginning(&*store, text, limit).await, expected, "{text:?} by {limit}");
        }
    }
}

pub(crate) async fn only_those_who_are_wanted_are_listed<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for n in 0..12 {
        let access = [Access::Guest, Access::User, Access::Admin][n % 3];
        let user = a_user_of(&*store, access, &format!("user{n:02}")).await;
        if n.is_multiple_of(4) {
            change(&*store, &user.id, UserChange::Disable, second(1)).await;
        }
    }
    let levels = [None, Some(Access::Guest), Some(Access::User), Some(Access::Admin)];
    for access in levels {
        for state in [None, Some(UserState::Enabled), Some(UserState::Disabled)] {
            let wanted = |n: usize| {
                let level = [Access::Guest, Access::User, Access::Admin][n % 3];
                let is = if n.is_multiple_of(4) { UserState::Disabled } else { UserState::Enabled };
                access.is_none_or(|access| access == level) && state.is_none_or(|state| state == is)
            };
            let expected: Vec<_> = (0..12).filter(|n| wanted(*n)).map(|n| format!("user{n:02}")).collect();
            for (name_prefix, limit) in
                [(None, 1), (None, 5), (Some(prefix("USER")), 2), (Some(prefix("u")), 200)]
            {
                let query = UserQuery { name_prefix, access, state, limit, after: None };
                let mut names = listed(&*store, query).await;
                names.sort();
                assert_eq!(names, expected, "{access:?} {state:?}");
            }
        }
    }
}

pub(crate) async fn whoever_is_there_throughout_is_listed_once_while_others_come<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for n in 0..20 {
        assert!(register(&*store, &format!("m{n:02}")).await);
    }
    let mut others = JoinSet::new();
    for n in 0..40 {
        let store = Arc::clone(&store);
        // Before, among and behind those who are there.
        let name = format!("m{}{n:02}", ["0", "1", "9"][n % 3]);
        others.spawn(async move { register(&*store, &name).await });
    }
    for _ in 0..3 {
        for query in
            [UserQuery::default(), UserQuery { name_prefix: Some(prefix("m")), ..UserQuery::default() }]
        {
            let mut names = listed(&*store, UserQuery { limit: 3, ..query }).await;
            names.retain(|name| name.len() == 3);
            names.sort();
            assert_eq!(names, (0..20).map(|n| format!("m{n:02}")).collect::<Vec<_>>());
        }
    }
    assert!(others.join_all().await.into_iter().all(|made| made));
    assert_eq!(beginning(&*store, "m", 7).await.len(), 60);
}

pub(crate) async fn a_cursor_goes_on_behind_users_who_are_gone<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for name in ["a", "b", "c"] {
        a_user(&*store, name).await;
    }
    let before = all(&*store, 100).await;
    let place_of_b = before.iter().position(|name| name == "b").unwrap();
    let gone = store.user_by_name(&login("b")).await.unwrap().unwrap();
    change(&*store, &gone.id, UserChange::Delete { name_free_at: second(9) }, second(1)).await;
    let after = Some(UserCursor::Id(gone.id));
    let behind = listed(&*store, UserQuery { after, limit: 1, ..UserQuery::default() }).await;
    assert_eq!(behind, before[place_of_b + 1..]);
    let after = Some(UserCursor::Name("b".to_owned()));
    let query = UserQuery { name_prefix: Some(prefix("b")), after, limit: 1, ..UserQuery::default() };
    assert!(listed(&*store, query.clone()).await.is_empty());
    assert!(register(&*store, "b2").await);
    assert_eq!(listed(&*store, query).await, ["b2"]);
    // A cursor of the other order is none (ADM-07).
    for (name_prefix, after) in
        [(None, UserCursor::Name("a".into())), (Some(prefix("a")), UserCursor::Id(UserId::new("a")))]
    {
        let query = UserQuery { name_prefix, after: Some(after), limit: 100, ..UserQuery::default() };
        assert_eq!(store.users(&query).await.unwrap_err().kind(), StoreErrorKind::UnknownCursor);
    }
}
