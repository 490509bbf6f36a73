"""Figures as pictures. The renderer brings a JavaScript engine, so it is imported at first use."""

from __future__ import annotations

import re
from typing import Any

from core.report.figures.theme import SCHEMA, Figure

VEGA_LITE = "6.4"  # of the versions the renderer carries, the newest of our schema's major
assert SCHEMA.endswith(f"v{VEGA_LITE[0]}.json")
# Names may hold these, XML may not, and the renderer ends the whole process at one of them.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


# the renderer counts these up for as long as the process lives
_ID = re.compile(r'(<\w+ id="|"url\(#)(\w+)')


def figure_svg(figure: Figure, *, prefix: str = "", titled: bool = True) -> str:
    """A standalone SVG document; the same figure gives the same bytes.

    prefix: put before its ids, for a page that holds several figures. titled: with its own title;
    a page sets the title in its own letters.
    """
    from vl_convert import vegalite_to_svg

    # no base URL is allowed: a figure holds its data and never fetches any
    spec = figure.spec if titled else {k: v for k, v in figure.spec.items() if k != "title"}
    svg: str = vegalite_to_svg(_clean(spec), vl_version=VEGA_LITE, allowed_base_urls=[])
    ids: dict[str, str] = {}
    return _ID.sub(lambda m: m[1] + ids.setdefault(m[2], f"{prefix}id{len(ids)}"), svg)


def figure_png(figure: Figure, *, scale: float = 2.0) -> bytes:
    """PNG bytes; scale: pixels per unit, 2 for sharp print and screens."""
    from vl_convert import svg_to_png

    png: bytes = svg_to_png(figure_svg(figure), scale=scale)
    return png


def _clean(node: Any) -> Any:  # Any: JSON
    """The same document with a replacement for what XML cannot hold."""
    if isinstance(node, str):
        return _NOT_XML.sub("\ufffd", node)
    if isinstance(node, dict):
        return {key: _clean(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_clean(value) for value in node]
    return node
