//! Until when a certificate is valid.
//!
//! The TLS library checks certificates of others and does not tell the dates of one's own. The few fields that stand
//! before them are stepped over (RFC 5280, 4.1: `version`, `serialNumber`, `signature`, `issuer`, `validity`).

use std::path::Path;

use chrono::NaiveDateTime;

use super::{TlsError, certificates};

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// When the first certificate of a chain in PEM that ends first is over, Unix seconds.
///
/// # Errors
/// When the file cannot be read as certificates, or one of them has no date.
pub fn valid_until(path: &Path) -> Result<i64, TlsError> {
    let ends: Option<Vec<i64>> =
        certificates(path)?.iter().map(|certificate| not_after(certificate)).collect();
    ends.and_then(|ends| ends.into_iter().min()).ok_or_else(|| TlsError::Date { path: path.to_owned() })
}

fn not_after(certificate: &[u8]) -> Option<i64> {
    let (certificate, _) = take(certificate, SEQUENCE)?;
    let (signed, _) = take(certificate, SEQUENCE)?;
    // Version 1 has none.
    let rest = take(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_, rest) = take(rest, INTEGER)?;
    let (_, rest) = take(rest, SEQUENCE)?;
    let (_, rest) = take(rest, SEQUENCE)?;
    let (validity, _) = take(rest, SEQUENCE)?;
    let (_, rest) = take(validity, UTC_TIME).or_else(|| take(validity, GENERALIZED_TIME))?;
    let text = |content| std::str::from_utf8(content).ok();
    let time = match (take(rest, UTC_TIME), take(rest, GENERALIZED_TIME)) {
        // RFC 5280, 4.1.2.5.1: two digits from 50 on are of the last century.
        (Some((content, _)), _) => {
            let text = text(content)?;
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{text}")
        }
        (_, Some((content, _))) => text(content)?.to_owned(),
        _ => return None,
    };
    Some(NaiveDateTime::parse_from_str(&time, "%Y%m%d%H%M%SZ").ok()?.and_utc().timestamp())
}

/// The content of a DER element with this tag, and what comes after it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (short, rest) = rest.split_first()?;
    let (length, rest) = if *short < 0x80 {
        (usize::from(*short), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(short & 0x7f)).filter(|(b, _)| b.len() <= 4)?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    (*first == tag).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls").join(name)
    }

    #[test]
    fn the_end_of_a_certificate() {
        // openssl x509 -noout -enddate: Oct 28 10:07:55 2126 GMT
        assert_eq!(valid_until(&file("server.pem")).expect("a date"), 4_948_855_675);
        let error = valid_until(&file("server.key")).expect_err("no certificate").to_string();
        assert!(error.ends_with("server.key holds no certificate"), "{error}");
    }

    #[test]
    fn what_is_cut_off_or_changed_has_no_date_and_does_no_harm() {
        let whole = certificates(&file("server.pem")).expect("reads").remove(0).to_vec();
        for length in 0..200.min(whole.len()) {
            let _ = not_after(&whole[..length]);
            let mut changed = whole.clone();
            changed[length] ^= 0xff;
            let _ = not_after(&changed);
        }
        assert_eq!(not_after(&whole[..40]), None);
    }

    #[test]
    fn both_forms_of_time() {
        let with = |tag: u8, time: &str| {
            let element = |tag: u8, content: &[u8]| {
                [&[tag, u8::try_from(content.len()).expect("short")], content].concat()
            };
            let times = [element(UTC_TIME, b"200101000000Z"), element(tag, time.as_bytes())].concat();
            let fields = [
                element(INTEGER, &[7]),
                element(SEQUENCE, &[]),
                element(SEQUENCE, &[]),
                element(SEQUENCE, &times),
            ];
            element(SEQUENCE, &element(SEQUENCE, &fields.concat()))
        };
        assert_eq!(not_after(&with(UTC_TIME, "491231235959Z")), Some(2_524_607_999));
        assert_eq!(not_after(&with(UTC_TIME, "500101000000Z")), Some(-631_152_000));
        assert_eq!(not_after(&with(GENERALIZED_TIME, "20500101000000Z")), Some(2_524_608_000));
        assert_eq!(not_after(&with(GENERALIZED_TIME, "soon")), None);
    }
}
