//! What a service counts and how long things take: atomics where it happens, and OpenMetrics text when somebody asks.
//!
//! A room that counts owns its [`Counts`] and [`Times`] and knows no names of metrics; `state/metrics.rs` is the page that
//! gives each its name. No label has a value that a stranger chooses: label values are `&'static str` (OBS-07).

mod counts;
mod registry;
mod requests;
mod times;

pub use counts::{Counts, Label};
pub use registry::{Registry, Series, Value, one};
pub use requests::{Requests, Underway, method_name};
pub use times::{Reading, Times};
