//! How a verdict is shown: an icon, a word and a colour class, never a colour alone.

use maud::{Markup, html};
use shakedown_checker::Verdict;

/// A verdict's appearance.
pub(crate) struct Words {
    pub(crate) icon: &'static str,
    pub(crate) word: &'static str,
    pub(crate) class: &'static str,
}

impl Words {
    pub(crate) fn of(verdict: Verdict) -> Self {
        let (icon, word, class) = match verdict {
            Verdict::Pass => ("✓", "Pass", "pass"),
            Verdict::Violation => ("✕", "Violation", "violation"),
            Verdict::Inconclusive => ("?", "Inconclusive", "inconclusive"),
            Verdict::HarnessError => ("!", "Harness error", "harness-error"),
        };
        Self { icon, word, class }
    }
}

/// A small label: icon and word.
pub(crate) fn badge(verdict: Verdict) -> Markup {
    let words = Words::of(verdict);
    html! {
        span class=(format!("badge {}", words.class)) {
            span.icon aria-hidden="true" { (words.icon) } (words.word)
        }
    }
}

/// `1 op`, `2 ops`: thousands are set apart, so that large counts can be read.
pub(crate) fn count(n: usize, noun: &str) -> String {
    count_of(n, noun, &format!("{noun}s"))
}

/// [`count`] for nouns whose plural is not made with an s.
pub(crate) fn count_of(n: usize, noun: &str, plural: &str) -> String {
    format!(
        "{} {}",
        thousands(n as u64),
        if n == 1 { noun } else { plural }
    )
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A checker's summary as a sentence: a capital first, a full stop last.
pub(crate) fn sentence(summary: &str) -> String {
    let summary = summary.trim();
    let mut letters = summary.chars();
    let Some(first) = letters.next() else {
        return "The verdict gives no summary.".to_owned();
    };
    // A name in lower case at the start (`n1`, `x`, `history.jsonl`) stays as it is.
    let word = summary.split([' ', ':', ',']).next().unwrap_or_default();
    let is_word = word.len() > 1 && word.chars().all(|c| c.is_alphabetic() || c == '-');
    let first = if is_word {
        first.to_uppercase().to_string()
    } else {
        first.to_string()
    };
    let end = if summary.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_becomes_a_sentence() {
        assert_eq!(sentence("all 15 checks hold"), "All 15 checks hold.");
        assert_eq!(sentence("n1 lost entry 5@t2."), "n1 lost entry 5@t2.");
        assert_eq!(sentence("x went back"), "x went back.");
        assert_eq!(sentence("history.jsonl is gone"), "history.jsonl is gone.");
        assert_eq!(sentence(""), "The verdict gives no summary.");
    }

    #[test]
    fn counts_are_readable() {
        assert_eq!(count(1, "op"), "1 op");
        assert_eq!(count(0, "op"), "0 ops");
        assert_eq!(count(999, "op"), "999 ops");
        assert_eq!(count(1000, "op"), "1,000 ops");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
