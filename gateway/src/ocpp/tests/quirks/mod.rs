//! What real stations send, and what lies beside the book: each quirk with its source, the answer that it gets and the row
//! that it becomes, over a real socket and through the real fold.

mod connecting;
mod envelope;
mod meters;
mod rows;
mod times;
mod transactions;
mod wire;
mod words;

use std::collections::HashSet;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::support::{Endpoint, Station};
use crate::ocpp::Config;

pub(super) const V16: &str = "ocpp1.6";
pub(super) const V201: &str = "ocpp2.0.1";
pub(super) const V21: &str = "ocpp2.1";

/// One thing that stations do.
pub(super) struct Quirk {
    /// What they do.
    name: &'static str,
    /// Where that is known from: a chapter of the standard, or what was seen.
    source: &'static str,
    /// The subprotocol.
    version: &'static str,
    /// What is sent before, and not looked at; the BootNotification comes first of all.
    before: &'static [&'static str],
    /// What is sent. `{now}` and the like are times, `{tx}` is the transaction id that was answered last.
    sent: &'static str,
    /// How the answer begins, after its type; `None` where there is none.
    answer: Option<&'static str>,
    /// What is somewhere in one of the rows; empty where there is no row.
    row: &'static str,
    /// That row's flags.
    flags: &'static str,
    /// With which error a station is answered that is taken by the letter; `None` where it is answered the same.
    strict: Option<&'static str>,
}

/// A quirk that is sent after nothing but the boot.
pub(super) const fn quirk(
    (name, source, version): (&'static str, &'static str, &'static str),
    sent: &'static str,
    answer: Option<&'static str>,
    (row, flags): (&'static str, &'static str),
) -> Quirk {
    Quirk { name, source, version, before: &[], sent, answer, row, flags, strict: None }
}

impl Quirk {
    /// The same after other messages.
    pub(super) const fn after(self, before: &'static [&'static str]) -> Self {
        Self { before, ..self }
    }

    /// What is answered to it by the letter.
    pub(super) const fn strict(self, code: &'static str) -> Self {
        Self { strict: Some(code), ..self }
    }

    /// Whether this is what a station gets that is taken by the letter, and all that is kept.
    fn is_refused(&self, answer: Option<&str>, rows: &[rows::Row], code: &str) -> bool {
        let is_told = answer
            .is_some_and(|answer| answer.starts_with("[4,") && answer.contains(&format!(",\"{code}\",\"")));
        let [row] = rows else { return false };
        is_told && row.text.starts_with("rejected ") && row.text.contains("is taken by the letter")
    }
}

const BOOT_16: &str = r#"[2,"boot","BootNotification",{"chargePointVendor":"Acme","chargePointModel":"X"}]"#;
const BOOT_2X: &str = r#"[2,"boot","BootNotification",{"reason":"PowerUp","chargingStation":{"vendorName":"Acme","model":"X"}}]"#;
/// Asked after each quirk: whatever came, the connection goes on.
const NEXT: &str = r#"[2,"next","Heartbeat",{}]"#;

fn all() -> impl Iterator<Item = &'static Quirk> {
    [envelope::QUIRKS, times::QUIRKS, meters::QUIRKS, words::QUIRKS, transactions::QUIRKS]
        .into_iter()
        .flatten()
}

/// What a station sends, with the times of now in it.
fn filled(text: &str, now: DateTime<Utc>, transaction: &str) -> String {
    let at = |minutes| (now + TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Millis, true);
    let bare = now.format("%Y-%m-%dT%H:%M:%S").to_string();
    text.replace("{now}", &at(0))
        .replace("{earlier}", &at(-30))
        .replace("{ahead}", &at(120))
        .replace("{bare}", &bare)
        .replace("{spaced}", &bare.replace('T', " "))
        .replace("{lower}", &at(0).to_lowercase())
        .replace("{minute}", &now.format("%Y-%m-%dT%H:%M").to_string())
        .replace("{unix}", &now.timestamp().to_string())
        .replace("{millis}", &now.timestamp_millis().to_string())
        .replace("{tx}", transaction)
}

fn is_next(answer: &str) -> bool {
    answer.get(1..).is_some_and(|rest| rest.starts_with(r#"3,"next","#) || rest.starts_with(r#"4,"next","#))
}

/// The number after `"transactionId":`.
fn transaction_of(answer: &str) -> Option<String> {
    let (_, rest) = answer.split_once("\"transactionId\":")?;
    Some(rest.chars().take_while(char::is_ascii_digit).collect())
}

async fn played(endpoint: &Endpoint, quirk: &Quirk, name: String, by_letter: bool) -> Result<(), String> {
    let mut client: Station = endpoint.connect(&name, quirk.version).await;
    let now = Utc::now();
    let mut transaction = String::from("0");
    let boot = if quirk.version == V16 { BOOT_16 } else { BOOT_2X };
    if quirk.before != ["no boot"] {
        for message in [boot].iter().chain(quirk.before) {
            let answer = client.call(&filled(message, now, &transaction)).await;
            transaction = transaction_of(&answer).unwrap_or(transaction);
        }
    }
    let mark = rows::count(endpoint);
    client.send(&filled(quirk.sent, now, &transaction)).await;
    client.send(NEXT).await;
    let mut answers = vec![client.receive().await];
    if !is_next(&answers[0]) {
        answers.push(client.receive().await);
    }
    if !answers.pop().is_some_and(|next| is_next(&next)) {
        return Err("the connection did not go on".to_owned());
    }
    let answer = answers.pop();
    let rows = rows::of(endpoint, mark, &name);
    if let Some(code) = quirk.strict.filter(|_| by_letter) {
        let of_quirk = &rows[..rows.len().min(1)];
        return if quirk.is_refused(answer.as_deref(), of_quirk, code) {
            Ok(())
        } else {
            Err(format!("answered {answer:?}, expected {code}; rows {rows:#?}"))
        };
    }
    let is_answered = match (&answer, quirk.answer) {
        (Some(answer), Some(begin)) => answer.starts_with(&filled(begin, now, &transaction)),
        (answer, begin) => answer.is_none() && begin.is_none(),
    };
    let is_kept = match quirk.row {
        "" => rows.is_empty(),
        part => rows.iter().any(|row| row.text.contains(part) && row.flags == quirk.flags),
    };
    if is_answered && is_kept {
        return Ok(());
    }
    Err(format!(
        "answered {answer:?}, expected {:?}; rows {rows:#?}, expected {:?} [{}]",
        quirk.answer, quirk.row, quirk.flags
    ))
}

#[tokio::test]
async fn every_quirk_gets_its_answer_and_becomes_its_row() {
    let endpoint = Endpoint::folded(Config::default()).await;
    let mut wrong = Vec::new();
    for (number, quirk) in all().enumerate() {
        for (how, by_letter) in [("lenient", false), ("strict", true)] {
            if let Err(what) = played(&endpoint, quirk, format!("{how}-{number}"), by_letter).await {
                wrong.push(format!("{} ({}, {how}): {what}", quirk.name, quirk.version));
            }
        }
    }
    assert!(wrong.is_empty(), "{} quirks:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// A message with its numbers left out: what two quirks must not have in common.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for (at, c) in text.char_indices() {
        match c {
            // The message type is no value.
            '0'..='9' if at > 1 => {
                if !shape.ends_with('#') {
                    shape.push('#');
                }
            }
            _ => shape.push(c),
        }
    }
    shape
}

#[test]
fn there_are_many_quirks_and_no_two_are_the_same() {
    let (mut names, mut shapes) = (HashSet::new(), HashSet::new());
    for quirk in all() {
        assert!(names.insert(quirk.name), "{} is there twice", quirk.name);
        assert!(!quirk.source.is_empty(), "{} has no source", quirk.name);
        let is_new = shapes.insert((quirk.version, shape(quirk.sent), quirk.before.concat()));
        assert!(is_new, "{} differs from another quirk only in a number", quirk.name);
    }
    assert!(names.len() >= 80, "only {} quirks", names.len());
}
