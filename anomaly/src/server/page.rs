//! Pages: sizes and tokens.

use tonic::Status;

use super::errors::invalid;

/// Sizes beyond this are cut.
const SIZE_MAX: i32 = 1000;
/// The size if none is asked for.
const SIZE_DEFAULT: i32 = 50;

/// Where a page begins: after `skip` rows with the timestamp `ts_us`, of the list with this filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) ts_us: i64,
    pub(crate) skip: usize,
}

/// How many rows a page may have.
#[allow(clippy::result_large_err)]
pub(crate) fn size(asked: i32) -> Result<usize, Status> {
    match asked {
        ..0 => Err(invalid("page_size", "must not be negative")),
        0 => Ok(usize::try_from(SIZE_DEFAULT).unwrap_or(50)),
        _ => Ok(usize::try_from(asked.min(SIZE_MAX)).unwrap_or(50)),
    }
}

impl Place {
    /// An opaque token that holds for `filter` alone.
    pub(crate) fn token(self, filter: &str) -> String {
        hex::encode(format!("{}:{}:{:08x}", self.ts_us, self.skip, digest(filter)))
    }

    /// Reads a token; none for the empty one.
    #[allow(clippy::result_large_err)]
    pub(crate) fn read(token: &str, filter: &str) -> Result<Option<Self>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let foreign = || invalid("page_token", "is not one that this API has given");
        let bytes = hex::decode(token).map_err(|_| foreign())?;
        let text = String::from_utf8(bytes).map_err(|_| foreign())?;
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or_else(foreign);
        let (ts, skip, of) = (part()?, part()?, part()?);
        if of != format!("{:08x}", digest(filter)) {
            return Err(invalid("page_token", "belongs to a request with other fields"));
        }
        match (ts.parse(), skip.parse()) {
            (Ok(ts_us), Ok(skip)) => Ok(Some(Self { ts_us, skip })),
            _ => Err(foreign()),
        }
    }
}

/// A page of a list that is in memory, and the token of the next.
#[allow(clippy::result_large_err)]
pub(crate) fn of_list<T>(
    mut list: Vec<T>,
    page_size: i32,
    page_token: &str,
    of: &str,
) -> Result<(Vec<T>, String), Status> {
    let size = if page_size == 0 { list.len() } else { size(page_size)? };
    let start = Place::read(page_token, of)?.map_or(0, |place| place.skip).min(list.len());
    let end = (start + size).min(list.len());
    let next = if end < list.len() { Place { ts_us: 0, skip: end }.token(of) } else { String::new() };
    list.truncate(end);
    Ok((list.split_off(start), next))
}

/// FNV-1a: tells requests apart, nothing more.
fn digest(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_for_their_request_alone() {
        let place = Place { ts_us: -5, skip: 3 };
        let token = place.token("a = b");
        assert_eq!(Place::read(&token, "a = b").expect("ours"), Some(place));
        assert!(Place::read(&token, "a = c").is_err());
        assert!(Place::read("zz", "a = b").is_err());
        assert!(Place::read("00", "a = b").is_err());
        assert_eq!(Place::read("", "a = b").expect("none"), None);
    }

    #[test]
    fn lists_are_walked_to_their_end() {
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let (page, next) = of_list((0..7).collect(), 3, &token, "x").expect("a page");
            seen.extend(page);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        assert_eq!(seen, (0..7).collect::<Vec<_>>());
    }
}
