"""Opaque, signed positions in lists: a client can neither read meaning into them nor forge them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from core.errors import InvalidRequest

_MAC_BYTES = 12  # 96 bits: forging is not the threat, misuse is
_CURSOR_MAX = 500  # characters


class Cursors:
    """Signs and reads positions. `scope` names the list, so that a cursor fits only its own."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, scope: str, position: Iterable[str | int]) -> str:
        payload = json.dumps(list(position), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(scope, payload) + payload).decode().rstrip("=")

    def read(self, scope: str, cursor: str) -> list[str | int]:
        """The position signed for `scope`; raises InvalidRequest for anything else."""
        try:
            raw = base64.b64decode(_padded(cursor), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not payload or not hmac.compare_digest(mac, self._mac(scope, payload)):
            raise InvalidRequest(
                "The cursor in “after” is not one that this list gave; start without it."
            )
        position: list[str | int] = json.loads(payload)
        return position

    def _mac(self, scope: str, payload: bytes) -> bytes:
        message = scope.encode() + b"\0" + payload
        return hmac.digest(self._secret, message, hashlib.sha256)[:_MAC_BYTES]


def secret_of(data_dir: Path, keys: Iterable[str]) -> bytes:
    """The signing secret: from the API keys, which all API processes of a cluster share, or, in
    embedded mode, from a file in the data directory."""
    shared = sorted(keys)
    if shared:
        return hashlib.sha256("\n".join(["occam cursors", *shared]).encode()).digest()
    return _kept(data_dir / "cursor.key")


def _kept(path: Path) -> bytes:
    """The secret in a file; written whole or not at all, whoever comes first."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(draft, path)
        except FileExistsError:  # another process was first: its secret holds
            assert path.exists()
        finally:
            draft.unlink()
    return path.read_bytes()


def _padded(cursor: str) -> bytes:
    if len(cursor) > _CURSOR_MAX or not cursor.isascii():
        return b"!"
    return cursor.encode() + b"=" * (-len(cursor) % 4)
