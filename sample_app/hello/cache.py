"""What is kept for a moment in Redis or Valkey, where HELLO_CACHE_URL names one. The application works without it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, current_app
from flask_caching import Cache
from flask_caching.backends.rediscache import RedisCache

TIMEOUT = 0.25  # seconds for which a request waits for one word of the cache
PAUSE = 2.0  # seconds for which one that failed is not asked again

cache = Cache()


class Json:
    """Texts in place of pickles: what others could write into a cache must not be able to run here."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def loads(self, value: bytes | None) -> Any:
        return None if value is None else json.loads(value)


class SoftCache(RedisCache):
    """A cache that fails is one that knows nothing: nobody waits long for it, and for a while nobody at all."""

    serializer = Json()
    away_until = 0.0

    @classmethod
    def factory(cls, app: Flask, config: dict, args: list, kwargs: dict) -> SoftCache:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        client = Redis.from_url(
            config["CACHE_REDIS_URL"],
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(client, key_prefix=config["CACHE_KEY_PREFIX"], **kwargs)

    def get(self, key: str) -> Any:
        return self._ask(super().get, key)

    def set(self, key: str, value: Any, timeout: int | None = None) -> Any:
        return self._ask(super().set, key, value, timeout)

    def _ask(self, question: Callable, *words: Any) -> Any:
        from redis import RedisError

        if time.monotonic() < self.away_until:
            return None
        try:
            return question(*words)
        except (RedisError, ValueError) as error:
            self.away_until = time.monotonic() + PAUSE
            current_app.logger.warning("The cache is away: %s", error)
            return None

    def state(self) -> str:
        from redis import RedisError

        try:
            self._write_client.ping()
        except RedisError as error:
            return f"away: {error}"
        self.away_until = 0.0
        return "ok"


def state() -> str | None:
    """`ok`, or why the cache is away; None where there is none."""
    return cache.cache.state() if current_app.config["CACHE_REDIS_URL"] else None


def init_app(app: Flask) -> None:
    kept = "hello.cache.SoftCache" if app.config["CACHE_REDIS_URL"] else "NullCache"
    # Another release may understand something else by the same name.
    prefix = f"{app.config['APP']}/{app.config['RELEASE']}/"
    cache.init_app(app, {"CACHE_TYPE": kept, "CACHE_KEY_PREFIX": prefix, "CACHE_NO_NULL_WARNING": True})
