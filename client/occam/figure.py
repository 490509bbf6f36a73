"""A figure of a report, as a thing to look at and to save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from json import loads
from pathlib import Path
from typing import Any, Literal, get_args

FigureFormat = Literal["svg", "png", "json"]
FIGURE_FORMATS: tuple[str, ...] = get_args(FigureFormat)


@dataclass(frozen=True)
class Source:
    """Where the bytes behind a link come from: a service, or nowhere.

    It is no part of the value that holds it: equality ignores it, copies share it, and pickles go
    without it.
    """

    fetch: Callable[[str], bytes] | None = field(default=None, compare=False)

    def __deepcopy__(self, memo: object) -> Source:
        return self

    def __reduce__(self) -> tuple[type[Source], tuple[()]]:
        return Source, ()


@dataclass(frozen=True, repr=False)
class Figure:
    """A figure. Notebooks show it.

    fetch: its bytes in a format, from the service.
    """

    name: str
    svg: str
    fetch: Callable[[FigureFormat], bytes]

    def png(self) -> bytes:
        return self.fetch("png")

    def vega_lite(self) -> dict[str, Any]:
        """Its definition with its data, to change and draw anew. Any: JSON."""
        definition: dict[str, Any] = loads(self.fetch("json"))
        return definition

    def save(self, path: str | Path) -> Path:
        """Write it as SVG, PNG or Vega-Lite JSON: as the name of the file ends."""
        target = Path(path)
        match target.suffix:
            case ".svg":
                target.write_text(self.svg, encoding="utf-8")
            case ".png":
                target.write_bytes(self.png())
            case ".json":
                target.write_bytes(self.fetch("json"))
            case other:
                raise ValueError(
                    f"a figure cannot be saved as {other or 'a file without suffix'!r} "
                    f"({target}); end the name with .svg, .png or .json"
                )
        return target

    def __repr__(self) -> str:
        return f"<figure {self.name}: .save('{self.name}.svg'), .png(), .vega_lite()>"

    def _repr_svg_(self) -> str:
        return self.svg
