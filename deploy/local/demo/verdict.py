"""The end of `make demo DURATION=…`: were live sessions stored, scored and exported?"""

import time
from typing import Callable

from processes import Parts, tail
from settings import Settings
from summary import live_ended, since
from web import promql, reason, sql

# A session that ended in the last second is given this long to show everywhere.
PATIENCE_S = 20.0


def give(settings: Settings, parts: Parts, started: float) -> int:
    """Prints one line a check, and returns the exit status."""
    checks: list[tuple[str, str, Callable[[], tuple[bool, str]]]] = [
        ("stored", "gateway", lambda: _stored(settings, started)),
        ("scored", "anomaly", lambda: _scored(settings, started)),
        ("exported", "exporter", lambda: _exported(settings)),
    ]
    print()
    failed = 0
    for name, part, check in checks:
        good, words = _insist(check, parts)
        print(f"{'✓' if good else '✗'} {name}: {words}")
        if not good:
            failed += 1
            log = settings.logs / f"{part}.log"
            print(f"  the end of {log}:\n{tail(log)}")
    print(f"demo: {len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _insist(check: Callable[[], tuple[bool, str]], parts: Parts) -> tuple[bool, str]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        parts.check_alive()
        try:
            good, words = check()
        except OSError as error:
            good, words = False, f"cannot be asked: {reason(error)}"
        if good or time.monotonic() > deadline:
            return good, words
        time.sleep(0.5)


def _stored(settings: Settings, started: float) -> tuple[bool, str]:
    ((count, energy),) = sql(settings, f"SELECT count(), sum(energy_wh) FROM sessions WHERE {live_ended(started)}")
    return count > 0 and (energy or 0) > 0, f"{count} live sessions ended, with {(energy or 0) / 1000:.1f} kWh"


def _scored(settings: Settings, started: float) -> tuple[bool, str]:
    ended = {row[0] for row in sql(settings, f"SELECT session_id FROM sessions WHERE {live_ended(started)}")}
    scored = {row[0] for row in sql(settings, f"SELECT session_id FROM session_scores WHERE scored_at >= {since(started)}")}
    return bool(ended) and ended <= scored, f"{len(ended & scored)} of {len(ended)} live sessions have a score"


def _exported(settings: Settings) -> tuple[bool, str]:
    ((connected,),) = sql(settings, "SELECT sum(CASE WHEN connected THEN 1 ELSE 0 END) FROM station_now")
    exported = sum(value for _, value in promql(settings, "sum(ampwarden_stations{state!~'offline|unknown'})"))
    return exported > 0, f"Prometheus has {exported:.0f} connected stations from the exporter, the store {connected}"
