//! Events to bytes and back, and through the fold: what one message costs before and after the disk.

use std::hint::black_box;

use station::event::{EventKind, Source, StationEvent};
use station::fold::{Fold, Rows};
use station::id::StationId;
use station::measurand::{Context, Location, Measurand, Reading, Sample};
use station::time::Timestamp;

use crate::RUNS;
use crate::machine::thread_cpu_ns;

const ROUNDS: u32 = 100_000;

pub(crate) fn run() -> anyhow::Result<()> {
    let event = five_readings()?;
    let mut bytes = Vec::new();
    proto::event::encode(&event, &mut bytes);
    println!("meter values with five readings, {} bytes as an event; CPU ns each", bytes.len());
    println!(
        "{:>4} {:>8} {:>8} {:>8} {:>14} {:>10}",
        "run", "encode", "decode", "fold", "fold and rows", "lines"
    );
    for run in 1..=RUNS {
        let mut buffer = Vec::with_capacity(1_024);
        let encode = each(|_| {
            buffer.clear();
            proto::event::encode(black_box(&event), &mut buffer);
        })?;
        let decode = each(|_| drop(black_box(proto::event::decode(black_box(&bytes)))))?;
        let mut next = event.clone();
        let mut fold = Fold::default();
        let answering = each(|n| {
            later(&mut next, n);
            black_box(fold.apply(&next, &mut Rows::ignored()));
        })?;
        let (mut fold, mut rows) = (Fold::default(), Rows::wanted());
        let writing = each(|n| {
            later(&mut next, n);
            rows.facts.clear();
            black_box(fold.apply(&next, &mut rows));
        })?;
        let mut batch = store::ilp::Batch::new();
        let lines = each(|n| {
            if n.is_multiple_of(10_000) {
                batch.clear();
            }
            rows.facts.iter().for_each(|fact| batch.push_fact(u64::from(n), fact));
        })?;
        println!("{run:>4} {encode:>8} {decode:>8} {answering:>8} {writing:>14} {lines:>10}");
    }
    Ok(())
}

fn each(mut work: impl FnMut(u32)) -> anyhow::Result<u64> {
    let before = thread_cpu_ns()?;
    (0..ROUNDS).for_each(&mut work);
    Ok((thread_cpu_ns()? - before) / u64::from(ROUNDS))
}

/// The same said again would be recognised.
fn later(event: &mut StationEvent, n: u32) {
    event.digest = u64::from(n) + 1;
    event.message_id = Some(n.to_string());
}

fn five_readings() -> anyhow::Result<StationEvent> {
    let readings = [
        (Measurand::EnergyImportRegister, 1_234_567.0, "Wh"),
        (Measurand::PowerImport, 7_400.0, "W"),
        (Measurand::CurrentImport, 32.0, "A"),
        (Measurand::Voltage, 231.0, "V"),
        (Measurand::Soc, 0.8, "ratio"),
    ];
    let readings = readings.map(|(measurand, value, unit)| Reading {
        measurand,
        context: Context::Periodic,
        location: Location::Outlet,
        phase: None,
        value: Some(value),
        text: None,
        unit: unit.to_owned(),
    });
    let at = Timestamp(1_700_000_000_000_000);
    let kind = EventKind::MeterSampled {
        transaction: Some("1234567".to_owned()),
        samples: vec![Sample { station_ts: Some(at), readings: readings.to_vec(), ..Sample::default() }],
    };
    Ok(StationEvent {
        message_id: Some("0b8f3f4e-0a6e-4d6e-8a43-3c2a7b1e8d55".to_owned()),
        connector: Some(1),
        station_ts: Some(at),
        received_at: at,
        ..StationEvent::new(StationId::new("CP-000123")?, Source::Ocpp16, kind)
    })
}
