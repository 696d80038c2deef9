//! The forest against classical sets whose AUROC is known (ADBench; fit and scored on all rows, mean of 5 seeds, 100
//! trees of 256 rows). The sets are not part of the repository: where they are absent, that is said.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anomaly::models::Forest;

/// AUROC of scikit-learn's IsolationForest, and how near ours must be.
const KNOWN: &[(&str, f64, f64)] = &[
    ("2_annthyroid", 0.827, 0.03),
    ("6_cardio", 0.932, 0.02),
    ("23_mammography", 0.859, 0.02),
    ("28_pendigits", 0.940, 0.02),
    ("38_thyroid", 0.978, 0.02),
    ("44_Wilt", 0.458, 0.04),
];

#[test]
fn the_forest_ranks_as_well_as_the_reference() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/adbench");
    let folder: PathBuf = std::env::var_os("AMPWARDEN_ADBENCH").map_or(folder, PathBuf::from);
    if !folder.is_dir() {
        println!("left out: no ADBench sets (AMPWARDEN_ADBENCH names their folder)");
        return;
    }
    let mut failures = Vec::new();
    for (name, expected, tolerance) in KNOWN {
        let (rows, columns, labels) = read_npz(&folder.join(format!("{name}.npz")));
        let aurocs: Vec<f64> = (0..5)
            .map(|seed| {
                let forest = Forest::grow(&rows, columns, 100, 256, seed);
                let scores: Vec<f64> = rows.chunks(columns).map(|row| forest.score(row)).collect();
                auroc(&scores, &labels)
            })
            .collect();
        let mean = aurocs.iter().sum::<f64>() / aurocs.len() as f64;
        println!("{name}: AUROC {mean:.3}, expected {expected:.3} ± {tolerance}");
        if (mean - expected).abs() > *tolerance {
            failures.push(format!("{name}: {mean:.3} instead of {expected:.3}"));
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

/// The probability that an anomaly scores higher than a normal row; ties count half.
fn auroc(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut rank_sum, mut at) = (0.0, 0);
    while at < order.len() {
        let mut end = at;
        while end < order.len() && scores[order[end]] == scores[order[at]] {
            end += 1;
        }
        let rank = (at + end + 1) as f64 / 2.0;
        rank_sum += rank * order[at..end].iter().filter(|i| labels[**i]).count() as f64;
        at = end;
    }
    let odd = labels.iter().filter(|l| **l).count() as f64;
    let usual = labels.len() as f64 - odd;
    (rank_sum - odd * (odd + 1.0) / 2.0) / (odd * usual)
}

/// Reads the arrays X and y of a NumPy archive: rows one after another, the number of columns, the labels.
fn read_npz(path: &Path) -> (Vec<f64>, usize, Vec<bool>) {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (rows, shape) = read_npy(&zip_entry(&bytes, "X.npy"));
    let (labels, _) = read_npy(&zip_entry(&bytes, "y.npy"));
    (rows, shape[1], labels.into_iter().map(|l| l != 0.0).collect())
}

/// One file of a zip archive, found by its central directory.
fn zip_entry(bytes: &[u8], name: &str) -> Vec<u8> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let u32_at = |at: usize| u16_at(at) | u16_at(at + 2) << 16;
    let end = bytes.windows(4).rposition(|w| w == b"PK\x05\x06").expect("a zip archive");
    let mut at = u32_at(end + 16);
    for _ in 0..u16_at(end + 10) {
        let (name_length, more) = (u16_at(at + 28), u16_at(at + 30) + u16_at(at + 32));
        if &bytes[at + 46..at + 46 + name_length] == name.as_bytes() {
            let (method, length, local) = (u16_at(at + 10), u32_at(at + 20), u32_at(at + 42));
            let data = local + 30 + u16_at(local + 26) + u16_at(local + 28);
            let packed = &bytes[data..data + length];
            if method == 0 {
                return packed.to_vec();
            }
            let mut plain = Vec::new();
            flate2::read::DeflateDecoder::new(packed).read_to_end(&mut plain).expect("deflate");
            return plain;
        }
        at += 46 + name_length + more;
    }
    panic!("no {name} in the archive");
}

/// The values of a NumPy array, row by row, (numbers of any of the sets' types) and its shape.
fn read_npy(bytes: &[u8]) -> (Vec<f64>, Vec<usize>) {
    assert_eq!(&bytes[..6], b"\x93NUMPY");
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = std::str::from_utf8(&bytes[10..10 + header]).expect("a header");
    let after = |key: &str| &text[text.find(key).expect("a key") + key.len()..];
    let by_column = after("'fortran_order': ").starts_with("True");
    let kind = &after("'descr': '")[..3];
    let shape = after("'shape': (");
    let shape: Vec<usize> = shape[..shape.find(')').expect("closed")]
        .split(',')
        .filter_map(|part| part.trim().parse().ok())
        .collect();
    let data = &bytes[10 + header..];
    let values: Vec<f64> = match kind {
        "<f8" => data.chunks(8).map(|c| f64::from_le_bytes(c.try_into().expect("8"))).collect(),
        "<i8" => data.chunks(8).map(|c| i64::from_le_bytes(c.try_into().expect("8")) as f64).collect(),
        "<i4" => data.chunks(4).map(|c| f64::from(i32::from_le_bytes(c.try_into().expect("4")))).collect(),
        "<u2" => data.chunks(2).map(|c| f64::from(u16::from_le_bytes(c.try_into().expect("2")))).collect(),
        "|u1" | "|b1" => data.iter().map(|b| f64::from(*b)).collect(),
        _ => panic!("values of type {kind}"),
    };
    if !by_column {
        return (values, shape);
    }
    let (rows, columns) = (shape[0], shape[1]);
    let by_row = (0..rows * columns).map(|at| values[at % columns * rows + at / columns]).collect();
    (by_row, shape)
}
