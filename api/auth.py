"""Who may call: a bearer key where keys are configured, else only this machine."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import problem
from core.errors import OccamError, Unauthorized

LOCAL = "local"  # the principal of a service without keys
_OPEN = frozenset({"/", "/healthz", "/readyz", "/docs", "/openapi.json"})
_HASHED = "sha256:"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Forbidden(OccamError):
    status, code, title = 403, "forbidden", "Not from here"


class Auth:
    """Pure ASGI, before any body is read. Leaves the caller's principal in the state."""

    def __init__(self, app: ASGIApp, *, keys: Sequence[str]) -> None:
        self.app = app
        self.digests = tuple(digest_of(key) for key in keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                principal = self._principal(scope)
            except OccamError as error:
                await problem(error, scope)(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self.app(scope, receive, send)

    def _principal(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        if not self.digests:
            _refuse_strangers(scope["method"], headers)
            return LOCAL
        if scope["path"] in _OPEN:
            return LOCAL
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Unauthorized("Send an API key in the header Authorization: Bearer <key>.")
        digest = hashlib.sha256(key.strip().encode()).hexdigest()
        # No early exit: the time taken must not tell which key was nearly right.
        matches = [hmac.compare_digest(digest, known) for known in self.digests]
        if not any(matches):
            raise Unauthorized("This API key is not one of those configured.")
        return digest[:16]


def digest_of(key: str) -> str:
    """The SHA-256 of a configured key, which may be given as `sha256:<hex>` already."""
    if key.startswith(_HASHED):
        return key.removeprefix(_HASHED).strip().lower()
    return hashlib.sha256(key.encode()).hexdigest()


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    bare = host.strip().strip("[]").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def _refuse_strangers(method: str, headers: Headers) -> None:
    """Without keys, a web page open in the user's browser must not reach in: neither by a name
    that its owner points at 127.0.0.1 (DNS rebinding) nor by a form (cross-site request)."""
    host = headers.get("host", "localhost")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if not is_loopback(name):
        raise Forbidden(
            "Without API keys this service answers to localhost only; set OCCAM_API_KEYS to"
            " serve other names."
        )
    if method not in _SAFE and headers.get("sec-fetch-site") == "cross-site":
        raise Forbidden("Without API keys this service takes no requests from other web sites.")
