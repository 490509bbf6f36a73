"""The page as a browser shows it: on a phone, in the dark, to a screen reader and on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader

from core.report.evidence import Evidence
from core.report.figures import figures
from core.report.importance import Importances
from core.report.page import to_html
from core.report.report import Level, Threshold

# as root and without a display or a network
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LONG = "a_name_without_any_space_that_goes_on_and_on_" * 3
THRESHOLD = Threshold(
    metric="balanced_accuracy",
    positive="ill",
    median=0.214,
    low=0.18,
    high=0.3,
    at_half=Level(mean=0.71, ci95=(0.68, 0.74)),
    at_chosen=Level(mean=0.78, ci95=(0.75, 0.81)),
    difference=0.07,
    ci95=(0.04, 0.1),
    p_adjusted=0.001,
    verdict="better",
    n=500,
)
A4_PX = 688  # between the margins of the page, at 96 to the inch
A4_POINTS = 595


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def report(studio: Any) -> Any:
    return studio.world(
        dict(studio.body) | {"folds": 5, "seeds": 1},
        lambda arm, setting: {"none": 0.7, "l1": 0.8, "l2": 0.72}.get(arm, 0.7),
    ).report()


@pytest.fixture(scope="module")
def files(report: Any, studio: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of an ordinary report with every figure, and one whose names are very long."""
    folder = tmp_path_factory.mktemp("pages")
    runs = list(studio.runs(studio.body, studio.lifelike))
    usual = Evidence(
        list(studio.curves(runs)),
        {arm.name: studio.classified(i) for i, arm in enumerate(report.arms)},
        [str(number) for number in range(10)],
        Importances({arm.name: studio.important("test_accuracy") for arm in report.arms[:2]}),
    )
    decided = report.model_copy(
        update={"arms": [arm.model_copy(update={"threshold": THRESHOLD}) for arm in report.arms]}
    )
    body = studio.body | {
        "name": LONG,
        "compare": [{"name": "none"}, {"name": LONG, "regularizers": ["l1"]}],
    }
    wide = studio.build([studio.job(body)], studio.runs(body, studio.lifelike))
    pages = {
        "usual": to_html(decided, figures(decided, usual), usual),
        "wide": to_html(wide, figures(wide, Evidence())),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


def shown(browser: Browser, file: Path, width: int, scheme: Any = "light") -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        ("usual", "light", 1280),
        ("usual", "dark", 1280),
        ("usual", "light", 360),
        ("wide", "dark", 360),
    ],
)
def test_the_page_has_no_barrier_that_axe_knows(
    browser: Browser, files: dict[str, Path], name: str, scheme: str, width: int
) -> None:
    with shown(browser, files[name], width, scheme) as page:
        found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []


@pytest.mark.parametrize("name", ["usual", "wide"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_never_scrolls_sideways(
    browser: Browser, files: dict[str, Path], name: str, width: int
) -> None:
    with shown(browser, files[name], width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_first_heading_is_the_headline(
    browser: Browser, files: dict[str, Path], report: Any
) -> None:
    with shown(browser, files["usual"], 1280) as page:
        heading = page.locator("h1, h2, h3, h4, h5, h6").first
        assert heading.evaluate("node => node.tagName") == "H1"
        assert heading.locator("span").inner_text() == "▲"
        assert heading.inner_text().removeprefix("▲") == report.headline


def test_a_phone_shows_each_arms_score_and_gain_with_their_intervals(
    browser: Browser, files: dict[str, Path], report: Any
) -> None:
    with shown(browser, files["usual"], 360) as page:
        table = page.locator("table").first
        for arm in report.arms:
            row = table.locator("tbody tr", has=page.get_by_role("rowheader", name=arm.name))
            score, gain = row.locator("td.main").all()
            for cell in (score, gain):
                box = cell.bounding_box()
                assert box is not None
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= 360
            told = arm.scores["test_accuracy"]
            assert f"{100 * told.mean:.1f} %" in score.inner_text()
            assert f"{100 * told.ci95[0]:.1f} to {100 * told.ci95[1]:.1f}" in score.inner_text()
            assert arm.baseline or " to " in gain.inner_text()


def test_paper_holds_the_whole_specification_and_every_cell(
    browser: Browser, files: dict[str, Path], report: Any, tmp_path: Path
) -> None:
    with shown(browser, files["usual"], 1280) as page:
        page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
        cells = page.locator("table").first.locator("th, td").all_text_contents()
        closed = page.locator("details:not([open])").locator("td, li").all_text_contents()
    printed = Printed(tmp_path / "page.pdf")
    body = json.dumps(report.reproduce.jobs[0].body, ensure_ascii=False, indent=2)
    for text in [*body.splitlines(), *cells, *closed]:
        assert solid(text) in printed.text
    assert len(closed) > len(report.details) > 0
    assert printed.text.endswith(solid("the same rows give the same report."))
    assert printed.right < A4_POINTS


class Printed:
    """A PDF's text without white space, and how far to the right any of it begins."""

    def __init__(self, file: Path) -> None:
        self.right = 0.0
        pages = PdfReader(file).pages
        self.text = "".join(solid(page.extract_text(visitor_text=self._visit)) for page in pages)

    def _visit(self, text: str, page: list[float], place: list[float], *_: object) -> None:
        if text.strip():
            self.right = max(self.right, place[4] * page[0] + place[5] * page[2] + page[4])


def solid(text: str) -> str:
    return "".join(text.split())


def test_nothing_is_wider_than_the_paper(browser: Browser, files: dict[str, Path]) -> None:
    for file in files.values():
        with shown(browser, file, A4_PX) as page:
            page.emulate_media(media="print")
            assert page.evaluate("document.documentElement.scrollWidth") == A4_PX
