//! How much happens at a node within one second of virtual time.
//!
//! A core that answers each failure at once with the next try never comes to rest: in the product it takes a whole
//! processor, here virtual time would stand still and the run would never end.

/// One second, in microseconds.
const SECOND_US: u64 = 1_000_000;
/// Most events of one node in a second. A node under the load of the largest scenarios has a hundredth of this.
pub(crate) const EVENTS_PER_SECOND_MAX: u64 = 100_000;

/// Counts the events of one node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    second: u64,
    events: u64,
    most: u64,
}

impl Pace {
    /// Counts an event at `now`, in microseconds. Returns whether there are too many in this second.
    pub(crate) fn is_restless(&mut self, now: u64) -> bool {
        let second = now / SECOND_US;
        if second != self.second {
            *self = Self { second, events: 0, most: self.most };
        }
        self.events += 1;
        self.most = self.most.max(self.events);
        self.events > EVENTS_PER_SECOND_MAX
    }

    /// Most events in a second so far.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }
}
