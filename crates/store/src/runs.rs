//! Many small items in order, in little memory: an array, and a tree for what is newer.
//!
//! A tree needs about twice the bytes of its items, and an array alone would move half of itself at each insertion. So
//! new items wait in a tree until they are an eighth of the array, and then join it.

use std::collections::BTreeSet;

/// Items in ascending order. They are only added; whoever adds one twice finds it twice.
#[derive(Debug, Clone)]
pub struct Runs<T> {
    sorted: Vec<T>,
    /// Newer than `sorted`; merged into it when they are many.
    recent: BTreeSet<T>,
}

/// Items that wait at least before a merge: a merge walks over all.
const RECENT_MIN: usize = 4_096;

impl<T: Ord + Copy> Runs<T> {
    /// Adds an item.
    pub fn insert(&mut self, item: T) {
        self.recent.insert(item);
        if self.recent.len() > RECENT_MIN + self.sorted.len() / 8 {
            self.merge();
        }
    }

    /// The items from `low` to `high`, both among them, lowest first.
    pub fn between(&self, low: T, high: T) -> impl Iterator<Item = T> + '_ {
        let from = self.sorted.partition_point(|item| *item < low);
        let old = self.sorted[from..].iter().take_while(move |item| **item <= high).copied();
        // A range of the tree must not be upside down.
        let new = (low <= high).then(|| self.recent.range(low..=high)).into_iter().flatten().copied();
        merged(old, new, |old, new| old <= new)
    }

    /// The items below `end`, or all, highest first.
    pub fn descending(&self, end: Option<T>) -> impl Iterator<Item = T> + '_ {
        let until = end.map_or(self.sorted.len(), |end| self.sorted.partition_point(|item| *item < end));
        let old = self.sorted[..until].iter().rev().copied();
        let new =
            self.recent.iter().rev().copied().skip_while(move |item| end.is_some_and(|end| *item >= end));
        merged(old, new, |old, new| old >= new)
    }

    fn merge(&mut self) {
        let recent = std::mem::take(&mut self.recent);
        // Exactly as much: the merges are far apart, and doubling would waste what the array saves.
        self.sorted.reserve_exact(recent.len());
        self.sorted.extend(recent);
        // Two ascending runs: the stable sort finds them and merges.
        self.sorted.sort();
    }
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self { sorted: Vec::new(), recent: BTreeSet::new() }
    }
}

/// Two ordered sequences as one; `old_first` says whether the first of two items comes first.
fn merged<T: Copy>(
    old: impl Iterator<Item = T>,
    new: impl Iterator<Item = T>,
    old_first: impl Fn(T, T) -> bool,
) -> impl Iterator<Item = T> {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    std::iter::from_fn(move || match (old.peek(), new.peek()) {
        (Some(a), Some(b)) if old_first(*a, *b) => old.next(),
        (Some(_), None) => old.next(),
        _ => new.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn items_wait_in_the_tree_and_join_the_array() {
        let mut runs = Runs::default();
        for n in 0..20_000_u64 {
            runs.insert(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        assert!(!runs.sorted.is_empty() && !runs.recent.is_empty());
        assert!(runs.sorted.len() > runs.recent.len());
        let all: Vec<u64> = runs.between(0, u64::MAX).collect();
        assert_eq!(all.len(), 20_000);
        assert!(all.is_sorted());
    }

    proptest! {
        #[test]
        fn both_directions_agree_with_a_sorted_list(
            old in prop::collection::btree_set(0_u16..300, 0..60),
            new in prop::collection::btree_set(0_u16..300, 0..60),
            low in 0_u16..300,
            high in 0_u16..300,
        ) {
            let runs = Runs { sorted: old.iter().copied().collect(), recent: new.clone() };
            let mut all: Vec<u16> = old.into_iter().chain(new).collect();
            all.sort();
            let between: Vec<u16> = all.iter().copied().filter(|n| (low..=high).contains(n)).collect();
            prop_assert_eq!(runs.between(low, high).collect::<Vec<_>>(), between);
            let below: Vec<u16> = all.iter().rev().copied().filter(|n| *n < high).collect();
            prop_assert_eq!(runs.descending(Some(high)).collect::<Vec<_>>(), below);
            all.reverse();
            prop_assert_eq!(runs.descending(None).collect::<Vec<_>>(), all);
        }
    }
}
