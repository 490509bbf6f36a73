"""A real HTTP server that misbehaves on purpose: each path answers from its script, in order."""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from occam import Client
from tests.waiting import PATIENCE_S

Answer = Callable[[Request], Response]


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at_s: float


@dataclass
class Service:
    """Answers `METHOD /path` with the next of its scripted responses; the last one repeats."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    scripts: dict[str, list[Response | Answer]] = field(default_factory=lambda: defaultdict(list))

    def on(self, call: str, *answers: Response | Answer) -> None:
        self.scripts[call] = list(answers)

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        path = request.scope["raw_path"].decode()
        self.seen.append(
            Seen(
                request.method,
                path,
                dict(request.query_params),
                dict(request.headers),
                body,
                time.time(),
            )
        )
        script = self.scripts[f"{request.method} {path}"]
        if not script:
            return problem(404, f"no script for {request.method} {path}")
        response = script.pop(0) if len(script) > 1 else script[0]
        return response(request) if not isinstance(response, Response) else response


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more) -> Response:
    body = {"type": "about:blank", "title": "t", "status": status, "detail": detail, **more}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


@pytest.fixture(scope="session")
def _server() -> Iterator[Service]:
    scripted = Service()
    everything = Route(
        "/{path:path}", scripted.answer, methods=["GET", "POST", "DELETE", "PUT", "PATCH"]
    )
    config = uvicorn.Config(Starlette(routes=[everything]), log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        scripted.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield scripted
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture
def service(_server: Service) -> Service:
    """The server with an empty script: every path is 404 until a test says otherwise."""
    _server.seen.clear()
    _server.scripts.clear()
    return _server


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.url, timeout=PATIENCE_S) as opened:
        yield opened
