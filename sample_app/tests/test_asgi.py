from __future__ import annotations

import asyncio

from asgiref.testing import ApplicationCommunicator

from hello.asgi import create_app


def test_it_answers_asgi_s_requests():
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/healthz",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }

    async def ask():
        communicator = ApplicationCommunicator(create_app(), scope)
        await communicator.send_input({"type": "http.request", "body": b""})
        said = [await communicator.receive_output(), await communicator.receive_output()]
        await communicator.wait()
        return said

    start, body = asyncio.run(ask())
    assert start["status"] == 200 and b"ok" in body["body"]
