//! `ampwarden import sessions`: the file goes to the gateway piece by piece; the gateway journals each row as it does
//! what stations say.

use std::io::BufReader;

use anyhow::Context;
use clap::Args;
use gateway::csv::{Import, ImportAnswer, Piece, PostError, RejectedRow};
use station::mqtt::record::{Mapping, MappingFile, read};
use station::secret::SecretKey;

use super::{Outcome, Source, open, progress};
use crate::api::{Api, Refusal};

/// Whole sessions.
#[derive(Args, Debug)]
pub(crate) struct Sessions {
    #[command(flatten)]
    source: Source,
    /// IANA time zone of times that say none; goes before the mapping's.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

impl Sessions {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let mut file = self.source.mapping("columns20")?;
        if self.time_zone.is_some() {
            file.time_zone = self.time_zone;
        }
        let mapping = Mapping::new(file.clone())?;
        mapping.check_sessions()?;
        let api = self.source.api.connect();
        let name = self.source.name();
        let mut first = true;
        let mut post = |piece: &Piece| {
            if self.source.dry_run {
                return decode(&mapping, piece);
            }
            if std::mem::take(&mut first) {
                refuse_if_nothing_fits(&mapping, piece)?;
            }
            send(&api, &file, &name, piece)
        };

        let input = open(&self.source.file)?;
        let bar = progress(input.metadata().map_or(0, |metadata| metadata.len()), "bytes");
        let import = Import {
            post: &mut post,
            progress: &mut |so_far| {
                bar.set_position(so_far.bytes);
                bar.set_message(format!("{} rows", so_far.rows));
            },
            wait: &mut |pause| {
                bar.set_message(format!(
                    "the gateway cannot take more now: trying again in {} s",
                    pause.as_secs_f32()
                ));
                std::thread::sleep(pause);
            },
        };
        let summary = import.run(BufReader::new(input)).with_context(|| self.source.trouble());
        bar.finish_and_clear();
        let summary = summary?;
        Ok(Outcome {
            what: "sessions",
            dry: self.source.dry_run,
            taken: summary.taken,
            there_already: summary.duplicate,
            rejected: summary.rejected,
            first_rejected: summary.first_rejected.into_iter().map(|row| (row.line, row.reason)).collect(),
        })
    }
}

/// With the wrong mapping every row would be kept as rejected: better none is sent.
fn refuse_if_nothing_fits(mapping: &Mapping, piece: &Piece) -> Result<(), PostError> {
    let answer = decode(mapping, piece)?;
    match answer.rejected.first() {
        Some(row) if answer.taken == 0 => Err(PostError::Never(format!(
            "none of the first {} rows can be read (is --mapping right? presets: {}). Line {}: {}",
            answer.rejected.len(),
            Mapping::preset_names()[..4].join(", "),
            row.line,
            row.reason
        ))),
        _ => Ok(()),
    }
}

/// Sends a piece to the gateway.
fn send(api: &Api, mapping: &MappingFile, name: &str, piece: &Piece) -> Result<ImportAnswer, PostError> {
    let mapping = serde_json::to_string(mapping).map_err(|error| PostError::Never(error.to_string()))?;
    let offset = piece.line_offset.to_string();
    let parameters = [("mapping", mapping.as_str()), ("file", name), ("line_offset", &offset)];
    api.post_text("/v1/import/sessions", &parameters, piece.content_type, &piece.body).map_err(|error| {
        let text = format!("{error:#}");
        match error.downcast_ref::<Refusal>() {
            Some(Refusal::Busy(_)) | None => PostError::Later(text),
            Some(_) => PostError::Never(text),
        }
    })
}

/// Reads a piece as the gateway would, and keeps nothing of it.
fn decode(mapping: &Mapping, piece: &Piece) -> Result<ImportAnswer, PostError> {
    let rows = read(mapping, &SecretKey::new(b"nothing is kept"), piece.body.as_bytes())
        .map_err(|error| PostError::Never(error.to_string()))?;
    let mut answer = ImportAnswer::default();
    for row in rows {
        match row.said {
            Ok(_) => answer.taken += 1,
            Err(error) => answer.rejected.push(RejectedRow {
                line: row.line.saturating_add_signed(piece.line_offset),
                reason: error.to_string(),
            }),
        }
    }
    Ok(answer)
}
