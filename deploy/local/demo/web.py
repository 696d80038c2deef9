"""The little HTTP that the demo speaks: to QuestDB, Prometheus, and for "is it up yet"."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from processes import Part, tail
from settings import Settings, Stop

# Everything is on this machine: a proxy that the environment names is not for us.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str, timeout_s: float = 5) -> bytes:
    """The body of an answer with a 2xx status."""
    with _opener.open(url, timeout=timeout_s) as answer:
        return answer.read()


def wait_for(url: str, part: Part, patience_s: float) -> None:
    """Waits until `url` answers 2xx; Stop when the process ends first, or patience does."""
    deadline = time.monotonic() + patience_s
    why = ""
    while time.monotonic() < deadline:
        part.check_alive()
        try:
            get(url)
            return
        except urllib.error.HTTPError as error:
            why = f"status {error.code}: {error.read(400).decode(errors='replace').strip()}"
        except OSError as error:
            why = str(error)
        time.sleep(0.2)
    raise Stop(f"{part.name} was not ready after {patience_s:.0f} s ({url}: {why}). Its log, {part.log}:\n{tail(part.log)}")


def sql(settings: Settings, query: str) -> list[list[Any]]:
    """The rows of a query to QuestDB."""
    body = get(settings.url("questdb", "/exec?" + urllib.parse.urlencode({"query": query})), 20)
    return json.loads(body)["dataset"]


def promql(settings: Settings, query: str) -> list[tuple[dict[str, str], float]]:
    """Labels and values of an instant query to Prometheus."""
    body = get(settings.url("prometheus", "/api/v1/query?" + urllib.parse.urlencode({"query": query})))
    return [(sample["metric"], float(sample["value"][1])) for sample in json.loads(body)["data"]["result"]]


def reason(error: OSError) -> str:
    """Why a request failed, with the server's own words where it had some."""
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}: {error.read(400).decode(errors='replace').strip()}"
    return str(error)
