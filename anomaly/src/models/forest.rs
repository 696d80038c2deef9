//! An isolation forest (Liu, Ting, Zhou 2008) in flat arrays: unusual rows are separated from the others by few
//! random cuts. Each cut on a row's path is credited to its feature, which gives reasons.

use rand::seq::index;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Euler–Mascheroni constant.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// `feature` of a leaf.
const LEAF: u32 = u32::MAX;

/// One cut or one leaf, 16 bytes, so that four share a cache line.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Node {
    /// Which column is cut, or [`LEAF`].
    feature: u32,
    /// Values below go left. In a leaf: the path length, with what the rows left there would add.
    value: f32,
    /// Where the left child lies; the right one follows it.
    left: u32,
    /// How much sooner than by even halving a row is isolated that comes here (in cuts); for reasons.
    gain: f32,
}

/// The trained trees.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Forest {
    columns: u32,
    sample: u32,
    roots: Vec<u32>,
    nodes: Vec<Node>,
}

/// The mean path length of an unsuccessful search in a binary search tree of `n` rows: c(n) of the paper.
#[allow(clippy::cast_precision_loss)]
fn average_path(n: usize) -> f64 {
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER_GAMMA) - 2.0 * (n - 1.0) / n
        }
    }
}

impl Forest {
    /// Grows `trees` trees on samples of `sample` rows each. `rows` holds the rows one after another, `columns`
    /// values each, all finite.
    #[must_use]
    pub fn grow(rows: &[f64], columns: usize, trees: usize, sample: usize, seed: u64) -> Self {
        let count = rows.len() / columns.max(1);
        let sample = sample.min(count);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let depth = (sample.max(2) as f64).log2().ceil() as usize;
        let mut forest = Self {
            columns: u32::try_from(columns).unwrap_or(LEAF),
            sample: u32::try_from(sample).unwrap_or(u32::MAX),
            roots: Vec::with_capacity(trees),
            nodes: Vec::with_capacity(trees * sample * 2),
        };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..trees {
            let mut chosen = index::sample(&mut random, count, sample).into_vec();
            let root = forest.push(Node { feature: LEAF, value: 0.0, left: 0, gain: 0.0 });
            forest.roots.push(root);
            let grower = Grower { rows, columns, depth };
            grower.split(&mut forest, root, &mut chosen, 0, &mut random);
        }
        forest
    }

    fn push(&mut self, node: Node) -> u32 {
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).unwrap_or(LEAF)
    }

    /// How many columns a row must have.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns as usize
    }

    /// How anomalous a row is, 0–1 (0.5: like the average). The row must be finite.
    #[must_use]
    pub fn score(&self, row: &[f64]) -> f64 {
        let mut total = 0.0;
        for root in &self.roots {
            let mut node = self.nodes[*root as usize];
            while node.feature != LEAF {
                let right = u32::from(row[node.feature as usize] as f32 >= node.value);
                node = self.nodes[(node.left + right) as usize];
            }
            total += f64::from(node.value);
        }
        self.normalise(total)
    }

    /// Adds to `credit`, one value a column, how much each has helped to isolate the row; gives the score as well.
    pub fn explain(&self, row: &[f64], credit: &mut [f64]) -> f64 {
        let mut total = 0.0;
        for root in &self.roots {
            let mut node = self.nodes[*root as usize];
            while node.feature != LEAF {
                let feature = node.feature as usize;
                let right = u32::from(row[feature] as f32 >= node.value);
                node = self.nodes[(node.left + right) as usize];
                credit[feature] += f64::from(node.gain);
            }
            total += f64::from(node.value);
        }
        self.normalise(total)
    }

    #[allow(clippy::cast_precision_loss)]
    fn normalise(&self, total: f64) -> f64 {
        if self.roots.is_empty() || self.sample < 2 {
            return 0.5;
        }
        let mean = total / self.roots.len() as f64;
        2f64.powf(-mean / average_path(self.sample as usize))
    }

    /// Whether all indices lie inside: a file that was read may hold anything.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let nodes = self.nodes.len();
        self.roots.iter().all(|root| (*root as usize) < nodes)
            && self.nodes.iter().enumerate().all(|(at, node)| {
                // Children lie behind their parent: no path can go in circles.
                node.feature == LEAF
                    || (node.feature < self.columns
                        && (node.left as usize) > at
                        && (node.left as usize) + 1 < nodes)
            })
    }
}

struct Grower<'a> {
    rows: &'a [f64],
    columns: usize,
    depth: usize,
}

impl Grower<'_> {
    fn split(
        &self,
        forest: &mut Forest,
        at: u32,
        chosen: &mut [usize],
        depth: usize,
        random: &mut ChaCha8Rng,
    ) {
        let cut = (depth < self.depth && chosen.len() > 1).then(|| self.cut(chosen, random)).flatten();
        let Some((feature, value)) = cut else {
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
            let path = (depth as f64 + average_path(chosen.len())) as f32;
            forest.nodes[at as usize].value = path;
            return;
        };
        let below = partition(chosen, |row| (self.rows[row * self.columns + feature] as f32) < value);
        let parent = chosen.len();
        let (lower, upper) = chosen.split_at_mut(below);
        let node = |rows: usize| Node { feature: LEAF, value: 0.0, left: 0, gain: gain(parent, rows) };
        let left = forest.push(node(lower.len()));
        let right = forest.push(node(upper.len()));
        let parent = &mut forest.nodes[at as usize];
        parent.feature = u32::try_from(feature).unwrap_or(LEAF);
        parent.value = value;
        parent.left = left;
        self.split(forest, left, lower, depth + 1, random);
        self.split(forest, right, upper, depth + 1, random);
    }

    /// A random cut of a random column that is not constant; `None` if all are.
    fn cut(&self, chosen: &[usize], random: &mut ChaCha8Rng) -> Option<(usize, f32)> {
        let first = random.random_range(0..self.columns);
        for step in 0..self.columns {
            // After a first random choice that is constant the next column is tried, not drawn again.
            let feature = (first + step) % self.columns;
            let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
            for row in chosen {
                let value = self.rows[row * self.columns + feature] as f32;
                low = low.min(value);
                high = high.max(value);
            }
            if low < high {
                let value = random.random_range(low..high);
                // `value >= low`; equal would leave the left side empty.
                return Some((feature, if value > low { value } else { high }));
            }
        }
        None
    }
}

/// How many cuts sooner than by even halving the row is alone, if `rows` of `parent` rows go its way.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn gain(parent: usize, rows: usize) -> f32 {
    if rows == 0 {
        return 0.0;
    }
    ((parent as f64 / rows as f64).log2() - 1.0) as f32
}

/// Moves the elements for which `holds` to the front; gives their number.
fn partition(items: &mut [usize], holds: impl Fn(usize) -> bool) -> usize {
    let mut front = 0;
    for at in 0..items.len() {
        if holds(items[at]) {
            items.swap(front, at);
            front += 1;
        }
    }
    front
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr_free::normal;

    /// Normal deviates without another dependency: Box–Muller.
    mod rand_distr_free {
        use rand::Rng;

        pub(super) fn normal(random: &mut impl Rng) -> f64 {
            let (a, b): (f64, f64) = (random.random_range(f64::EPSILON..1.0), random.random());
            (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
        }
    }

    #[test]
    fn average_paths_are_the_papers() {
        assert!((average_path(2) - 1.0).abs() < 1e-12);
        assert!((average_path(256) - 10.244_770_920_116_851).abs() < 1e-9);
    }

    #[test]
    fn a_lone_row_is_found_and_its_column_is_the_reason() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut rows: Vec<f64> = (0..2000 * 4).map(|_| normal(&mut random)).collect();
        rows[2] = 9.0;
        let forest = Forest::grow(&rows, 4, 100, 256, 1);
        assert!(forest.is_sound());
        let mut credit = [0.0; 4];
        let odd = forest.explain(&rows[..4], &mut credit);
        assert!((odd - forest.score(&rows[..4])).abs() < 1e-12);
        let scores: Vec<f64> = rows.chunks(4).skip(1).map(|row| forest.score(row)).collect();
        let above = scores.iter().filter(|s| **s >= odd).count();
        assert!(above < 20, "{above} of 2000 rows look odder than the odd one");
        let best = credit.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at);
        assert_eq!(best, Some(2), "{credit:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_forest() {
        let rows: Vec<f64> = (0..400).map(|v| f64::from(v % 37)).collect();
        assert_eq!(Forest::grow(&rows, 4, 10, 64, 3), Forest::grow(&rows, 4, 10, 64, 3));
    }

    #[test]
    fn constant_columns_and_few_rows_are_no_trouble() {
        let forest = Forest::grow(&[1.0; 40], 4, 10, 256, 3);
        assert!(forest.score(&[1.0; 4]).is_finite());
        let empty = Forest::grow(&[], 4, 10, 256, 3);
        assert!((empty.score(&[0.0; 4]) - 0.5).abs() < 1e-12);
    }
}
