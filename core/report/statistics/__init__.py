"""What scores allow to be said: arrays in, arrays out."""

from core.report.statistics.compare import Contrasts, Estimates, Verdict, contrasts, estimates
from core.report.statistics.needed import Needed, to_decide
from core.report.statistics.pseudo import RANKED, VALUED, pseudo_values
from core.report.statistics.replicates import (
    ALPHA,
    FEWEST,
    ROUNDING,
    Array,
    Summary,
    averages,
    half_width,
    moments,
    summarise,
    two_sided_p,
)
from core.report.statistics.scored import Scored
from core.report.statistics.shares import Shares, variance_shares

__all__ = [
    "ALPHA",
    "FEWEST",
    "RANKED",
    "ROUNDING",
    "VALUED",
    "Array",
    "Contrasts",
    "Estimates",
    "Needed",
    "Scored",
    "Shares",
    "Summary",
    "Verdict",
    "averages",
    "contrasts",
    "estimates",
    "half_width",
    "moments",
    "pseudo_values",
    "summarise",
    "to_decide",
    "two_sided_p",
    "variance_shares",
]
