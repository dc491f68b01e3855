"""Limits against exact sums, the sequential verdict's error level on coins, Holm, and fitted rates."""

import itertools
import math
from fractions import Fraction
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from fa_ref import Problem, Setting, Trajectory
from theory.margins import Margin
from validation.judge.claims import Claim
from validation.judge.draws import check, draw_outcomes, holds_with_probability
from validation.judge.fits import contraction_rate, fit_exponent, fit_rms_exponent
from validation.judge.inequalities import Inequality
from validation.judge.multiple import combine, holm
from validation.judge.probability import ProbabilityVerdict, clopper_pearson, sequential_verdict
from validation.report.junit import write_junit


def tail(draws, probability, counts):
    """Σ P(Binomial = k) over the counts, in exact rational arithmetic."""
    q = Fraction(probability)
    return float(sum(math.comb(draws, k) * q**k * (1 - q) ** (draws - k) for k in counts))


@pytest.mark.parametrize("draws", [1, 7, 60])
@pytest.mark.parametrize("error", [0.1, 1e-6])
def test_clopper_pearson_solves_the_exact_tail_equations(draws, error):
    for failures in range(draws + 1):
        low, high = clopper_pearson(failures, draws, error)
        # betaincinv is accurate to about 1e-12 relative; a tail moves by at most draws times that
        if failures > 0:
            assert tail(draws, low, range(failures, draws + 1)) == pytest.approx(
                error / 2, rel=0.0, abs=draws * 1e-12
            )
        if failures < draws:
            assert tail(draws, high, range(failures + 1)) == pytest.approx(error / 2, rel=0.0, abs=draws * 1e-12)
        assert (low == 0.0) == (failures == 0)
        assert (high == 1.0) == (failures == draws)


def test_clopper_pearson_covers_every_probability_exactly():
    """Coverage is a finite sum: no simulation, no false alarm."""
    limits = [clopper_pearson(k, 40, 0.05) for k in range(41)]
    for probability in np.linspace(0.005, 0.995, 67):
        missed = [k for k, (low, high) in enumerate(limits) if not low <= probability <= high]
        assert tail(40, probability, missed) <= 0.05


def test_an_interval_that_is_too_narrow_is_caught():
    """Negative control: the normal approximation to the same interval does not cover."""
    missed = [k for k in range(41) if abs(k / 40 - 0.01) > 1.96 * math.sqrt(k / 40 * (1 - k / 40) / 40)]
    assert tail(40, 0.01, missed) > 0.5


@pytest.mark.parametrize(("arguments", "word"), [((-1, 3, 0.1), "failures"), ((4, 3, 0.1), "at most 3"),
                                                 ((0, 0, 0.1), "draws"), ((0, 3, 0.0), "error")])  # fmt: skip
def test_impossible_counts_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        clopper_pearson(*arguments)


def coins(rate, draws, delta, error, runs, seed):
    """Statuses of many sequential verdicts, each on a coin of its own that fails at this rate."""
    rng = np.random.default_rng(seed)
    return [sequential_verdict(iter(rng.random(draws) >= rate), draws, delta, error).status for _ in range(runs)]


#: Smallest count that a Binomial(2000, 0.05) reaches with probability below 1e-6: the false-alarm level.
RUNS, ERROR = 2000, 0.05
ALARM = int(stats.binom.isf(1e-6, RUNS, ERROR)) + 1


@pytest.mark.parametrize(("rate", "wrong"), [(0.1, "refuted"), (0.1 + 1e-9, "confirmed"), (0.12, "confirmed")])
def test_the_sequential_verdict_keeps_its_error_level(rate, wrong):
    """2000 coins, at most 1024 draws each; wrong verdicts are at most Binomial(2000, 0.05): false alarm < 1e-6."""
    assert coins(rate, 1024, 0.1, ERROR, RUNS, seed=1).count(wrong) < ALARM


def test_peeking_without_correction_is_caught():
    """Negative control: the same looks, each at the full error level, exceed it beyond the alarm."""
    rng, wrong = np.random.default_rng(2), 0
    for _ in range(RUNS):
        failures = np.cumsum(rng.random(1024) < 0.1)
        sizes = np.arange(32, 1025)  # a look after every draw
        wrong += (stats.binom.sf(failures[31:] - 1, sizes, 0.1) < ERROR / 2).any()
    assert wrong >= ALARM


def test_coins_that_are_clearly_good_or_bad_are_decided_so():
    """P(undecided) < 1e-6 for each of the 50 coins: 1024 draws at rates 0.02 and 0.3 lie 8 and 21 sigma from δ."""
    assert set(coins(0.02, 1024, 0.1, 0.01, 25, seed=3)) == {"confirmed"}
    assert set(coins(0.3, 1024, 0.1, 0.01, 25, seed=4)) == {"refuted"}


@pytest.mark.parametrize("failures", [0, 2, 20])
def test_undecided_says_how_many_more_draws_decide(failures):
    """The draws asked for decide, if failures keep coming at the same rate, and half of them do not."""
    draws, delta = 64, 0.1

    def stream():
        pattern = [True] * draws
        for k in range(failures):
            pattern[k * draws // failures] = False
        return itertools.cycle(pattern)

    first = sequential_verdict(stream(), draws, delta, 1e-6)
    assert first.status == "undecided"
    assert first.needed > 0
    assert f"{first.needed} more draws needed" in str(first)
    again = sequential_verdict(stream(), draws + first.needed, delta, 1e-6)
    assert again.status == ("refuted" if failures == 20 else "confirmed")
    assert again.draws == draws + first.needed


def test_a_rate_of_delta_itself_is_never_decided():
    verdict = sequential_verdict(itertools.cycle([True, False]), 64, 0.5)
    assert (verdict.status, verdict.needed, bool(verdict)) == ("undecided", -1, False)


def test_outcomes_that_run_out_are_refused_and_progress_is_told():
    with pytest.raises(ValueError, match="expected up to 100, got 10"):
        sequential_verdict(iter([True] * 10), 100, 0.1)
    told = []
    sequential_verdict(itertools.repeat(True), 40, 0.01, progress=lambda seen, draws: told.append((seen, draws)))
    assert told == [(k, 40) for k in range(1, 41)]


def test_the_p_value_is_the_smallest_error_that_decides():
    for failures in (0, 1, 30):
        stream = [False] * failures + [True] * (64 - failures)
        p_value = sequential_verdict(iter(stream), 64, 0.2, 1e-12).p_value
        assert sequential_verdict(iter(stream), 64, 0.2, min(1.001 * p_value, 0.999)).status != "undecided"
        assert sequential_verdict(iter(stream), 64, 0.2, 0.999 * p_value).status == "undecided"


def test_the_stream_does_not_depend_on_the_number_of_jobs():
    one, two = (
        list(itertools.islice(draw_outcomes(_coin, np.random.default_rng(5), jobs=jobs), 70)) for jobs in (1, 2)
    )
    assert one == two
    assert 0 < sum(one) < 70


def _coin(generator):
    return generator.random() < 0.8


def brute_force_holm(values, error):
    rejected, left = np.zeros(len(values), dtype=bool), set(range(len(values)))
    while left:
        least = min(left, key=lambda k: values[k])
        if values[least] > error / len(left):
            break
        rejected[least] = True
        left.remove(least)
    return rejected


def test_holm_is_the_step_down_procedure(rng):
    for _ in range(300):
        values = rng.random(rng.integers(1, 8)) ** rng.integers(1, 6)
        assert holm(values, 0.1).tolist() == brute_force_holm(values, 0.1).tolist()


def test_holm_keeps_the_family_wise_error_and_no_correction_does_not():
    """2000 families of 20 true hypotheses; false alarm < 1e-6 as above."""
    values = np.random.default_rng(6).random((RUNS, 20))
    assert sum(holm(row, ERROR).any() for row in values) < ALARM
    assert (values <= ERROR).any(axis=1).sum() >= ALARM


def verdict(status, p_value):
    return ProbabilityVerdict(
        status=status, delta=0.1, failures=0, draws=100, limits=(0.0, 1.0), error=0.01, needed=0, p_value=p_value
    )


def test_a_grid_of_verdicts_is_read_together():
    alone = verdict("confirmed", 0.008)
    assert combine([alone], 0.01).tolist() == [True]
    grid = [alone, verdict("confirmed", 1e-9), verdict("refuted", 1e-9), verdict("undecided", 1e-9)]
    assert combine(grid, 0.01).tolist() == [False, True, True, False]


class Decreasing(Claim):
    name, statement, source = "monotone", "‖e(t+1)‖ ≤ ‖e(t)‖", "folklore"

    def __init__(self, limit):
        self.limit = limit

    def hypotheses(self, run):
        return (Margin("η", run.setting.eta, self.limit, "≤"),)

    def conclusions(self, run):
        norms = run.residual_norms
        return (Inequality("norms", run.times[1:], norms[1:], norms[:-1], 1e-15),)


def law(generator):
    """Holds with probability 0.97."""
    after = 0.5 if generator.random() < 0.97 else 2.0
    return Trajectory.recorded(Setting(Problem([[1.0]], [1.0]), None, "tanh", eta=0.1), [0, 1], [[1.0], [after]])


def test_check_judges_a_claim_and_counts_what_is_not_applicable_as_a_failure():
    """Rates 0.03 and 1 against δ = 0.1, error 1e-7: each assertion's false alarm is below 1e-6."""
    rng = np.random.default_rng(7)
    assert check(Decreasing(1.0), law, draws=4096, delta=0.1, rng=rng, error=1e-7).status == "confirmed"
    assert check(Decreasing(0.01), law, draws=4096, delta=0.1, rng=rng, error=1e-7).status == "refuted"
    assert check(Decreasing(1.0), law, draws=4096, delta=0.005, rng=rng, error=1e-7).status == "refuted"


@holds_with_probability(0.9)
def test_a_decorated_function_is_a_test(rng):
    return rng.standard_normal() < 2


def test_a_decorated_function_that_is_false_fails_and_an_undecided_one_too():
    @holds_with_probability(0.99)
    def below_one(rng):
        return rng.standard_normal() < 1

    with pytest.raises(AssertionError, match=r"below_one: refuted: \d+ failures"):
        below_one()

    @holds_with_probability(0.5, draws=256)
    def a_fair_coin(rng):
        return rng.random() < 0.5

    with pytest.raises(AssertionError, match="a_fair_coin: undecided"):
        a_fair_coin()


def test_verdicts_become_a_junit_file(tmp_path):
    path = tmp_path / "verdicts.xml"
    write_junit(path, [("a", True, "holds"), ("b", False, "ψ < 1 & more"), ("c", None, "undecided")], "suite")
    root = ElementTree.parse(path).getroot()
    assert root.attrib == {"name": "suite", "tests": "3", "failures": "1", "skipped": "1"}
    assert root.find("testcase[@name='b']/failure").get("message") == "ψ < 1 & more"
    assert root.find("testcase[@name='c']/skipped") is not None


def test_the_exponent_of_noisy_powers_is_covered_and_a_wrong_one_is_not():
    """One fit at confidence 1 − 1e-7: false alarm < 1e-6."""
    rng = np.random.default_rng(8)
    p = np.repeat(2.0 ** np.arange(6, 14), 5)
    fit = fit_exponent(p, p**-0.5 * np.exp(0.05 * rng.standard_normal(p.size)), confidence=1 - 1e-7)
    assert -0.5 in fit
    assert -0.6 not in fit
    assert fit.points == 40
    assert fit.window == (64.0, 8192.0)


def test_the_exponents_interval_covers_as_often_as_it_says():
    """2000 fits at 95 %: misses at most Binomial(2000, 0.05), false alarm < 1e-6. A third of the width fails."""
    rng, p = np.random.default_rng(9), 2.0 ** np.arange(6, 14)
    missed = narrow = 0
    for _ in range(RUNS):
        fit = fit_exponent(p, p**-0.5 * np.exp(0.1 * rng.standard_normal(p.size)))
        missed += -0.5 not in fit
        narrow += abs(fit.slope + 0.5) > (fit.high - fit.low) / 6
    assert missed < ALARM <= narrow


def test_the_window_is_respected():
    p = np.array([10.0, 20.0, 40.0, 1000.0])
    fit = fit_exponent(p, np.array([10.0, 20.0, 40.0, 5.0]), window=(0.0, 100.0))
    assert fit.slope == pytest.approx(1.0, abs=1e-12)
    assert fit.window == (10.0, 40.0)


def test_fits_of_too_little_are_refused():
    with pytest.raises(ValueError, match="at least 3"):
        fit_exponent([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="different abscissas"):
        fit_exponent([2.0, 2.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="positive numbers"):
        fit_exponent([1.0, 2.0, 3.0], [1.0, -2.0, 3.0])


def test_the_contraction_rate_is_that_of_the_end_above_the_floor():
    t = np.arange(400)
    norms = np.maximum(0.5**t + 0.9**t, 1e-12)
    fit = contraction_rate(t, norms, eta=0.5, floor=1e-11)
    assert fit.slope == pytest.approx(0.2, abs=1e-9)
    assert fit.low <= fit.slope <= fit.high
    assert fit.window[1] < 270
    assert contraction_rate(t, norms, eta=0.5).slope < 0.1  # without the floor the rate is one of rounding


def test_the_exponent_of_a_root_mean_square_has_the_level_it_says():
    """2000 draws of N(0, 1/p) at three widths: at 99 %, 20 misses are expected; 45 have probability below 1e-6."""
    rng, missed = np.random.default_rng(0), 0
    for _ in range(2000):
        samples = {p: rng.standard_normal(k) / np.sqrt(p) for p, k in ((400, 16), (1600, 8), (6400, 4))}
        missed += -0.5 not in fit_rms_exponent(samples, confidence=0.99)
    assert missed < 45
    constant = fit_rms_exponent({p: np.full(k, 0.7) for p, k in ((400, 16), (1600, 8), (6400, 4))}, confidence=0.99)
    assert constant.low > -0.5
    assert 0.0 in constant
    for bad in ({400: [1.0]}, {400: [0.0], 1600: [1.0]}):
        with pytest.raises(ValueError, match="samples: expected"):
            fit_rms_exponent(bad)
