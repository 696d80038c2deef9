#!/usr/bin/env python3
"""A station whose websocket library offers permessage-deflate: says whether it was agreed, and what was answered."""

import argparse
import asyncio
import json

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    arguments = parser.parse_args()
    offers = [ClientPerMessageDeflateFactory(client_max_window_bits=True, compress_settings={"memLevel": 4})]
    async with websockets.connect(
        arguments.url, subprotocols=["ocpp2.1"], extensions=offers, compression=None
    ) as ws:
        offered = ws.request.headers.get("Sec-WebSocket-Extensions")
        agreed = ws.response.headers.get("Sec-WebSocket-Extensions")
        text = "x" * 50_000
        await ws.send(json.dumps([2, "1", "DataTransfer", {"vendorId": "deflate", "data": text}]))
        answer = json.loads(await ws.recv())
        print(json.dumps({"offered": offered, "agreed": agreed, "subprotocol": ws.subprotocol, "answer": answer}))


asyncio.run(main())
