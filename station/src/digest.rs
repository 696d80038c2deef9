//! Digests that tell facts apart.

use sha2::{Digest, Sha256};

/// 64 bits of SHA-256 over the parts, each with its length before it. Never 0: that stands for "no digest".
#[must_use]
pub fn digest(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let full = hash.finalize();
    u64::from_be_bytes(std::array::from_fn(|i| full[i])).max(1)
}
