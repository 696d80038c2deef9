"""Documents: every link to a file or a heading leads somewhere, and every `make` target that one names exists."""

import re
import subprocess
import unittest
from pathlib import Path

from binary import ROOT


def documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    return [path for name in listed.stdout.split() if (path := ROOT / name).exists()]


def prose(path: Path) -> str:
    """The text without code blocks, in which brackets are not links and # is no heading."""
    return re.sub(r"(?ms)^```.*?^```", "", path.read_text())


def anchors(path: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"(?m)^#+ +(.*)$", prose(path))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Documents(unittest.TestCase):
    def test_links_lead_somewhere(self) -> None:
        for path in documents():
            for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                file = (path.parent / name).resolve() if name else path
                with self.subTest(document=str(path.relative_to(ROOT)), link=target):
                    self.assertTrue(file.exists(), "leads nowhere")
                    if anchor and file.suffix == ".md":
                        self.assertIn(anchor, anchors(file))

    def test_make_targets_exist(self) -> None:
        targets = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text()))
        for path in documents():
            for target in re.findall(r"`(?:[A-Z_]+=\S+ )?make ([a-z][a-z-]*)", path.read_text()):
                with self.subTest(document=str(path.relative_to(ROOT)), target=target):
                    self.assertIn(target, targets)


if __name__ == "__main__":
    unittest.main()
