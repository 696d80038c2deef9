//! Messages, one after another: topic, line feed, payload; 0x1e stands between them.

use std::sync::LazyLock;

use station::event::Source;
use station::mqtt::record::Mapping;
use station::mqtt::{Rules, decode, matches};
use station::secret::SecretKey;

use crate::fold::Folds;

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let records = ["columns20", "trondheim", "workplace", "boulder"]
        .map(|name| (format!("{name}/#"), Mapping::preset(name).expect("a preset")));
    Rules::new("s", records.into()).expect("valid")
});

pub(crate) fn run(data: &[u8]) {
    let key = SecretKey::new(b"fuzz");
    let mut folds = Folds::default();
    for message in data.split(|byte| *byte == 0x1e).take(64) {
        let at = message.iter().position(|byte| *byte == b'\n').unwrap_or(message.len());
        let (topic, payload) =
            (String::from_utf8_lossy(&message[..at]), message.get(at + 1..).unwrap_or(&[]));
        let _ = (RULES.station(&topic), RULES.action(&topic));
        assert!(topic.starts_with('$') || matches("#", &topic));
        // The payload as a filter, too.
        let _ = matches(&String::from_utf8_lossy(payload), &topic);
        let events = decode(&RULES, &key, Source::MqttEndpoint, &topic, payload);
        assert!(!events.is_empty(), "a message without an event is in no book");
        for event in events {
            folds.journal(event);
        }
    }
    folds.pass_time();
}
