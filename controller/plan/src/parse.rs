//! From text to plan, reporting every mistake and not only the first.
//!
//! serde stops at the first field that it cannot read. So a field that cannot be read is noted,
//! replaced by what an exemplary plan has in its place, and the reading begins anew, until it gets
//! through. Then the plan's meaning is checked.

use serde_path_to_error::{Path, Segment};
use serde_yaml::Value;

use crate::faults::Faults;
use crate::finding::{Finding, PlanErrors};
use crate::lint::lint;
use crate::mistake::Mistake;
use crate::plan::{Campaign, Known, Plan};
use crate::positions::{Malformed, Position, Positions};
use crate::validate::validate;
use crate::wording::{advice, plain, suggest};
use crate::workload::Workload;

/// Reads a plan from `text`; `file` is for messages.
pub(crate) fn parse(
    file: &str,
    text: &str,
    known: &Known<'_>,
) -> Result<(Plan, Vec<Finding>), PlanErrors> {
    let positions = Positions::of(text).map_err(|malformed| {
        let finding = |m: Malformed| {
            Reader::finding(file, m.position, m.field, m.wrong, m.instead.to_owned())
        };
        PlanErrors::Mistakes(malformed.into_iter().map(finding).collect())
    })?;
    let reader = Reader { file, positions };
    let mut value: Value = serde_yaml::from_str(text).map_err(|e| reader.syntax(&e))?;
    if value.is_null() {
        value = Value::Mapping(serde_yaml::Mapping::new());
    }
    let (plan, mut mistakes) = reader.decode(value);
    let unreadable: Vec<String> = mistakes.iter().map(|m| m.field.clone()).collect();
    let Some(plan) = plan else {
        return Err(PlanErrors::Mistakes(mistakes));
    };
    let sound = |m: &Mistake| !unreadable.iter().any(|field| m.concerns(field));
    mistakes.extend(
        validate(&plan, known)
            .into_iter()
            .filter(sound)
            .map(|m| reader.mistake(m)),
    );
    if !mistakes.is_empty() {
        mistakes.sort_by_key(|m| (m.line, m.column));
        return Err(PlanErrors::Mistakes(mistakes));
    }
    let mut lints: Vec<Finding> = lint(&plan).into_iter().map(|m| reader.mistake(m)).collect();
    lints.sort_by_key(|m| (m.line, m.column));
    Ok((plan, lints))
}

struct Reader<'a> {
    file: &'a str,
    positions: Positions,
}

impl Reader<'_> {
    /// Decodes the plan with every unreadable field replaced, and tells which were. No plan if it is
    /// not a mapping of fields at all.
    fn decode(&self, mut value: Value) -> (Option<Plan>, Vec<Finding>) {
        let exemplary = exemplary();
        let mut mistakes: Vec<Finding> = Vec::new();
        loop {
            let error = match serde_path_to_error::deserialize::<_, Plan>(&value) {
                Ok(plan) => return (Some(plan), mistakes),
                Err(error) => error,
            };
            let steps = steps(error.path());
            let example = lookup(&exemplary, &steps);
            let finding = self.unreadable(&steps, &error.inner().to_string(), example);
            let again = mistakes
                .iter()
                .any(|earlier| earlier.field == finding.field);
            if !again {
                mistakes.push(finding);
            }
            if again || !replace(&mut value, &steps, example.cloned()) {
                return (None, mistakes);
            }
        }
    }

    /// A field that serde refused.
    fn unreadable(&self, steps: &[Step], message: &str, example: Option<&Value>) -> Finding {
        let field = display(steps);
        let mut quoted = message.split('`').skip(1).step_by(2);
        let unknown = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        if message.starts_with("unknown field") {
            let position = self.positions.key(&field);
            let wrong = "there is no such field".to_owned();
            return Self::finding(self.file, position, field, wrong, suggest(unknown, &known));
        }
        let position = self.positions.value(&field);
        if message.starts_with("unknown variant") {
            let wrong = format!("`{unknown}` is not known");
            return Self::finding(self.file, position, field, wrong, suggest(unknown, &known));
        }
        let instead = example.map(advice);
        let wrong = plain(message);
        let instead = instead
            .filter(|_| !wrong.contains("write"))
            .unwrap_or_default();
        Self::finding(self.file, position, field, wrong, instead)
    }

    fn mistake(&self, mistake: Mistake) -> Finding {
        let Mistake {
            field,
            wrong,
            instead,
            ..
        } = mistake;
        let position = self.positions.value(&field);
        Self::finding(self.file, position, field, wrong, instead)
    }

    fn syntax(&self, error: &serde_yaml::Error) -> PlanErrors {
        let at = error
            .location()
            .map_or(Position { line: 1, column: 1 }, |l| Position {
                line: l.line(),
                column: l.column(),
            });
        let instead = "correct the YAML here or just before".to_owned();
        PlanErrors::Mistakes(vec![Self::finding(
            self.file,
            at,
            String::new(),
            error.to_string(),
            instead,
        )])
    }

    fn finding(file: &str, at: Position, field: String, wrong: String, instead: String) -> Finding {
        Finding {
            file: file.to_owned(),
            line: at.line,
            column: at.column,
            field,
            wrong,
            instead,
        }
    }
}

/// A plan with every field filled in, to take examples from.
fn exemplary() -> Value {
    let plan = Plan {
        name: "nightly".to_owned(),
        faults: Faults::all(),
        workload: Workload {
            rate: Some(500.0),
            ..Workload::default()
        },
        campaign: Some(Campaign::default()),
        ..Plan::default()
    };
    serde_yaml::to_value(plan).expect("a plan holds nothing that YAML cannot")
}

/// One step from a collection to what is in it.
enum Step {
    Field(String),
    Item(usize),
}

fn steps(path: &Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(Step::Field(key.clone())),
            Segment::Seq { index } => Some(Step::Item(*index)),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn display(steps: &[Step]) -> String {
    let mut field = String::new();
    for step in steps {
        match step {
            Step::Field(name) if field.is_empty() => field.push_str(name),
            Step::Field(name) => field.push_str(&format!(".{name}")),
            Step::Item(index) => field.push_str(&format!("[{index}]")),
        }
    }
    field
}

/// What the exemplary plan has at a place; of a list, its first item stands for all.
fn lookup<'a>(exemplary: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(exemplary, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Item(_) => value.get(0),
    })
}

/// Puts `by` at a place, or removes the field there if there is nothing to put. Whether it was there.
fn replace(value: &mut Value, steps: &[Step], by: Option<Value>) -> bool {
    let Some((last, around)) = steps.split_last() else {
        return false;
    };
    let holder = around.iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get_mut(name),
        Step::Item(index) => value.get_mut(index),
    });
    match (holder, last, by) {
        (Some(holder), Step::Field(name), Some(by)) => {
            holder.get_mut(name).map(|old| *old = by).is_some()
        }
        (Some(Value::Mapping(fields)), Step::Field(name), None) => fields.remove(name).is_some(),
        (Some(holder), Step::Item(index), Some(by)) => {
            holder.get_mut(index).map(|old| *old = by).is_some()
        }
        _ => false,
    }
}
