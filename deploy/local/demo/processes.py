"""Processes that the demo starts: each with a log file, each stopped by its own pid and nothing else."""

import ctypes
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from settings import Settings, Stop

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _end_with_parent() -> None:
    # Should the demo itself be killed, nothing stays behind that holds its ports.
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Part:
    """One running process."""

    name: str
    process: subprocess.Popen
    log: Path

    def check_alive(self) -> None:
        """Raises Stop when the process has ended: nothing here ends by itself."""
        status = self.process.poll()
        if status is not None:
            raise Stop(f"{self.name} ended with status {status}. The end of its log, {self.log}:\n{tail(self.log)}")


class Parts:
    """The running processes, stopped in the reverse order of their start."""

    def __init__(self, settings: Settings) -> None:
        self._logs = settings.logs
        self._parts: list[Part] = []

    def start(self, name: str, command: list[str | Path], env: dict[str, str] | None = None, **options) -> Part:
        """Starts a process in a session of its own, so that Ctrl-C reaches the demo alone, which stops it in order."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as out:
            try:
                process = subprocess.Popen(
                    [str(word) for word in command],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    start_new_session=True,
                    preexec_fn=_end_with_parent,
                    **options,
                )
            except OSError as error:
                raise Stop(f"{name} could not be started ({command[0]}): {error}") from error
        part = Part(name, process, log)
        self._parts.append(part)
        return part

    def check_alive(self) -> None:
        """Raises Stop for the first process that has ended."""
        for part in self._parts:
            part.check_alive()

    def stop(self, patience_s: float = 15) -> None:
        """Ends every process, newest first: politely, then after `patience_s` by force."""
        while self._parts:
            part = self._parts.pop()
            if part.process.poll() is not None:
                continue
            part.process.terminate()
            try:
                part.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                part.process.kill()
                part.process.wait()


def run(name: str, command: list[str | Path], settings: Settings, env: dict[str, str] | None = None) -> str:
    """Runs a command to its end and returns what it printed; Stop with its words when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        preexec_fn=_end_with_parent,
        check=False,
    )
    with (settings.logs / f"{name}.log").open("a") as log:
        log.write(f"$ {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()
        raise Stop(f"{name} failed (status {done.returncode}); its log is {settings.logs / name}.log:\n{words}")
    return done.stdout


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, indented."""
    try:
        text = log.read_text(errors="replace")
    except OSError as error:
        return f"  (cannot be read: {error})"
    return "\n".join("  " + line for line in text.splitlines()[-lines:])
