"""An OCPP station that is not ours is sent commands, and tells what it was sent, one JSON object a line.

The library (PyPI `ocpp`) validates what it receives and what it answers by the schemas of the Open Charge Alliance: a
message that does not fit is answered with a CALLERROR. Lines on standard input say what the station does:
`answer ACTION never|error|late|odd|good`, `release` (late answers), `twice` (the last answer again), `boot`, `heartbeat`,
`say ACTION JSON` (what it answers from now on), `call ACTION JSON` (what it sends; the fields as the library names them).
"""

import argparse
import asyncio
import dataclasses
import json
import sys

import websockets
from ocpp import v16, v21, v201
from ocpp.exceptions import InternalError
from ocpp.messages import CallResult, validate_payload

GOOD_16 = {
    "UnlockConnector": {"status": "Unlocked"},
    "GetConfiguration": {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": "S3CRET"}]},
    "GetLocalListVersion": {"listVersion": 3},
    "UpdateFirmware": {},
    "GetDiagnostics": {"fileName": "log.tgz"},
}
GOOD_201 = {
    "UnlockConnector": {"status": "Unlocked"},
    "GetLocalListVersion": {"versionNumber": 3},
}


def parts(payload: dict, data: str) -> list:
    """The answers to each variable that was asked for or set."""
    return [
        {"attributeStatus": "Accepted", "component": one["component"], "variable": one["variable"]}
        for one in payload[data]
    ]


class Commanded:
    """What all versions have in common; the library's own class is the other parent."""

    def prepare(self) -> None:
        self.modes, self.held, self.last, self.answers = {}, [], None, {}

    async def _handle_call(self, message) -> None:
        """Takes the place of the library's handlers: every action is taken alike."""
        tell(received=message.action, id=message.unique_id, payload=message.payload)
        await validate_payload(message, self._ocpp_version)
        mode = self.modes.get(message.action, "good")
        if mode == "never":
            return
        if mode == "error":
            raise InternalError(description="out of order")
        if mode == "odd":
            await self._send(json.dumps([3, message.unique_id, "odd"]))
            return
        answer = self.answers.get(message.action) or self.answer(message.action, message.payload)
        await validate_payload(CallResult(message.unique_id, answer, message.action), self._ocpp_version)
        text = json.dumps([3, message.unique_id, answer])
        if mode == "late":
            self.held.append(text)
            return
        self.last = text
        await self._send(text)

    async def obey(self, line: str) -> None:
        """Does what a line says."""
        word, *rest = line.split(maxsplit=2)
        if word == "answer":
            self.modes[rest[0]] = rest[1]
        elif word == "release":
            for text in self.held:
                await self._send(text)
            self.held = []
        elif word == "twice":
            await self._send(self.last)
        elif word == "boot":
            tell(booted=(await self.call(self.boot())).status)
        elif word == "heartbeat":
            tell(heartbeat=(await self.call(self.heartbeat())).current_time)
        elif word == "say":
            self.answers[rest[0]] = json.loads(rest[1])
        elif word == "call":
            answer = await self.call(getattr(self.calls, rest[0])(**json.loads(rest[1])))
            tell(answered=rest[0], answer=dataclasses.asdict(answer))
        tell(did=line)


class Station16(Commanded, v16.ChargePoint):
    """OCPP 1.6J."""

    calls = v16.call
    boot = staticmethod(lambda: v16.call.BootNotification(charge_point_vendor="PyPI", charge_point_model="ocpp"))
    heartbeat = v16.call.Heartbeat

    def answer(self, action: str, payload: dict) -> dict:
        return GOOD_16.get(action, {"status": "Accepted"})


class Station201(Commanded, v201.ChargePoint):
    """OCPP 2.0.1."""

    calls = v201.call
    boot = staticmethod(
        lambda: v201.call.BootNotification(
            charging_station={"vendor_name": "PyPI", "model": "ocpp"}, reason="PowerUp"
        )
    )
    heartbeat = v201.call.Heartbeat

    def answer(self, action: str, payload: dict) -> dict:
        if action == "GetVariables":
            return {"getVariableResult": parts(payload, "getVariableData")}
        if action == "SetVariables":
            return {"setVariableResult": parts(payload, "setVariableData")}
        return GOOD_201.get(action, {"status": "Accepted"})


class Station21(Station201, v21.ChargePoint):
    """OCPP 2.1."""

    _ocpp_version = "2.1"
    calls = v21.call
    boot = staticmethod(
        lambda: v21.call.BootNotification(
            charging_station={"vendor_name": "PyPI", "model": "ocpp"}, reason="PowerUp"
        )
    )


STATIONS = {"ocpp1.6": Station16, "ocpp2.0.1": Station201, "ocpp2.1": Station21}


def tell(**what) -> None:
    """One line for the test."""
    print(json.dumps(what), flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True, help="ws://host:port")
    parser.add_argument("--station", required=True)
    parser.add_argument("--protocol", required=True, choices=STATIONS)
    given = parser.parse_args()
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with websockets.connect(f"{given.url}/{given.station}", subprotocols=[given.protocol]) as connection:
        station = STATIONS[given.protocol](given.station, connection)
        station.prepare()
        reading = asyncio.create_task(station.start())
        tell(connected=True)
        while line := (await lines.readline()).decode().strip():
            await station.obey(line)
        reading.cancel()


asyncio.run(main())
