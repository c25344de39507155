//! Scripts that drive a cluster of cores step by step, one for each rule of the paper.
//!
//! Each file in `tests/interaction` is replayed and compared; `REWRITE=1` writes what happened into
//! it, and `RUN=<file>` runs one. The verbs, with `node=` where one node is meant:
//!
//! - `add-nodes count=3`: fresh nodes n1 to n3. `add-nodes logs` with one line a node instead, such as
//!   `n1 t7: 1 1 4`: current term, then the terms of the entries on disk. `entries-per-message=8`, `election-timeout=`
//!   (in ticks; else 10 to 20)
//! - `campaign`: ticks until the node stands for election; `tick count=`
//! - `propose value=`, `read token=`: a client's request; a command is its own token
//! - `deliver`: hands over the messages now on their way that `from=`, `to=` and `kind=` (`vote`,
//!   `vote-reply`, `append`, `append-reply`) select; `drop` loses them; `hold` keeps them from
//!   `deliver`, `drop` and `stabilize` until `release`; `duplicate` holds a copy of each; `reverse`
//!   reverses their order
//! - `persist`: lets the node's outputs reach its disk, all or the oldest `outputs=`
//! - `late-completion index= term=`: the driver reports that the log is on disk up to that entry
//! - `crash`, `restart`
//! - `stabilize`: persists and delivers until nothing moves; `nodes=(1,2)` only among these
//! - `log`, `network`, `status`: what is
//! - `quietly`: the verbs on the lines below it, without showing what happens

mod cluster;
mod render;
mod script;

use script::Script;

#[test]
fn interaction() {
    datadriven::walk("tests/interaction", |file| {
        let mut script = Script::default();
        file.run(|case| script.run(case));
    });
}
