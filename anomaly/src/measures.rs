//! How good a ranking is.

/// The probability that an odd one scores higher than a usual one; ties count half. NaN without both.
#[must_use]
pub fn auroc(scores: &[f64], odd: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut rank_sum, mut at) = (0.0, 0);
    while at < order.len() {
        let mut end = at;
        while end < order.len() && scores[order[end]] == scores[order[at]] {
            end += 1;
        }
        let rank = (at + end + 1) as f64 / 2.0;
        rank_sum += rank * order[at..end].iter().filter(|i| odd[**i]).count() as f64;
        at = end;
    }
    let count = odd.iter().filter(|odd| **odd).count() as f64;
    let usual = odd.len() as f64 - count;
    (rank_sum - count * (count + 1.0) / 2.0) / (count * usual)
}

/// The mean precision over the odd ones, from the highest score on; of equal scores all come at once. NaN without odd
/// ones.
#[must_use]
pub fn average_precision(scores: &[f64], odd: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let all = odd.iter().filter(|odd| **odd).count() as f64;
    let (mut found, mut sum, mut at) = (0.0, 0.0, 0);
    while at < order.len() {
        let mut end = at;
        let mut here = 0.0;
        while end < order.len() && scores[order[end]] == scores[order[at]] {
            here += f64::from(u8::from(odd[order[end]]));
            end += 1;
        }
        found += here;
        sum += here * found / end as f64;
        at = end;
    }
    sum / all
}

/// The mean.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rankings_are_measured() {
        let odd = [false, false, true, true];
        assert_eq!(auroc(&[1.0, 2.0, 3.0, 4.0], &odd), 1.0);
        assert_eq!(auroc(&[1.0, 3.0, 2.0, 4.0], &odd), 0.75);
        assert_eq!(auroc(&[1.0; 4], &odd), 0.5);
        assert_eq!(average_precision(&[1.0, 2.0, 3.0, 4.0], &odd), 1.0);
        assert_eq!(average_precision(&[1.0, 3.0, 2.0, 4.0], &odd), 0.5 * (1.0 + 2.0 / 3.0));
        assert_eq!(average_precision(&[1.0; 4], &odd), 0.5);
    }
}
