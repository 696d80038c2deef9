//! The client's side: cuts a file into pieces, and sends each until it is taken. How a piece is sent is the caller's.

use std::io::{self, BufRead};
use std::time::Duration;

use super::{ImportAnswer, RejectedRow};

/// Rows of one piece.
pub const PIECE_ROWS: usize = 1_000;
/// Bytes of one piece, about: the server takes 16 MiB.
const PIECE_BYTES: usize = 2 << 20;
/// Rejected rows that a summary names; the rest is counted.
const REJECTED_SHOWN: usize = 20;
const WAIT_FIRST: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(30);
/// With waits that double up to [`WAIT_MAX`]: about five minutes.
const TRIES: u32 = 15;

/// A part of a file, with its header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// What to send.
    pub body: String,
    /// What to add to a line's number in the piece to get its number in the file (`line_offset`).
    pub line_offset: i64,
    /// `text/csv` or `application/x-ndjson`.
    pub content_type: &'static str,
}

/// Why a piece was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PostError {
    /// It may be taken later: the server does not answer, or says 503 or 429.
    Later(String),
    /// It never will be.
    Never(String),
}

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Bytes of the file.
    pub bytes: u64,
    /// Rows, whatever became of them.
    pub rows: u64,
}

/// What became of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// New sessions.
    pub taken: u64,
    /// Sessions that were there already.
    pub duplicate: u64,
    /// Rows that could not be taken.
    pub rejected: u64,
    /// The first of them.
    pub first_rejected: Vec<RejectedRow>,
    /// Pieces that were sent more than once: what they had brought in already counts as duplicate.
    pub sent_again: u64,
}

/// Why an import ended early. What was taken until then stays; running it again goes on.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file.
    #[error("the file cannot be read at line {line}: {source}")]
    Read {
        /// Where.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// Nothing there.
    #[error("the file is empty")]
    Empty,
    /// A list of JSON objects that is none.
    #[error("the file begins like a list of JSON objects, but is none: {0}")]
    Json(serde_json::Error),
    /// The server does not take a piece.
    #[error(
        "lines from {line} on were not taken: {why}; what came before them is stored, run the import again"
    )]
    Refused {
        /// Where the piece begins.
        line: u64,
        /// Why.
        why: String,
    },
}

/// An import while it runs.
pub struct Import<'a> {
    /// Sends a piece.
    pub post: &'a mut dyn FnMut(&Piece) -> Result<ImportAnswer, PostError>,
    /// Is told how far it has come, after each piece.
    pub progress: &'a mut dyn FnMut(Progress),
    /// Waits before a piece is sent again.
    pub wait: &'a mut dyn FnMut(Duration),
}

impl Import<'_> {
    /// Sends all of `reader`: CSV with a header, JSON Lines, or one list of JSON objects.
    ///
    /// # Errors
    /// When the file cannot be read, or a piece is not taken.
    pub fn run(mut self, reader: impl BufRead) -> Result<Summary, ImportError> {
        let mut lines = Lines { reader, number: 0, bytes: 0 };
        let mut first = String::new();
        while first.trim_matches([' ', '\t', '\r', '\n', '\u{feff}']).is_empty() {
            first.clear();
            if !lines.read(&mut first)? {
                return Err(ImportError::Empty);
            }
        }
        let text = first.trim_start_matches('\u{feff}').to_owned();
        let mut sender =
            Sender { import: &mut self, summary: Summary::default(), progress: Progress::default() };
        match text.trim_start().as_bytes().first() {
            Some(b'[') => sender.list(lines, text)?,
            Some(b'{') => sender.lines(lines, None, text)?,
            _ => {
                // A quoted name of a column may run over lines; then the header is longer than one.
                let mut header = text;
                while header.matches('"').count() % 2 == 1 && lines.read(&mut header)? {}
                sender.lines(lines, Some(header), String::new())?;
            }
        }
        Ok(sender.summary)
    }
}

/// A file's lines, with where they stand.
struct Lines<R> {
    reader: R,
    number: u64,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    /// Appends a line with its end. False at the end of the file. What is no UTF-8 is replaced: exports in other
    /// encodings differ from it only in names.
    fn read(&mut self, text: &mut String) -> Result<bool, ImportError> {
        let mut line = Vec::new();
        let read = self.reader.read_until(b'\n', &mut line);
        let read = read.map_err(|source| ImportError::Read { line: self.number + 1, source })?;
        self.number += u64::from(read > 0);
        self.bytes += read as u64;
        text.push_str(&String::from_utf8_lossy(&line));
        Ok(read > 0)
    }
}

struct Sender<'a, 'b> {
    import: &'a mut Import<'b>,
    summary: Summary,
    progress: Progress,
}

impl Sender<'_, '_> {
    /// Sends a file of lines. `begin` is what was read of the first piece already.
    fn lines<R: BufRead>(
        &mut self,
        mut lines: Lines<R>,
        header: Option<String>,
        begin: String,
    ) -> Result<(), ImportError> {
        let content_type = if header.is_some() { "text/csv" } else { "application/x-ndjson" };
        let mut header = header.unwrap_or_default();
        if !header.is_empty() && !header.ends_with('\n') {
            header.push('\n');
        }
        let header_lines = i64::try_from(header.matches('\n').count()).unwrap_or(0);
        let mut body = begin;
        loop {
            let begun = u64::from(!body.is_empty());
            let first_line = lines.number + 1 - begun;
            let mut rows = begun;
            let mut quotes = body.matches('"').count();
            let mut more = true;
            let mut quoted_lines = 0;
            // A quoted text that runs over lines is not cut, unless it seems to run on for ever.
            while (rows as usize) < PIECE_ROWS && body.len() < PIECE_BYTES
                || (quotes % 2 == 1 && !header.is_empty() && quoted_lines < 8)
            {
                let before = body.len();
                more = lines.read(&mut body)?;
                if !more {
                    break;
                }
                if (rows as usize) >= PIECE_ROWS || before >= PIECE_BYTES {
                    quoted_lines += 1;
                }
                quotes += body[before..].matches('"').count();
                rows += 1;
            }
            if !body.trim().is_empty() {
                let line_offset = i64::try_from(first_line).unwrap_or(i64::MAX) - 1 - header_lines;
                self.send(&Piece { body: format!("{header}{body}"), line_offset, content_type }, first_line)?;
            }
            self.progress.bytes = lines.bytes;
            (self.import.progress)(self.progress);
            if !more {
                return Ok(());
            }
            body.clear();
        }
    }

    /// Sends one list of JSON objects; an object's number counts as its line.
    fn list<R: BufRead>(&mut self, mut lines: Lines<R>, begin: String) -> Result<(), ImportError> {
        let mut text = begin;
        while lines.read(&mut text)? {}
        let items: Vec<Box<serde_json::value::RawValue>> =
            serde_json::from_str(&text).map_err(ImportError::Json)?;
        for (at, items) in items.chunks(PIECE_ROWS).enumerate() {
            let body: String =
                items.iter().map(|item| item.get().replace(['\r', '\n'], " ") + "\n").collect();
            let before = at * PIECE_ROWS;
            let line_offset = i64::try_from(before).unwrap_or(i64::MAX);
            let piece = Piece { body, line_offset, content_type: "application/x-ndjson" };
            self.send(&piece, before as u64 + 1)?;
            self.progress.bytes = lines.bytes;
            (self.import.progress)(self.progress);
        }
        Ok(())
    }

    fn send(&mut self, piece: &Piece, line: u64) -> Result<(), ImportError> {
        let mut wait = WAIT_FIRST;
        for tried in 1..=TRIES {
            match (self.import.post)(piece) {
                Ok(answer) => {
                    let rejected = answer.rejected.len() as u64;
                    self.progress.rows += answer.taken + answer.duplicate + rejected;
                    self.summary.taken += answer.taken;
                    self.summary.duplicate += answer.duplicate;
                    self.summary.rejected += rejected;
                    let room = REJECTED_SHOWN - self.summary.first_rejected.len().min(REJECTED_SHOWN);
                    self.summary.first_rejected.extend(answer.rejected.into_iter().take(room));
                    self.summary.sent_again += u64::from(tried > 1);
                    return Ok(());
                }
                Err(PostError::Never(why)) => return Err(ImportError::Refused { line, why }),
                Err(PostError::Later(why)) if tried == TRIES => {
                    return Err(ImportError::Refused { line, why: format!("{why} (tried {TRIES} times)") });
                }
                Err(PostError::Later(_)) => {
                    (self.import.wait)(wait);
                    wait = (wait * 2).min(WAIT_MAX);
                }
            }
        }
        Ok(())
    }
}
