//! Holds `docs/detection.md` against the code: on a difference the file is rewritten, and the test fails.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anomaly::checks::CHECKS;

#[test]
fn the_checks_are_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/detection.md");
    let text = fs::read_to_string(&path).expect("docs/detection.md");
    let (begin, end) =
        ("<!-- checks: rendered by a test of the anomaly crate -->\n", "<!-- end of checks -->");
    let (before, rest) = text.split_once(begin).expect("the begin of the checks");
    let (_, after) = rest.split_once(end).expect("the end of the checks");
    let mut table = "| check | in words | rule |\n|---|---|---|\n".to_owned();
    for check in CHECKS {
        writeln!(table, "| `{}` | {} | {} |", check.name, check.words, check.rule).expect("a string");
    }
    let fresh = format!("{before}{begin}{table}{end}{after}");
    if fresh != text {
        fs::write(&path, fresh).expect("written");
        panic!("docs/detection.md was out of date and has been rewritten: run the test again and commit it");
    }
}
