//! JSON values as text.
//!
//! The node never looks into a value but to compare it and to append to a list, so it keeps the text:
//! replies, log entries and snapshots are then copies of bytes. The text is canonical (no blanks,
//! the fields of objects sorted, numbers and strings written in one way), so that equal values are
//! equal texts. One exception: `0.0` and `-0.0` are different.

use std::fmt;

use serde::de::{self, Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(String);

/// Integers up to this many characters mean the same to everybody, so they are canonical as written.
const PLAIN_INTEGER_LEN_MAX: usize = 18;

impl Json {
    /// What an absent key reads as.
    #[must_use]
    pub fn null() -> Self {
        Self("null".to_owned())
    }

    /// The value written in `raw`.
    ///
    /// # Errors
    /// If it is nested too deeply, or has a number or a string that cannot be represented.
    pub fn from_raw(raw: &RawValue) -> serde_json::Result<Self> {
        let text = raw.get();
        if is_plain(text) {
            return Ok(Self(text.to_owned()));
        }
        serde_json::from_str::<Value>(text).map(|value| Self::from(&value))
    }

    /// A text that is known to be canonical, because it was one before.
    pub(super) fn from_canonical(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self(value.to_string())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In logs and snapshots it is a string.
impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Json {
    /// Refuses what is not JSON, so that no reply can be garbage. That the text is canonical is
    /// not checked: whoever wrote it saw to that.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match serde_json::from_str::<IgnoredAny>(&text) {
            Ok(_) => Ok(Self(text)),
            Err(e) => Err(de::Error::custom(format_args!("not a JSON value: {e}"))),
        }
    }
}

/// Whether this JSON text is canonical at first sight: a short integer, a literal or a string without
/// escapes.
fn is_plain(text: &str) -> bool {
    match text.as_bytes() {
        b"null" | b"true" | b"false" => true,
        // A character that must be escaped can only be there escaped.
        [b'"', inner @ .., b'"'] => !inner.contains(&b'\\'),
        // `-0` is a float to serde_json.
        [b'-', digits @ ..] => digits[0] != b'0' && is_short_integer(digits),
        digits => is_short_integer(digits),
    }
}

fn is_short_integer(digits: &[u8]) -> bool {
    digits.len() <= PLAIN_INTEGER_LEN_MAX && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> serde_json::Result<String> {
        Json::from_raw(serde_json::from_str(text)?).map(Json::into_string)
    }

    #[test]
    fn one_value_has_one_text() {
        for (text, expected) in [
            ("{ \"b\": 1, \"a\" : [ 2 ] }", r#"{"a":[2],"b":1}"#),
            (r#""\u0041\/""#, r#""A/""#),
            ("1e2", "100.0"),
            ("-0", "-0.0"),
            ("-12", "-12"),
            ("18446744073709551615", "18446744073709551615"),
            ("\"\u{7f}é\"", "\"\u{7f}é\""),
        ] {
            assert_eq!(canonical(text).unwrap(), expected);
        }
    }

    #[test]
    fn values_may_be_nested_but_not_for_ever() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(canonical(&nested(127)).unwrap(), nested(127));
        assert!(canonical(&nested(128)).is_err());
    }

    #[test]
    fn what_has_no_text_is_refused() {
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        for text in ["1e999", r#""\ud800""#, "[", "", "01", &deep] {
            assert!(canonical(text).is_err(), "{text}");
        }
    }

    proptest! {
        /// The short cut for plain values gives what the long way gives.
        #[test]
        fn plain_values_need_no_parsing(text in r#"-?[0-9]{1,20}|"[ -~é]{0,6}"|true|[0-9]\.[0-9]"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(canonical(&text).unwrap(), value.to_string());
            }
        }
    }
}
