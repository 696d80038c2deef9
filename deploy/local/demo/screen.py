"""What a person sees: a progress line while the demo prepares, then a summary that is refreshed in place."""

import shutil
import sys
import threading
import time
from types import TracebackType

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Step:
    """`with Step("…") as step:` shows one line of progress, and then how long it took.

    On a terminal the line moves; elsewhere there is one line at the end of each step.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._note = ""
        self._started = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True) if sys.stdout.isatty() else None

    def note(self, text: str) -> None:
        """What the step is at just now."""
        self._note = text

    def __enter__(self) -> "Step":
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._done.set()
        if self._thread:
            self._thread.join()
        mark = "✓" if kind is None else "✗"
        print(f"{_clear()}{mark} {self._line()}", flush=True)

    def _line(self) -> str:
        seconds = time.monotonic() - self._started
        note = f" · {self._note}" if self._note else ""
        return _cut(f"{self._name}{note} · {seconds:.0f} s")

    def _spin(self) -> None:
        turn = 0
        while not self._done.wait(0.1):
            print(f"{_clear()}{SPINNER[turn % len(SPINNER)]} {self._line()}", end="", flush=True)
            turn += 1


class Summary:
    """The live summary: redrawn in place on a terminal, one line now and then elsewhere."""

    LINE_EVERY_S = 10.0

    def __init__(self) -> None:
        self._drawn = 0
        self._last_line = -self.LINE_EVERY_S

    def show(self, rows: list[tuple[str, str]]) -> None:
        """Draws (name, value) rows."""
        if sys.stdout.isatty():
            up = f"\x1b[{self._drawn}A" if self._drawn else ""
            lines = "".join(f"\x1b[2K{_cut(f'  {name:<14}{value}')}\n" for name, value in rows)
            print(f"{up}{lines}", end="", flush=True)
            self._drawn = len(rows)
        elif time.monotonic() - self._last_line >= self.LINE_EVERY_S:
            self._last_line = time.monotonic()
            print(" · ".join(f"{name} {value}" for name, value in rows), flush=True)


def _clear() -> str:
    return "\r\x1b[2K" if sys.stdout.isatty() else ""


def _cut(line: str) -> str:
    # A line that wraps could not be overwritten.
    return line[: shutil.get_terminal_size().columns - 3] if sys.stdout.isatty() else line
