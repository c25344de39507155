//! Durations as people write them: a whole number and a unit, `150ms`, `30s`, `10m`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer, de};

/// The units, largest first, with their length in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// The form of a duration, as a regular expression for the schema.
pub(crate) const PATTERN: &str = "[0-9]+(h|m|s|ms|us|ns)";

/// Writes a duration in the largest unit that leaves a whole number: `1500ms`, `2s`.
///
/// # Panics
/// If it is longer than 584 years, which no plan can say.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let ns = u64::try_from(duration.as_nanos()).expect("a plan's durations fit into 584 years");
    if ns == 0 {
        return "0s".to_owned();
    }
    let (unit, length) = UNITS
        .into_iter()
        .find(|(_, length)| ns.is_multiple_of(*length))
        .expect("every number of nanoseconds is a multiple of one");
    format!("{}{unit}", ns / length)
}

/// Reads `150ms`, `30s`, `10m`: a whole number and one of `h`, `m`, `s`, `ms`, `us`, `ns`.
///
/// # Errors
/// If the text has another form, or means more than 584 years.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "`{text}` is not a duration: write a whole number and a unit (h, m, s, ms, us, ns), such as 1500ms"
        )
    };
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let (_, length) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(wrong)?;
    let ns = number
        .checked_mul(length)
        .ok_or_else(|| format!("`{text}` is too long"))?;
    Ok(Duration::from_nanos(ns))
}

/// For `#[serde(with = "duration")]`.
pub(crate) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_duration(*duration))
}

/// For `#[serde(with = "duration")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map_err(de::Error::custom)
}

/// Stands for a duration in the schema.
pub(crate) struct Text;

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": format!("^{PATTERN}$") })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_written_in_the_largest_whole_unit() {
        for text in ["0s", "150ms", "1500ms", "30s", "10m", "2h", "7us", "3ns"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
        assert_eq!(format_duration(parse_duration("60s").unwrap()), "1m");
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "",
            "5",
            "s",
            "1.5s",
            "-1s",
            "1 s",
            "1min",
            "1s ",
            "99999999999999999999s",
            "9999999999h",
        ] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(ns in any::<u64>()) {
            let duration = Duration::from_nanos(ns);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
    }
}
