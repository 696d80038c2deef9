"""An OCPP 1.6J station that is not ours charges one session and prints the answers as JSON.

The library (PyPI `ocpp`) validates what is sent and what is answered by the schemas of the Open Charge Alliance.
"""

import asyncio

import websockets
from ocpp.v16 import ChargePoint, call
from session import Session, arguments, tell


async def charge(station: ChargePoint, session: Session) -> dict:
    answers = {}
    answers["BootNotification"] = await station.call(
        call.BootNotification(charge_point_vendor="PyPI", charge_point_model="ocpp", firmware_version="2.1.0")
    )
    for status in ["Available", "Preparing"]:
        answers["StatusNotification"] = await station.call(
            call.StatusNotification(connector_id=1, error_code="NoError", status=status)
        )
    answers["Heartbeat"] = await station.call(call.Heartbeat())
    answers["Authorize"] = await station.call(call.Authorize(id_tag=session.token))
    started = answers["StartTransaction"] = await station.call(
        call.StartTransaction(
            connector_id=1,
            id_tag=session.token,
            meter_start=session.meter_start_wh,
            timestamp=session.at(0),
        )
    )
    for index in range(1, session.samples):
        answers["MeterValues"] = await station.call(
            call.MeterValues(
                connector_id=1,
                transaction_id=started.transaction_id,
                meter_value=[
                    {
                        "timestamp": session.at(index),
                        "sampled_value": [
                            {"value": f"{session.register_wh(index) / 1000:.6f}", "unit": "kWh"},
                            {
                                "value": f"{session.power_w:.1f}",
                                "measurand": "Power.Active.Import",
                                "unit": "W",
                            },
                            {"value": "230.1", "measurand": "Voltage", "phase": "L1-N", "unit": "V"},
                        ],
                    }
                ],
            )
        )
    answers["StopTransaction"] = await station.call(
        call.StopTransaction(
            transaction_id=started.transaction_id,
            id_tag=session.token,
            meter_stop=session.meter_start_wh + session.energy_wh,
            timestamp=session.at(session.samples),
            reason=session.reason,
        )
    )
    answers["DataTransfer"] = await station.call(call.DataTransfer(vendor_id="org.pypi.ocpp", data="{}"))
    answers["FirmwareStatusNotification"] = await station.call(
        call.FirmwareStatusNotification(status="Installed")
    )
    answers["DiagnosticsStatusNotification"] = await station.call(
        call.DiagnosticsStatusNotification(status="Uploaded")
    )
    answers["SecurityEventNotification"] = await station.call(
        call.SecurityEventNotification(
            type="SettingSystemTime", timestamp=session.at(0), tech_info="by hand"
        )
    )
    return answers


async def main() -> None:
    url, session = arguments()
    async with websockets.connect(f"{url}/{session.station}", subprotocols=["ocpp1.6"]) as connection:
        station = ChargePoint(session.station, connection)
        reading = asyncio.create_task(station.start())
        tell(await charge(station, session))
        reading.cancel()


asyncio.run(main())
