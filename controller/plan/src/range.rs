//! Ranges as people write them: `150ms..300ms`, `0.5..2`. Both ends belong to the range.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::duration::{self, format_duration, parse_duration};

/// What a range can be of.
pub trait Bound: Copy + PartialOrd {
    /// Its form, as a regular expression.
    const PATTERN: &'static str;

    /// What one value of it may be in YAML, in the words of JSON Schema.
    const SCHEMA_TYPES: &'static [&'static str];

    /// Reads one end.
    ///
    /// # Errors
    /// If the text is not of this kind; the message says what to write.
    fn parse(text: &str) -> Result<Self, String>;

    /// Writes one end so that [`Bound::parse`] reads the same.
    fn format(self) -> String;
}

impl Bound for Duration {
    const PATTERN: &'static str = duration::PATTERN;
    const SCHEMA_TYPES: &'static [&'static str] = &["string"];

    fn parse(text: &str) -> Result<Self, String> {
        parse_duration(text)
    }

    fn format(self) -> String {
        format_duration(self)
    }
}

impl Bound for f64 {
    const PATTERN: &'static str = r"[0-9]+(\.[0-9]+)?";
    const SCHEMA_TYPES: &'static [&'static str] = &["string", "number"];

    fn parse(text: &str) -> Result<Self, String> {
        let number: Self = text
            .parse()
            .map_err(|_| format!("`{text}` is not a number"))?;
        if number.is_finite() && number >= 0.0 {
            Ok(number)
        } else {
            Err(format!("`{text}` is not a number from 0 upwards"))
        }
    }

    fn format(self) -> String {
        self.to_string()
    }
}

/// From `min` to `max`, both included. Written `min..max`, or as one value where both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<T: Bound> {
    min: T,
    max: T,
}

impl<T: Bound> Range<T> {
    /// The range from `min` to `max`.
    ///
    /// # Panics
    /// If it runs backwards.
    #[must_use]
    pub fn new(min: T, max: T) -> Self {
        assert!(
            min <= max,
            "the range {}..{} runs backwards",
            min.format(),
            max.format()
        );
        Self { min, max }
    }

    /// The lower end.
    #[must_use]
    pub fn min(self) -> T {
        self.min
    }

    /// The upper end.
    #[must_use]
    pub fn max(self) -> T {
        self.max
    }
}

/// A range of milliseconds, for defaults.
pub(crate) fn milliseconds(min: u64, max: u64) -> Range<Duration> {
    Range::new(Duration::from_millis(min), Duration::from_millis(max))
}

impl<T: Bound> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            f.pad(&self.min.format())
        } else {
            f.pad(&format!("{}..{}", self.min.format(), self.max.format()))
        }
    }
}

impl<T: Bound> FromStr for Range<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((min, max)) = text.split_once("..") else {
            return T::parse(text.trim()).map(|both| Self {
                min: both,
                max: both,
            });
        };
        let (min, max) = (T::parse(min.trim())?, T::parse(max.trim())?);
        if min <= max {
            Ok(Self { min, max })
        } else {
            Err(format!(
                "{text} runs backwards: write {}..{}",
                max.format(),
                min.format()
            ))
        }
    }
}

impl<T: Bound> Serialize for Range<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: Bound> Deserialize<'de> for Range<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

/// Reads a range from text, or from a number, as YAML has it for `rate: 2`.
struct Reader<T>(PhantomData<T>);

impl<T: Bound> de::Visitor<'_> for Reader<T> {
    type Value = Range<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a range")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }
}

impl<T: Bound> JsonSchema for Range<T> {
    fn schema_name() -> Cow<'static, str> {
        "Range".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let bound = T::PATTERN;
        json_schema!({ "type": T::SCHEMA_TYPES, "pattern": format!(r"^{bound}(\.\.{bound})?$") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_as_they_are_written() {
        for text in ["150ms..300ms", "1s", "500ms..2s"] {
            assert_eq!(text.parse::<Range<Duration>>().unwrap().to_string(), text);
        }
        for text in ["0.5..2", "1", "0.999..1.001"] {
            assert_eq!(text.parse::<Range<f64>>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_backward_range_says_what_was_meant() {
        let error = "2s..500ms".parse::<Range<Duration>>().unwrap_err();
        assert_eq!(error, "2s..500ms runs backwards: write 500ms..2s");
        for wrong in ["", "..", "1s..", "1s...2s", "NaN..1"] {
            assert!(wrong.parse::<Range<Duration>>().is_err(), "{wrong}");
            assert!(wrong.parse::<Range<f64>>().is_err(), "{wrong}");
        }
    }
}
