//! Which of the three profiles a start is in, and who says so.

use std::fmt;

use super::{echo, environment::Environment, names::PROFILE_VARIABLES, problem::Problem};

/// What a start is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// On the machine of someone who works on an application.
    Development,
    /// Under tests: cheap hashes, short passwords.
    Testing,
    /// For real users; what holds when nobody says otherwise.
    Production,
}

impl Profile {
    /// The profile that `--profile` names, else `PORTCULLIS_ENV`, else `FLASK_ENV`, else production.
    ///
    /// # Errors
    /// The problem of the first of them that is given and names no profile.
    pub(super) fn choose(flag: Option<&str>, environment: &Environment) -> Result<Self, Problem> {
        if let Some(name) = flag {
            return Self::named(name).ok_or_else(|| unknown("--profile", name));
        }
        let given = |variable| environment.value(variable).map(|value| (variable, value));
        match PROFILE_VARIABLES.into_iter().find_map(given) {
            None => Ok(Self::Production),
            Some((variable, Ok(name))) => Self::named(name).ok_or_else(|| unknown(variable, name)),
            Some((variable, Err(not_utf8))) => {
                Err(Problem::general(format!("Check {variable}: {not_utf8}; expected {EXPECTED}")))
            }
        }
    }

    /// The name, as `--profile` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Testing => "testing",
            Self::Production => "production",
        }
    }

    /// The file of what differs from the defaults: its name and its text.
    pub(super) const fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Development => ("development.toml", include_str!("../../config/development.toml")),
            Self::Testing => ("testing.toml", include_str!("../../config/testing.toml")),
            Self::Production => ("production.toml", include_str!("../../config/production.toml")),
        }
    }

    pub(super) const ALL: [Self; 3] = [Self::Development, Self::Testing, Self::Production];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const EXPECTED: &str = "development, testing or production";

fn unknown(source: &str, name: &str) -> Problem {
    let name = echo::cut(name);
    Problem::general(format!("Check {source}: {name:?} is not a profile; expected {EXPECTED}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Profile, String> {
        Profile::choose(flag, &variables.iter().copied().collect()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_flag_is_stronger_than_our_variable_and_that_than_flasks() {
        let both = [("FLASK_ENV", "development"), ("PORTCULLIS_ENV", "testing")];
        assert_eq!(choose(Some("production"), &both), Ok(Profile::Production));
        assert_eq!(choose(None, &both), Ok(Profile::Testing));
        assert_eq!(choose(None, &[("FLASK_ENV", "development")]), Ok(Profile::Development));
        assert_eq!(choose(None, &[]), Ok(Profile::Production));
    }

    #[test]
    fn any_other_name_is_refused_and_its_source_named() {
        let refused = |flag, variables: &[_]| choose(flag, variables).unwrap_err();
        assert_eq!(
            refused(None, &[("PORTCULLIS_ENV", "prod")]),
            "Check PORTCULLIS_ENV: \"prod\" is not a profile; expected development, testing or production"
        );
        assert_eq!(
            refused(None, &[("FLASK_ENV", "Production")]),
            "Check FLASK_ENV: \"Production\" is not a profile; expected development, testing or production"
        );
        assert_eq!(
            refused(Some("dev"), &[]),
            "Check --profile: \"dev\" is not a profile; expected development, testing or production"
        );
        // A variable that an unset one was written into, not an absence of a choice.
        assert!(refused(None, &[("PORTCULLIS_ENV", "")]).starts_with("Check PORTCULLIS_ENV: \"\" is not"));
    }
}
