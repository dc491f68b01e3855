"""Claims, verdicts on runs, and what draws and fits can tell."""

from validation.judge.assertions import assert_contracts, assert_holds, assert_same_run, assert_scaling
from validation.judge.asymptotics import AsymptoticClaim, AsymptoticVerdict
from validation.judge.claims import Claim
from validation.judge.draws import check, draw_outcomes, holds_with_probability
from validation.judge.fits import Fit, contraction_rate, fit_exponent
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.multiple import combine, holm, holm_adjusted
from validation.judge.probability import ProbabilityVerdict, clopper_pearson, sequential_verdict
from validation.judge.record import reference_run
from validation.judge.verdicts import Verdict, all_good

__all__ = [
    "AsymptoticClaim",
    "AsymptoticVerdict",
    "Claim",
    "Fit",
    "Inequality",
    "ProbabilityVerdict",
    "Unjudged",
    "Verdict",
    "all_good",
    "assert_contracts",
    "assert_holds",
    "assert_same_run",
    "assert_scaling",
    "check",
    "clopper_pearson",
    "combine",
    "contraction_rate",
    "draw_outcomes",
    "fit_exponent",
    "holds_with_probability",
    "holm",
    "holm_adjusted",
    "reference_run",
    "sequential_verdict",
]
