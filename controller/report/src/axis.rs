//! Scales: round ticks, and a time axis that leaves out long stretches in which nothing happens.

/// Multiples of 1, 2 or 5 times a power of ten from zero to `end`, at most `count` after zero.
pub(crate) fn ticks(end: u64, count: u64) -> Vec<u64> {
    let step = step(end, count);
    (0..=end / step).map(|i| i * step).collect()
}

/// The step of [`ticks`].
pub(crate) fn step(end: u64, count: u64) -> u64 {
    assert!(count > 0, "a scale needs room for one tick");
    let mut power = 1;
    loop {
        for factor in [1, 2, 5] {
            if end / (factor * power) <= count {
                return factor * power;
            }
        }
        power *= 10;
    }
}

/// A stretch without any event is left out where it is this many times longer than all shorter
/// stretches together: what is drawn would vanish beside it.
const CUT_RATIO: u64 = 10;

/// A drawing with more cuts than this would be harder to read than one that is too small.
const CUTS_MAX: usize = 3;

/// How wide the mark of a cut is.
pub(crate) const CUT_WIDTH: f64 = 64.0;

/// A linear time axis in pieces of one scale. What lies between two pieces is marked as cut and its
/// length is written there, so that the axis never lies.
pub(crate) struct BrokenAxis {
    pub(crate) pieces: Vec<Piece>,
}

/// A stretch of time that is drawn, in nanoseconds and in drawing units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) x: f64,
    pub(crate) scale: f64,
}

impl Piece {
    fn at(&self, time: u64) -> f64 {
        let offset = time.saturating_sub(self.from) as f64;
        self.x + offset * self.scale
    }

    pub(crate) fn end(&self) -> f64 {
        self.at(self.to)
    }
}

impl BrokenAxis {
    /// An axis over the sorted `moments`, from `x0` to `x1`.
    ///
    /// # Panics
    /// Without moments.
    pub(crate) fn over(moments: &[u64], x0: f64, x1: f64) -> Self {
        let (first, last) = match moments {
            [] => panic!("an axis needs a moment"),
            [first, ..] => (*first, *moments.last().expect("it has a first")),
        };
        let cuts = cuts(moments);
        let mut bounds = vec![(first, last)];
        for (from, to) in &cuts {
            let open = bounds.last_mut().expect("starts with one");
            let rest = (*to, open.1);
            open.1 = *from;
            bounds.push(rest);
        }
        let drawn: u64 = bounds.iter().map(|(from, to)| to - from).sum();
        let scale = (x1 - x0 - CUT_WIDTH * cuts.len() as f64) / drawn.max(1) as f64;
        let mut pieces: Vec<Piece> = Vec::new();
        for (from, to) in bounds {
            let x = pieces.last().map_or(x0, |p| p.end() + CUT_WIDTH);
            pieces.push(Piece { from, to, x, scale });
        }
        Self { pieces }
    }

    /// Where a moment is drawn; one in a cut, at the cut.
    pub(crate) fn x(&self, time: u64) -> f64 {
        let piece = self.pieces.iter().rev().find(|p| p.from <= time);
        let piece = piece.unwrap_or(&self.pieces[0]);
        piece.at(time.clamp(piece.from, piece.to))
    }

    /// The cuts: where each is drawn and how much it leaves out.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = (f64, u64)> {
        self.pieces
            .windows(2)
            .map(|two| ((two[0].end() + two[1].x) / 2.0, two[1].from - two[0].to))
    }
}

/// The stretches to leave out, in order: the few that dwarf everything else, or none.
fn cuts(moments: &[u64]) -> Vec<(u64, u64)> {
    let stretches = || {
        moments
            .windows(2)
            .map(|two| (two[0], two[1]))
            .filter(|(a, b)| a < b)
    };
    let mut lengths: Vec<u64> = stretches().map(|(from, to)| to - from).collect();
    lengths.sort_unstable();
    for shorter in lengths.len().saturating_sub(CUTS_MAX)..lengths.len() {
        let together: u64 = lengths[..shorter].iter().sum();
        let least = lengths[shorter];
        if together > 0 && least > CUT_RATIO * together {
            return stretches()
                .filter(|(from, to)| to - from >= least)
                .collect();
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(60, 6), [0, 10, 20, 30, 40, 50, 60]);
        assert_eq!(ticks(7, 3), [0, 2, 4, 6]);
        assert_eq!(ticks(8, 3), [0, 5]);
        assert_eq!(ticks(0, 3), [0]);
    }

    #[test]
    fn only_long_empty_stretches_are_cut() {
        let axis = BrokenAxis::over(&[0, 3, 5000, 5003, 5050, 5052], 0.0, 100.0);
        let cuts: Vec<u64> = axis.cuts().map(|(_, omitted)| omitted).collect();
        assert_eq!(cuts, [4997]);
        assert!((axis.x(0) - 0.0).abs() < 1e-9 && (axis.x(5052) - 100.0).abs() < 1e-9);
        let (early, late) = (axis.x(3) - axis.x(0), axis.x(5003) - axis.x(5000));
        assert!(
            (early - late).abs() < 1e-9,
            "one scale on both sides of the cut"
        );
        assert_eq!(
            BrokenAxis::over(&[0, 10, 20, 90], 0.0, 1.0).cuts().count(),
            0
        );
        assert_eq!(BrokenAxis::over(&[5], 0.0, 1.0).pieces.len(), 1);
    }
}
