//! The metrics of a service by their names, and how they are written down.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet, text},
    metrics::{MetricType, info::Info},
    registry,
};

use super::Reading;

/// A metric's number at a moment, with the values of its labels.
pub type Series<const N: usize, V> = ([&'static str; N], V);

/// The only series of a metric without labels.
pub fn one<V>(value: V) -> Vec<Series<0, V>> {
    vec![([], value)]
}

/// The metrics of a service. It is a value: two services in one process have one each.
#[derive(Debug)]
pub struct Registry(registry::Registry);

impl Registry {
    /// A registry whose metrics all have a name that begins so.
    pub fn new(prefix: &'static str) -> Self {
        Self(registry::Registry::with_prefix(prefix))
    }

    /// Adds a metric, which is read whenever somebody asks: `u64` is a counter, whose name gets `_total` behind it, `f64` a
    /// gauge, and a [`Reading`] a histogram. `help` says what a person can conclude, without a full stop.
    pub fn add<const N: usize, V: Value>(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
        read: impl Fn() -> Vec<Series<N, V>> + Send + Sync + 'static,
    ) {
        self.0.register(name, help, Metric { labels, read });
    }

    /// Adds what does not change while the program runs; the name gets `_info` behind it.
    pub fn info(&mut self, name: &'static str, help: &'static str, label: (&'static str, &'static str)) {
        self.0.register(name, help, Info::new([label]));
    }

    /// All of them, as OpenMetrics text.
    ///
    /// # Errors
    /// [`fmt::Error`] when a metric cannot be written, which is a defect.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0)?;
        Ok(text)
    }

    /// The media type of [`text`](Self::text) (OpenMetrics 1.0).
    pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

/// What a metric can be.
pub trait Value: 'static {
    #[doc(hidden)]
    const TYPE: MetricType;

    #[doc(hidden)]
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result;
}

impl Value for u64 {
    const TYPE: MetricType = MetricType::Counter;

    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_counter::<NoLabelSet, _, f64>(self, None)
    }
}

impl Value for f64 {
    const TYPE: MetricType = MetricType::Gauge;

    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_gauge(self)
    }
}

impl Value for Reading {
    const TYPE: MetricType = MetricType::Histogram;

    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_histogram::<NoLabelSet>(self.seconds, self.count(), &self.buckets(), None)
    }
}

/// A metric that is read when it is written down.
struct Metric<const N: usize, F> {
    labels: [&'static str; N],
    read: F,
}

impl<const N: usize, F, V> EncodeMetric for Metric<N, F>
where
    F: Fn() -> Vec<Series<N, V>>,
    V: Value,
{
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (values, value) in (self.read)() {
            let labels: Vec<_> = self.labels.into_iter().zip(values).collect();
            value.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        V::TYPE
    }
}

impl<const N: usize, F> fmt::Debug for Metric<N, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metric").field("labels", &self.labels).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::Times, *};

    #[test]
    fn what_a_metric_is_follows_from_its_value() {
        let mut registry = Registry::new("p");
        registry.add("doors", "How many", ["colour"], || vec![(["red"], 2_u64), (["blue"], 0)]);
        registry.add("height", "How high", [], || one(1.5));
        registry.info("build", "What it is", ("version", "1"));
        let doors = "# HELP p_doors How many.\n# TYPE p_doors counter\n\
                     p_doors_total{colour=\"red\"} 2\np_doors_total{colour=\"blue\"} 0\n";
        let height = "# HELP p_height How high.\n# TYPE p_height gauge\np_height 1.5\n";
        let build = "# HELP p_build What it is.\n# TYPE p_build info\np_build_info{version=\"1\"} 1\n";
        assert_eq!(registry.text().unwrap(), format!("{doors}{height}{build}# EOF\n"));
    }

    #[test]
    fn a_histogram_adds_its_buckets_up() {
        let times = Times::default();
        for millis in [1, 2, 20_000] {
            times.note(Duration::from_millis(millis));
        }
        let mut registry = Registry::new("p");
        registry.add("took_seconds", "How long", ["what"], move || vec![(["it"], times.read())]);
        let text = registry.text().unwrap();
        for line in [
            "p_took_seconds_count{what=\"it\"} 3\n",
            "p_took_seconds_bucket{le=\"0.0003\",what=\"it\"} 0\n",
            "p_took_seconds_bucket{le=\"0.001\",what=\"it\"} 1\n",
            "p_took_seconds_bucket{le=\"0.003\",what=\"it\"} 2\n",
            "p_took_seconds_bucket{le=\"10.0\",what=\"it\"} 2\n",
            "p_took_seconds_bucket{le=\"+Inf\",what=\"it\"} 3\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
