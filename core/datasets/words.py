"""Texts as tokens, and names as ids: numbers from RESERVED on, by what the whole file has.

Which of them a network may tell apart is decided by each training part (`core.train.coding`): here
nothing is chosen but what a vocabulary could hold at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.datasets.fields import NOTHING, OTHER, RESERVED, SEEN_MIN

Unit = Literal["word", "character"]
KNOWN_MAX = 200_000  # words that a file may have, in order of frequency; the rest are OTHER
WORD = re.compile(r"\w+|[^\w\s]")

Coded = NDArray[np.int32]


def split(text: str, unit: Unit) -> list[str]:
    """Words and signs in lower case, or characters as they are."""
    return list(text) if unit == "character" else WORD.findall(text.lower())


def known_words(texts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """What may be in a vocabulary, the commonest first; what is there once is in none."""
    counts = Counter(word for words in texts for word in words)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:KNOWN_MAX]
    return tuple(word for word, count in ranked if count >= SEEN_MIN)


def numbers_of(known: Sequence[str]) -> dict[str, int]:
    """The number of each word or name."""
    return {word: RESERVED + place for place, word in enumerate(known)}


def as_tokens(texts: Sequence[Sequence[str]], number_of: Mapping[str, int], length: int) -> Coded:
    """(N, length): the first words of each text, then NOTHING. A text without words is OTHER."""
    tokens = np.full((len(texts), length), NOTHING, np.int32)
    for row, words in zip(tokens, texts, strict=True):
        some = words[:length] or ("",)
        row[: len(some)] = [number_of.get(word, OTHER) for word in some]
    return tokens


def as_ids(names: Sequence[str], number_of: Mapping[str, int]) -> Coded:
    """(N,): what is not known is OTHER."""
    return np.array([number_of.get(name, OTHER) for name in names], np.int32)
