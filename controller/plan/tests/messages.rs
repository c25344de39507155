//! What a person is told about a plan: every mistake and every lint, with its place.

use std::path::{Path, PathBuf};

use shakedown_plan::{Known, Plan, PlanErrors};

const KNOWN: Known<'_> = Known {
    planted_bugs: &["stale-read", "vote-twice"],
};

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let listing = std::fs::read_dir(folder).expect("the folder is part of the checkout");
    let mut files: Vec<PathBuf> = listing
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The file's name without its folder: messages are the same wherever the checkout lies.
fn bare_name(file: &Path) -> &str {
    file.file_name()
        .and_then(|name| name.to_str())
        .expect("our files have plain names")
}

fn parse(file: &Path) -> Result<(Plan, String), PlanErrors> {
    let text = std::fs::read_to_string(file).expect("our files can be read");
    let (plan, lints) = Plan::parse(bare_name(file), &text, &KNOWN)?;
    let lints: Vec<String> = lints.iter().map(ToString::to_string).collect();
    Ok((plan, lints.join("\n")))
}

#[test]
fn every_mistake_of_a_bad_plan_is_reported_with_its_place() {
    for file in yaml_files("tests/bad") {
        let errors = parse(&file).expect_err("bad plans are refused").to_string();
        insta::assert_snapshot!(file.file_stem().unwrap().to_str().unwrap(), errors);
    }
}

#[test]
fn an_odd_plan_is_accepted_with_lints() {
    for file in yaml_files("tests/odd") {
        let (_, lints) = parse(&file).unwrap_or_else(|errors| panic!("{errors}"));
        insta::assert_snapshot!(file.file_stem().unwrap().to_str().unwrap(), lints);
    }
}

#[test]
fn the_ready_plans_have_neither_mistakes_nor_lints_and_name_their_schema() {
    for file in yaml_files("../../plans") {
        let (plan, lints) = parse(&file).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(lints, "");
        assert_eq!(plan.name, file.file_stem().unwrap().to_str().unwrap());
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines = text.lines();
        let schema = "# yaml-language-server: $schema=../docs/plan.schema.json";
        assert_eq!(lines.next(), Some(schema), "{}", file.display());
        assert!(
            lines.next().unwrap().starts_with("# "),
            "{} does not say what it is for",
            file.display()
        );
    }
}

#[test]
fn a_plan_that_is_not_there_is_named() {
    let error = Plan::read(Path::new("no/such.yaml"), &KNOWN)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot read the plan no/such.yaml: "),
        "{error}"
    );
}

#[test]
fn a_planted_bug_must_be_known_to_the_caller() {
    let text = "name: x\nnode: { planted_bug: stale-read }\n";
    assert!(Plan::parse("x", text, &KNOWN).is_ok());
    let error = Plan::parse("x", text, &Known::default())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "x:2:22: node.planted_bug: there is no planted bug `stale-read`; this build has none: write null, or build with planted bugs"
    );
}
