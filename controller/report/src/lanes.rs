//! Which lane each client process and each fault is drawn on, so that nothing overlaps.

use std::collections::BTreeMap;

use shakedown_history::ProcessId;
use shakedown_history::fault::FaultWindow;

use crate::pairs::{Outcome, Pair};

/// The lane of each process. A process retired by an `info` op hands its lane to the next new
/// process, which is as a rule the one that replaced it: so there are as many lanes as clients, not
/// as many as processes.
pub(crate) fn process_lanes(pairs: &[Pair<'_>]) -> BTreeMap<ProcessId, usize> {
    let mut lives: BTreeMap<ProcessId, Life> = BTreeMap::new();
    for pair in pairs {
        let retired = pair.outcome() == Outcome::Info;
        let to = pair.end_ns().unwrap_or(u64::MAX);
        let from = pair.start_ns();
        let life = lives
            .entry(pair.invoke.process)
            .or_insert(Life { from, to, retired });
        life.to = life.to.max(to);
        life.retired |= retired;
    }
    let mut in_order: Vec<(ProcessId, Life)> = lives.into_iter().collect();
    in_order.sort_by_key(|(process, life)| (life.from, *process));
    let mut free: Vec<Life> = Vec::new();
    let mut lanes = BTreeMap::new();
    for (process, life) in in_order {
        lanes.insert(process, take_lane(&mut free, life));
    }
    in_order_of_process(&lanes)
}

#[derive(Clone, Copy)]
struct Life {
    from: u64,
    to: u64,
    retired: bool,
}

/// Takes over the lane whose process retired last before this one began, or opens a new one.
fn take_lane(lanes: &mut Vec<Life>, life: Life) -> usize {
    let retired = lanes
        .iter()
        .enumerate()
        .filter(|(_, l)| l.retired && l.to <= life.from);
    match retired.max_by_key(|(_, l)| l.to).map(|(lane, _)| lane) {
        Some(lane) => {
            lanes[lane] = life;
            lane
        }
        None => {
            lanes.push(life);
            lanes.len() - 1
        }
    }
}

/// Numbers the lanes so that the one with the smallest process comes first.
fn in_order_of_process(lanes: &BTreeMap<ProcessId, usize>) -> BTreeMap<ProcessId, usize> {
    let mut renumbered: BTreeMap<usize, usize> = BTreeMap::new();
    for lane in lanes.values() {
        let next = renumbered.len();
        renumbered.entry(*lane).or_insert(next);
    }
    lanes
        .iter()
        .map(|(process, lane)| (*process, renumbered[lane]))
        .collect()
}

/// A fault that came into force, on its lane.
pub(crate) struct FaultBand<'a> {
    pub(crate) window: &'a FaultWindow,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) lane: usize,
}

/// Every fault that came into force; faults at the same time are on different lanes.
pub(crate) fn fault_bands(faults: &[FaultWindow], end_ns: u64) -> Vec<FaultBand<'_>> {
    let mut ends: Vec<u64> = Vec::new();
    let mut bands: Vec<FaultBand<'_>> = Vec::new();
    let mut in_force: Vec<(u64, &FaultWindow)> = faults
        .iter()
        .filter_map(|f| f.injected.map(|from| (from, f)))
        .collect();
    in_force.sort_by_key(|(from, f)| (*from, f.fault));
    for (from, window) in in_force {
        let to = window.healed.unwrap_or(end_ns).max(from);
        let lane = ends.iter().position(|end| *end <= from).unwrap_or_else(|| {
            ends.push(0);
            ends.len() - 1
        });
        ends[lane] = to;
        bands.push(FaultBand {
            window,
            from,
            to,
            lane,
        });
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use shakedown_history::{FaultId, FaultSpec, Op, OpKind};

    fn op(index: u64, process: u64, kind: OpKind) -> Op {
        Op {
            index,
            time: index * 10,
            process: ProcessId(process),
            kind,
            f: "write".to_owned(),
            key: None,
            value: Value::Null,
            node: None,
            error: None,
            witness: None,
            is_final: false,
        }
    }

    #[test]
    fn a_new_process_takes_the_lane_of_the_one_it_replaces() {
        let ops = [
            op(0, 0, OpKind::Invoke),
            op(1, 1, OpKind::Invoke),
            op(2, 0, OpKind::Info),
            op(3, 1, OpKind::Ok),
            op(4, 10, OpKind::Invoke),
            op(5, 1, OpKind::Invoke),
            op(6, 1, OpKind::Info),
            op(7, 11, OpKind::Invoke),
        ];
        let lanes = process_lanes(&Pair::of_records(&ops));
        let lane = |process| lanes[&ProcessId(process)];
        assert_eq!([lane(0), lane(10), lane(1), lane(11)], [0, 0, 1, 1]);
    }

    #[test]
    fn faults_at_the_same_time_are_on_different_lanes() {
        let fault = |id, injected, healed| FaultWindow {
            fault: FaultId(id),
            spec: FaultSpec {
                family: "kill".to_owned(),
                summary: String::new(),
                targets: Vec::new(),
                hits_leader: false,
                deposes_leader: false,
                leaves_majority: true,
                params: Value::Null,
            },
            begun: 0,
            injected,
            healed,
            skipped: None,
            failed: None,
            evidence: Vec::new(),
        };
        let faults = [
            fault(0, Some(10), Some(20)),
            fault(1, Some(15), None),
            fault(2, None, None),
            fault(3, Some(20), Some(30)),
        ];
        let bands: Vec<_> = fault_bands(&faults, 50)
            .iter()
            .map(|b| (b.window.fault.0, b.lane, b.to))
            .collect();
        assert_eq!(bands, [(0, 0, 20), (1, 1, 50), (3, 0, 30)]);
    }
}
