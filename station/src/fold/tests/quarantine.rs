//! Stations that nobody registered, and that wait for an operator.

use super::*;

#[test]
fn stations_in_quarantine_are_few_and_leave_nothing_else() {
    let mut play = Play::new(Source::Ocpp16);
    let come = |play: &mut Play, id: usize, boot: Option<Boot>| {
        play.now = play.now.plus_seconds(1);
        let station = StationId::new(&format!("Q{id:04}")).unwrap();
        let quarantined = Quarantined { remote: "10.0.0.7".into(), boot, ..Quarantined::default() };
        play.event(StationEvent::new(station, Source::Ocpp16, EventKind::Quarantined(Box::new(quarantined))))
    };
    for id in 0..=QUARANTINE_MAX {
        come(&mut play, id, None);
    }
    come(&mut play, 7, Some(Boot { vendor: Some("Acme".into()), ..Boot::default() }));
    come(&mut play, 7, None);
    let quarantine = play.fold.quarantine();
    assert_eq!(quarantine.len(), QUARANTINE_MAX);
    assert!(
        !quarantine.contains_key(&StationId::new("Q0000").unwrap()),
        "the one that was silent longest went"
    );
    let held = &quarantine[&StationId::new("Q0007").unwrap()];
    assert_eq!((held.connections, held.boot.as_ref().and_then(|b| b.vendor.as_deref())), (2, Some("Acme")));
    assert!(held.first_at < held.last_at);
    assert!(!play.fold.stations().any(|id| id.as_str().starts_with('Q')), "no state of a station is kept");
    play.set(Setting::Station(StationSetting { station: "Q0007".into(), ..StationSetting::default() }));
    assert!(!play.fold.quarantine().contains_key(&StationId::new("Q0007").unwrap()), "registered");
}
