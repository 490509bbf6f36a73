"""The rows of the page's tables, as words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.report.finding import chosen_of, ranked
from core.report.gains import Gain, gain_over, gains_of, reference_of
from core.report.pairs import open_words
from core.report.report import (
    Arm,
    Chosen,
    Level,
    PairVerdict,
    Report,
    Score,
    SettingResult,
    Threshold,
)
from core.report.together import Selection
from core.report.words import (
    SPLITS,
    amount,
    base_of,
    differences,
    head_words,
    interval,
    number,
    spread_words,
    unit_of_difference,
)

NOTHING = "–"
SETTINGS_MAX = 100  # rows of one arm on the page; the CSV has all


@dataclass(frozen=True)
class Tag:
    """A verdict: its colour's name, its sign and its word, so that none has to be seen."""

    kind: str
    sign: str
    words: str


VERDICTS: dict[PairVerdict, Tag] = {
    "better": Tag("better", "▲", "better"),
    "worse": Tag("worse", "▼", "worse"),
    "equivalent": Tag("same", "≈", "equivalent"),
    "undecided": Tag("open", "?", "undecided"),
}


@dataclass(frozen=True)
class Cell:
    """head: of its column. small: lines below. kind: main, split, setting, words, left or none."""

    head: str
    text: str
    small: tuple[str, ...] = ()
    kind: str = ""
    tag: Tag | None = None


@dataclass(frozen=True)
class Row:
    name: str
    cells: list[Cell]
    baseline: bool = False


@dataclass(frozen=True)
class Settings:
    """Every setting of an arm, or the first of very many and the chosen."""

    name: str
    count: int
    rows: list[Row]


def arm_rows(report: Report) -> list[Row]:
    """One for each arm, best first, with the same columns."""
    selection = Selection(report.metric, report.method.rule, None)
    order = [arm for arm, _ in ranked(report.arms, selection, report.direction)]
    order += [arm for arm in report.arms if arm not in order]
    return [Row(arm.name, _of_arm(report, arm), arm.baseline) for arm in order]


def pair_rows(report: Report, count: int) -> list[Row]:
    """The first so many pairs."""
    metric = report.method.compared_metric
    return [
        Row(f"{gain.a} over {gain.b}", _of_pair(gain, metric)) for gain in gains_of(report)[:count]
    ]


def setting_rows(report: Report, arm: Arm) -> Settings:
    rules = (("min", arm.chosen.min), ("1se", arm.chosen.one_se))
    taken = [chosen.setting for _, chosen in rules if chosen]
    first = arm.settings[:SETTINGS_MAX]
    kept = first + [s for s in arm.settings[SETTINGS_MAX:] if s.setting in taken]
    rows = [
        Row(
            unbroken(setting.label),
            [
                Cell(
                    "chosen by", " ".join(r for r, c in rules if c and c.setting == setting.setting)
                ),
                *(_score(report, split, setting) for split in ("train", "val")),
                Cell("gap", signed(report.metric, setting.gap)),
                Cell("zeros", _percent(setting.zeros)),
                Cell("runs scored", _scored(setting)),
            ],
        )
        for setting in kept
    ]
    return Settings(arm.name, len(arm.settings), rows)


def threshold_rows(report: Report) -> list[Row]:
    """One for each arm that has a threshold."""
    return [
        Row(arm.name, _of_threshold(arm.threshold), arm.baseline)
        for arm in report.arms
        if arm.threshold is not None
    ]


def _of_threshold(found: Threshold) -> list[Cell]:
    what = found.metric.replace("_", " ")
    ends = (interval(found.metric, found.ci95),) if found.ci95 else ()
    return [
        Cell(
            "threshold",
            number(found.median, 3),
            (f"{number(found.low, 2)} to {number(found.high, 2)}",)
            if found.low < found.high
            else (),
            "main",
        ),
        _level(f"test {what} at 0.5", found.metric, found.at_half),
        _level("at the threshold", found.metric, found.at_chosen),
        Cell(
            f"gain{_points(found.metric)}",
            signed(found.metric, found.difference),
            ends,
            "main",
            VERDICTS[found.verdict],
        ),
    ]


def _level(head: str, metric: str, level: Level) -> Cell:
    if level.ci95 is None:
        return Cell(head, amount(metric, level.mean), kind="split")
    low, high = (amount(metric, end).removesuffix(" %") for end in level.ci95)
    return Cell(head, amount(metric, level.mean), (f"{low} to {high}",), "split")


def unbroken(label: str) -> str:
    """A setting that may wrap between its values but not within one."""
    return label.replace(" = ", "\u00a0=\u00a0")


def signed(metric: str, value: float | None) -> str:
    if value is None:
        return NOTHING
    text = differences(metric, [value])[0]
    return f"+{text}" if value > 0 and text.strip("0.") else text


def _of_arm(report: Report, arm: Arm) -> list[Cell]:
    chosen = chosen_of(arm, report.method.rule)
    return [
        _compared(report, arm, chosen),
        *_gain(report, arm),
        _setting(report, arm, chosen),
        *_splits(report, arm, chosen),
        Cell("gap", signed(report.metric, chosen.gap if chosen else None)),
        Cell("optimism", signed(report.metric, chosen.optimism if chosen else None)),
        Cell("zeros", _percent(chosen.zeros if chosen else None)),
        Cell("epochs", _measure(chosen, "epochs")),
        Cell("seconds", _measure(chosen, "seconds")),
    ]


def _compared(report: Report, arm: Arm, chosen: Chosen | None) -> Cell:
    """What the arm promises on new rows: the score of its procedure, choice included."""
    metric = report.method.compared_metric
    score = arm.scores.get(metric) or (chosen.scores.get(metric) if chosen else None)
    return _cell(head_words(metric, report.method.unit), metric, score, kind="main")


def _gain(report: Report, arm: Arm) -> list[Cell]:
    reference = reference_of(report)
    if reference is None:
        return []
    metric = report.method.compared_metric
    head = f"gain over {reference}{_points(metric)}"
    found = gain_over(report, arm.name, reference)
    if found is None:
        return [Cell(head, NOTHING, kind="main")]
    told = found.interval_words(metric)
    return [
        Cell(head, found.words(metric), (told,) if told else (), "main", VERDICTS[found.verdict])
    ]


def _setting(report: Report, arm: Arm, chosen: Chosen | None) -> Cell:
    simple = arm.chosen.one_se if report.method.rule == "min" else arm.chosen.min
    small = [f"at the {chosen.at_edge} edge"] if chosen and chosen.at_edge else []
    if simple and chosen and simple.setting != chosen.setting:
        rule = "1se" if report.method.rule == "min" else "min"
        small.append(f"{rule}: {unbroken(simple.label)}")
    label = unbroken(chosen.label) if chosen else ""
    return Cell("chosen setting", label or NOTHING, tuple(small), "setting")


def _splits(report: Report, arm: Arm, chosen: Chosen | None) -> list[Cell]:
    """The scores that are not compared, last first."""
    base = base_of(report.metric)
    splits = [
        split for split in reversed(SPLITS) if f"{split}_{base}" != report.method.compared_metric
    ]
    return [replace(_score(report, split, chosen), kind="split") for split in splits]


def _score(report: Report, split: str, result: SettingResult | None) -> Cell:
    metric = f"{split}_{base_of(report.metric)}"
    score = result.scores.get(metric) if result else None
    return _cell(head_words(metric, report.method.unit), metric, score)


def _cell(head: str, metric: str, score: Score | None, kind: str = "") -> Cell:
    if score is None:
        return Cell(head, NOTHING, kind=kind)
    if score.ci95 is None:
        told = spread_words(metric, score).partition(" over ")[0]  # the page's head says over what
        return Cell(head, amount(metric, score.mean), (told,) if told else (), kind)
    low, high = (amount(metric, end).removesuffix(" %") for end in score.ci95)
    return Cell(head, amount(metric, score.mean), (f"{low} to {high}",), kind)


def _of_pair(gain: Gain, metric: str) -> list[Cell]:
    pair = gain.pair
    remarks = [text[0].upper() + text[1:] for text in (open_words(pair), pair.note) if text]
    return [
        Cell("verdict", "", kind="left", tag=VERDICTS[gain.verdict]),
        Cell(f"gain{_points(metric)}", gain.words(metric), kind="main"),
        Cell("95 % interval", gain.interval_words(metric) or NOTHING),
        Cell("adjusted p", _p(pair.p_adjusted)),
        Cell("remarks", ". ".join(remarks), kind="words"),
    ]


def _scored(setting: SettingResult) -> str:
    whole = len(setting.runs)
    return f"{whole - setting.missing - setting.diverged} of {whole}"


def _points(metric: str) -> str:
    unit = unit_of_difference(metric).strip()
    return f" ({unit})" if unit else ""


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.1f} %"


def _measure(chosen: SettingResult | None, measure: str) -> str:
    score = chosen.measures.get(measure) if chosen else None
    return number(score.mean, 3) if score else NOTHING


def _p(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else number(value, 2)
