use std::collections::BTreeMap;

use serde::Serialize;

use super::*;

#[derive(serde::Deserialize, Serialize, JsonSchema, Debug, PartialEq, Default)]
#[serde(default, deny_unknown_fields)]
struct Whole {
    gateway: Gateway,
    key: SecretString,
}

#[derive(serde::Deserialize, Serialize, JsonSchema, Debug, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Gateway {
    /// Where stations dial in.
    listen: String,
    ping: HumanDuration,
    frame: HumanBytes,
    stations: u32,
    strict: bool,
    mode: Mode,
    tls: Option<Tls>,
    brokers: Vec<Broker>,
    topics: Vec<String>,
    labels: BTreeMap<String, String>,
}

#[derive(serde::Deserialize, Serialize, JsonSchema, Debug, PartialEq, Default)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// By the book.
    #[default]
    Plain,
    /// Not so.
    Odd,
}

#[derive(serde::Deserialize, Serialize, JsonSchema, Debug, PartialEq, Default)]
#[serde(default, deny_unknown_fields)]
struct Tls {
    certificate: String,
}

#[derive(serde::Deserialize, Serialize, JsonSchema, Debug, PartialEq, Default)]
#[serde(default, deny_unknown_fields)]
struct Broker {
    url: String,
    qos: u8,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8887".into(),
            ping: HumanDuration::from_secs(25),
            frame: HumanBytes::from_mib(1),
            stations: 7,
            strict: false,
            mode: Mode::Plain,
            tls: None,
            brokers: Vec::new(),
            topics: Vec::new(),
            labels: BTreeMap::new(),
        }
    }
}

fn read(text: &str, env: &[(&str, &str)]) -> Result<Whole, String> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    from_text(Some((Path::new("a.toml"), text)), env).map_err(|error| error.to_string())
}

#[test]
fn the_defaults_hold_without_a_file() {
    let whole: Whole = load(None, []).expect("defaults");
    assert_eq!(whole, Whole::default());
}

#[test]
fn the_file_overrides_the_defaults_and_the_environment_the_file() {
    let text = "[gateway]\nlisten = \"0.0.0.0:1\"\nping = \"5m\"\nframe = \"64KiB\"\n\
                [[gateway.brokers]]\nurl = \"mqtt://a\"\n[gateway.labels]\nanything = \"goes\"\n";
    let env = [
        ("AMPWARDEN__GATEWAY__LISTEN", "0.0.0.0:2"),
        ("AMPWARDEN__GATEWAY__STATIONS", "9"),
        ("AMPWARDEN__GATEWAY__STRICT", "true"),
        ("AMPWARDEN__GATEWAY__MODE", "odd"),
        ("AMPWARDEN__GATEWAY__TOPICS", "[\"x\", \"y\"]"),
        ("AMPWARDEN__GATEWAY__TLS__CERTIFICATE", "c.pem"),
        ("AMPWARDEN__KEY", "hush"),
        ("AMPWARDEN_API", "http://somewhere"),
        ("AMPWARDEN_GATEWAY_SERVICE_PORT", "8887"),
        ("PATH", "/bin"),
    ];
    let whole = read(text, &env).expect("right");
    assert_eq!(whole.gateway.listen, "0.0.0.0:2");
    assert_eq!(whole.gateway.ping, HumanDuration::from_secs(300));
    assert_eq!(whole.gateway.frame, HumanBytes(65536));
    assert_eq!(whole.gateway.stations, 9);
    assert!(whole.gateway.strict);
    assert_eq!(whole.gateway.mode, Mode::Odd);
    assert_eq!(whole.gateway.topics, ["x", "y"]);
    assert_eq!(whole.gateway.tls, Some(Tls { certificate: "c.pem".into() }));
    assert_eq!(whole.gateway.brokers[0].url, "mqtt://a");
    assert_eq!(whole.gateway.labels["anything"], "goes");
    assert_eq!(whole.key.expose(), "hush");
}

#[test]
fn each_mistake_in_the_file_has_its_message() {
    for (text, expected) in [
        (
            "[gateway]\nlisten = \"a\"\nlisen = \"b\"\n",
            "a.toml:3: [gateway] has no key \"lisen\"; did you mean \"listen\"?",
        ),
        (
            "\n[gatway]\nlisten = \"a\"\n",
            "a.toml:2: the file has no key \"gatway\"; did you mean \"gateway\"?",
        ),
        ("[zzz]\n", "a.toml:1: the file has no key \"zzz\"; it may have: gateway, key"),
        (
            "[gateway.tls]\ncertifcate = \"a\"\n",
            "a.toml:2: [gateway.tls] has no key \"certifcate\"; did you mean \"certificate\"?",
        ),
        (
            "[[gateway.brokers]]\nurl = \"a\"\n[[gateway.brokers]]\nurll = \"a\"\n",
            "a.toml:4: [gateway.brokers[1]] has no key \"urll\"; did you mean \"url\"?",
        ),
        (
            "[gateway]\nlisen = 1\nmod = \"odd\"\n",
            "a.toml:2: [gateway] has no key \"lisen\"; did you mean \"listen\"?\n\
             a.toml:3: [gateway] has no key \"mod\"; did you mean \"mode\"?",
        ),
        (
            "[gateway]\nstations = \"many\"\n",
            "a.toml:2: gateway.stations: invalid type: string \"many\", expected u32",
        ),
        (
            "[gateway]\nstations = -1\n",
            "a.toml:2: gateway.stations: invalid value: integer `-1`, expected u32",
        ),
        (
            "[gateway]\n\nbrokers = [\n{ qos = 1 },\n{ qos = \"two\" }]\n",
            "a.toml:5: gateway.brokers[1].qos: invalid type: string \"two\", expected u8",
        ),
        (
            "[gateway]\nmode = \"od\"\n",
            "a.toml:2: gateway.mode: unknown variant `od`, expected `plain` or `odd`",
        ),
        (
            "[gateway]\nping = \"10 seconds\"\n",
            "a.toml:2: gateway.ping: \"10 seconds\" is no length of time: write a whole number and a unit \
             (ms, s, m, h, d), such as \"10s\"",
        ),
        (
            "[gateway]\nping = 10\n",
            "a.toml:2: gateway.ping: invalid type: integer `10`, expected a length of time such as \"10s\"",
        ),
        (
            "[gateway]\nframe = \"1 frame\"\n",
            "a.toml:2: gateway.frame: \"1 frame\" is no size: write a whole number and a unit (B, KiB, MiB, GiB, kB, \
             MB, GB), such as \"64MiB\"",
        ),
        ("key = 5\n", "a.toml:1: key: a secret is a text, or { file = \"…\" }"),
        (
            "key = { file = \"/nowhere/key\" }\n",
            "a.toml:1: key: the file with the secret, /nowhere/key, cannot be read: No such file or directory (os error 2)",
        ),
        ("[gateway\n", "a.toml:1: this is no TOML: unclosed table, expected `]`"),
        ("a = 1\na = 2\n", "a.toml:2: this is no TOML: duplicate key"),
    ] {
        assert_eq!(read(text, &[]).expect_err(text), expected, "{text}");
    }
}

#[test]
fn each_mistake_in_the_environment_has_its_message() {
    for (name, value, expected) in [
        (
            "AMPWARDEN__GATEWAY__LISEN",
            "a",
            "AMPWARDEN__GATEWAY__LISEN: [gateway] has no key \"lisen\"; did you mean \"listen\"?",
        ),
        (
            "AMPWARDEN__GATWAY__LISTEN",
            "a",
            "AMPWARDEN__GATWAY__LISTEN: the file has no key \"gatway\"; did you mean \"gateway\"?",
        ),
        (
            "AMPWARDEN__GATEWAY__LISTEN__PORT",
            "a",
            "AMPWARDEN__GATEWAY__LISTEN__PORT: gateway.listen is a value and has no key \"port\"",
        ),
        (
            "AMPWARDEN_GATEWAY__LISTEN",
            "a",
            "AMPWARDEN_GATEWAY__LISTEN: variables that set something begin with AMPWARDEN__ (two underscores)",
        ),
        (
            "AMPWARDEN__GATEWAY__STATIONS",
            "many",
            "AMPWARDEN__GATEWAY__STATIONS: gateway.stations: invalid type: string \"many\", expected u32",
        ),
    ] {
        assert_eq!(read("", &[(name, value)]).expect_err(name), expected);
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = load::<Whole>(Some(Path::new("/nowhere/a.toml")), []).expect_err("missing");
    assert_eq!(
        error.to_string(),
        "the configuration file /nowhere/a.toml cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn secrets_show_nowhere() {
    let whole = read("key = \"hush\"", &[]).expect("right");
    assert!(!format!("{whole:?}").contains("hush"));
    assert!(!serde_json::to_string(&whole).expect("json").contains("hush"));

    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("key");
    std::fs::write(&file, "from a file\n").expect("write");
    let whole = read(&format!("key = {{ file = {file:?} }}"), &[]).expect("right");
    assert_eq!(whole.key.expose(), "from a file");
}

#[test]
fn durations_and_sizes_are_written_as_they_are_read() {
    for text in ["250ms", "10s", "5m", "2h", "30d", "0s", "90s", "1500ms"] {
        assert_eq!(text.parse::<HumanDuration>().map(|d| d.to_string()).as_deref(), Ok(text));
    }
    for text in ["0B", "512B", "64KiB", "64MiB", "2GiB", "3MB"] {
        assert_eq!(text.parse::<HumanBytes>().map(|b| b.to_string()).as_deref(), Ok(text));
    }
    assert_eq!(variable_for("gateway.ocpp.listen"), "AMPWARDEN__GATEWAY__OCPP__LISTEN");
}
