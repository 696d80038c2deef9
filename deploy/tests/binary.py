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


def check_configuration(case: unittest.TestCase, text: str, env: dict[str, str] | None = None) -> None:
    """`ampwarden check config` takes the text, with files where its secrets are expected."""
    binary = ampwarden(case)
    with tempfile.TemporaryDirectory() as folder:
        for index, path in enumerate(sorted(set(re.findall(r'\{ *file *= *"([^"]+)"', text)))):
            secret = Path(folder) / f"secret-{index}"
            secret.touch(mode=0o600)
            secret.write_text("0123456789abcdef" * 4)
            text = text.replace(f'"{path}"', f'"{secret}"')
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
