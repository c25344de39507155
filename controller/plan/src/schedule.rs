//! Which fault when: drawn from plan and seed alone, so that the same plan gives the same schedule.

use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use shakedown_history::FaultId;

use crate::dealer::{Dealer, draw_duration};
use crate::duration;
use crate::fault::Fault;
use crate::faults::Family;
use crate::plan::{Pacing, Plan};
use crate::random::stream;

/// The faults of one run, in the order of their beginning. It can be written, and replayed later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The faults.
    pub steps: Vec<Step>,
}

/// One fault of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its number, from 0, in the order of the beginnings.
    pub id: FaultId,
    /// When it begins, since the workload's start.
    #[serde(with = "duration")]
    pub start: Duration,
    /// How long it lasts.
    #[serde(with = "duration")]
    pub length: Duration,
    /// What it does.
    pub fault: Fault,
    /// Decides what is left open until then: which nodes, which halves.
    pub draw: u64,
}

impl Step {
    /// When it ends, since the workload's start.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.start + self.length
    }
}

impl Schedule {
    /// Draws the schedule of a plan.
    ///
    /// Every fault begins and ends between the quiet at the beginning of the plan's time and the
    /// quiet at its end. At most `overlap` faults are in force at once, and no two of one family.
    /// Families take turns, and so do the shapes, targets and clocks of each, in drawn order: what
    /// a run can show, it shows as early as possible and not by luck.
    #[must_use]
    pub fn draw(plan: &Plan) -> Self {
        let families = plan.faults.families();
        if families.is_empty() {
            return Self::default();
        }
        let lanes = plan.schedule.overlap.min(families.len());
        let dealer = Dealer::new(&plan.faults, stream(plan.seed, "schedule"));
        let end = plan.time.saturating_sub(plan.schedule.quiet);
        let draw = Draw {
            pacing: &plan.schedule,
            end,
            dealer,
            steps: Vec::new(),
        };
        Self {
            steps: draw.run(lanes),
        }
    }

    /// How many faults every schedule of a plan has at least, whatever the seed.
    #[must_use]
    pub fn steps_min(plan: &Plan) -> usize {
        let Pacing {
            quiet,
            gap,
            length,
            overlap,
        } = plan.schedule;
        let whole = plan.time.saturating_sub(quiet * 2);
        let steps_of_lane = |lane: usize| {
            let late = gap.max() * u32::try_from(lane).expect("lanes are few");
            let after_first = whole.checked_sub(late + length.min())?;
            Some(1 + after_first.as_nanos() / (length.max() + gap.max()).as_nanos().max(1))
        };
        let lanes = overlap.min(plan.faults.families().len());
        let steps: u128 = (0..lanes).filter_map(steps_of_lane).sum();
        usize::try_from(steps).expect("a day has not so many faults")
    }

    /// When the last fault ends, since the workload's start; none without faults.
    #[must_use]
    pub fn end(&self) -> Option<Duration> {
        self.steps.iter().map(Step::end).max()
    }
}

/// A schedule in the making.
struct Draw<'a> {
    pacing: &'a Pacing,
    end: Duration,
    dealer: Dealer,
    steps: Vec<Step>,
}

/// Faults that follow one another; as many lanes as faults may overlap.
struct Lane {
    /// When its next fault may begin.
    free: Duration,
    /// Its last fault's family and end.
    last: Option<(Family, Duration)>,
}

impl Draw<'_> {
    /// Fills each lane with one fault after the other, always the lane that is free first.
    fn run(mut self, lane_count: usize) -> Vec<Step> {
        let mut lanes: Vec<Lane> = Vec::new();
        for _ in 0..lane_count {
            let free = match lanes.last() {
                None => self.pacing.quiet,
                Some(previous) => previous.free + self.gap(),
            };
            lanes.push(Lane { free, last: None });
        }
        while let Some(next) = (0..lanes.len()).min_by_key(|lane| lanes[*lane].free) {
            match self.step(&lanes, lanes[next].free) {
                Some(step) => {
                    let free = step.end() + self.gap();
                    lanes[next] = Lane {
                        free,
                        last: Some((step.fault.family(), step.end())),
                    };
                    self.steps.push(step);
                }
                None => drop(lanes.swap_remove(next)),
            }
        }
        self.steps
    }

    /// The next fault, beginning at `start`; none if not even the shortest one fits any more.
    fn step(&mut self, lanes: &[Lane], start: Duration) -> Option<Step> {
        let left = self.end.saturating_sub(start);
        if left < self.pacing.length.min() {
            return None;
        }
        let in_force = lanes
            .iter()
            .filter_map(|lane| lane.last)
            .filter(|(_, end)| *end > start);
        let busy: Vec<Family> = in_force.map(|(family, _)| family).collect();
        let fault = self.dealer.deal(&busy);
        let length = draw_duration(&mut self.dealer.random, self.pacing.length).min(left);
        let id = FaultId(self.steps.len() as u64);
        Some(Step {
            id,
            start,
            length,
            fault,
            draw: self.dealer.random.random(),
        })
    }

    fn gap(&mut self) -> Duration {
        draw_duration(&mut self.dealer.random, self.pacing.gap)
    }
}
