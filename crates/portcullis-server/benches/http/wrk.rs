//! wrk as a load: requests a second, their times, and what they cost the server's process.

use std::{fs, process::Command, time::Duration};

pub const CONNECTIONS: u32 = 64;
pub const TURN: Duration = Duration::from_secs(2);

/// What wrk sends to whom.
pub struct Load {
    /// The server's process, whose children count too.
    process: u32,
    url: String,
    token: Option<String>,
}

/// What a turn has shown.
pub struct Measured {
    pub a_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    requests: f64,
    processor: Duration,
}

impl Measured {
    /// What a request costs the server, kernel included.
    pub fn processor_us(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.requests
    }
}

impl Load {
    pub fn of(process: u32, address: &str, path: &str) -> Self {
        Self { process, url: format!("http://{address}{path}"), token: None }
    }

    /// Shows a token.
    pub fn token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// A turn. Every answer has to be a success.
    pub fn run(&self) -> Measured {
        let mut wrk = Command::new("wrk");
        wrk.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{}s", TURN.as_secs()), "--latency"]);
        if let Some(token) = &self.token {
            wrk.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        let before = processor_time(self.process);
        let output =
            wrk.arg(&self.url).output().expect("wrk is installed, as the Debian package of that name");
        let processor = processor_time(self.process).saturating_sub(before);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
        let line = |begin: &str| {
            let line = said.lines().map(str::trim).find_map(|line| line.strip_prefix(begin));
            line.unwrap_or_else(|| panic!("no {begin} in {said}")).trim()
        };
        let requests = said.lines().find_map(|line| line.split_once(" requests in ")).unwrap().0;
        Measured {
            a_second: line("Requests/sec:").parse().unwrap(),
            p50_us: microseconds(line("50%")),
            p99_us: microseconds(line("99%")),
            requests: requests.trim().parse().unwrap(),
            processor,
        }
    }
}

/// A time as wrk writes it: `812.00us`, `1.20ms`, `1.05s`.
fn microseconds(text: &str) -> f64 {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text.trim_end_matches(unit).parse().unwrap();
    match unit {
        "us" => number,
        "ms" => number * 1e3,
        "s" => number * 1e6,
        other => panic!("{other} is no unit of wrk's"),
    }
}

/// What a process and its children have had of the processors: fields 14 and 15 of `/proc/PID/stat`, in hundredths of a
/// second.
fn processor_time(process: u32) -> Duration {
    let stat = |process: u32| {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        let (_, fields) = text.rsplit_once(") ").unwrap();
        let field = |number: usize| fields.split(' ').nth(number - 3).unwrap().parse::<u64>().unwrap();
        Duration::from_millis((field(14) + field(15)) * 10)
    };
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().map(|child| stat(child.parse().unwrap()));
    stat(process) + children.sum::<Duration>()
}
