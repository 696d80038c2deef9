//! The last answers of a connection: a repeated message (same id, same content) gets the same answer again, without
//! going through the journal.

use std::collections::VecDeque;

/// Stations repeat the message that they had no answer to, so the last few are enough; the fold recognises older ones
/// by itself. More would cost memory for every idle connection.
const ANSWERS: usize = 4;
/// Longer answers are not kept but made anew: only those are that give back what was asked.
const LONGEST: usize = 1024;

/// The last answers, oldest first.
#[derive(Debug, Default)]
pub(super) struct Answers(VecDeque<(u64, Box<str>, Box<str>)>);

impl Answers {
    /// The answer to this message, if it was given.
    pub(super) fn get(&self, digest: u64, id: &str) -> Option<&str> {
        self.0.iter().find(|(d, i, _)| *d == digest && **i == *id).map(|(_, _, answer)| &**answer)
    }

    /// Keeps an answer; the oldest goes.
    pub(super) fn keep(&mut self, digest: u64, id: &str, answer: &str) {
        if answer.len() > LONGEST {
            return;
        }
        if self.0.len() == ANSWERS {
            self.0.pop_front();
        }
        self.0.push_back((digest, id.into(), answer.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_few_are_kept() {
        let mut answers = Answers::default();
        for n in 0..=4u64 {
            answers.keep(n, "id", &n.to_string());
        }
        assert_eq!(answers.get(0, "id"), None, "the oldest went");
        assert_eq!(answers.get(4, "id"), Some("4"));
        assert_eq!(answers.get(4, "other"), None);
        answers.keep(9, "id", &"x".repeat(2000));
        assert_eq!(answers.get(9, "id"), None);
    }
}
