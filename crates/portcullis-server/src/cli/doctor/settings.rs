//! What a look at the settings, the files beside them and the clock tells.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    cli::{Failure, moment::readable, serve::tls::Files},
    config::{Config, LimitsSwitch, Origin, Problems, Profile, Warning},
    state::made_secret,
    store::Finding,
};

/// No clock that is right shows less (2025-01-01) or as much as the other (2100-01-01), in seconds since 1970.
const PLAUSIBLE: std::ops::Range<u64> = 1_735_689_600..4_102_444_800;

/// Every problem that keeps a start from happening.
pub(super) fn of_problems(problems: &Problems) -> Vec<Finding> {
    let todo =
        "mend it: portcullis serve does not start like this; what depends on the settings was not looked at";
    problems.iter().map(|problem| Finding::fail("configuration", problem.to_string(), todo)).collect()
}

/// What a start would warn of.
pub(super) fn of_configuration(config: &Config, warnings: &[Warning]) -> Vec<Finding> {
    let (profile, instance) = (config.profile, config.instance.display());
    let mut findings = vec![Finding::ok(
        "configuration",
        format!("it can be read (profile {profile}, instance {instance})"),
    )];
    let todo = "portcullis config show says where each setting comes from";
    findings.extend(warnings.iter().map(|it| Finding::warn("configuration", it.to_string(), todo)));
    if config.limits.switch == LimitsSwitch::Off && profile == Profile::Production {
        findings.push(Finding::warn(
            "limits",
            "nobody counts how often strangers try passwords: LIMITS is off",
            "set LIMITS to \"on\" unless something in front counts",
        ));
    }
    findings
}

/// The secret that tokens depend on, and whether others can read it.
pub(super) fn of_secrets(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let jwt = &config.jwt;
    if !jwt.algorithm.is_symmetric() {
        findings.push(Finding::ok("secret", format!("the keys of {} can be used", jwt.algorithm)));
    } else if let Some(secret) = &jwt.secret_key {
        let (bytes, least) = (secret.expose().len(), jwt.algorithm.min_secret_bytes());
        if bytes < least {
            let what = format!("it has {bytes} bytes, and {} takes at least {least}", jwt.algorithm);
            findings.push(Finding::warn("secret", what, "openssl rand -base64 48 makes a good one"));
        } else {
            findings.push(Finding::ok("secret", format!("the configured one has {bytes} bytes")));
        }
    } else {
        findings.extend(of_made_secret(config));
    }
    let file = config.instance.join("application.cfg");
    findings.extend(readable_by_others("secret", &file, "may have secrets in it"));
    findings.extend(writable_by_others(&config.instance));
    findings
}

fn of_made_secret(config: &Config) -> Vec<Finding> {
    let (path, secret) = made_secret(&config.instance);
    let file = path.display();
    match secret {
        Err(error) => {
            let todo = "put the file back from where it was copied to; without it all tokens end";
            vec![Finding::failed("secret", &error, todo)]
        }
        Ok(None) => {
            let todo = "portcullis serve makes one at its first start; if tokens are about already, put that one back";
            vec![Finding::warn("secret", format!("there is none yet at {file}"), todo)]
        }
        Ok(Some(bytes)) => {
            let mut findings =
                vec![Finding::ok("secret", format!("the one in {file} is whole, {bytes} bytes"))];
            findings.extend(readable_by_others("secret", &path, "signs every token"));
            findings
        }
    }
}

fn readable_by_others(about: &'static str, path: &Path, why: &str) -> Option<Finding> {
    let (file, mode) = (path.display(), mode(path)?);
    let what = format!("{file} {why}, and others may open it (mode {mode:o})");
    (mode & 0o077 != 0).then(|| Finding::warn(about, what, format!("chmod 600 {file}")))
}

fn writable_by_others(folder: &Path) -> Option<Finding> {
    let (path, mode) = (folder.display(), mode(folder)?);
    let what = format!("others may replace what is in {path} (mode {mode:o}), the secret too");
    (mode & 0o022 != 0).then(|| Finding::fail("instance", what, format!("chmod go-w {path}")))
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).ok().map(|metadata| metadata.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

/// Whether the clock shows a time that can be.
pub(super) fn of_clock(now: SystemTime) -> Finding {
    let shown = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let what = format!("it is {} by this machine", readable(now));
    if PLAUSIBLE.contains(&shown) {
        return Finding::ok("clock", what);
    }
    Finding::fail("clock", what, "set the clock, and have it kept by NTP: tokens hold by it")
}

/// Who can reach the service, and whether it knows who does.
pub(super) fn of_network(config: &Config) -> Vec<Finding> {
    let (listen, is_near) = (config.listen, config.listen.ip().is_loopback());
    let is_served = config.profile == Profile::Production;
    let mut findings = Vec::new();
    if !is_near && !is_served {
        findings.push(Finding::warn(
            "network",
            format!("{listen} can be reached from elsewhere, with the settings of {}", config.profile),
            "listen on 127.0.0.1, or set PORTCULLIS_ENV to production",
        ));
    }
    let tls = Files::of(config);
    findings.extend(tls.as_ref().map(of_certificate));
    if !config.trusted_proxies.is_empty() {
        findings.push(Finding::ok("proxies", format!("{} are trusted", config.trusted_proxies.len())));
        return findings;
    }
    let has_header = config.settings().any(|setting| {
        let given = setting.origin.as_ref().is_some_and(|origin| !matches!(origin, Origin::Embedded { .. }));
        setting.name == "CLIENT_ADDRESS_HEADER" && given
    });
    if has_header {
        findings.push(Finding::warn(
            "proxies",
            "CLIENT_ADDRESS_HEADER is set, and TRUSTED_PROXIES is empty: nobody is believed who sends that header",
            "write the addresses of the proxies into TRUSTED_PROXIES",
        ));
    } else if is_served && is_near {
        findings.push(Finding::warn(
            "proxies",
            format!(
                "only this machine reaches {listen}, and no proxy is trusted: all its clients count as one"
            ),
            "if a proxy is in front, write TRUSTED_PROXIES = [\"127.0.0.1\", \"::1\"]",
        ));
    } else if is_served && tls.is_none() {
        findings.push(Finding::warn(
            "proxies",
            format!("{listen} can be reached from elsewhere, without TLS, and no proxy is trusted"),
            "set TLS_CERT and TLS_KEY; or put a proxy with TLS in front, name it in TRUSTED_PROXIES, and let nobody else \
             reach this port",
        ));
    } else if is_near {
        findings.push(Finding::ok("network", format!("only this machine reaches {listen}")));
    } else {
        findings.push(Finding::ok("network", format!("{listen} can be reached from elsewhere")));
    }
    findings
}

fn of_certificate(files: &Files) -> Finding {
    match files.read() {
        Ok(_) => Finding::ok("TLS", "the certificate and its key can be used".to_owned()),
        Err(Failure { problem, .. }) => {
            Finding::fail("TLS", problem, "mend it: portcullis serve does not start like this")
        }
    }
}
