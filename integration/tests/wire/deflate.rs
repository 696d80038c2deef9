//! Compression is offered by most libraries, and declined here (docs/adr/0008).

use std::process::Command;

use integration::{python, unique};
use serde_json::{Value, json};

use crate::without_store;

#[test]
fn a_library_that_offers_compression_goes_on_without() {
    let mut gateway = without_store("");
    let output = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/deflate.py"))
        .args(["--url", &format!("{}/{}", gateway.ocpp(), unique("DEFLATE"))])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(said["offered"].as_str().is_some_and(|offer| offer.contains("permessage-deflate")), "{said}");
    assert_eq!((&said["agreed"], &said["subprotocol"]), (&Value::Null, &"ocpp2.1".into()), "{said}");
    assert_eq!(said["answer"], json!([3, "1", {"status": "UnknownVendorId"}]), "{said}");
    gateway.stop();
}
