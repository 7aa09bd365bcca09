//! Making a manager: options, keys, hooks, and every problem among them at once.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    CheckClaims, Clock, ErrorFormat, JwtConfig, JwtManager, KeySet, RenderError, Revocation, SystemClock,
    VerifyingKey,
    claims::{Required, Rules},
    configured_keys,
    issue::Issuing,
    manager::{Held, Inner},
    places,
    remembered::Remembered,
};

/// Gathers what a manager is made from. Every default is the safe one: those of [`JwtConfig`].
#[must_use]
pub struct JwtManagerBuilder {
    config: JwtConfig,
    keys: KeySet,
    remembered_tokens: usize,
    clock: Arc<dyn Clock>,
    revocation: Option<Arc<dyn Revocation>>,
    own_check: Option<Arc<dyn CheckClaims>>,
    render: Option<Arc<dyn RenderError>>,
}

impl JwtManagerBuilder {
    pub(crate) fn new(config: JwtConfig, keys: KeySet) -> Self {
        let (clock, remembered_tokens) = (Arc::new(SystemClock), Remembered::USUAL);
        Self { config, keys, remembered_tokens, clock, revocation: None, own_check: None, render: None }
    }

    pub(crate) fn from_config(config: JwtConfig) -> Result<Self, JwtConfigErrors> {
        let keys = configured_keys::of(&config).map_err(JwtConfigErrors)?;
        Ok(Self::new(config, keys))
    }

    /// Adds a key that verifies and never signs, after those added before: newest first.
    pub fn previous_key(mut self, key: impl Into<VerifyingKey>) -> Self {
        self.keys = self.keys.and(key);
        self
    }

    /// Remembers so many verified tokens of the algorithms with key pairs, so that the next request with one
    /// costs a look-up instead of a signature; 0: none. Default: 4096, at most some 12 MiB.
    ///
    /// It changes no verdict: times, revocation and what a guard asks are judged each time, and
    /// [`JwtManager::replace_keys`] begins anew.
    pub fn remembered_tokens(mut self, tokens: usize) -> Self {
        self.remembered_tokens = tokens;
        self
    }

    /// Changes options: lifetimes, audience, issuer, leeway, header, error style.
    ///
    /// The keys are no longer among them: the algorithm and the secrets of a configuration are read by
    /// [`JwtManager::from_config`] alone, here [`previous_key`](Self::previous_key) adds to them.
    ///
    /// ```
    /// # use portcullis::{JwtManager, Key, Lifetime};
    /// let jwt = JwtManager::builder(Key::hs256([7; 32])?)
    ///     .configure(|config| {
    ///         config.access_token_expires = Lifetime::from_secs(300).expect("not zero");
    ///         config.encode_audience = vec!["https://api.example".into()];
    ///     })
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn configure(mut self, change: impl FnOnce(&mut JwtConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Asks this hook about every token, after all that can be seen in the token itself.
    pub fn revocation(mut self, revocation: Arc<dyn Revocation>) -> Self {
        self.revocation = Some(revocation);
        self
    }

    /// Lets the application judge every token, after revocation. Default: it does not.
    pub fn check_claims(mut self, check: impl CheckClaims) -> Self {
        self.own_check = Some(Arc::new(check));
        self
    }

    /// Lets the application write refusals. Default: the error style does.
    pub fn render_error(mut self, render: impl RenderError) -> Self {
        self.render = Some(Arc::new(render));
        self
    }

    /// Takes the time from this clock. Default: [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the manager.
    ///
    /// # Errors
    /// [`JwtConfigErrors`]: everything in the options that cannot be, at once.
    pub fn build(self) -> Result<JwtManager, JwtConfigErrors> {
        let Self { config, keys, remembered_tokens, clock, revocation, own_check, render } = self;
        let mut problems = problems_of(&config, &keys);
        problems.extend(configured_keys::decode_algorithms(&config, &keys));
        let (places, cookies) = match places::of(&config) {
            Ok(made) if problems.is_empty() => made,
            Ok(_) => return Err(JwtConfigErrors(problems)),
            Err(others) => {
                problems.extend(others);
                return Err(JwtConfigErrors(problems));
            }
        };
        let rules = Rules {
            identity_claim: config.identity_claim.clone().unwrap_or_else(|| "sub".into()),
            identity_fallback: config.identity_claim.is_none().then_some("identity"),
            required: Required::new(&config.required_claims),
            issuers: config.decode_issuer.clone(),
            audiences: config.decode_audience.clone(),
            leeway: config.decode_leeway,
        };
        let inner = Inner {
            issuing: Issuing::new(&config, &rules.identity_claim),
            keys: ArcSwap::from_pointee(Held::new(keys, remembered_tokens)),
            rules,
            places,
            cookies,
            format: ErrorFormat::new(config.error_style, config.error_message_key),
            clock,
            revocation,
            remembered_tokens,
            own_check,
            render,
        };
        Ok(JwtManager::assemble(inner))
    }
}

/// Everything in the options that cannot be.
fn problems_of(config: &JwtConfig, keys: &KeySet) -> Vec<JwtConfigError> {
    let registered = ["iat", "nbf", "exp", "iss", "aud", "jti", "type", "fresh", "csrf", "sid", "gen"];
    let identity = config.identity_claim.as_deref().unwrap_or("sub");
    let checks = [
        (
            "JWT_IDENTITY_CLAIM",
            !identity.is_empty() && !registered.contains(&identity),
            "the identity needs a claim of its own",
        ),
        ("JWT_DECODE_LEEWAY", config.decode_leeway <= JwtConfig::MAX_LEEWAY, "at most 300 seconds"),
        ("JWT_REQUIRED_CLAIMS", config.required_claims.len() <= Required::MOST, "at most 64 claims"),
        (
            "JWT_USER_CLAIMS",
            config.user_claims.as_deref().is_none_or(|name| {
                !name.is_empty() && name != identity && name != "sub" && !registered.contains(&name)
            }),
            "your own claims need a member of their own",
        ),
        ("JWT_ERROR_MESSAGE_KEY", !config.error_message_key.is_empty(), "must not be empty"),
        (
            "JWT_SECRET_KEYS_PREVIOUS",
            // Beside a key pair they are as many, although its tokens are not tried with them.
            keys.check().is_ok() && config.secret_keys_previous.len() < KeySet::MAX_TRIED,
            "at most three earlier keys: a token without a key id is tried with four at most",
        ),
    ];
    let broken = checks.into_iter().filter(|(_, holds, _)| !holds);
    broken.map(|(option, _, text)| JwtConfigError::new(option, text)).collect()
}

/// An option that cannot be as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {problem}")]
pub struct JwtConfigError {
    option: &'static str,
    problem: String,
}

impl JwtConfigError {
    pub(crate) fn new(option: &'static str, problem: impl Into<String>) -> Self {
        Self { option, problem: problem.into() }
    }

    /// The option's name as a configuration has it.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// Everything that kept a manager from being made, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtConfigErrors(Vec<JwtConfigError>);

impl JwtConfigErrors {
    /// The problems, in the order of the options.
    pub fn iter(&self) -> impl Iterator<Item = &JwtConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for JwtConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for JwtConfigErrors {}
