"""Seeing what the server does: structured logs with correlation ids, and figures for Prometheus."""

from __future__ import annotations

import json
import logging
import sys
import time
import uuid
from contextvars import ContextVar
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from terrazul.core.ids import without_tokens
from terrazul.server.sql.database import Database

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
CLIENT_GONE = "client_gone"
_INCOMING = b"terrazul-correlation-id"
_ID_LIMIT = 100
_log = logging.getLogger("terrazul.request")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, without tokens, which may stand in an address by mistake."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if _correlation_id.get():
            line["correlation_id"] = _correlation_id.get()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return without_tokens(json.dumps(line, ensure_ascii=False, default=str))


def configure_logging() -> None:
    """Send all logs to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class Figures:
    """What Prometheus reads."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter("terrazul_requests", "Requests answered", ["method", "status"], registry=self.registry)
        self.seconds = Histogram(
            "terrazul_request_seconds", "Seconds until an answer was complete", ["method"], registry=self.registry
        )
        commits = Gauge("terrazul_database_commits", "Transactions committed", registry=self.registry)
        commits.set_function(lambda: database.commits)
        writes = Gauge("terrazul_database_writes", "Writes that these transactions shared", registry=self.registry)
        writes.set_function(lambda: database.writes)

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self.registry)


class Observation:
    """Wraps the application: gives each request its correlation id, counts it, logs it."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        correlation_id = _given_id(scope) or uuid.uuid4().hex
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        _correlation_id.set(correlation_id)
        begin = time.perf_counter()
        status = 0

        async def observed_receive() -> Any:
            message = await receive()
            if message["type"] == "http.disconnect":
                scope["state"][CLIENT_GONE] = True
            return message

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"terrazul-correlation-id", correlation_id.encode())]
            await send(message)

        try:
            await self._app(scope, observed_receive, observed_send)
        finally:
            seconds = time.perf_counter() - begin
            self._figures.requests.labels(scope["method"], str(status)).inc()
            self._figures.seconds.labels(scope["method"]).observe(seconds)
            if status >= 400:  # noqa: PLR2004  # what an administrator looks for; each good request would be noise
                facts = {
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "seconds": round(seconds, 4),
                }
                _log.info("request", extra={"facts": facts})


def _given_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == _INCOMING and len(value) <= _ID_LIMIT and value.isascii() and value.decode().isprintable():
            return value.decode()
    return ""
