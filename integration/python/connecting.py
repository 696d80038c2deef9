"""OCPP stations that are not ours (PyPI `ocpp`, `websockets`) connect as they are told, one JSON object a line on standard
input, and each line is answered by one: how the gateway took it. Connections stay open until they are told otherwise.

`{"as": NAME, "url": …, "station": …}` connects, with `protocol`, `user`, `password_hex`, `ca`, `certificate`, `key`;
`{"of": NAME, "call": "boot" | "heartbeat"}` calls; `{"of": NAME, "wait": "command" | "close"}` waits;
`{"of": NAME, "answer": WORD}` says how commands are answered from now on; `{"of": NAME, "leave": true}` disconnects.
"""

import asyncio
import base64
import hashlib
import json
import ssl
import sys

import websockets
from ocpp import v16, v201
from ocpp.exceptions import OCPPError


class Connecting:
    """What both versions have in common; the library's own class is the other parent."""

    def prepare(self) -> None:
        self.word, self.commands = "Accepted", asyncio.Queue()

    async def _handle_call(self, message) -> None:
        """Takes the place of the library's handlers: every action is taken alike."""
        await self._send(json.dumps([3, message.unique_id, self.answer(message.payload)]))
        await self.commands.put(message.action)


class Station16(Connecting, v16.ChargePoint):
    """OCPP 1.6J."""

    boot = staticmethod(lambda: v16.call.BootNotification(charge_point_vendor="PyPI", charge_point_model="ocpp"))
    heartbeat = v16.call.Heartbeat

    def answer(self, _payload: dict) -> dict:
        return {"status": self.word}


class Station201(Connecting, v201.ChargePoint):
    """OCPP 2.0.1."""

    boot = staticmethod(
        lambda: v201.call.BootNotification(
            charging_station={"vendor_name": "PyPI", "model": "ocpp"}, reason="PowerUp"
        )
    )
    heartbeat = v201.call.Heartbeat

    def answer(self, payload: dict) -> dict:
        parts = payload["setVariableData"]
        one = {"attributeStatus": self.word}
        return {"setVariableResult": [{**one, "component": p["component"], "variable": p["variable"]} for p in parts]}


STATIONS = {"ocpp1.6": Station16, "ocpp2.0.1": Station201}
OPEN = {}


def trust(told: dict) -> ssl.SSLContext | None:
    """Whom the station trusts, and what it shows."""
    if "ca" not in told:
        return None
    context = ssl.create_default_context(cafile=told["ca"])
    if "certificate" in told:
        context.load_cert_chain(told["certificate"], told["key"])
    return context


async def connect(told: dict) -> dict:
    """Connects; gives the status of the answer where there was one, and the server's certificate."""
    headers = {}
    if "password_hex" in told:
        user = told.get("user", told["station"]).encode()
        pair = user + b":" + bytes.fromhex(told["password_hex"])
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    protocol = told.get("protocol", "ocpp1.6")
    try:
        connection = await websockets.connect(
            f"{told['url']}/{told['station']}",
            subprotocols=[protocol],
            additional_headers=headers,
            ssl=trust(told),
        )
    except websockets.InvalidStatus as error:
        header = error.response.headers.get("WWW-Authenticate", "")
        return {"status": error.response.status_code, "body": error.response.body.decode(), "asks": header}
    except (OSError, EOFError, websockets.WebSocketException) as error:
        return {"status": None, "error": repr(error)}
    station = STATIONS[protocol](told["station"], connection)
    station.prepare()
    OPEN[told["as"]] = (connection, station, asyncio.create_task(station.start()))
    tls = connection.transport.get_extra_info("ssl_object")
    certificate = hashlib.sha256(tls.getpeercert(True)).hexdigest() if tls else None
    return {"status": 101, "certificate": certificate}


async def obey(told: dict) -> dict:
    """Does what a line says."""
    if "as" in told:
        return await connect(told)
    connection, station, reading = OPEN[told["of"]]
    if "call" in told:
        try:
            answer = await station.call(getattr(station, told["call"])(), suppress=False)
            return {"answer": getattr(answer, "status", "none"), "interval": getattr(answer, "interval", None)}
        except OCPPError as error:
            return {"error": error.code, "description": error.description}
    if told.get("wait") == "command":
        return {"command": await station.commands.get()}
    if told.get("wait") == "close":
        await connection.wait_closed()
        return {"closed": connection.close_code}
    if "answer" in told:
        station.word = told["answer"]
        return {}
    reading.cancel()
    await connection.close()
    return {}


async def main() -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode():
        print(json.dumps(await asyncio.wait_for(obey(json.loads(line)), 60)), flush=True)


asyncio.run(main())
