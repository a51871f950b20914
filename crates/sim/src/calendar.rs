//! Days that pass, and members that are away.
//!
//! Weeks cannot be played second by second. So the wall clocks of all nodes leap by some hours, again and again, with a
//! short while between in which the mesh works; the monotonic clocks, which pace the network, do not leap. A frame that
//! is on its way at a leap takes hours to arrive: that is a slow network, and must do no harm. A member that is away has
//! its node off: it meets what came meanwhile when it is back.

use std::collections::BTreeMap;

use ecomesh_record::{LogId, Time};

use crate::coverage::Mark;
use crate::node::WALL_BEGIN;
use crate::rng::Rng;
use crate::world::{Event, MS, World};

/// A day, in milliseconds.
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Leaps of a day.
const LEAPS: u64 = 6;
const LEAP_MS: u64 = DAY_MS / LEAPS;
/// How long a month is, in days, from and to.
const MONTH_DAYS: [u64; 2] = [28, 31];
/// An absence of so many days is noted as one of more than a week.
const WEEK_DAYS: u64 = 8;

/// A clock goes wrong by at most so many days, and is set right within so many.
const WRONG_BY_DAYS_MAX: u64 = 100;
const WRONG_FOR_DAYS: [u64; 2] = [1, 9];

/// What a node held at a moment.
pub(crate) struct Holdings {
    /// A store that was lost since held other things.
    pub(crate) instances: u32,
    pub(crate) lengths: BTreeMap<LogId, u64>,
}

/// The days that have passed, and who is away.
pub(crate) struct Calendar {
    rng: Rng,
    /// How far all wall clocks have leapt, in milliseconds.
    leapt_ms: u64,
    /// Leaps since the faults are over.
    leaps_after: u64,
    /// Since when, in milliseconds of the world.
    away: BTreeMap<usize, u64>,
    /// From when to when members were away for a month.
    months: Vec<(usize, u64, u64)>,
    /// What every node held after each leap, with the time.
    history: Vec<(Time, Vec<Holdings>)>,
}

impl Calendar {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::stream(seed, "calendar"),
            leapt_ms: 0,
            leaps_after: 0,
            away: BTreeMap::new(),
            months: Vec::new(),
            history: Vec::new(),
        }
    }

    /// Whether a member was away for a month at a time.
    pub(crate) fn was_away_for_a_month(&self, number: usize, time: Time) -> bool {
        self.months.iter().any(|(away, from, to)| *away == number && (*from..*to).contains(&time.0))
    }

    /// What every node held at a time: as it was at the last leap before it.
    pub(crate) fn held_at(&self, time: Time) -> Option<&[Holdings]> {
        let after = self.history.partition_point(|(at, _)| *at <= time);
        let (_, held) = self.history.get(after.checked_sub(1)?)?;
        Some(held)
    }
}

impl World {
    /// The right time, which no node knows: all are as far off as their clocks have jumped.
    pub(crate) fn wall(&self) -> Time {
        Time(WALL_BEGIN + self.now / MS + self.calendar.leapt_ms)
    }

    /// The first leap and the first absence.
    pub(crate) fn plan_days(&mut self) {
        if self.scenario.days.day_ms > 0 {
            self.at(self.scenario.load.start_ms * MS, Event::Leap);
        }
        self.plan_absence();
        self.plan_wrong_clock();
    }

    fn plan_wrong_clock(&mut self) {
        let gap = self.scenario.days.clock_gap_ms;
        if gap > 0 {
            let wait = self.calendar.rng.wait(gap * MS);
            self.after(wait, Event::WrongClock { of: None });
        }
    }

    fn plan_absence(&mut self) {
        let gap = self.scenario.absences.gap_ms;
        if gap > 0 {
            let wait = self.calendar.rng.wait(gap * MS);
            self.after(wait, Event::Leave);
        }
    }

    /// Some hours pass at once.
    pub(crate) fn leap(&mut self) {
        if self.calm {
            self.calendar.leaps_after += 1;
        }
        self.calendar.leapt_ms += LEAP_MS;
        for node in &mut self.nodes {
            node.leapt_ms += LEAP_MS;
        }
        self.count_links(LEAP_MS);
        let held = |node: &crate::node::Node| Holdings {
            instances: node.instances,
            lengths: node.ledger.lengths().into_iter().collect(),
        };
        let holdings = self.nodes.iter().map(held).collect();
        self.calendar.history.push((self.wall(), holdings));
        if self.has_days_left() {
            self.after(self.scenario.days.day_ms * MS / LEAPS, Event::Leap);
        }
    }

    /// Whether days will still pass.
    pub(crate) fn has_days_left(&self) -> bool {
        self.scenario.days.day_ms > 0 && self.calendar.leaps_after < self.scenario.days.after * LEAPS
    }

    /// A member's node is switched off for days or weeks.
    pub(crate) fn leave(&mut self) {
        if self.calm {
            return;
        }
        self.plan_absence();
        let plan = self.scenario.absences.clone();
        let number = self.calendar.rng.index(self.nodes.len());
        let is_month = self.calendar.rng.percent(plan.month_percent);
        let days = self.calendar.rng.range(if is_month { MONTH_DAYS } else { plan.days });
        let node = &self.nodes[number];
        // A third of the members may be away, so that the others can still do without them.
        let others_away = self.calendar.away.len() >= self.nodes.len() / 3;
        if node.core.is_none() || node.paused_until > self.now || others_away {
            return;
        }
        self.tell(&format!("{} is away for {days} days", self.name(number)));
        self.take_down(number, false);
        self.calendar.away.insert(number, self.wall().0);
        self.after(days * self.scenario.days.day_ms * MS, Event::Start { node: number });
    }

    /// A clock goes wrong, or is set right.
    pub(crate) fn wrong_clock(&mut self, of: Option<usize>) {
        let (number, wrong_ms) = match of {
            Some(number) => (number, 0),
            None if self.calm => return,
            None => {
                self.plan_wrong_clock();
                if self.nodes.iter().any(|node| node.clock_ms != 0) {
                    return;
                }
                let number = self.calendar.rng.index(self.nodes.len());
                // By hours as often as by months.
                let most = if self.calendar.rng.percent(50) { DAY_MS } else { WRONG_BY_DAYS_MAX * DAY_MS };
                let by = i64::try_from(1 + self.calendar.rng.below(most)).unwrap_or(1);
                let days = self.calendar.rng.range(WRONG_FOR_DAYS);
                self.after(days * self.scenario.days.day_ms * MS, Event::WrongClock { of: Some(number) });
                (number, if self.calendar.rng.percent(50) { by } else { -by })
            }
        };
        self.coverage.mark(Mark::ClockJumped);
        self.tell(&format!("the clock of {} is off by {} h", self.name(number), wrong_ms / 3_600_000));
        let node = &mut self.nodes[number];
        node.clock_ms = wrong_ms;
        node.latest_wall = node.now(self.now).wall.max(node.latest_wall);
    }

    /// A node starts that was away.
    pub(crate) fn came_back(&mut self, number: usize) {
        let Some(since) = self.calendar.away.remove(&number) else { return };
        let days = self.wall().0.saturating_sub(since) / DAY_MS;
        if days >= MONTH_DAYS[0] {
            self.calendar.months.push((number, since, self.wall().0));
            self.coverage.mark(Mark::AwayMonth);
        } else if days >= WEEK_DAYS {
            self.coverage.mark(Mark::AwayWeek);
        }
        self.tell(&format!("{} is back after {days} days", self.name(number)));
    }
}
