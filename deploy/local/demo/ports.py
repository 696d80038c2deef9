"""Looks for ports that are taken, before anything is started."""

import errno
import os
import socket
from pathlib import Path

from settings import PORTS, Settings, Stop, variable


def check(settings: Settings, names: list[str]) -> None:
    """Raises Stop with every port that is taken, who holds it, and the variable that moves it."""
    used: dict[int, str] = {}
    problems = []
    for name in names:
        port = settings.ports[name]
        if port in used:
            problems.append(f"port {port} is asked for twice: {variable(used[port])} and {variable(name)}")
            continue
        used[port] = name
        if _taken(port):
            holder = _holder(port)
            problems.append(
                f"port {port} ({PORTS[name][1]}) is taken{f' by {holder}' if holder else ''}: "
                f"stop that, or choose another with {variable(name)}={_free_near(port, settings)}"
            )
    if problems:
        raise Stop("\n".join(problems))


def _taken(port: int) -> bool:
    # Both the address that we will use and "all addresses": a server on either is in our way.
    for address in ("127.0.0.1", "0.0.0.0"):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                probe.listen(1)
            except OSError as error:
                if error.errno == errno.EACCES:
                    raise Stop(f"port {port} needs root: choose one above 1023") from error
                if error.errno == errno.EADDRINUSE:
                    return True
                raise
    return False


def _free_near(port: int, settings: Settings) -> int:
    candidates = (p for p in range(port + 1, 65536) if p not in settings.ports.values())
    return next((p for p in candidates if not _taken(p)), port + 1)


def _holder(port: int) -> str | None:
    """The process that listens on a port, as far as this user may see it: "prometheus (pid 812)"."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return None
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            if any(os.readlink(fd) in inodes for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # gone, or not ours to look at
    return None
