"""An OCPP 2.0.1 station that is not ours charges one session and prints the answers as JSON.

The library (PyPI `ocpp`) validates what is sent and what is answered by the schemas of the Open Charge Alliance.
"""

import asyncio
import uuid

import websockets
from ocpp.v201 import ChargePoint, call
from session import Session, arguments, tell


def meter_value(session: Session, index: int, context: str) -> list:
    """Energy in kWh and power by its multiplier, as 2.0.1 allows."""
    return [
        {
            "timestamp": session.at(index),
            "sampled_value": [
                {
                    "value": session.register_wh(index) / 1000,
                    "context": context,
                    "measurand": "Energy.Active.Import.Register",
                    "unit_of_measure": {"unit": "kWh"},
                },
                {
                    "value": session.power_w / 1000,
                    "context": context,
                    "measurand": "Power.Active.Import",
                    "unit_of_measure": {"unit": "W", "multiplier": 3},
                },
            ],
        }
    ]


async def charge(station: ChargePoint, session: Session) -> dict:
    answers = {}
    token = {"id_token": session.token, "type": "ISO14443"}
    evse = {"id": 1, "connector_id": 1}
    transaction = str(uuid.uuid4())
    answers["BootNotification"] = await station.call(
        call.BootNotification(
            charging_station={"vendor_name": "PyPI", "model": "ocpp", "firmware_version": "2.1.0"},
            reason="PowerUp",
        )
    )
    answers["Heartbeat"] = await station.call(call.Heartbeat())
    for status in ["Available", "Occupied"]:
        answers["StatusNotification"] = await station.call(
            call.StatusNotification(
                timestamp=session.at(0), connector_status=status, evse_id=1, connector_id=1
            )
        )
    answers["Authorize"] = await station.call(call.Authorize(id_token=token))
    answers["Started"] = await station.call(
        call.TransactionEvent(
            event_type="Started",
            timestamp=session.at(0),
            trigger_reason="Authorized",
            seq_no=0,
            transaction_info={"transaction_id": transaction, "charging_state": "Charging"},
            id_token=token,
            evse=evse,
            meter_value=meter_value(session, 0, "Transaction.Begin"),
        )
    )
    for index in range(1, session.samples):
        answers["Updated"] = await station.call(
            call.TransactionEvent(
                event_type="Updated",
                timestamp=session.at(index),
                trigger_reason="MeterValuePeriodic",
                seq_no=index,
                transaction_info={"transaction_id": transaction, "charging_state": "Charging"},
                meter_value=meter_value(session, index, "Sample.Periodic"),
            )
        )
    answers["Ended"] = await station.call(
        call.TransactionEvent(
            event_type="Ended",
            timestamp=session.at(session.samples),
            trigger_reason="EVDeparted",
            seq_no=session.samples,
            transaction_info={
                "transaction_id": transaction,
                "charging_state": "Idle",
                "stopped_reason": session.reason,
            },
            id_token=token,
            meter_value=meter_value(session, session.samples, "Transaction.End"),
        )
    )
    answers["MeterValues"] = await station.call(
        call.MeterValues(evse_id=0, meter_value=meter_value(session, session.samples, "Sample.Clock"))
    )
    answers["NotifyEvent"] = await station.call(
        call.NotifyEvent(
            generated_at=session.at(0),
            seq_no=0,
            event_data=[
                {
                    "event_id": 1,
                    "timestamp": session.at(0),
                    "trigger": "Alerting",
                    "actual_value": "81",
                    "event_notification_type": "HardWiredMonitor",
                    "component": {"name": "Connector", "evse": evse},
                    "variable": {"name": "Temperature"},
                }
            ],
        )
    )
    answers["DataTransfer"] = await station.call(call.DataTransfer(vendor_id="org.pypi.ocpp", data="{}"))
    answers["FirmwareStatusNotification"] = await station.call(
        call.FirmwareStatusNotification(status="Installed", request_id=1)
    )
    answers["LogStatusNotification"] = await station.call(
        call.LogStatusNotification(status="Uploaded", request_id=1)
    )
    answers["SecurityEventNotification"] = await station.call(
        call.SecurityEventNotification(type="SettingSystemTime", timestamp=session.at(0))
    )
    answers["NotifyReport"] = await station.call(
        call.NotifyReport(request_id=1, generated_at=session.at(0), seq_no=0)
    )
    return answers


async def main() -> None:
    url, session = arguments()
    async with websockets.connect(f"{url}/ocpp/{session.station}", subprotocols=["ocpp2.0.1"]) as connection:
        station = ChargePoint(session.station, connection)
        reading = asyncio.create_task(station.start())
        tell(await charge(station, session))
        reading.cancel()


asyncio.run(main())
