//! The list of users, a page at a time.

use std::fmt;

use super::{
    Access, NamePrefix, User, UserId, UserState,
    cursor::{self, CursorProblem},
};

/// Which users are wanted, and from where on.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// Only those whose canonical name begins so; users without one are in no such list.
    pub name_prefix: Option<NamePrefix>,
    /// Only those of an access level.
    pub access: Option<Access>,
    /// Only those of a state.
    pub state: Option<UserState>,
    /// Where the last page ended. One of the other order is refused.
    pub after: Option<UserCursor>,
    /// How many at most.
    pub limit: usize,
}

/// Users in their order, and where to go on.
#[derive(Clone, Debug, Default)]
pub struct UserPage {
    /// The users.
    pub users: Vec<User>,
    /// Where the next page begins; none where there is none.
    pub next: Option<UserCursor>,
}

/// The order of a list of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserOrder {
    /// By id: as they came.
    ById,
    /// By canonical name.
    ByName,
}

/// Where a page of users ended. Whoever is listed throughout is on exactly one page, whatever is written meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserCursor {
    /// Behind a user, by id.
    Id(UserId),
    /// Behind a canonical name.
    Name(String),
}

impl UserQuery {
    /// The order of the list: by name, where one is given to begin with.
    pub fn order(&self) -> UserOrder {
        match self.name_prefix {
            Some(_) => UserOrder::ByName,
            None => UserOrder::ById,
        }
    }
}

impl UserCursor {
    /// The longest text that is taken for one, in bytes.
    pub const MAX_BYTES: usize = cursor::MAX_BYTES;

    /// Takes a text as a cursor of a list in an order.
    ///
    /// # Errors
    /// [`CursorProblem`] for a text that is none, and for one of the other order.
    pub fn parse(text: &str, order: UserOrder) -> Result<Self, CursorProblem> {
        let place = cursor::read(order.letter(), text)?;
        Ok(match order {
            UserOrder::ById => Self::Id(UserId::new(place)),
            UserOrder::ByName => Self::Name(place),
        })
    }

    /// The order of its list.
    pub fn order(&self) -> UserOrder {
        match self {
            Self::Id(_) => UserOrder::ById,
            Self::Name(_) => UserOrder::ByName,
        }
    }
}

/// As a client gets it and gives it back.
impl fmt::Display for UserCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self {
            Self::Id(id) => id.as_str(),
            Self::Name(key) => key,
        };
        f.write_str(&cursor::write(self.order().letter(), place))
    }
}

impl UserOrder {
    const fn letter(self) -> char {
        match self {
            Self::ById => 'i',
            Self::ByName => 'n',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_one_order() {
        let by_id = UserCursor::Id(UserId::new("0b1e9f5e-3f6c-4c55-9f39-000000000001"));
        let by_name = UserCursor::Name("jos\u{e9}".to_owned());
        for (cursor, other) in [(&by_id, UserOrder::ByName), (&by_name, UserOrder::ById)] {
            let text = cursor.to_string();
            assert_eq!(UserCursor::parse(&text, cursor.order()).as_ref(), Ok(cursor));
            assert_eq!(UserCursor::parse(&text, other), Err(CursorProblem::OtherList));
        }
    }
}
