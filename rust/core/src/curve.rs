//! How fast an ear is spoken to, by how much waits for it.

use crate::frame::Nanos;

/// Points a curve may have.
pub const MOST_POINTS: usize = 4;

/// The fastest: beyond twice the speed nobody follows.
pub const FASTEST: u32 = 2_000;

/// A factor of speed, in thousandths: 1,000 is as it was said.
pub type Thousandths = u32;

/// The factor that belongs to a backlog: 1,000 up to the first point, linear between points, that of
/// the last point beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Curve {
    points: [(Nanos, Thousandths); MOST_POINTS],
    count: usize,
}

impl Curve {
    /// Always 1,000.
    pub const OFF: Self = Self {
        points: [(0, ONE); MOST_POINTS],
        count: 0,
    };

    /// 1 below 0.3 s, 1.35 from 1.5 s, 1.5 from 4 s. What that does for ten minutes of one talker is
    /// in docs/interpreting.md.
    pub const USUAL: Self = Self {
        points: [
            (300_000_000, ONE),
            (1_500_000_000, 1_350),
            (4_000_000_000, 1_500),
            (4_000_000_000, 1_500),
        ],
        count: 3,
    };

    /// From points, both of whose figures rise; the first factor is 1,000. No points: off. None when
    /// they are too many, out of order or faster than [`FASTEST`].
    #[must_use]
    pub fn new(points: &[(Nanos, Thousandths)]) -> Option<Self> {
        let mut curve = Self::OFF;
        curve.count = points.len();
        curve
            .points
            .get_mut(..points.len())?
            .copy_from_slice(points);
        let rising =
            |pair: &[(Nanos, Thousandths)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        let sound = points.first().is_none_or(|first| first.1 == ONE)
            && points.last().is_none_or(|last| last.1 <= FASTEST)
            && points.windows(2).all(rising);
        sound.then_some(curve)
    }

    /// Whether it ever differs from 1,000.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.count == 0
    }

    /// What waits beyond the first point: this much a pause may give up.
    #[must_use]
    pub fn spare(&self, backlog: Nanos) -> Nanos {
        self.held()
            .first()
            .map_or(0, |first| backlog.saturating_sub(first.0))
    }

    /// The factor for what waits.
    #[must_use]
    pub fn factor(&self, backlog: Nanos) -> Thousandths {
        let points = self.held();
        let beyond = points.partition_point(|point| point.0 <= backlog);
        match (
            points.get(..beyond).and_then(<[_]>::last),
            points.get(beyond),
        ) {
            (None, _) => ONE,
            (Some(last), None) => last.1,
            (Some(from), Some(to)) => {
                let rise = u64::from(to.1 - from.1) * (backlog - from.0) / (to.0 - from.0);
                from.1 + u32::try_from(rise).unwrap_or_default()
            }
        }
    }

    /// How long it takes to say what waits if nothing is added: the factor falls as it shrinks.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "minutes of nanoseconds, to the microsecond"
    )]
    pub fn time(&self, backlog: Nanos) -> Nanos {
        let (mut time, mut below) = (0.0, backlog);
        let mut points = self.held().iter().rev().filter(|point| point.0 < backlog);
        let mut above = f64::from(self.factor(backlog)) / 1e3;
        for point in points.by_ref() {
            let stretch = (below - point.0) as f64;
            let factor = f64::from(point.1) / 1e3;
            // Of a stretch over which the factor falls evenly: the logarithmic mean.
            let mean = if above - factor > 1e-6 {
                (above - factor) / (above / factor).ln()
            } else {
                above
            };
            time += stretch / mean;
            (below, above) = (point.0, factor);
        }
        time as Nanos + below
    }

    fn held(&self) -> &[(Nanos, Thousandths)] {
        &self.points[..self.count]
    }
}

/// As it was said.
pub(crate) const ONE: Thousandths = 1_000;
