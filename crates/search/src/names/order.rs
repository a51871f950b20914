//! In which order a query has the parts of a name.
//!
//! Registers and people write the family name first or last: they **turn** a name, and what follows what stays the same. Parts in
//! any other order are rather another person, the more so where given names are few syllables: Xiaoming is not Mingxiao.

use crate::limits::NAME_PARTS_MAX;

/// What parts count in a name that is turned: enough to be behind one that is not.
const TURNED: f32 = 0.985;
/// What a part counts that stands elsewhere.
const MOVED: f32 = 0.92;

/// A part of the query that may be a part of the name, both by their places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) asked: usize,
    pub(super) at: usize,
}

/// By how many places a name is turned, for a query of so many parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    query_parts: usize,
    name_parts: usize,
    turn: usize,
}

impl Order {
    /// The one in which the gains of the parts that stay in place are the largest; the least turned of equal ones.
    pub(super) fn best(
        query_parts: usize,
        name_parts: usize,
        gains: impl Iterator<Item = (Place, f32)>,
    ) -> Self {
        let name_parts = name_parts.min(NAME_PARTS_MAX);
        let order = |turn| Self { query_parts, name_parts, turn };
        let mut by_turn = [0.0_f32; NAME_PARTS_MAX];
        for (place, gain) in gains.filter(|(_, gain)| *gain > 0.0) {
            for (turn, sum) in by_turn.iter_mut().enumerate().take(name_parts) {
                if order(turn).is_in_place(place) {
                    *sum += gain;
                }
            }
        }
        let turns = (0..name_parts).rev();
        order(turns.max_by(|a, b| by_turn[*a].total_cmp(&by_turn[*b])).unwrap_or(0))
    }

    /// What a part counts in its place.
    pub(super) fn share(&self, place: Place) -> f32 {
        match (self.is_in_place(place), self.turn) {
            (true, 0) => 1.0,
            (true, _) => TURNED,
            (false, _) => MOVED,
        }
    }

    /// Counted from the begin or from the end: between them the query may have parts more or less than the name.
    fn is_in_place(&self, place: Place) -> bool {
        let turned = |by: usize| (by + self.turn) % self.name_parts;
        let from_begin = self.distance(place.at, place.asked);
        from_begin == turned(0) || from_begin == turned(self.distance(self.name_parts, self.query_parts))
    }

    /// By how much one number is above another, around the name.
    fn distance(&self, high: usize, low: usize) -> usize {
        let around = self.name_parts;
        (high + around - low % around) % around
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shares of the parts of a query, of which each is the part of the name at that place.
    fn shares(ats: &[usize], name_parts: usize) -> Vec<f32> {
        let places = || ats.iter().enumerate().map(|(asked, at)| Place { asked, at: *at });
        let order = Order::best(ats.len(), name_parts, places().map(|place| (place, 1.0)));
        places().map(|place| order.share(place)).collect()
    }

    #[test]
    fn a_name_that_is_turned_stays_in_order() {
        assert_eq!(shares(&[0, 1, 2], 3), [1.0; 3]);
        assert_eq!(shares(&[1, 2, 0], 3), [TURNED; 3]);
        assert_eq!(shares(&[2, 0, 1], 3), [TURNED; 3]);
        assert_eq!(shares(&[1, 0], 2), [TURNED; 2]);
    }

    #[test]
    fn parts_in_another_order_count_less() {
        assert_eq!(shares(&[0, 2, 1], 3), [1.0, MOVED, MOVED]);
        assert_eq!(shares(&[0, 1, 3, 2], 4), [1.0, 1.0, MOVED, MOVED]);
    }

    #[test]
    fn parts_that_are_left_out_move_none() {
        assert_eq!(shares(&[0, 2], 3), [1.0; 2]);
        assert_eq!(shares(&[1, 2], 3), [1.0; 2]);
        assert_eq!(shares(&[2, 0], 3), [TURNED; 2]);
        assert_eq!(shares(&[2, 0, 1], 4), [TURNED; 3]);
        assert!(shares(&[], 3).is_empty() && shares(&[0, 0, 0], 1).len() == 3);
    }
}
