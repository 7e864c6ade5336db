#!/usr/bin/env python3
"""Many clients at once, each a bad one in the same way; runs on the host itself and needs nothing but Python.

    crowd.py HOST WAY COUNT SECONDS

Ways: `header` sends a byte of a header every second, `body` one of a body, `read` takes a byte of the answer, `burst` is honest.
For `burst` the statuses are printed, as JSON; the others hold on to their connections until the time has passed.
"""

from __future__ import annotations

import asyncio
import collections
import json
import socket
import sys
import time

START = {
    "header": "GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ",
    "body": "POST /api/entries HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n",
    "read": "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "burst": "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
}


async def client(host: str, way: str, end: float) -> str:
    """The status that it got, if it waited for one, or why it got none."""
    try:
        connection = socket.socket()
        connection.setblocking(False)
        if way == "read":
            # So that the answer does not lie here while it is not taken.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", 80))
        reader, writer = await asyncio.open_connection(sock=connection, limit=64)
        writer.write(START[way].format(host=host).encode())
        if way == "burst":
            line = await asyncio.wait_for(reader.readline(), end - time.monotonic())
            return line.decode().split(" ")[1]
        while time.monotonic() < end:
            await asyncio.sleep(1)
            if way == "read":
                await reader.read(1)
            else:
                writer.write(b"x")
                await writer.drain()
    except (OSError, asyncio.TimeoutError, IndexError, ValueError) as error:
        return type(error).__name__
    return "held"


async def main() -> None:
    host, way, count, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    end = time.monotonic() + seconds
    ends = await asyncio.gather(*(client(host, way, end) for _ in range(count)))
    print(json.dumps(collections.Counter(ends)))


asyncio.run(main())
