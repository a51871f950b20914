//! Events for clients: a bounded memory of what happened, and who waits for more.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ecomesh_api::limits::EVENTS_KEPT;
use ecomesh_api::{Event, EventEnvelope};
use tokio::sync::watch;

/// Takes events from the core's thread and gives them to any number of readers, each at its own pace.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Tells this process from the one before it: numbers begin anew with each.
    boot: String,
    ring: Mutex<Ring>,
    /// The number of the next event.
    next: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    first: u64,
    events: VecDeque<Event>,
}

/// Where a reader stands: the number of the next event that it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor(u64);

impl Hub {
    /// Without events. `boot` is random.
    pub(crate) fn new(boot: [u8; 8]) -> Self {
        Self { boot: hex::encode(boot), ring: Mutex::default(), next: watch::Sender::new(0) }
    }

    /// Adds an event; the oldest is forgotten.
    pub(crate) fn publish(&self, event: Event) {
        let mut ring = self.lock();
        if ring.events.len() >= EVENTS_KEPT {
            ring.events.pop_front();
            ring.first += 1;
        }
        ring.events.push_back(event);
        let next = ring.first + ring.events.len() as u64;
        drop(ring);
        self.next.send_replace(next);
    }

    /// Where a new reader begins: behind the event with the id `after`, else with what comes now. An id of another
    /// process, or of a forgotten event, gives a place that has been forgotten.
    pub(crate) fn begin(&self, after: Option<&str>) -> Cursor {
        let next = *self.next.borrow();
        let Some(after) = after else { return Cursor(next) };
        let number = after.strip_prefix(&self.boot).and_then(|rest| rest.strip_prefix('-'));
        match number.and_then(|digits| digits.parse::<u64>().ok()) {
            Some(seen) if seen < next => Cursor(seen + 1),
            _ => Cursor(u64::MAX),
        }
    }

    /// The next event, as soon as there is one. A reader whose place was forgotten hears [`Event::Missed`] and goes
    /// on with the oldest event that is remembered.
    pub(crate) async fn next(&self, cursor: &mut Cursor) -> EventEnvelope {
        let mut news = self.next.subscribe();
        loop {
            news.borrow_and_update();
            if let Some(envelope) = self.take(cursor) {
                return envelope;
            }
            // The sender lives as long as this.
            let _ = news.changed().await;
        }
    }

    fn take(&self, cursor: &mut Cursor) -> Option<EventEnvelope> {
        let ring = self.lock();
        let next = ring.first + ring.events.len() as u64;
        if cursor.0 < ring.first || cursor.0 > next {
            cursor.0 = ring.first;
            // The id stands before the oldest event, so that a reconnect begins there.
            let id = ring.first.checked_sub(1).map_or_else(|| self.id(u64::MAX), |n| self.id(n));
            return Some(EventEnvelope { id, event: Event::Missed });
        }
        let at = usize::try_from(cursor.0 - ring.first).ok()?;
        let event = ring.events.get(at)?.clone();
        let id = self.id(cursor.0);
        cursor.0 += 1;
        Some(EventEnvelope { id, event })
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.boot)
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // A ring that a panic left behind lacks one event at most.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(n: usize) -> Event {
        Event::Alarm { message: n.to_string() }
    }

    fn hub(events: usize) -> Hub {
        let hub = Hub::new([0xab; 8]);
        (0..events).for_each(|n| hub.publish(alarm(n)));
        hub
    }

    #[tokio::test]
    async fn a_new_reader_hears_only_what_comes() {
        let hub = hub(3);
        let mut cursor = hub.begin(None);
        assert_eq!(hub.take(&mut cursor), None);
        hub.publish(alarm(3));
        assert_eq!(hub.next(&mut cursor).await.event, alarm(3));
    }

    #[tokio::test]
    async fn a_reader_that_comes_back_goes_on_behind_its_last_event() {
        let hub = hub(5);
        let mut cursor = Cursor(0);
        let seen = [hub.next(&mut cursor).await, hub.next(&mut cursor).await];
        assert_eq!(seen[1].event, alarm(1));
        let mut again = hub.begin(Some(&seen[1].id));
        assert_eq!(hub.next(&mut again).await.event, alarm(2));
    }

    #[tokio::test]
    async fn what_was_forgotten_is_told() {
        let hub = hub(EVENTS_KEPT + 10);
        for id in ["abababababababab-2", "0000000000000000-7", "junk", "abababababababab-99999999"] {
            let mut cursor = hub.begin(Some(id));
            assert_eq!(hub.next(&mut cursor).await.event, Event::Missed, "{id}");
            assert_eq!(hub.next(&mut cursor).await.event, alarm(10), "{id}");
        }
    }
}
