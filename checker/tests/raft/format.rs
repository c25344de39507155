//! The description of the format is what the format is.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use shakedown_history::{Event, NodeTrace};

use crate::hostile::{KINDS, event};

const DESCRIPTION: &str = include_str!("../../../docs/trace-format.md");

fn every_event() -> impl Iterator<Item = Event> {
    let both = [true, false];
    (0..KINDS).flat_map(move |which| both.map(|flag| event(which, &[1, 2, 3, 4, 5], flag)))
}

/// An event's name, and the names of its fields.
fn names(event: &Event) -> (String, Vec<String>) {
    match serde_json::to_value(event).unwrap() {
        Value::String(name) => (name, Vec::new()),
        Value::Object(tagged) => {
            let (name, fields) = tagged.into_iter().next().unwrap();
            let fields = fields.as_object().unwrap().keys().cloned().collect();
            (name, fields)
        }
        other => panic!("an event is a name, with or without fields: {other}"),
    }
}

#[test]
fn every_event_is_described_with_its_fields() {
    let mut described = BTreeSet::new();
    for event in every_event() {
        let (name, fields) = names(&event);
        let row = DESCRIPTION
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not described"));
        for field in fields {
            assert!(row.contains(&format!("`{field}`")), "{name} has {field}");
        }
        described.insert(name);
    }
    assert_eq!(described.len(), 29, "{described:?}");
}

#[test]
fn every_event_is_read_as_it_was_written() {
    for event in every_event() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}

#[test]
fn the_example_is_a_trace() {
    let example = DESCRIPTION.split("```jsonl\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let trace = NodeTrace::parse(Path::new("example"), example.as_bytes()).unwrap();
    assert_eq!(trace.segments.len(), 1);
    assert_eq!(trace.segments[0].records.len(), 4);
}
