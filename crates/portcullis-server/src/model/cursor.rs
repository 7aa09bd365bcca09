//! Where a list goes on: a text that only this service has to understand.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The longest text that is taken for a cursor, in bytes.
pub(super) const MAX_BYTES: usize = 2048;

/// Why a text is no cursor of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorProblem {
    /// It was not given out by this service.
    #[error("is not a cursor that this service gave out")]
    Unknown,
    /// It is of a list in another order: with a name to begin with, or without.
    #[error("is a cursor of another list")]
    OtherList,
}

/// The text of a place in a list whose order has a letter.
pub(super) fn write(order: char, place: &str) -> String {
    format!("{order}.{}", URL_SAFE_NO_PAD.encode(place))
}

/// The place that [`write`] made a text of.
///
/// # Errors
/// [`CursorProblem`] for any other text.
pub(super) fn read(order: char, text: &str) -> Result<String, CursorProblem> {
    if text.len() > MAX_BYTES {
        return Err(CursorProblem::Unknown);
    }
    let (letter, place) = text.split_once('.').ok_or(CursorProblem::Unknown)?;
    let place = URL_SAFE_NO_PAD.decode(place).ok().and_then(|place| String::from_utf8(place).ok());
    match place.filter(|place| !place.is_empty()) {
        Some(place) if letter.chars().eq([order]) => Ok(place),
        Some(_) if ["i", "n", "e"].contains(&letter) => Err(CursorProblem::OtherList),
        _ => Err(CursorProblem::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_and_nothing_else_is_one() {
        for place in ["0b1e9f5e-3f6c-4c55-9f39-000000000001", "jos\u{e9}", "with.dots", "\u{10ffff}"] {
            assert_eq!(read('n', &write('n', place)).as_deref(), Ok(place));
            assert_eq!(read('i', &write('n', place)), Err(CursorProblem::OtherList));
        }
        let long = write('n', &"x".repeat(MAX_BYTES));
        for text in ["", ".", "n", "n.", "n.=", "n.%", "x.YQ", "nn.YQ", "n.YQ==", "n._w", "YQ", &long] {
            assert_eq!(read('n', text), Err(CursorProblem::Unknown), "{text:?}");
        }
        let longest = "x".repeat(crate::model::LoginName::MAX_BYTES);
        assert_eq!(read('n', &write('n', &longest)), Ok(longest), "as long as a name can be");
    }
}
