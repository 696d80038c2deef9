"""The figures of the live summary, asked of the store and of Prometheus: the same that boards and alerts see."""

import time
from datetime import datetime, timezone

from settings import Settings
from web import promql, reason, sql


def since(moment: float) -> str:
    """A moment as QuestDB's SQL takes it."""
    return f"'{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}'"


class Live:
    """One row a figure."""

    def __init__(self, settings: Settings, started: float) -> None:
        self._settings = settings
        self._started = started

    def rows(self) -> list[tuple[str, str]]:
        """Names and values; what cannot be had is said, and is no reason to stop."""
        figures = (
            ("running", self._running),
            ("stations", self._stations),
            ("sessions", self._sessions),
            ("energy", self._energy),
            ("scores", self._scores),
            ("alerts", self._alerts),
        )
        rows = []
        for name, figure in figures:
            try:
                rows.append((name, figure()))
            except OSError as error:
                rows.append((name, f"? ({reason(error)})"))
        return rows

    def _running(self) -> str:
        seconds = int(time.time() - self._started)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"

    def _stations(self) -> str:
        ((connected, known),) = sql(self._settings, "SELECT sum(CASE WHEN connected THEN 1 ELSE 0 END), count() FROM station_now")
        return f"{connected or 0} of {known} connected"

    def _sessions(self) -> str:
        ((running, power),) = sql(self._settings, "SELECT count(), sum(power_w) FROM session_now WHERE state = 'open'")
        ((ended,),) = sql(self._settings, f"SELECT count() FROM sessions WHERE {live_ended(self._started)}")
        return f"{running} running at {(power or 0) / 1000:.0f} kW, {ended} ended since the start"

    def _energy(self) -> str:
        ((live,),) = sql(self._settings, f"SELECT sum(energy_wh) FROM sessions WHERE {live_ended(self._started)}")
        ((everything, count),) = sql(self._settings, "SELECT sum(energy_wh), count() FROM sessions")
        return f"{(live or 0) / 1000:.1f} kWh since the start, {(everything or 0) / 1e6:,.1f} MWh in {count:,} sessions in all"

    def _scores(self) -> str:
        # A session is scored again when a better model comes: counted once, as it was judged last.
        latest = "SELECT session_id, last(severity) AS severity FROM session_scores GROUP BY session_id"
        of_live = (
            f"SELECT count(), sum(CASE WHEN severity IN ('warning', 'critical') THEN 1 ELSE 0 END) FROM ({latest}) s "
            f"JOIN sessions ON s.session_id = sessions.session_id WHERE {live_ended(self._started, 'sessions.')}"
        )
        ((live, odd),) = sql(self._settings, of_live)
        ((everything,),) = sql(self._settings, f"SELECT count() FROM ({latest})")
        return f"{live} live sessions scored, {odd or 0} of them want a look; {everything:,} in all"

    def _alerts(self) -> str:
        firing = promql(self._settings, 'count by (alertname) (ALERTS{alertstate="firing"})')
        if not firing:
            return "none firing"
        return ", ".join(f"{labels['alertname']} ({count:.0f})" for labels, count in sorted(firing, key=lambda f: f[0]["alertname"]))


def live_ended(started: float, table: str = "") -> str:
    """The condition of sessions that ended in this run, and did not come by import."""
    return f"{table}state = 'ended' AND {table}source != 'import' AND {table}updated_at >= {since(started)}"
