"""What an arm is called."""

from __future__ import annotations

from core.report.report import Arm, Chosen

NAME_WORDS = 3  # of an arm's name, where it is told in a sentence of few words


def name_at(arm: Arm, chosen: Chosen) -> str:
    """`l1 at λ = 0.001`; the name alone where it already says everything."""
    label = label_of(arm, chosen)
    return f"{arm.name} at {label}" if label else arm.name


def label_of(arm: Arm, chosen: Chosen) -> str:
    """The setting without what the arm's name says: an arm called l2 is not at l2 λ, but at λ."""
    label, kind = chosen.label, arm.name.replace("_", " ")
    if len(arm.regularizers) == 1 and (label == kind or label.startswith(f"{kind} ")):
        return label.removeprefix(kind).strip()
    return label


def short(name: str) -> str:
    """An arm's name, cut to its first words where it is a sentence."""
    words = name.split()
    return name if len(words) <= NAME_WORDS else f"{' '.join(words[:NAME_WORDS])}…"
