//! The schema in `docs/` is the one of this code, and `docs/plan.md` explains every field of it.
//!
//! After a change of the plan's types: `UPDATE_SCHEMA=1 cargo test -p shakedown-plan --test schema`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

#[test]
fn the_committed_schema_is_current() {
    let path = docs().join("plan.schema.json");
    let mut current = serde_json::to_string_pretty(&shakedown_plan::schema()).unwrap();
    current.push('\n');
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == current,
        "{} is out of date: run this test with UPDATE_SCHEMA=1",
        path.display()
    );
}

/// The fields of the schema as in `workload.mix.read`, references followed.
fn fields(schema: &Value, root: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        fields(
            root.pointer(&reference[1..])
                .expect("references lead somewhere"),
            root,
            prefix,
            found,
        );
    }
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        fields(alternative, root, prefix, found);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        fields(field, root, &path, found);
        found.insert(path);
    }
}

#[test]
fn the_documentation_has_every_field_and_no_other() {
    let schema = shakedown_plan::schema();
    let mut declared = BTreeSet::new();
    fields(&schema, &schema, "", &mut declared);
    assert!(declared.contains("workload.mix.cas") && declared.contains("faults.clock.rate"));
    let text = std::fs::read_to_string(docs().join("plan.md")).unwrap();
    let tables = text
        .split("\n\n")
        .filter(|block| block.starts_with("| field |"));
    let rows = tables
        .flat_map(str::lines)
        .filter_map(|row| row.strip_prefix("| `")?.split_once('`'));
    let documented: BTreeSet<String> = rows.map(|(field, _)| field.to_owned()).collect();
    assert_eq!(documented, declared);
}

#[test]
fn every_object_of_the_schema_refuses_unknown_fields() {
    let schema = shakedown_plan::schema();
    let definitions = schema["$defs"].as_object().unwrap().values();
    let objects: Vec<&Value> = definitions
        .chain([&schema])
        .filter(|definition| definition["type"] == "object")
        .collect();
    assert!(objects.len() > 10);
    for object in objects {
        assert_eq!(object["additionalProperties"], false, "{object:#}");
    }
}
