"""The session that both stations charge, and what they have in common."""

import argparse
import dataclasses
import datetime
import json


@dataclasses.dataclass
class Session:
    """What is charged: samples at even distances, the register in Wh."""

    station: str
    token: str
    start: datetime.datetime
    minutes: int
    meter_start_wh: int
    energy_wh: int
    samples: int
    reason: str

    def at(self, index: int) -> str:
        """The time of a sample; the last is the end."""
        moment = self.start + datetime.timedelta(minutes=self.minutes) * index / self.samples
        return moment.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")

    def register_wh(self, index: int) -> float:
        """The meter reading at a sample."""
        return self.meter_start_wh + self.energy_wh * index / self.samples

    @property
    def power_w(self) -> float:
        """The same all the time."""
        return self.energy_wh * 60 / self.minutes


def arguments() -> tuple[str, Session]:
    """The gateway's URL and the session, from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True, help="ws://host:port")
    parser.add_argument("--station", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--start", required=True, type=datetime.datetime.fromisoformat)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--meter-start-wh", type=int, default=1000)
    parser.add_argument("--energy-wh", type=int, default=7381)
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--reason", default="EVDisconnected")
    given = vars(parser.parse_args())
    return given.pop("url"), Session(**given)


def plain(value):
    """What the library gave back, as JSON."""
    if dataclasses.is_dataclass(value):
        return {name: plain(part) for name, part in dataclasses.asdict(value).items() if part is not None}
    return value


def tell(answers: dict) -> None:
    """Prints what the gateway answered."""
    print(json.dumps({action: plain(answer) for action, answer in answers.items()}, default=str))
