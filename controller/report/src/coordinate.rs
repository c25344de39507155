//! Coordinates in drawings.

/// A coordinate or a length as an attribute: one decimal, so that pages are the same on every machine
/// and no longer than needed.
pub(crate) fn px(length: f64) -> String {
    format!("{length:.1}")
}
