from __future__ import annotations

import pytest

from api.negotiation import negotiate
from core.errors import NotAcceptable

OFFERED = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        (BROWSER, "html"),
        ("text/*", "html"),
        ("text/csv", "csv"),
        ("text/html;q=0.5, text/csv;q=0.6", "csv"),
        ("text/html;q=0, text/*", "csv"),
        ("APPLICATION/JSON", "json"),
        ("application/json;q=nonsense, text/csv", "csv"),
    ],
)
def test_the_accept_header_chooses(accept: str | None, chosen: str) -> None:
    assert negotiate(accept, None, OFFERED) == chosen


def test_a_format_asked_for_by_name_wins() -> None:
    assert negotiate("text/html", "csv", OFFERED) == "csv"


@pytest.mark.parametrize("accept", ["image/png", "text/html;q=0", "nonsense", ";;;,,,"])
def test_what_there_is_not_is_a_406_that_says_what_there_is(accept: str) -> None:
    with pytest.raises(NotAcceptable, match=r"text/csv; charset=utf-8 \(format=csv\)"):
        negotiate(accept, None, OFFERED)


def test_an_unknown_format_is_a_406() -> None:
    with pytest.raises(NotAcceptable, match="format “pdf”"):
        negotiate(None, "pdf", OFFERED)
