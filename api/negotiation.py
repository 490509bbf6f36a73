"""Which representation a client wants: `?format=` first, else the Accept header (RFC 9110)."""

from __future__ import annotations

from collections.abc import Mapping

from api.strict_json import shown
from core.errors import NotAcceptable


def negotiate(accept: str | None, wanted: str | None, offered: Mapping[str, str]) -> str:
    """The name of the representation to send; `offered` maps names to media types, the server's
    preference first.

    Raises NotAcceptable, naming what there is.
    """
    if wanted is not None:
        if wanted in offered:
            return wanted
        raise _refusal(f"format “{shown(wanted)}”", offered)
    if accept is None or not accept.strip():
        return next(iter(offered))
    ranges = [parsed for part in accept.split(",") if (parsed := _range(part)) is not None]
    best, best_quality = None, 0.0
    for name, media in offered.items():
        quality = _quality(media, ranges)
        if quality > best_quality:
            best, best_quality = name, quality
    if best is None:
        raise _refusal(f"“{shown(accept)}”", offered)
    return best


def _refusal(wanted: str, offered: Mapping[str, str]) -> NotAcceptable:
    media = ", ".join(f"{kind} (format={name})" for name, kind in offered.items())
    return NotAcceptable(f"There is no representation for {wanted}; there is {media}.")


def _range(part: str) -> tuple[str, float] | None:
    media, *parameters = (item.strip().lower() for item in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                quality = min(1.0, max(0.0, float(value)))
            except ValueError:
                return None
    return (media, quality) if media else None


def _quality(media: str, ranges: list[tuple[str, float]]) -> float:
    """The quality of the most specific range that covers `media`; 0 where none does."""
    plain = media.partition(";")[0]
    family = plain.partition("/")[0] + "/*"
    for pattern in (plain, family, "*/*"):
        found = [quality for name, quality in ranges if name == pattern]
        if found:
            return max(found)
    return 0.0
