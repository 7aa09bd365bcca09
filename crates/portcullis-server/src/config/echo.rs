//! How much of a line or a value a message may show: never a secret that got into it, and never all of a long one.

use super::{
    names::KEY_FILES,
    settings::{Display, SETTINGS},
    value::quoted,
};

/// The longest piece of a source that a message repeats, in characters.
const LONGEST: usize = 120;

/// A text cut to what a message may hold; what would steer a terminal is replaced.
pub(super) fn cut(text: &str) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut cut: String = chars.by_ref().take(LONGEST).collect();
    if chars.next().is_some() {
        cut.push('…');
    }
    cut
}

/// A value as a refusal shows it, in TOML.
pub(super) fn found(toml: &str) -> String {
    if holds_secret(toml) { "a text that a secret may be part of".to_owned() } else { cut(toml) }
}

/// A text as a refusal shows it, in quotes.
pub(crate) fn found_text(text: &str) -> String {
    found(&quoted(text))
}

/// Whether a text that may be shown by itself names a secret or a URL, whose value is then likely to stand there too.
pub(super) fn holds_secret(text: &str) -> bool {
    // The path of a key is none, though its name begins with a secret's.
    let upper = KEY_FILES.iter().fold(text.to_ascii_uppercase(), |text, (_, file)| text.replace(file, ""));
    let mut hidden = SETTINGS.iter().filter(|setting| setting.display != Display::Plain);
    hidden.any(|setting| upper.contains(setting.name))
        || upper.contains("PRIVATE KEY-----")
        || upper.contains("MONGODB:")
        || upper.contains("MONGODB+SRV:")
        || upper.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_secrets_left_out() {
        assert_eq!(cut("short\u{1b}[2J"), "short\u{fffd}[2J");
        assert_eq!(cut(&"é".repeat(120)), "é".repeat(120));
        assert_eq!(cut(&"é".repeat(121)), format!("{}…", "é".repeat(120)));
        for text in ["x, jwt_secret_key = 'y'", "SECRET_KEY", "mongodb://u:p", "https://u:p@h"] {
            assert!(!found_text(text).contains(text), "{text}");
        }
        assert_eq!(found_text("https://login.example"), "\"https://login.example\"");
    }
}
