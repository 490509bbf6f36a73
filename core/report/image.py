"""Figures as pictures. The renderer brings a JavaScript engine, so it is imported at first use."""

from __future__ import annotations

import re

from core.report.figures.theme import SCHEMA, Figure

VEGA_LITE = "6.4"  # of the versions the renderer carries, the newest of our schema's major
assert SCHEMA.endswith(f"v{VEGA_LITE[0]}.json")
# allowed in JSON strings, hence in names, but not in XML
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def figure_svg(figure: Figure) -> str:
    """A standalone SVG document."""
    from vl_convert import vegalite_to_svg

    # no base URL is allowed: a figure holds its data and never fetches any
    svg: str = vegalite_to_svg(figure.spec, vl_version=VEGA_LITE, allowed_base_urls=[])
    return _NOT_XML.sub("", svg)


def figure_png(figure: Figure, *, scale: float = 2.0) -> bytes:
    """PNG bytes; scale: pixels per unit, 2 for sharp print and screens."""
    from vl_convert import svg_to_png

    png: bytes = svg_to_png(figure_svg(figure), scale=scale)
    return png
