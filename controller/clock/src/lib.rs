//! Clocks of one process, skewed while it runs.

mod clock;

pub use clock::Clock;
