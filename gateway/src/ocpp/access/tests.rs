use station::event::{EventKind, Source, StationEvent};
use station::fold::{Fold, Rows};
use station::key::KeyChange;

use super::*;

const KEY: &[u8] = b"\xff\xfe raw: bytes, no UTF-8 \x80";

fn secret() -> SecretKey {
    SecretKey::new(b"test")
}

fn id(text: &str) -> StationId {
    StationId::new(text).expect("valid")
}

/// The keys of a station after these changes.
fn keys(station: &StationId, changes: Vec<KeyChange>) -> StationKeys {
    let mut fold = Fold::default();
    for change in changes {
        let kind = EventKind::KeyChanged(Box::new(change));
        fold.apply(&StationEvent::new(station.clone(), Source::Api, kind), &mut Rows::ignored());
    }
    fold.keys_of(station).cloned().unwrap_or_default()
}

fn set(station: &StationId, key: &[u8], command: Option<u128>) -> KeyChange {
    KeyChange::Set {
        hash: secret().station_key(station, key).expect("long enough"),
        author: "ops".into(),
        at_once: false,
        command: command.map(uuid::Uuid::from_u128),
    }
}

fn basic(user: &str, password: &[u8]) -> Vec<u8> {
    let pair = [user.as_bytes(), b":", password].concat();
    format!("Basic {}", BASE64.encode(pair)).into_bytes()
}

struct Case {
    profiles: Vec<u8>,
    peer: Peer,
    standing: Standing,
    keys: Option<StationKeys>,
    authorization: Option<Vec<u8>>,
}

impl Case {
    fn ws(profiles: &[u8]) -> Self {
        Self {
            profiles: profiles.to_vec(),
            peer: Peer::default(),
            standing: Standing::Registered,
            keys: Some(keys(&id("CP:1"), vec![set(&id("CP:1"), KEY, None)])),
            authorization: Some(basic("CP:1", KEY)),
        }
    }

    fn wss(profiles: &[u8]) -> Self {
        Self { peer: Peer { secure: true, certificate: None }, ..Self::ws(profiles) }
    }

    fn with(profiles: &[u8], names: &[&str]) -> Self {
        let certificate = Some(names.iter().map(|name| (*name).to_owned()).collect());
        let peer = Peer { secure: true, certificate };
        Self { peer, authorization: None, keys: None, ..Self::ws(profiles) }
    }

    fn decide(&self) -> Result<Grant, Denied> {
        let station = id("CP:1");
        let known = Known { station: &station, standing: self.standing, keys: self.keys.as_ref() };
        decide(&self.profiles, &secret(), &self.peer, &known, self.authorization.as_deref())
    }
}

fn profile(profile: u8) -> Result<Grant, Denied> {
    Ok(Grant::Profile { profile, first_use: None })
}

#[test]
fn each_profile_wants_its_own_proof() {
    let (clear, secure) = (Denied::Profile { secure: false }, Denied::Profile { secure: true });
    for (case, expected) in [
        (Case::ws(&[1, 2, 3]), profile(1)),
        (Case::wss(&[1, 2, 3]), profile(2)),
        (Case::ws(&[2, 3]), Err(clear)),
        (Case::ws(&[0, 2]), Err(clear)),
        (Case::wss(&[1, 3]), Err(secure)),
        (Case::with(&[3], &["other", "CP:1"]), profile(3)),
        (Case::with(&[0, 1, 2, 3], &["CP:2"]), Err(Denied::OtherCertificate)),
        (Case::with(&[2], &["CP:1"]), Err(Denied::NoPassword)),
        (Case::wss(&[3]), Err(secure)),
        (Case { authorization: None, ..Case::ws(&[1]) }, Err(Denied::NoPassword)),
        (Case { authorization: None, ..Case::ws(&[0, 1]) }, Err(Denied::NoPassword)),
        (Case { keys: None, ..Case::ws(&[1]) }, Err(Denied::NoKey)),
        (Case { keys: None, authorization: None, ..Case::ws(&[1]) }, Err(Denied::NoPassword)),
        (Case { keys: None, ..Case::ws(&[0, 1]) }, profile(0)),
        (Case { keys: None, authorization: None, ..Case::wss(&[0]) }, profile(0)),
        (Case { standing: Standing::Refused, ..Case::ws(&[0, 1]) }, Err(Denied::Unknown)),
    ] {
        assert_eq!(case.decide(), expected, "{:?} {:?}", case.profiles, case.peer);
    }
}

#[test]
fn passwords_are_bytes_and_the_user_is_the_station() {
    let hex = b"00112233445566778899AABBCCDDEEFF00112233".as_slice();
    let bytes = hex::decode(hex).expect("hexadecimal");
    let hex_keys = Some(keys(&id("CP:1"), vec![set(&id("CP:1"), hex, None)]));
    for presented in [hex, &bytes, &hex.to_ascii_lowercase()] {
        let authorization = Some(basic("CP:1", presented));
        let case = Case { keys: hex_keys.clone(), authorization, ..Case::ws(&[1]) };
        assert_eq!(case.decide(), profile(1), "both forms of one key");
    }
    let unpadded = String::from_utf8(basic("CP:1", KEY)).expect("ASCII").trim_end_matches('=').to_owned();
    for (header, expected) in [
        (unpadded.replace("Basic ", "bAsIc   ").into_bytes(), profile(1)),
        (basic("CP:2", KEY), Err(Denied::WrongPassword)),
        (basic("", KEY), Err(Denied::WrongPassword)),
        (basic("CP:1", b"another key, long enough"), Err(Denied::WrongPassword)),
        (basic("CP:1", &KEY[1..]), Err(Denied::WrongPassword)),
        (basic("CP:1", b""), Err(Denied::WrongPassword)),
        (b"Basic ???".to_vec(), Err(Denied::WrongPassword)),
        (b"Bearer x".to_vec(), Err(Denied::WrongPassword)),
        (b"".to_vec(), Err(Denied::WrongPassword)),
    ] {
        let case = Case { authorization: Some(header), ..Case::ws(&[0, 1]) };
        assert_eq!(
            case.decide(),
            expected,
            "{:?}",
            case.authorization.map(|a| String::from_utf8_lossy(&a).into_owned())
        );
    }
}

#[test]
fn a_new_key_is_noticed_at_its_first_use_and_one_that_a_command_tells_is_not_required_before() {
    let station = id("CP:1");
    let new = b"a new key, long enough";
    let rotating = Some(keys(&station, vec![set(&station, KEY, None), set(&station, new, None)]));
    let first_use = Some(secret().station_key(&station, new).expect("long enough"));
    let case = Case { keys: rotating.clone(), ..Case::ws(&[1]) };
    assert_eq!(case.decide(), profile(1), "the old one goes on");
    let authorization = Some(basic("CP:1", new));
    let case = Case { keys: rotating, authorization: authorization.clone(), ..Case::ws(&[1]) };
    assert_eq!(case.decide(), Ok(Grant::Profile { profile: 1, first_use }));

    let told = Some(keys(&station, vec![set(&station, new, Some(1))]));
    let case = Case { keys: told.clone(), authorization: None, ..Case::ws(&[0, 1]) };
    assert_eq!(case.decide(), profile(0), "the station may not have heard of it");
    let case = Case { keys: told, authorization, ..Case::ws(&[0, 1]) };
    assert_eq!(case.decide(), Ok(Grant::Profile { profile: 1, first_use }));
}

#[test]
fn who_is_not_registered_waits_with_what_it_showed() {
    let key = Some(secret().station_key(&id("CP:1"), KEY).expect("long enough"));
    let held = |case: Case| Case { standing: Standing::Quarantined, keys: None, ..case };
    for (case, expected) in [
        (held(Case::ws(&[1])), Ok(Grant::Quarantine { key, certificate: false })),
        (
            held(Case { authorization: None, ..Case::wss(&[2]) }),
            Ok(Grant::Quarantine { key: None, certificate: false }),
        ),
        (held(Case::with(&[3], &["CP:1"])), Ok(Grant::Quarantine { key: None, certificate: true })),
        (held(Case::with(&[3], &["CP:2"])), Err(Denied::OtherCertificate)),
        (held(Case::ws(&[2, 3])), Err(Denied::Profile { secure: false })),
        (held(Case::wss(&[3])), Err(Denied::Profile { secure: true })),
    ] {
        assert_eq!(case.decide(), expected, "{:?} {:?}", case.profiles, case.peer);
    }
}
