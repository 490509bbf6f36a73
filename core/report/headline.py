"""What was found, in at most 12 words."""

from __future__ import annotations

from core.report.arm_words import short
from core.report.finding import Finding, chosen_of
from core.report.pairs import gain_of, gain_words
from core.report.records import FINAL
from core.report.report import Arm, Outcome, Pair
from core.report.words import amount, counted, differences, listed, metric_words, unit_of_difference

HEADLINE_WORDS = 12


def headline_of(finding: Finding, best: Arm, outcome: Outcome) -> str:
    """Of a comparison with scores, by how it ended."""
    if outcome == "single":
        return _single(finding, best)
    if outcome == "better":
        return _better_headline(finding, best)
    if outcome == "nothing_beats_baseline":
        return _unbeaten_headline(finding)
    if outcome == "equivalent":
        return _equivalent_headline(finding, best)
    best_name = short(best.name)
    pair = finding.pair(best, finding.rivals[0])
    if pair is not None and _leads_on_validation_only(finding, pair):
        return _first_that_fits(
            finding, f"Test rows do not confirm that {best_name} is best.", "Nothing is proven."
        )
    open_ = [short(a.name) for a in finding.rivals if finding.standing(best, a) == "undecided"]
    decided = len(open_) < len(finding.rivals)
    against = f" against {listed(open_)}" if decided and open_ else ""
    return _first_that_fits(
        finding,
        f"{best_name} looks best; not proven{against}.",
        f"{best_name} looks best; not proven.",
    )


def _single(finding: Finding, best: Arm) -> str:
    score = best.scores.get(finding.compared)
    if score is None:
        return _first_that_fits(finding, f"{short(best.name)} has no test score yet.")
    what = metric_words(finding.compared)
    told = f"{amount(finding.compared, score.mean)} {what}"
    ends = f" ({_ends(finding.compared, score.ci95)})" if score.ci95 else ""
    chosen = chosen_of(best, finding.selection.rule)
    at = f" at {label}" if chosen and (label := chosen.label) else ""
    return _first_that_fits(finding, f"{told}{ends}{at}.", f"{told}{ends}.", f"{told}.")


def why_nothing(finding: Finding) -> str:
    """Where no arm has a score."""
    if not finding.statuses <= FINAL:
        return "No run has a score yet."
    if finding.statuses == {"cancelled"}:
        return "It was cancelled before any run had a score."
    if finding.statuses == {"failed"}:
        return "It failed before any run had a score."
    return "No run gave a finite score."


def so_far(finding: Finding, sentence: str) -> str:
    """Said of what may change; the first letter stays where it is a name's."""
    if not finding.partial:
        return sentence
    starts = ("No ", "It ", "Nothing ", "All ")
    lower = sentence.startswith(starts)
    return f"So far, {sentence[0].lower() + sentence[1:] if lower else sentence}"


def _leads_on_validation_only(finding: Finding, pair: Pair) -> bool:
    behind = gain_of(pair, finding.direction) <= 0
    return behind or gain_words(pair, finding.compared, finding.direction) == "level"


def _better_headline(finding: Finding, best: Arm) -> str:
    name, baseline = short(best.name), finding.baseline
    if baseline is None:
        rivals = finding.rivals
        pair = finding.pair(best, rivals[0])
        by = _size(finding, pair)
        if len(rivals) == 1:
            return _first_that_fits(
                finding, f"{name} beats {short(rivals[0].name)}{by}.", f"{name} is better."
            )
        return _first_that_fits(
            finding,
            f"{name} beats all others, {short(rivals[0].name)}{by}.",
            f"{name} beats all {len(rivals)} other arms.",
        )
    if baseline is best or finding.standing(best, baseline) != "better":
        beaters = [a for a in finding.scored if finding.standing(a, baseline) == "better"]
        names = listed([short(arm.name) for arm in beaters])
        verb = "beats" if len(beaters) == 1 else "beat"
        return _first_that_fits(
            finding,
            f"{names} {verb} {short(baseline.name)}; {name} looks best.",
            f"{counted(len(beaters), 'arm')} {verb} {short(baseline.name)}.",
        )
    by = _size(finding, finding.pair(best, baseline))
    others = [arm for arm in finding.rivals if arm is not baseline]
    standings = {finding.standing(best, arm) for arm in others}
    rest = ""
    if others and standings == {"better"}:
        rest = ", and every other arm" if len(others) > 1 else f", and {short(others[0].name)}"
    elif "undecided" in standings:
        rest = "; whether it is best is open"
    elif others:
        rest = f"; so does {short(others[0].name)}" if len(others) == 1 else "; it is not alone"
    beats = f"{name} beats {short(baseline.name)}{by}"
    return _first_that_fits(finding, f"{beats}{rest}.", f"{beats}.", f"{name} beats the baseline.")


def _unbeaten_headline(finding: Finding) -> str:
    baseline = finding.baseline
    assert baseline is not None, "no baseline to beat"
    name = short(baseline.name)
    others = [arm for arm in finding.scored if arm is not baseline]
    equal = [a for a in others if finding.standing(a, baseline) == "equivalent"]
    if not equal:
        rest = "the other arm is worse" if len(others) == 1 else "every other arm is worse"
    elif len(equal) == 1:
        rest = f"{short(equal[0].name)} is equivalent"
    else:
        rest = f"{len(equal)} arms are equivalent"
    return _first_that_fits(
        finding, f"Nothing beats {name}; {rest}.", f"Nothing beats {name}.", "Nothing beats it."
    )


def _equivalent_headline(finding: Finding, best: Arm) -> str:
    equal = [a for a in finding.rivals if finding.standing(best, a) == "equivalent"]
    size = differences(finding.compared, [finding.margin])[0]
    within = f"equivalent within {size}{unit_of_difference(finding.compared, size)}"
    if len(equal) == len(finding.rivals) > 1:
        return _first_that_fits(finding, f"All {len(equal) + 1} arms are {within}.")
    names = listed([short(best.name), *(short(arm.name) for arm in equal)])
    return _first_that_fits(
        finding, f"{names} are {within}.", f"{len(equal) + 1} arms are {within}."
    )


def _size(finding: Finding, pair: Pair | None) -> str:
    if pair is None or pair.difference is None:
        return ""
    size = differences(finding.compared, [abs(pair.difference)])[0]
    return f" by {size}{unit_of_difference(finding.compared, size)}"


def _ends(metric: str, ends: tuple[float, float]) -> str:
    low, high = (amount(metric, end).removesuffix(" %") for end in ends)
    return f"{low} to {high}"


def _first_that_fits(finding: Finding, *sentences: str) -> str:
    """The first of few enough words, else the last, cut."""
    for sentence in sentences:
        told = so_far(finding, sentence)
        if len(told.split()) <= HEADLINE_WORDS:
            return told
    return " ".join(told.split()[: HEADLINE_WORDS - 1]) + " …"
