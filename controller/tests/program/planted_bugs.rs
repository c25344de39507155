//! The table of planted bugs in the documentation is the one in the code, and its plans exist.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const PREFACE: &str = "# Planted bugs

The embedded node can be built with bugs that were seen in real systems, each a named deviation at one place,
compiled in only with the cargo feature `planted-bugs`. They put shakedown itself on trial: what finds them can be
trusted with yours.

```
shakedown run plans/elections.yaml --planted-bug vote-twice
```

The plan that is named has found the bug in one of at most two runs of 14 s (`leases`: 20 s); where none is named,
those that were tried have not, or none can yet: `corruption-is-the-end`, `vote-while-lost` and `ignore-io-error` need
disks that fail.

In the column `simulation` whole clusters of the protocol core run with the bug, under random faults, in one process
(`node/raft/tests/simulation.rs`), and the checker judges what their nodes and clients say. `liveness`, `promotion` and
`only-voters-lead` are what only the simulation sees; every other check judges real runs too. Every bug of the core also makes
one of the scripts fail (`node/raft/tests/README.md`). Three are shown by scripts only, because chance does not get
there: `install-drops-tail` needs a snapshot for a follower that has its last entry and acknowledged more,
`lease-from-receipt` an answer that travels for as long as a lease lasts, and `forgotten-promise` a majority that restarts
and elects within one.

This table is generated from the code (`UPDATE_DOCS=1 cargo test -p shakedown --test program`), the column `simulation`
measured by `SIMULATION_SURVEY=1 SIMULATION_SEEDS=1000 cargo test --release -p shakedown-raft --features planted-bugs --test
planted -- --nocapture survey`.

| name | zoo | what the node does wrong | what that breaks | check that shows it | where it was seen | simulation | plan that finds it |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

fn table() -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    let output = command
        .args(["planted-bugs", "--format", "json"])
        .output()
        .unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn the_documentation_has_the_table_of_the_code() {
    let mut page = PREFACE.to_owned();
    for row in table() {
        let text = |field: &str| row[field].as_str().unwrap().to_owned();
        let plan = match text("plan") {
            plan if plan.is_empty() => plan,
            plan => format!("[{plan}](../plans/{plan}.yaml)"),
        };
        page += &format!(
            "| `{}` | {} | {} | {} | {} | {} | {} | {plan} |\n",
            text("name"),
            text("zoo"),
            text("deviation"),
            text("breaks"),
            text("invariant"),
            text("seen"),
            text("simulation"),
        );
    }
    let path = root().join("docs/planted-bugs.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, page,
        "run: UPDATE_DOCS=1 cargo test -p shakedown --test program"
    );
}

#[test]
fn every_plan_that_is_named_exists() {
    let named = |row: &Value| row["plan"].as_str().is_some_and(|plan| !plan.is_empty());
    for row in table().into_iter().filter(named) {
        let plan = root()
            .join("plans")
            .join(row["plan"].as_str().unwrap())
            .with_extension("yaml");
        assert!(
            plan.exists(),
            "{}: {} does not exist",
            row["name"],
            plan.display()
        );
    }
}
