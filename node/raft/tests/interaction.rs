//! Scripts that drive a cluster of cores step by step, one for each rule of the paper.
//!
//! Each file in `tests/interaction` is replayed and compared; `REWRITE=1` writes what happened into
//! it, and `RUN=<file>` runs one. `README.md` there says which rule is in which file. The verbs, with
//! `node=` where one node is meant:
//!
//! - `add-nodes count=3`: fresh nodes n1 to n3. `add-nodes logs` with one line a node instead, such as
//!   `n1 t7: 1 1 4`: current term, then the terms of the entries on disk. `learners=(4,5)`; settings that
//!   are off unless named: `pre-vote`, `sticky`, `lease=` (in ticks), `disks` (each node is bound to its
//!   disk), `stall=` (in ticks), `no-check-quorum`; and limits: `entries-per-message=8`,
//!   `bytes-per-message=`, `bytes-in-flight=`, `messages-in-flight=16`, `chunk=` (bytes), `retention=0`,
//!   `election-timeout=` (in ticks; else 10 to 20)
//! - `add-node node=4`: a node with the same settings that waits to be added
//! - `campaign`: ticks until the node stands for election, or asks for pre-votes; `tick count=`;
//!   `tick-all count= nodes=(1,2)`: the clock that all nodes share moves by one with each tick
//! - `propose value= bytes=`, `read token=`, with `lease`: a client's request; a command is its own token.
//!   `change token=` with `add=`, `promote=`, `remove=` or `replace=(old,new)`; `transfer token= to=`
//! - `deliver`: hands over the messages now on their way that `from=`, `to=`, `term=` and `kind=` (`vote`,
//!   `append`, `snapshot`, ..., as `Body::kind` has it) select; `drop` loses them; `hold` keeps them from
//!   `deliver`, `drop` and `stabilize` until `release`; `duplicate` holds a copy of each; `reverse`
//!   reverses their order
//! - `persist`: lets the node's outputs reach its disk, all or the oldest `outputs=`
//! - `late-completion index= term=`: the driver reports that the log is on disk up to that entry
//! - `snapshot`: writes down the state machine, or reports what `begin-snapshot` has written down before;
//!   `save-snapshot`: lets that reach the disk
//! - `crash`, `restart`; between them `corrupt index=` damages the log from there on, and `wipe` puts in an
//!   empty disk of its own identity; with `joins` the node then waits to be added again
//! - `stabilize`: persists and delivers until nothing moves; `nodes=(1,2)` only among these, and with
//!   `drop` the rest is lost
//! - `log`, `network`, `status`, `configuration`, `state`: what is
//! - `quietly`: the verbs on the lines below it, without showing what happens

mod cluster;
mod render;
mod script;

use std::panic::catch_unwind;
use std::path::Path;

use script::Script;
use shakedown_raft::PlantedBug;
use shakedown_raft::planted::Layer;

const SCRIPTS: &str = "tests/interaction";

/// Replays the scripts that `is_meant` accepts, by file name, on nodes with that bug.
///
/// # Panics
/// If something else happens than a script says.
fn replay(bug: Option<PlantedBug>, is_meant: impl Fn(&str) -> bool) {
    let replay = |file: &mut datadriven::TestFile| {
        let mut script = Script::planted(bug);
        file.run(|case| script.run(case));
    };
    datadriven::walk_exclusive(SCRIPTS, replay, |file| {
        !file.filename.ends_with(".txt") || !is_meant(&file.filename)
    });
}

#[test]
fn interaction() {
    replay(None, |_| true);
}

/// The scripts are worth what they would notice: each planted bug of the core must make at least one of
/// them fail.
#[test]
fn every_planted_bug_fails_a_script() {
    if !cfg!(feature = "planted-bugs") {
        println!("skipped: built without the feature planted-bugs");
        return;
    }
    let scripts = scripts(Path::new(SCRIPTS));
    let in_core = |bug: &PlantedBug| bug.row().layer == Layer::Raft;
    let mut unnoticed = Vec::new();
    for bug in PlantedBug::ALL.iter().copied().filter(in_core) {
        let fails = |script: &&String| {
            let script = script.as_str();
            catch_unwind(|| replay(Some(bug), |file| file == script)).is_err()
        };
        let failed: Vec<_> = scripts.iter().filter(fails).collect();
        println!("{bug}: {failed:?}");
        if failed.is_empty() {
            unnoticed.push(bug.to_string());
        }
    }
    assert!(unnoticed.is_empty(), "no script notices {unnoticed:?}");
}

/// Every script below a folder.
fn scripts(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder of scripts is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(scripts(&path));
        } else {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.retain(|name| name.ends_with(".txt"));
    found.sort();
    found
}
