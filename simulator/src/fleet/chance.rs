//! Chance that repeats itself: every thing draws from a stream of its own, named by what it is, so that adding a
//! station changes nothing for the others.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The stream of the thing `what` with the numbers `a` and `b`, in the fleet of `seed`.
#[must_use]
pub fn stream(seed: u64, what: &str, a: u64, b: u64) -> ChaCha8Rng {
    // FNV-1a: stable for ever, unlike the standard library's hasher.
    let name = what.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut key = [0; 32];
    for (part, value) in key.chunks_exact_mut(8).zip([seed, name, a, b]) {
        part.copy_from_slice(&value.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// A normally distributed number.
pub fn normal(rng: &mut ChaCha8Rng, mean: f64, deviation: f64) -> f64 {
    let unit: f64 = StandardNormal.sample(rng);
    unit.mul_add(deviation, mean)
}

/// One of `choices`, by their weights. The weights must not all be 0.
pub fn weighted<'a, T>(rng: &mut ChaCha8Rng, choices: &'a [(T, f64)]) -> &'a T {
    let total: f64 = choices.iter().map(|(_, weight)| weight).sum();
    let mut at = rng.random::<f64>() * total;
    for (choice, weight) in choices {
        at -= weight;
        if at < 0.0 {
            return choice;
        }
    }
    // Only rounding comes here.
    &choices[choices.len() - 1].0
}
