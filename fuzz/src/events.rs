//! Events as the journal holds them, each after its length (two bytes): whatever they say, the folds go on.

use crate::fold::Folds;

pub(crate) fn run(mut data: &[u8]) {
    let mut folds = Folds::default();
    while let Some((length, rest)) = data.split_at_checked(2) {
        let length = usize::from(u16::from_le_bytes([length[0], length[1]])).min(rest.len());
        let (bytes, rest) = rest.split_at(length);
        data = rest;
        if let Ok(event) = proto::event::decode(bytes) {
            folds.fold(&event);
        }
    }
}
