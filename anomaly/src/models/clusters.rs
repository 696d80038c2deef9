//! Groups of alike sessions: KMeans (linfa), the number of groups by silhouette and balance, and an honest "no
//! structure" where noise would give groups just as good.

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::KMeans;
use ndarray::{Array2, ArrayView2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Most groups that are tried.
const GROUPS_MAX: usize = 8;
/// Rows on which KMeans learns; more change the centres little.
const FIT_ROWS: usize = 4000;
/// Rows on which silhouettes are computed (their cost is quadratic).
const SILHOUETTE_ROWS: usize = 800;
/// A group with a smaller part of the rows is not a group but a handful of outliers.
const SHARE_MIN: f64 = 0.02;
/// By how much the silhouette must exceed that of structureless rows in the same ranges.
const ABOVE_NOISE: f64 = 0.08;
/// The lowest silhouette that is called structure at all.
const SILHOUETTE_MIN: f64 = 0.25;
/// Values beyond this many scales are drawn in: outliers would otherwise be groups of their own.
const SCALED_MAX: f64 = 4.0;

/// One group.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cluster {
    /// Its middle, on the scale of the rows that were given.
    pub center: Vec<f64>,
    /// Its middle, scaled.
    scaled: Vec<f64>,
    /// How many rows of the training belong to it.
    pub sessions: u64,
    /// Their share.
    pub share: f64,
}

/// The groups that were found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Clusters {
    /// The largest first; empty where there is no structure.
    pub clusters: Vec<Cluster>,
    /// Mean silhouette of the best grouping, −1 to 1, even where it was not good enough.
    pub silhouette: Option<f64>,
    /// Mean silhouette of structureless rows in the same ranges, grouped alike.
    pub noise_silhouette: Option<f64>,
    middle: Vec<f64>,
    scale: Vec<f64>,
}

impl Clusters {
    /// Looks for groups. `rows` are finite, `columns` values each.
    #[must_use]
    pub fn find(rows: &[f64], columns: usize, seed: u64) -> Self {
        let count = rows.len() / columns.max(1);
        let (middle, scale) = scaling(rows, columns);
        let mut found =
            Self { clusters: Vec::new(), silhouette: None, noise_silhouette: None, middle, scale };
        if count < 50 {
            return found;
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let fit = found.scaled_sample(rows, columns, FIT_ROWS, &mut random);
        let mut best: Option<(f64, f64, Array2<f64>)> = None;
        for groups in 2..=GROUPS_MAX {
            let Some((centers, silhouette, balance)) = group(&fit, groups) else { continue };
            if balance < SHARE_MIN {
                continue;
            }
            // More groups must be clearly better, or people get finer words without more meaning.
            let worth = silhouette - 0.005 * groups as f64;
            if best.as_ref().is_none_or(|(most, ..)| worth > *most) {
                best = Some((worth, silhouette, centers));
            }
        }
        let Some((_, silhouette, centers)) = best else { return found };
        found.silhouette = Some(silhouette);
        let noise = noise_like(&fit, &mut random);
        let noise_silhouette = group(&noise, centers.nrows()).map_or(0.0, |(_, s, _)| s);
        found.noise_silhouette = Some(noise_silhouette);
        if silhouette < SILHOUETTE_MIN || silhouette < noise_silhouette + ABOVE_NOISE {
            return found;
        }
        found.clusters = centers
            .axis_iter(Axis(0))
            .map(|center| Cluster {
                center: center
                    .iter()
                    .zip(found.middle.iter().zip(&found.scale))
                    .map(|(value, (middle, scale))| value * scale + middle)
                    .collect(),
                scaled: center.to_vec(),
                sessions: 0,
                share: 0.0,
            })
            .collect();
        for row in rows.chunks_exact(columns) {
            if let Some(at) = found.nearest(row) {
                found.clusters[at].sessions += 1;
            }
        }
        for cluster in &mut found.clusters {
            cluster.share = cluster.sessions as f64 / count as f64;
        }
        found.clusters.sort_by_key(|c| std::cmp::Reverse(c.sessions));
        found
    }

    /// The group that a row belongs to.
    #[must_use]
    pub fn nearest(&self, row: &[f64]) -> Option<usize> {
        let distance = |cluster: &Cluster| -> f64 {
            row.iter()
                .enumerate()
                .map(|(column, value)| (self.scaled(*value, column) - cluster.scaled[column]).powi(2))
                .sum()
        };
        let distances = self.clusters.iter().map(distance).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
    }

    /// By how many scales a group's middle lies above the middle of all, column by column.
    #[must_use]
    pub fn apart(&self, cluster: usize) -> &[f64] {
        &self.clusters[cluster].scaled
    }

    fn scaled(&self, value: f64, column: usize) -> f64 {
        ((value - self.middle[column]) / self.scale[column]).clamp(-SCALED_MAX, SCALED_MAX)
    }

    fn scaled_sample(
        &self,
        rows: &[f64],
        columns: usize,
        most: usize,
        random: &mut ChaCha8Rng,
    ) -> Array2<f64> {
        let count = rows.len() / columns;
        let chosen = rand::seq::index::sample(random, count, count.min(most));
        let mut sample = Array2::zeros((chosen.len(), columns));
        for (to, from) in chosen.into_iter().enumerate() {
            for column in 0..columns {
                sample[[to, column]] = self.scaled(rows[from * columns + column], column);
            }
        }
        sample
    }

    /// Whether a file that was read has the right shape.
    #[must_use]
    pub fn is_sound(&self, columns: usize) -> bool {
        self.middle.len() == columns
            && self.scale.len() == columns
            && self.clusters.iter().all(|c| c.scaled.len() == columns && c.center.len() == columns)
    }
}

/// Mean and standard deviation of each column.
fn scaling(rows: &[f64], columns: usize) -> (Vec<f64>, Vec<f64>) {
    let count = (rows.len() / columns.max(1)).max(1) as f64;
    (0..columns)
        .map(|column| {
            let values = || rows.iter().skip(column).step_by(columns);
            let mean = values().sum::<f64>() / count;
            let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            (mean, variance.sqrt().max(1e-9))
        })
        .unzip()
}

/// Groups rows: centres, silhouette, share of the smallest group. `None` where KMeans gives up.
fn group(rows: &Array2<f64>, groups: usize) -> Option<(Array2<f64>, f64, f64)> {
    let dataset = DatasetBase::from(rows.clone());
    let model = KMeans::params(groups).n_runs(3).max_n_iterations(60).tolerance(1e-3).fit(&dataset).ok()?;
    let labels = model.predict(rows);
    let mut sizes = vec![0usize; groups];
    for label in &labels {
        sizes[*label] += 1;
    }
    let smallest = *sizes.iter().min()? as f64 / rows.nrows() as f64;
    let sample = rows.nrows().min(SILHOUETTE_ROWS);
    let part = rows.slice_axis(Axis(0), ndarray::Slice::from(..sample));
    let silhouette = silhouette(part, &labels.as_slice()?[..sample], groups);
    Some((model.centroids().clone(), silhouette, smallest))
}

/// The mean silhouette (Rousseeuw 1987).
fn silhouette(rows: ArrayView2<'_, f64>, labels: &[usize], groups: usize) -> f64 {
    let mut total = 0.0;
    let mut sums = vec![0.0; groups];
    let mut sizes = vec![0usize; groups];
    for label in labels {
        sizes[*label] += 1;
    }
    for (at, row) in rows.outer_iter().enumerate() {
        sums.fill(0.0);
        for (other, label) in rows.outer_iter().zip(labels) {
            sums[*label] += row.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        }
        let own = labels[at];
        if sizes[own] < 2 {
            continue;
        }
        let inside = sums[own] / (sizes[own] - 1) as f64;
        let outside = (0..groups)
            .filter(|group| *group != own && sizes[*group] > 0)
            .map(|group| sums[group] / sizes[group] as f64)
            .fold(f64::INFINITY, f64::min);
        if outside.is_finite() {
            total += (outside - inside) / inside.max(outside).max(1e-12);
        }
    }
    total / labels.len().max(1) as f64
}

/// Rows that are spread evenly over the same ranges: what "no structure" looks like.
fn noise_like(rows: &Array2<f64>, random: &mut ChaCha8Rng) -> Array2<f64> {
    let mut noise = Array2::zeros(rows.raw_dim());
    for (column, mut to) in rows.columns().into_iter().zip(noise.columns_mut()) {
        let low = column.iter().copied().fold(f64::INFINITY, f64::min);
        let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for value in &mut to {
            *value = if low < high { random.random_range(low..high) } else { low };
        }
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(random: &mut ChaCha8Rng) -> f64 {
        let (a, b): (f64, f64) = (random.random_range(f64::EPSILON..1.0), random.random());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    /// The adjusted Rand index of two labelings.
    fn adjusted_rand(a: &[usize], b: &[usize]) -> f64 {
        let pairs = |n: f64| n * (n - 1.0) / 2.0;
        let (ka, kb) = (a.iter().max().map_or(0, |m| m + 1), b.iter().max().map_or(0, |m| m + 1));
        let mut table = vec![vec![0.0; kb]; ka];
        for (x, y) in a.iter().zip(b) {
            table[*x][*y] += 1.0;
        }
        let both: f64 = table.iter().flatten().map(|n| pairs(*n)).sum();
        let rows: f64 = table.iter().map(|row| pairs(row.iter().sum())).sum();
        let columns: f64 = (0..kb).map(|y| pairs(table.iter().map(|row| row[y]).sum())).sum();
        let expected = rows * columns / pairs(a.len() as f64);
        (both - expected) / (0.5 * (rows + columns) - expected)
    }

    #[test]
    fn known_blobs_are_found() {
        for seed in 0..5 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let middles =
                [[0.0, 0.0, 0.0, 0.0], [6.0, 6.0, 0.0, 0.0], [0.0, 6.0, 6.0, 0.0], [6.0, 0.0, 6.0, 3.0]];
            let mut rows = Vec::new();
            let mut truth = Vec::new();
            for _ in 0..1500 {
                let blob = random.random_range(0..4);
                truth.push(blob);
                rows.extend(middles[blob].map(|m: f64| m + normal(&mut random)));
            }
            let found = Clusters::find(&rows, 4, seed);
            assert_eq!(found.clusters.len(), 4, "silhouette {:?}", found.silhouette);
            let labels: Vec<usize> = rows.chunks(4).map(|row| found.nearest(row).expect("a group")).collect();
            let ari = adjusted_rand(&truth, &labels);
            assert!(ari >= 0.9, "seed {seed}: {ari}");
        }
    }

    #[test]
    fn noise_has_no_structure() {
        for seed in 0..3 {
            for columns in [2, 6] {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let even: Vec<f64> = (0..1000 * columns).map(|_| random.random()).collect();
                let bell: Vec<f64> = (0..1000 * columns).map(|_| normal(&mut random)).collect();
                for (kind, rows) in [("even", even), ("bell", bell)] {
                    let found = Clusters::find(&rows, columns, seed);
                    assert_eq!(
                        found.clusters.len(),
                        0,
                        "{kind} noise in {columns} columns: silhouette {:?} against {:?}",
                        found.silhouette,
                        found.noise_silhouette
                    );
                }
            }
        }
    }

    #[test]
    fn few_rows_have_no_structure() {
        assert!(Clusters::find(&[1.0; 40], 4, 1).clusters.is_empty());
    }
}
