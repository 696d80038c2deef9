//! A bounded memory of what was seen.

use std::collections::{HashSet, VecDeque};

use serde::{Deserialize, Serialize};

/// The last so many distinct values, oldest forgotten first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Ring {
    order: VecDeque<u64>,
    members: HashSet<u64>,
}

impl Ring {
    /// Whether it was seen.
    #[must_use]
    pub fn has(&self, value: u64) -> bool {
        self.members.contains(&value)
    }

    /// Remembers a value; `false` if it was there already. Beyond `capacity` the oldest is forgotten.
    pub fn insert(&mut self, value: u64, capacity: usize) -> bool {
        if !self.members.insert(value) {
            return false;
        }
        self.order.push_back(value);
        while self.order.len() > capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.members.remove(&oldest);
            }
        }
        true
    }
}

impl From<Vec<u64>> for Ring {
    fn from(values: Vec<u64>) -> Self {
        Self { members: values.iter().copied().collect(), order: values.into() }
    }
}

impl From<Ring> for Vec<u64> {
    fn from(ring: Ring) -> Self {
        ring.order.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut ring = Ring::default();
        for value in 0..5 {
            assert!(ring.insert(value, 3));
        }
        assert!(!ring.insert(4, 3));
        assert!(!ring.has(1) && ring.has(2) && ring.has(4));
        assert_eq!(Ring::from(Vec::from(ring.clone())), ring);
    }
}
