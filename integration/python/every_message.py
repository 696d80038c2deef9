"""OCPP stations that are not ours send every message of a version, and each answer is validated by its schema.

A station for each message: it boots, and sends the message with the least that is valid, with all fields, and with each
word of each enumeration. The library (PyPI `ocpp`) packs, unpacks and validates; its dataclasses are passed by, because
their way to snake_case and back does not keep every name of OCPP 2.1. Prints what was answered as JSON.
"""

import argparse
import asyncio
import datetime
import json
import uuid

import websockets
from ocpp.messages import Call, CallError, CallResult, _validate_payload, pack, unpack
from schemas import Schemas

#: Message type of what wants no answer (OCPP 2.1, part 4).
SEND = 6
#: It comes by SEND.
STREAM = "NotifyPeriodicEventStream"


class Station:
    """One connection."""

    def __init__(self, connection, schemas: Schemas):
        self.connection = connection
        self.schemas = schemas

    async def call(self, action: str, payload: dict) -> dict:
        """Sends a call; gives what was answered, validated."""
        call = Call(str(uuid.uuid4()), action, payload)
        _validate_payload(call, self.schemas.version)
        await self.connection.send(pack(call))
        answer = unpack(await asyncio.wait_for(self.connection.recv(), 30))
        if answer.unique_id != call.unique_id:
            raise ValueError(f"{answer} answers another message than {call}")
        if isinstance(answer, CallError):
            return {"error": answer.error_code, "description": answer.error_description}
        if not isinstance(answer, CallResult):
            raise TypeError(f"{action} was answered with {answer}")
        answer.action = action
        _validate_payload(answer, self.schemas.version)
        return {"result": answer.payload}

    async def send(self, action: str, payload: dict) -> dict:
        """Sends what wants no answer. That none comes is seen from the next call, which checks ids."""
        await self.connection.send(json.dumps([SEND, str(uuid.uuid4()), action, payload]))
        await self.call("Heartbeat", {})
        return {"result": None}


async def send_all(url: str, name: str, schemas: Schemas, action: str, now: str) -> list:
    """Every payload of one message, with its answer."""
    async with websockets.connect(
        f"{url}/{name}-{action}", subprotocols=[f"ocpp{schemas.version}"], max_size=None
    ) as connection:
        station = Station(connection, schemas)
        if action != "BootNotification":
            await station.call("BootNotification", schemas.payloads("BootNotification", now)[0])
        way = station.send if action == STREAM else station.call
        return [
            {"sent": payload, **await way(action, payload)} for payload in schemas.payloads(action, now)
        ]


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True, help="ws://host:port")
    parser.add_argument("--station", required=True, help="begin of the stations' names")
    parser.add_argument("--version", required=True, choices=["1.6", "2.0.1", "2.1"])
    given = parser.parse_args()
    schemas = Schemas(given.version)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    answers = {
        action: await send_all(given.url, given.station, schemas, action, now) for action in schemas.names()
    }
    print(json.dumps(answers))


asyncio.run(main())
