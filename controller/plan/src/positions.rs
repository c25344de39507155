//! Where in a YAML text each field stands. `serde_yaml` reads the values but forgets where they
//! were; this walks the parser's events once more and remembers.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Span};

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
}

impl Position {
    const START: Self = Self { line: 1, column: 1 };

    fn of(line: usize, column_from_zero: usize) -> Self {
        Self {
            line,
            column: column_from_zero + 1,
        }
    }
}

/// Something that no plan may contain, whatever its fields mean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) position: Position,
    pub(crate) field: String,
    pub(crate) wrong: String,
    pub(crate) instead: &'static str,
}

/// Where each field stands. Fields are written `workload.mix.read`, `faults.kill.targets[1]`.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    keys: BTreeMap<String, Position>,
    values: BTreeMap<String, Position>,
}

impl Positions {
    /// Walks through a text.
    ///
    /// # Errors
    /// All that is malformed: bad syntax (which ends the walk), repeated and composite keys, a second
    /// document.
    pub(crate) fn of(text: &str) -> Result<Self, Vec<Malformed>> {
        let mut walk = Walk::default();
        for event in Parser::new_from_str(text) {
            match event {
                Ok((Event::DocumentStart(_), span)) if walk.documents == 1 => {
                    let position = Position::of(span.start.line(), span.start.col());
                    let wrong = "a second YAML document begins".to_owned();
                    walk.refuse(position, "", wrong, "write one plan a file");
                    break;
                }
                Ok((event, span)) => walk.event(&event, span),
                Err(error) => {
                    let position = Position::of(error.marker().line(), error.marker().col());
                    walk.refuse(
                        position,
                        "",
                        error.info().to_owned(),
                        "correct the YAML here or just before",
                    );
                    break;
                }
            }
        }
        if walk.malformed.is_empty() {
            Ok(walk.positions)
        } else {
            Err(walk.malformed)
        }
    }

    /// Where the value of a field stands, or the nearest field around it that the text has.
    pub(crate) fn value(&self, field: &str) -> Position {
        self.nearest(field, |field| {
            self.values.get(field).or_else(|| self.keys.get(field))
        })
    }

    /// Where the name of a field stands, or the nearest field around it that the text has.
    pub(crate) fn key(&self, field: &str) -> Position {
        self.nearest(field, |field| {
            self.keys.get(field).or_else(|| self.values.get(field))
        })
    }

    fn nearest<'a>(&'a self, field: &str, find: impl Fn(&str) -> Option<&'a Position>) -> Position {
        if let Some(position) = find(field) {
            return *position;
        }
        let mut around = parent(field);
        while let Some(field) = around.filter(|field| !field.is_empty()) {
            if let Some(position) = self.keys.get(field).or_else(|| self.values.get(field)) {
                return *position;
            }
            around = parent(field);
        }
        Position::START
    }
}

/// The field around a field; the plan as a whole is around all.
fn parent(field: &str) -> Option<&str> {
    field.rfind(['.', '[']).map(|end| &field[..end])
}

/// A collection that the walk is in.
enum Within {
    Mapping { field: String, key: Option<String> },
    Sequence { field: String, next: usize },
}

#[derive(Default)]
struct Walk {
    positions: Positions,
    within: Vec<Within>,
    documents: usize,
    malformed: Vec<Malformed>,
}

impl Walk {
    fn event(&mut self, event: &Event<'_>, span: Span) {
        let position = Position::of(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(_) => self.documents += 1,
            Event::Scalar(text, ..) => {
                if !self.is_key(position, text) {
                    self.place(position);
                }
            }
            Event::Alias(_) => drop(self.place(position)),
            Event::SequenceStart(..) => {
                let field = self.collection(position);
                self.within.push(Within::Sequence { field, next: 0 });
            }
            Event::MappingStart(..) => {
                let field = self.collection(position);
                self.within.push(Within::Mapping { field, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => drop(self.within.pop()),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }

    /// Takes a scalar as a key if one is due.
    fn is_key(&mut self, position: Position, text: &str) -> bool {
        let Some(Within::Mapping {
            field,
            key: key @ None,
        }) = self.within.last_mut()
        else {
            return false;
        };
        let path = if field.is_empty() {
            text.to_owned()
        } else {
            format!("{field}.{text}")
        };
        match self.positions.keys.get(&path).copied() {
            None => {
                *key = Some(text.to_owned());
                self.positions.keys.insert(path, position);
            }
            Some(first) => {
                *key = Some(format!("{text} (again)"));
                let wrong = format!("is there already, on line {}", first.line);
                self.refuse(position, &path, wrong, "keep one of the two");
            }
        }
        true
    }

    fn collection(&mut self, position: Position) -> String {
        if let Some(Within::Mapping {
            key: key @ None, ..
        }) = self.within.last_mut()
        {
            *key = Some("?".to_owned());
            self.refuse(
                position,
                "",
                "a list or mapping as a key".to_owned(),
                "write a field's name",
            );
            return "?".to_owned();
        }
        self.place(position)
    }

    /// Notes where a value stands, and returns which field it is.
    fn place(&mut self, position: Position) -> String {
        let field = match self.within.last_mut() {
            None => String::new(),
            Some(Within::Mapping { field, key }) => {
                let key = key.take().unwrap_or_else(|| "?".to_owned());
                if field.is_empty() {
                    key
                } else {
                    format!("{field}.{key}")
                }
            }
            Some(Within::Sequence { field, next }) => {
                *next += 1;
                format!("{field}[{}]", *next - 1)
            }
        };
        self.positions
            .values
            .entry(field.clone())
            .or_insert(position);
        field
    }

    fn refuse(&mut self, position: Position, field: &str, wrong: String, instead: &'static str) {
        self.malformed.push(Malformed {
            position,
            field: field.to_owned(),
            wrong,
            instead,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    #[test]
    fn keys_and_values_have_their_places() {
        let positions =
            Positions::of("# a plan\nname: x\nfaults:\n  kill: { targets: [one, n9] }\n").unwrap();
        assert_eq!(positions.value("name"), at(2, 7));
        assert_eq!(positions.key("name"), at(2, 1));
        assert_eq!(positions.value("faults.kill.targets[1]"), at(4, 26));
        assert_eq!(positions.key("faults.kill"), at(4, 3));
    }

    #[test]
    fn what_is_not_written_is_where_it_would_be() {
        let positions = Positions::of("name: x\nnode:\n  other: true\n").unwrap();
        assert_eq!(positions.value("node.heartbeat"), at(2, 1));
        assert_eq!(positions.value("workload.mix.read"), at(1, 1));
    }

    #[test]
    fn repeated_keys_second_documents_and_bad_syntax_are_malformed() {
        let places = |text| -> Vec<Position> {
            Positions::of(text)
                .unwrap_err()
                .into_iter()
                .map(|m| m.position)
                .collect()
        };
        assert_eq!(places("a: 1\nb: 2\na: 3\nb: 4\n"), [at(3, 1), at(4, 1)]);
        assert_eq!(places("a: 1\n---\na: 2\n"), [at(2, 1)]);
        assert_eq!(
            places("a: { b: 1 }\na: { b: 2 }\n"),
            [at(2, 1)],
            "the repeated key, not what is in it"
        );
        assert_eq!(places("a: [1\n").len(), 1);
        assert_eq!(places("[1]: 2\n"), [at(1, 1)]);
    }
}
