"""Every place of training where a regularizer can act."""

from __future__ import annotations

from core.regularizers.passes import Augmentation, Average, GradientChange, Regradient
from core.regularizers.regularizer import (
    Constraint,
    Decay,
    Noise,
    Penalty,
    Procedure,
    Regularizer,
    Target,
)

HOOKS: tuple[type[Regularizer], ...] = (
    Penalty,
    Decay,
    Constraint,
    Noise,
    Target,
    Procedure,
    Augmentation,
    Regradient,
    GradientChange,
    Average,
)
"""What the loop calls. A term of none of these would be accepted and do nothing."""

ON_WEIGHTS = (Penalty, Decay, Constraint)
"""Those that a run may have twice: what they do adds up, or holds for another scope."""
