"""A central system of PyPI's `ocpp`, as its documentation builds one: answers, and stores nothing.

    central_system.py PORT
"""

import asyncio
import sys
from datetime import datetime, timezone

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import AuthorizationStatus, RegistrationStatus


def now() -> str:
    return datetime.now(timezone.utc).isoformat()


class Station(ChargePoint):
    @on("BootNotification")
    def on_boot(self, **_):
        return call_result.BootNotification(now(), 300, RegistrationStatus.accepted)

    @on("StartTransaction")
    def on_start(self, **_):
        return call_result.StartTransaction(1, {"status": AuthorizationStatus.accepted})

    @on("MeterValues")
    def on_meter_values(self, **_):
        return call_result.MeterValues()


async def serve(connection):
    station = Station(connection.request.path.rsplit("/", 1)[-1], connection)
    try:
        await station.start()
    except websockets.exceptions.ConnectionClosed:
        pass


async def main():
    async with websockets.serve(serve, "127.0.0.1", int(sys.argv[1]), subprotocols=["ocpp1.6"]):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
