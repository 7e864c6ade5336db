"""The same app for servers that speak ASGI."""

from __future__ import annotations

from asgiref.wsgi import WsgiToAsgi

from . import create_app as create_wsgi_app


def create_app() -> WsgiToAsgi:
    """Flask, wrapped."""
    return WsgiToAsgi(create_wsgi_app())
