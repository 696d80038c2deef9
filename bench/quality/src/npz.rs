//! NumPy archives: as much of them as the ADBench sets need.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use ndarray::{Array2, ShapeBuilder as _};

/// Reads the arrays X (rows of features) and y (1 for odd).
pub(crate) fn read(path: &Path) -> anyhow::Result<(Array2<f64>, Vec<bool>)> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let array = |name: &str| {
        zip_entry(&bytes, name)
            .and_then(|entry| npy(&entry))
            .with_context(|| format!("{}: {name}", path.display()))
    };
    let (values, shape, by_column) = array("X.npy")?;
    let [rows, columns] = shape[..] else { bail!("X of {} has no rows and columns", path.display()) };
    let x = Array2::from_shape_vec((rows, columns).set_f(by_column), values)?;
    let (labels, ..) = array("y.npy")?;
    ensure!(labels.len() == rows, "{}: {} labels for {rows} rows", path.display(), labels.len());
    Ok((x, labels.into_iter().map(|label| label != 0.0).collect()))
}

/// Little-endian bytes at a place.
fn number(bytes: &[u8], at: usize, length: usize) -> anyhow::Result<usize> {
    let bytes = bytes.get(at..at + length).context("the file is cut")?;
    Ok(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// One file of a zip archive, found by its central directory.
fn zip_entry(bytes: &[u8], name: &str) -> anyhow::Result<Vec<u8>> {
    let end = bytes.windows(4).rposition(|w| w == b"PK\x05\x06").context("not a zip archive")?;
    let mut at = number(bytes, end + 16, 4)?;
    for _ in 0..number(bytes, end + 10, 2)? {
        let named = number(bytes, at + 28, 2)?;
        if bytes.get(at + 46..at + 46 + named) == Some(name.as_bytes()) {
            let (method, length, local) =
                (number(bytes, at + 10, 2)?, number(bytes, at + 20, 4)?, number(bytes, at + 42, 4)?);
            let data = local + 30 + number(bytes, local + 26, 2)? + number(bytes, local + 28, 2)?;
            let packed = bytes.get(data..data + length).context("the file is cut")?;
            if method == 0 {
                return Ok(packed.to_vec());
            }
            let mut plain = Vec::new();
            flate2::read::DeflateDecoder::new(packed).read_to_end(&mut plain)?;
            return Ok(plain);
        }
        at += 46 + named + number(bytes, at + 30, 2)? + number(bytes, at + 32, 2)?;
    }
    bail!("not in the archive")
}

/// The values of a NumPy array (numbers of any of the sets' types) as they lie there, its shape, and whether they lie
/// column by column.
fn npy(bytes: &[u8]) -> anyhow::Result<(Vec<f64>, Vec<usize>, bool)> {
    ensure!(bytes.starts_with(b"\x93NUMPY"), "not a NumPy array");
    let header = number(bytes, 8, 2)?;
    let text = std::str::from_utf8(bytes.get(10..10 + header).context("the file is cut")?)?;
    let after = |key: &str| text.split_once(key).map(|(_, rest)| rest).with_context(|| format!("no {key}"));
    let by_column = after("'fortran_order': ")?.starts_with("True");
    let shape = after("'shape': (")?.split(')').next().unwrap_or_default();
    let shape = shape.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    let data = &bytes[10 + header..];
    let kind = after("'descr': '")?.get(..3).unwrap_or_default();
    let values = match kind {
        "<f8" => data.as_chunks().0.iter().map(|c| f64::from_le_bytes(*c)).collect(),
        "<i8" => data.as_chunks().0.iter().map(|c| i64::from_le_bytes(*c) as f64).collect(),
        "<i4" => data.as_chunks().0.iter().map(|c| f64::from(i32::from_le_bytes(*c))).collect(),
        "<u2" => data.as_chunks().0.iter().map(|c| f64::from(u16::from_le_bytes(*c))).collect(),
        "|u1" | "|b1" => data.iter().map(|byte| f64::from(*byte)).collect(),
        _ => bail!("values of type {kind}"),
    };
    Ok((values, shape, by_column))
}
