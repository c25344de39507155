//! Times and durations as people read them.

/// A moment of the run, in seconds to the millisecond: `12.345 s`.
pub(crate) fn moment(ns: u64) -> String {
    let ms = ns / 1_000_000;
    format!("{}.{:03} s", ms / 1000, ms % 1000)
}

/// A duration in a unit that suits it, three digits or so: `850 µs`, `12.3 ms`, `4.95 s`, `2 min 05 s`.
pub(crate) fn duration(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => digits(ns, 1_000, "µs"),
        1_000_000..1_000_000_000 => digits(ns, 1_000_000, "ms"),
        1_000_000_000..120_000_000_000 => digits(ns, 1_000_000_000, "s"),
        _ => {
            let s = ns / 1_000_000_000;
            format!("{} min {:02} s", s / 60, s % 60)
        }
    }
}

/// Integer arithmetic, so that the text is the same on every machine.
fn digits(ns: u64, unit: u64, name: &str) -> String {
    let whole = ns / unit;
    match whole {
        0..10 => trim(format!("{whole}.{:02}", ns % unit * 100 / unit), name),
        10..100 => trim(format!("{whole}.{}", ns % unit * 10 / unit), name),
        _ => format!("{whole} {name}"),
    }
}

fn trim(text: String, name: &str) -> String {
    format!(
        "{} {name}",
        text.trim_end_matches('0').trim_end_matches('.')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_about_three_digits() {
        let shown = [
            0,
            850,
            1_000,
            12_345,
            999_999,
            4_950_000,
            12_300_000,
            4_950_000_000,
        ]
        .map(duration);
        let expected = [
            "0 ns", "850 ns", "1 µs", "12.3 µs", "999 µs", "4.95 ms", "12.3 ms", "4.95 s",
        ];
        assert_eq!(shown, expected);
        assert_eq!(duration(125_000_000_000), "2 min 05 s");
    }

    #[test]
    fn moments_are_seconds_to_the_millisecond() {
        assert_eq!(moment(1_200_345_678), "1.200 s");
        assert_eq!(moment(0), "0.000 s");
    }
}
