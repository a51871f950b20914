//! What a benchmark gives: figures with their targets, and percentiles of all samples.

use std::time::Duration;

use serde::Serialize;

/// What a figure should reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Target {
    /// Whether a measured value reaches it.
    pub fn is_met(self, measured: f64) -> bool {
        match self {
            Self::AtLeast(bound) => measured >= bound,
            Self::AtMost(bound) => measured <= bound,
        }
    }
}

/// One measured value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured; stable, for programs: `mesh.records_per_second`.
    pub id: String,
    /// What was measured, for people.
    pub what: String,
    /// The value.
    pub measured: f64,
    /// In what.
    pub unit: &'static str,
    /// What it should reach, if the project has promised something.
    pub target: Option<Target>,
    /// Whether it does.
    pub met: Option<bool>,
}

impl Figure {
    /// A value without a promise.
    pub fn new(id: &str, what: impl Into<String>, measured: f64, unit: &'static str) -> Self {
        Self { id: id.to_owned(), what: what.into(), measured, unit, target: None, met: None }
    }

    /// Adds the promise.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self.met = Some(target.is_met(self.measured));
        self
    }
}

/// What one benchmark found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// The benchmark's name, as on the command line.
    pub name: &'static str,
    /// What was done, in one sentence with all sizes.
    pub story: String,
    /// The values.
    pub figures: Vec<Figure>,
    /// What a reader must know to judge them.
    pub notes: Vec<String>,
}

impl Section {
    /// Without figures yet.
    pub fn new(name: &'static str, story: impl Into<String>) -> Self {
        Self { name, story: story.into(), figures: Vec::new(), notes: Vec::new() }
    }

    /// Adds a figure.
    pub fn figure(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Adds a remark.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

/// All samples of one thing, in milliseconds or whatever they are; nothing is averaged away.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds a time, as milliseconds.
    pub fn time(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1000.0);
    }

    /// Adds a value.
    pub fn value(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Adds those of another.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample that at least `share` of all (0 to 1) do not exceed: the nearest-rank percentile. NaN
    /// without samples.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil().max(1.0);
        sorted.get(rank as usize - 1).copied().unwrap_or(f64::NAN)
    }

    /// Half are not above it.
    pub fn median(&self) -> f64 {
        self.percentile(0.5)
    }

    /// The largest.
    pub fn max(&self) -> f64 {
        self.percentile(1.0)
    }

    /// The smallest.
    pub fn min(&self) -> f64 {
        self.percentile(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_and_not_averages() {
        let mut samples = Samples::default();
        (1..=100).rev().for_each(|n| samples.value(f64::from(n)));
        assert_eq!(samples.percentile(0.5), 50.0);
        assert_eq!(samples.percentile(0.99), 99.0);
        assert_eq!((samples.min(), samples.max()), (1.0, 100.0));
        let mut two = Samples::default();
        two.time(Duration::from_millis(7));
        two.time(Duration::from_millis(900));
        assert_eq!(two.percentile(0.99), 900.0);
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn a_target_is_met_on_its_own_side() {
        let figure = |target| Figure::new("x", "x", 5.0, "ms").target(target).met;
        assert_eq!(figure(Target::AtMost(5.0)), Some(true));
        assert_eq!(figure(Target::AtMost(4.9)), Some(false));
        assert_eq!(figure(Target::AtLeast(5.0)), Some(true));
        assert_eq!(figure(Target::AtLeast(5.1)), Some(false));
        assert!(!Target::AtLeast(1.0).is_met(f64::NAN), "what was not measured meets nothing");
        assert!(!Target::AtMost(1.0).is_met(f64::NAN));
    }
}
