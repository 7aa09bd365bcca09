//! What a scrape answers, read as strictly as OpenMetrics 1.0 wants it written.

use std::collections::BTreeMap;

/// The metrics of one scrape.
#[derive(Debug)]
pub struct Exposition {
    /// The type of each family.
    pub families: BTreeMap<String, String>,
    /// The value of each series, by its name and labels in the order of the labels' names: `a{b="c",d="e"}`.
    pub series: BTreeMap<String, f64>,
}

/// What may stand behind a family's name in the names of its samples.
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_count", "_sum"],
        "info" => &["_info"],
        other => panic!("a family of type {other}"),
    }
}

impl Exposition {
    /// Reads a text; a line that has no business there ends the test.
    pub fn parse(text: &str) -> Self {
        let mut all = Self { families: BTreeMap::new(), series: BTreeMap::new() };
        let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
        let (mut family, mut helped) = ("", "");
        for line in body.split_terminator('\n') {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(help.ends_with('.') && !help.ends_with("..") && !help.contains('"'), "{line}");
                helped = name;
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, helped, "HELP comes before TYPE");
                family = name;
                assert_eq!(all.families.insert(family.to_owned(), kind.to_owned()), None, "{name} twice");
            } else {
                all.sample(family, line);
            }
        }
        all.check_histograms();
        all
    }

    fn sample(&mut self, family: &str, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let kind = &self.families[family];
        let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} stands under {family}"));
        assert!(suffixes(kind).contains(&suffix), "{line} is no sample of a {kind}");
        assert!(is_word(name), "{line}");
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
        let mut labels: Vec<_> = labels.split(',').filter(|label| !label.is_empty()).collect();
        for label in &labels {
            let (name, value) = label.split_once('=').unwrap_or_else(|| panic!("{line}"));
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let is_clean = value.is_some_and(|value| !value.contains(['"', '\\']));
            assert!(is_word(name) && is_clean, "{line}");
        }
        labels.sort_unstable();
        let series =
            if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) };
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_finite() && value >= 0.0, "{line}");
        assert_eq!(self.series.insert(series, value), None, "{line} twice");
    }

    /// Buckets add up, and the last one is all.
    fn check_histograms(&self) {
        for (series, count) in &self.series {
            let Some((name, labels)) = series.split_once("_count{") else { continue };
            let labels = labels.trim_end_matches('}');
            let buckets = self.series.iter().filter_map(|(bucket, value)| {
                let of = bucket.strip_prefix(name)?.strip_prefix("_bucket{")?.trim_end_matches('}');
                let (le, others): (Vec<_>, Vec<_>) =
                    of.split(',').partition(|label| label.starts_with("le="));
                let bound = le.first()?.trim_start_matches("le=").trim_matches('"');
                (others.join(",") == labels).then(|| (bound.parse::<f64>().unwrap(), *value))
            });
            let mut buckets: Vec<_> = buckets.collect();
            buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            assert!(buckets.is_sorted_by(|(_, a), (_, b)| a <= b), "{series}: {buckets:?}");
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, *count)), "{series}");
            assert!(self.series.contains_key(&format!("{name}_sum{{{labels}}}")), "{series}");
        }
    }

    /// The value of a series, 0 where there is none.
    pub fn of(&self, series: &str) -> f64 {
        self.series.get(series).copied().unwrap_or(0.0)
    }

    /// The value of a counter for one value of its label.
    pub fn count(&self, name: &str, label: &str, value: &str) -> f64 {
        let series = format!("portcullis_{name}_total{{{label}=\"{value}\"}}");
        assert!(self.series.contains_key(&series), "{series} is there from the start");
        self.of(&series)
    }

    /// The names of all samples.
    pub fn names(&self) -> Vec<&str> {
        self.series.keys().map(|series| series.split('{').next().unwrap()).collect()
    }
}

fn is_word(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c == '_';
    text.starts_with(is_letter) && text.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}
