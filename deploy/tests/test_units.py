"""The systemd units, read by systemd itself where it is there."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from binary import ROOT, ampwarden

UNITS = ROOT / "deploy" / "systemd"


class Units(unittest.TestCase):
    def test_systemd_finds_nothing_wrong(self) -> None:
        if shutil.which("systemd-analyze") is None:
            self.skipTest("there is no systemd-analyze here")
        with tempfile.TemporaryDirectory() as folder:
            for unit in UNITS.glob("*.service"):
                # It wants the programs to be there; which ones they are is not its business.
                text = unit.read_text().replace("/usr/local/bin/ampwarden", "/bin/true").replace("/usr/bin/java", "/bin/true")
                (Path(folder) / unit.name).write_text(text)
            units = sorted(str(path) for path in Path(folder).iterdir())
            done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
        wrong = [line for line in done.stderr.splitlines() if folder in line]
        self.assertEqual(wrong, [])

    def test_the_commands_exist(self) -> None:
        binary = ampwarden(self)
        for command in ("gateway", "exporter", "anomaly", "migrate"):
            done = subprocess.run([binary, command, "--help"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("--config", done.stdout)


if __name__ == "__main__":
    unittest.main()
