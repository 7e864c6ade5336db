from __future__ import annotations

import asyncio

from asgiref.testing import ApplicationCommunicator

from hello.asgi import create_app


def test_it_answers_asgi_s_requests():
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/healthz",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }

    async def ask():
        communicator = ApplicationCommunicator(create_app(), scope)
        await communicator.send_input({"type": "http.request", "body": b""})
        return [await communicator.receive_output(), await communicator.receive_output()]

    start, body = asyncio.run(ask())
    assert start["status"] == 200 and b"ok" in body["body"]
