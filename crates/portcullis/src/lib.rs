//! JSON Web Tokens for axum.

mod clock;

pub use clock::{Clock, ManualClock, NumericDate, SystemClock};
