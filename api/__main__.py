"""`python -m api`: migrate the database, then serve. Settings come from `OCCAM_*`."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from pydantic import ValidationError

from api import logs
from api.app import create_app
from api.auth import is_loopback
from api.deps import Services
from core.errors import OccamError
from core.lifeline import die_if_asked
from core.settings import Settings
from core.store.migrate import migrate
from core.store.session import Database

REFUSED = 2  # exit code: wrong settings, as a shell's for wrong usage
UNAVAILABLE = 1
BACKLOG = 2048
DATE_EVERY_S = 1.0  # as exact as the header is
KEEP_ALIVE_S = 30  # longer than a client's pause between polls


def main() -> int:
    """Serve until told to stop; returns the exit code."""
    die_if_asked()
    try:
        settings = Settings()
    except ValidationError as error:
        return _refuse(_sentences(error))
    if not settings.api_keys and not is_loopback(settings.host):
        return _refuse(
            f"Refusing to listen on {settings.host} without API keys: anyone who can reach it could"
            " run jobs. Set OCCAM_API_KEYS, or OCCAM_HOST=127.0.0.1."
        )
    logs.configure(form=settings.log_format, level=settings.log_level)
    try:
        _migrate(settings)
    except OccamError as error:
        print(error.detail, file=sys.stderr)
        return UNAVAILABLE
    _serve(settings)
    return 0


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return REFUSED


def _sentences(error: ValidationError) -> str:
    return "\n".join(
        f"{'OCCAM_' + str(item['loc'][0]).upper() if item['loc'] else 'Settings'}: {item['msg']}."
        for item in error.errors()
    )


def _migrate(settings: Settings) -> None:
    database = Database(settings.database_url)
    try:
        migrate(database)
    finally:
        database.dispose()


def _serve(settings: Settings) -> None:
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, int(settings.shutdown_grace_s)),
        h11_max_incomplete_event_size=64 * 1024,
    )
    _Server(config, app.state.services).run()


class _Server(uvicorn.Server):
    """Lets followers go as soon as it is told to stop, so that open streams delay nothing.

    uvicorn looks ten times a second whether it is to end; this one sleeps until a signal says so.
    """

    def __init__(self, config: uvicorn.Config, house: Services) -> None:
        super().__init__(config)
        self.house = house
        self._end: Callable[[], object] = _nothing

    async def main_loop(self) -> None:
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(told.set)
        while not await self.on_tick(0):  # writes the Date of the answers to come
            with suppress(TimeoutError):
                async with asyncio.timeout(DATE_EVERY_S):
                    await told.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._end()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.house.tails.close()
        await super().shutdown(sockets)


def _nothing() -> None:
    """There is no loop yet to be told; it looks before it sleeps."""


if __name__ == "__main__":
    sys.exit(main())
