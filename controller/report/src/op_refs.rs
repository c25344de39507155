//! Links from sentences to ops: `#12` in an argument leads to the op with index 12.

use maud::{Markup, html};

use crate::pairs::Pair;

/// The ops that a drawing numbers, and how the drawing's elements are named.
pub(crate) struct Numbered<'a> {
    /// Tells this drawing's ops from those of others on the page: `a1`.
    pub(crate) prefix: String,
    pub(crate) pairs: Vec<Pair<'a>>,
}

impl Numbered<'_> {
    /// The number, from 1, of the op with this index.
    fn number(&self, index: u64) -> Option<usize> {
        self.pairs
            .iter()
            .position(|p| p.has_index(index))
            .map(|i| i + 1)
    }

    /// The id of the numbered op's bar.
    pub(crate) fn bar_id(&self, number: usize) -> String {
        format!("{}-op{number}", self.prefix)
    }
}

/// A number in a circle, as the drawing has it.
pub(crate) fn circled(number: usize) -> Markup {
    html! { span.circled { (number) } }
}

/// The sentence with its `#12` as links: to the bar where the drawing has that op, else to the
/// op in the page's table.
pub(crate) fn link(sentence: &str, ops: &Numbered<'_>) -> Markup {
    html! {
        @for piece in pieces(sentence) {
            @match piece {
                Piece::Text(text) => (text),
                Piece::Op(index) => @match ops.number(index) {
                    Some(number) => a.op-ref href=(format!("#{}", ops.bar_id(number))) {
                        (circled(number)) "#" (index)
                    },
                    None => (table_link(index)),
                },
            }
        }
    }
}

/// A link to the op in the page's timeline and table.
pub(crate) fn table_link(index: u64) -> Markup {
    html! { a.op-ref href=(format!("#op={index}")) { "#" (index) } }
}

#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Op(u64),
}

fn pieces(sentence: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = sentence;
    let mut from = 0;
    while let Some(hash) = rest[from..].find('#').map(|at| at + from) {
        let digits = rest[hash + 1..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        let end = hash + 1 + digits;
        match rest[hash + 1..end].parse() {
            Ok(index) => {
                pieces.push(Piece::Text(&rest[..hash]));
                pieces.push(Piece::Op(index));
                rest = &rest[end..];
                from = 0;
            }
            Err(_) => from = hash + 1,
        }
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hash_with_digits_is_an_op() {
        let found = pieces("#3 began after #12, not # or #x");
        let expected = [
            Piece::Op(3),
            Piece::Text(" began after "),
            Piece::Op(12),
            Piece::Text(", not # or #x"),
        ];
        assert_eq!(found, expected);
        assert_eq!(
            pieces("#99999999999999999999999"),
            [Piece::Text("#99999999999999999999999")]
        );
        assert!(pieces("").is_empty());
    }
}
