//! One verb with its arguments.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;

use datadriven::TestCase;

/// One verb with its arguments: `deliver to=2 kind=vote`.
#[derive(Debug)]
pub(crate) struct Verb {
    pub(crate) name: String,
    /// The lines below it.
    pub(crate) input: String,
    arguments: BTreeMap<String, Vec<String>>,
}

impl Verb {
    pub(crate) fn of(case: &TestCase) -> Self {
        let arguments = case
            .args
            .iter()
            .map(|(name, values)| (name.clone(), values.clone()));
        Self {
            name: case.directive.clone(),
            input: case.input.clone(),
            arguments: arguments.collect(),
        }
    }

    /// A verb on a line of its own; values in parentheses are a list: `nodes=(1,2)`.
    pub(crate) fn parse(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let name = words.next().expect("a line has a verb").to_owned();
        let argument = |word: &str| {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let values = value
                .trim_matches(['(', ')'])
                .split(',')
                .filter(|v| !v.is_empty());
            (name.to_owned(), values.map(str::to_owned).collect())
        };
        Self {
            name,
            input: String::new(),
            arguments: words.map(argument).collect(),
        }
    }

    pub(crate) fn take_flag(&mut self, name: &str) -> bool {
        self.arguments.remove(name).is_some()
    }

    pub(crate) fn take<T: FromStr<Err: Debug>>(&mut self, name: &str) -> T {
        let value = self.try_take(name);
        value.unwrap_or_else(|| panic!("{} needs {name}=", self.name))
    }

    pub(crate) fn try_take<T: FromStr<Err: Debug>>(&mut self, name: &str) -> Option<T> {
        let mut values = self.try_take_list(name)?;
        assert_eq!(values.len(), 1, "{name}= takes one value");
        values.pop()
    }

    pub(crate) fn try_take_list<T: FromStr<Err: Debug>>(&mut self, name: &str) -> Option<Vec<T>> {
        let values = self.arguments.remove(name)?;
        let parse = |value: String| value.parse().expect("an argument of the right type");
        Some(values.into_iter().map(parse).collect())
    }

    pub(crate) fn assert_all_taken(&self) {
        assert!(
            self.arguments.is_empty(),
            "{} does not take {:?}",
            self.name,
            self.arguments
        );
    }
}
