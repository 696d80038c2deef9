//! What is read from certificates: whom one names, and until when it holds.
//!
//! rustls verifies certificates, and gives neither the common name nor the end of one. What is read here was verified
//! before, or is the server's own.

use chrono::NaiveDateTime;
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

/// DER tags (X.690, 8).
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const BMP_STRING: u8 = 0x1e;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// Whom a certificate names: the common names of its subject, and the DNS names among its alternative names.
#[must_use]
pub fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let mut names = common_names(certificate).unwrap_or_default();
    if let Ok(certificate) = EndEntityCert::try_from(certificate) {
        names.extend(certificate.valid_dns_names().map(str::to_owned));
    }
    names
}

/// Until when a certificate holds, seconds since 1970; none if it cannot be read.
#[must_use]
pub fn expires_at(certificate: &CertificateDer<'_>) -> Option<i64> {
    let [_, validity, ..] = fields(certificate)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        // RFC 5280, 4.1.2.5.1: two digits from 50 on are of the last century.
        UTC_TIME => format!("{}{text}", if text.get(..2)? >= "50" { "19" } else { "20" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    Some(NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok()?.and_utc().timestamp())
}

fn common_names(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    let [_, _, mut subject] = fields(certificate)?;
    let mut names = Vec::new();
    while let Some((SET, mut parts, rest)) = element(subject) {
        while let Some((SEQUENCE, part, more)) = element(parts) {
            if let Some((OBJECT_ID, COMMON_NAME, value)) = element(part)
                && let Some((tag, value, _)) = element(value)
            {
                names.extend(text(tag, value));
            }
            parts = more;
        }
        subject = rest;
    }
    Some(names)
}

/// Issuer, validity and subject of a certificate (RFC 5280, 4.1).
fn fields<'a>(certificate: &'a CertificateDer<'_>) -> Option<[&'a [u8]; 3]> {
    let (_, certificate, _) = element(certificate)?;
    let (_, to_be_signed, _) = element(certificate)?;
    let (tag, _, after) = element(to_be_signed)?;
    let from_serial = if tag == VERSION { after } else { to_be_signed };
    let (_, _, from_algorithm) = element(from_serial)?;
    let (_, _, from_issuer) = element(from_algorithm)?;
    let (_, issuer, from_validity) = element(from_issuer)?;
    let (_, validity, from_subject) = element(from_validity)?;
    let (_, subject, _) = element(from_subject)?;
    Some([issuer, validity, subject])
}

fn text(tag: u8, value: &[u8]) -> Option<String> {
    if tag == BMP_STRING {
        let units: Vec<u16> =
            value.chunks(2).map(|pair| pair.iter().fold(0, |n, b| n << 8 | u16::from(*b))).collect();
        return String::from_utf16(&units).ok();
    }
    String::from_utf8(value.to_vec()).ok()
}

/// The first element: its tag, its content, and what follows it.
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    use super::*;

    fn certificate(params: &CertificateParams) -> CertificateDer<'static> {
        params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate").der().clone()
    }

    #[test]
    fn common_and_alternative_names_are_read() {
        let mut params = CertificateParams::new(vec!["cp-1.example.org".to_owned()]).expect("names");
        params.distinguished_name.push(DnType::OrganizationName, "Acme");
        params.distinguished_name.push(DnType::CommonName, "Säule 7");
        assert_eq!(names_of(&certificate(&params)), ["Säule 7", "cp-1.example.org"]);
        let wide = "CP".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        let wide = rcgen::string::BmpString::from_utf16be(wide).expect("text");
        params.distinguished_name.push(DnType::CommonName, DnValue::BmpString(wide));
        assert_eq!(names_of(&certificate(&params)), ["CP", "cp-1.example.org"]);
    }

    #[test]
    fn the_end_is_read_in_both_forms() {
        for year in [2031, 2051] {
            let mut params = CertificateParams::new(Vec::new()).expect("names");
            params.not_after = rcgen::date_time_ymd(year, 5, 4);
            assert_eq!(expires_at(&certificate(&params)), Some(params.not_after.unix_timestamp()), "{year}");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_give_nothing() {
        let whole = certificate(&CertificateParams::new(Vec::new()).expect("names")).to_vec();
        for cut in 0..whole.len() {
            let cut = CertificateDer::from(&whole[..cut]);
            assert_eq!((names_of(&cut), expires_at(&cut)), (Vec::new(), None));
        }
    }
}
