//! Something wrong with a plan's meaning, before it is placed in the text.

/// Something wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The field, as in `workload.mix.read`.
    pub(crate) field: String,
    /// What is wrong.
    pub(crate) wrong: String,
    /// What to write instead.
    pub(crate) instead: String,
    /// The other fields that it is about.
    pub(crate) also: &'static [&'static str],
}

impl Mistake {
    /// Whether it is about `field`, a field within it or one around it.
    pub(crate) fn concerns(&self, field: &str) -> bool {
        let touches = |mine: &str| is_within(mine, field) || is_within(field, mine);
        touches(&self.field) || self.also.iter().any(|mine| touches(mine))
    }
}

/// Whether `field` is `around` or lies within it.
fn is_within(field: &str, around: &str) -> bool {
    field
        .strip_prefix(around)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Mistakes as they are found.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(pub(crate) Vec<Mistake>);

impl Mistakes {
    /// Notes a mistake of one field.
    pub(crate) fn add(
        &mut self,
        field: impl Into<String>,
        wrong: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.add_about(field, wrong, instead, &[]);
    }

    /// Notes a mistake of one field that is about others too: if one of those could not be read, this
    /// one is not reported.
    pub(crate) fn add_about(
        &mut self,
        field: impl Into<String>,
        wrong: impl Into<String>,
        instead: impl Into<String>,
        also: &'static [&'static str],
    ) {
        let (field, wrong, instead) = (field.into(), wrong.into(), instead.into());
        self.0.push(Mistake {
            field,
            wrong,
            instead,
            also,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_concerns_its_fields_and_those_around_and_within() {
        let mut found = Mistakes::default();
        found.add_about("node.heartbeat", "", "", &["faults.kill"]);
        let concerns = |field| found.0[0].concerns(field);
        assert!(
            concerns("node.heartbeat") && concerns("node") && concerns("faults.kill.targets[0]")
        );
        assert!(!concerns("nod") && !concerns("node.heart") && !concerns("faults.pause"));
    }
}
