//! What the shell counts. Nothing is dropped in silence: each queue has a counter here.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A snapshot of the shell's counters, each since the start.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The living counters, shared by the shell and its handles.
        #[derive(Debug, Default)]
        pub(crate) struct Tally {
            $(pub(crate) $name: Count,)*
        }

        impl Tally {
            pub(crate) fn snapshot(&self) -> Counters {
                Counters { $($name: self.$name.read(),)* }
            }
        }

        impl Counters {
            /// Each counter by name, in a fixed order: for metrics.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Commands refused because the command queue was full.
    commands_dropped,
    /// Gossip, requests and notes not passed on because the event queue was full.
    events_dropped,
    /// Links that came up.
    links_up,
    /// Links that went down.
    links_down,
    /// Dials begun.
    dials,
    /// Dials that reached nobody.
    dials_failed,
    /// Inbound connections that ended before they had an identity, or were refused by a limit or the gate.
    inbound_refused,
    /// Greetings that did not lead to a link.
    hellos_failed,
    /// Frames that no honest peer can send, as far as the shell can tell.
    misbehaved,
    /// Links closed because a ping was not answered.
    ping_timeouts,
    /// Links dropped because a newer one of the same peer took their place, or on a reset.
    links_replaced,
    /// Gossip messages given to at least one peer's queue.
    gossip_published,
    /// Publications that had no subscribed peer.
    gossip_no_peers,
    /// Publications that met only full queues.
    gossip_queues_full,
    /// Publications of bytes that were published before.
    gossip_duplicate,
    /// Publications refused by gossipsub for another reason.
    gossip_failed,
    /// Gossip messages received, each once.
    gossip_received,
    /// Gossip messages received, with those that were known already.
    gossip_copies,
    /// Messages that gossipsub dropped because one peer was slow.
    gossip_slow_dropped,
    /// Messages ignored because their verdict did not come in time.
    verdicts_expired,
    /// Messages ignored because too many waited for a verdict.
    verdicts_dropped,
    /// Requests sent.
    requests_sent,
    /// Requests that got no response.
    requests_failed,
    /// Requests received.
    requests_received,
    /// Requests received and left unanswered because too many waited.
    requests_dropped,
    /// Responses that came too late or could not be sent.
    responses_failed,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
