"""The ampwarden that was built last, for tests that ask it whether a file is right."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def ampwarden(case: unittest.TestCase) -> Path:
    """The newest build; skips the test where there is none."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [path for profile in ("debug", "release") if (path := target / profile / "ampwarden").exists()]
    if not built:
        case.skipTest("ampwarden is not built: cargo build (make test builds it before)")
    return max(built, key=lambda path: path.stat().st_mtime)


def with_certificate(text: str, paths: list[str], folder: Path) -> str:
    """The text with a pair made here in place of those in a mounted secret (`tls.crt` and `tls.key`, side by side)."""
    pair = folder / "tls.crt", folder / "tls.key"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*made, "-subj", "/CN=test", "-out", pair[0], "-keyout", pair[1]], check=True, capture_output=True)
    for path in set(paths):
        text = text.replace(f'"{path}"', f'"{pair[0]}"').replace(f'"{path[:-4]}.key"', f'"{pair[1]}"')
    return text


def check_configuration(case: unittest.TestCase, text: str, env: dict[str, str] | None = None) -> None:
    """`ampwarden check config` takes the text, with files where its secrets are expected."""
    binary = ampwarden(case)
    with tempfile.TemporaryDirectory() as folder:
        for index, path in enumerate(sorted(set(re.findall(r'\{ *file *= *"([^"]+)"', text)))):
            secret = Path(folder) / f"secret-{index}"
            secret.touch(mode=0o600)
            secret.write_text("0123456789abcdef" * 4)
            text = text.replace(f'"{path}"', f'"{secret}"')
        certificates = re.findall(r'"([^"]+/tls\.crt)"', text)
        if certificates:
            text = with_certificate(text, certificates, Path(folder))
        file = Path(folder) / "ampwarden.toml"
        file.touch(mode=0o600)
        file.write_text(text)
        done = subprocess.run(
            [binary, "check", "config", "--offline", "--config", file],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **(env or {})},
        )
    case.assertEqual(done.returncode, 0, done.stdout + done.stderr)
