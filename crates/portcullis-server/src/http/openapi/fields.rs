//! The fields that bodies, parameters and answers have in common.

use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};

use crate::{
    model::{Access, CommonPasswords, EventKind, LoginName, Password, Username},
    state::Terms,
};

/// The name of somebody who logs in.
pub(in crate::http) fn login_name() -> Object {
    text("The name, in any spelling: upper and lower case, width and normal form make no difference.")
        .min_length(Some(1))
        .max_length(Some(LoginName::MAX_BYTES))
        .examples(["alice"])
        .build()
}

/// A name that somebody is to have.
pub(in crate::http) fn new_name() -> Object {
    text(
        "Letters, digits and ASCII punctuation (PRECIS `UsernameCaseMapped`, RFC 8265), and nothing that looks like \
         an id. Upper and lower case, width and normal form make no difference.",
    )
    .min_length(Some(1))
    .max_length(Some(Username::MAX_CHARS))
    // More than that no pattern says.
    .pattern(Some(r"^\S+$"))
    .examples(["alice"])
    .build()
}

/// A password that is shown.
pub(in crate::http) fn password() -> Object {
    secret("The password: at most 1024 bytes, of which nothing is trimmed, cut or folded.")
        .min_length(Some(1))
        .max_length(Some(Password::MAX_BYTES))
        .examples(["correct horse"])
        .build()
}

/// A password that somebody is to have.
pub(in crate::http) fn new_password(terms: &Terms) -> Object {
    let not_common = match terms.password.common {
        CommonPasswords::Refuse => " Neither one of the most used passwords nor the user's name.",
        CommonPasswords::Allow => "",
    };
    secret(&format!("At most 1024 bytes, of which nothing is trimmed, cut or folded.{not_common}"))
        .min_length(Some(terms.password.min_length.max(1)))
        .max_length(Some(Password::MAX_BYTES))
        .examples(["correct horse battery"])
        .build()
}

/// An access level, as a number.
pub(in crate::http) fn access() -> Object {
    let levels = [Access::Guest, Access::User, Access::Admin];
    let names = levels.map(|access| format!("{} {}", access.level(), access.name())).join(", ");
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .enum_values(Some(levels.map(Access::level)))
        .description(Some(format!("The access level: {names}.")))
        .build()
}

/// The name of an event.
pub(in crate::http) fn event() -> Object {
    let names = EventKind::ALL.iter().map(|kind| kind.name());
    text("What happened, by the names of the OWASP Logging Vocabulary.").enum_values(Some(names)).build()
}

/// A moment in a query.
pub(in crate::http) fn moment() -> Object {
    text("Seconds since 1970, with up to three decimals.")
        .pattern(Some(r"^[0-9]{1,12}(\.[0-9]{1,3})?$"))
        .examples(["1900000000", "1900000000.123"])
        .build()
}

/// The id of a user or of a session.
pub(in crate::http) fn id() -> Object {
    text("The id, as answers have it.").build()
}

/// Where a list goes on.
pub(in crate::http) fn cursor() -> Object {
    text("The `next` of the page before, with the same other parameters.").min_length(Some(1)).build()
}

/// How much of a list is wanted.
pub(in crate::http) fn limit(usually: usize, most: usize) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(u32::try_from(most).unwrap_or(u32::MAX)))
        .default(Some(usually.into()))
        .description(Some("How many at most."))
        .build()
}

/// One of some words.
pub(in crate::http) fn one_of(words: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

/// A text.
pub(in crate::http) fn text(says: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(says))
}

/// A text that nobody should see.
fn secret(says: &str) -> ObjectBuilder {
    text(says).format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
}
