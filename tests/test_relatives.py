"""Hostile input of the kinds that were once answered wrongly in silence: refused in words, or answered rightly."""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, schedules, train
from fa_ref.activations import Activation, tanh
from fa_ref.deep import DeepNetwork, train_deep
from theory.convergence import theorem_3_2, theorem_4_3
from theory.kernels import mean_kernel
from theory.kernels.moments import second_moments
from theory.margins import Margin
from validation import assert_contracts
from validation.judge.inequalities import Inequality

PROBLEM = Problem(np.eye(3), [1.0, -1.0, 1.0])
SETTING = Setting(PROBLEM, Network.gaussian(20, 3, np.random.default_rng(1)), "tanh", eta=0.2)
DEEP = DeepNetwork.gaussian(L=2, p=4, d=3, rng=np.random.default_rng(0))
LINEAR = SETTING.replace(activation="identity")
MASKED = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def record(**change):
    parts = {"times": [0, 1], "residuals": np.ones((2, 3))} | change
    return Trajectory.recorded(SETTING, parts.pop("times"), parts.pop("residuals"), **parts)


# --- results without a yes or no: `assert train(...)` must not pass on a run that diverged


@pytest.mark.parametrize(
    "result",
    [
        lambda: train(SETTING, steps=1),
        lambda: train(SETTING.replace(eta=1e9), steps=20),
        lambda: train_deep(PROBLEM, DEEP, eta=0.1, steps=1),
        lambda: record(),
        lambda: mean_kernel([[1.0, 0.0], [1.0, 0.0]], "relu"),
        lambda: mean_kernel(np.eye(2), "tanh"),
    ],
    ids=["run", "diverged", "deep", "recorded", "gamma = 0", "gamma > 0"],
)  # fmt: skip
def test_a_result_without_a_yes_or_no_has_no_truth_value(result):
    with pytest.raises(TypeError, match=r"has no truth value"):
        bool(result())


# --- words that choose: a word that is not known is never taken for another


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("rule", lambda: SETTING.replace(rule="FA")),
        ("engine", lambda: train(SETTING, steps=1, engine="Loops")),
        ("dtype", lambda: train(SETTING, steps=1, dtype="float16")),
        ("dtype", lambda: train(SETTING, steps=1, engine="loops", dtype="float32")),
        ("activation", lambda: SETTING.replace(activation="Tanh")),
        ("method", lambda: second_moments([[1.0]], "tanh", method="closed form")),
        ("form", lambda: theorem_3_2.certificate(SETTING, form="second order")),
        ("form", lambda: theorem_4_3.certificate(LINEAR, form="Sharper")),
        ("relation", lambda: Margin("x", 1.0, 2.0, "=<")),
        ("relation", lambda: Margin("x", 1.0, 2.0, "≤ ")),
        ("relation", lambda: Margin("x", 1.0, 2.0, None)),
    ],
)
def test_a_word_that_is_not_known_is_refused(name, call):
    with pytest.raises(ValueError, match=rf"^{name}: expected "):
        call()


@pytest.mark.parametrize("number", ["1", 1j, None, np.ones(2), [1.0]], ids=repr)
@pytest.mark.parametrize("part", ["value", "threshold"])
def test_a_margin_of_what_is_no_number_is_refused(part, number):
    if part == "threshold" and number is None:
        assert Margin("x", 1.0, None).met is None
        return
    with pytest.raises(TypeError, match=f"{part}: expected a real number for x"):
        Margin("x", **({"value": 1.0, "threshold": 2.0} | {part: number}))


# --- masks: NumPy drops that of an array inside a list without a word


@pytest.mark.parametrize(
    "call",
    [
        lambda: Problem([MASKED, np.ones(3)], [1.0, 2.0]),
        lambda: Problem(np.eye(3), [1.0, np.ma.masked, 2.0]),
        lambda: Network([MASKED], [1.0], [1.0]),
        lambda: schedules.explicit([0.1, np.ma.masked]),
        lambda: schedules.constant(np.ma.masked_array(0.1, True)),
        lambda: SETTING.replace(eta=np.ma.masked),
        lambda: record(residuals=[MASKED, MASKED]),
        lambda: record(measures={"alignment": [0.1, np.ma.masked]}),
        lambda: record(times=[0, np.ma.masked]),
        lambda: tanh(MASKED),
        lambda: tanh([MASKED]),
        lambda: Inequality("x", [0, 1], [np.ma.masked, 1.0], 2.0, 0.0),
        lambda: assert_contracts(range(3), MASKED, 0.1, rate=0.1),
        lambda: SETTING.start.output([MASKED], "tanh"),
    ],
)
def test_no_mask_is_lost(call):
    with pytest.raises((TypeError, ValueError), match=r"mask|expected a real number"):
        call()


@pytest.mark.parametrize("z", [["1"], [1j], [None], [object]], ids=str)
def test_psi_of_what_is_no_number_is_refused(z):
    with pytest.raises(TypeError, match="z: expected real numbers, got entries of type"):
        tanh(z)


# --- records from elsewhere


@pytest.mark.parametrize("times", [[0, math.inf], [0, 1e30], np.array([0, 2**63 + 5], np.uint64), [0, 2**62]])
def test_steps_beyond_every_count_are_refused_in_words(times):
    with pytest.raises(ValueError, match="times: expected"):
        record(times=times)


@pytest.mark.parametrize("step", ["x", 1.5, -5, True, [1]], ids=repr)
def test_a_step_of_divergence_that_is_none_is_refused(step):
    with pytest.raises((TypeError, ValueError), match="diverged_at: expected an integer"):
        record(diverged_at=step)


@pytest.mark.parametrize(
    ("residuals", "roundoff"),
    [
        (np.ones((2, 3), np.longdouble), 2.0**-53), (np.ones((2, 3), int), 2.0**-53),
        (np.ones((2, 3), np.float32), 2.0**-24), (np.ones((2, 3), np.float16), 2.0**-11),
        (pd.DataFrame(np.ones((2, 3), np.float32)), 2.0**-24),
    ],
)  # fmt: skip
def test_the_roundoff_is_no_finer_than_what_is_kept(residuals, roundoff):
    """Records are kept in float64: more digits behind them are gone, and no tolerance may rest on them."""
    assert record(residuals=residuals).roundoff == roundoff
    assert record(roundoff=1e-30).roundoff == 2.0**-53
    for wrong in (1.0, 2.0, 0.0, -1e-16, math.nan):
        with pytest.raises(ValueError, match="roundoff: expected a finite number"):
            record(roundoff=wrong)


# --- identity: what differs in a digit is another


def table_psi(table):
    return Activation("table", lambda z: math.tanh(z) + 0.0 * table[7], lambda z: 1.0 - math.tanh(z) ** 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (schedules.constant(0.1), schedules.constant(0.1 + 1e-12)),
        (schedules.explicit(np.full(5000, 0.1)), schedules.explicit(np.append(np.full(4999, 0.1), 0.2))),
        (schedules.cutoff(0.1, 3), schedules.cutoff(0.1, 4)),
        (schedules.inverse_square(0.1, 5.0), schedules.inverse_square(0.1, 5.0 + 1e-9)),
    ],
)
def test_schedules_that_print_alike_are_told_apart(one, other):
    here, there = SETTING.replace(ridge=one), SETTING.replace(ridge=other)
    assert here != there
    assert here.digest() != there.digest()


def test_activations_that_close_over_different_tables_are_told_apart():
    """NumPy prints a long array as its ends."""
    ends = [np.zeros(5000), np.zeros(5000)]
    ends[1][2500] = 1.0
    assert repr(ends[0]) == repr(ends[1])
    one, other = map(table_psi, ends)
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == table_psi(ends[0].copy()).fingerprint
    assert SETTING.replace(activation=one).digest() != SETTING.replace(activation=other).digest()


def test_weights_and_data_that_differ_in_one_bit_are_told_apart():
    start = SETTING.start
    for part in ("W", "beta", "b"):
        arrays = {name: getattr(start, name).copy() for name in ("W", "beta", "b")}
        arrays[part].flat[0] = np.nextafter(arrays[part].flat[0], math.inf)
        assert SETTING.replace(network=Network(**arrays)) != SETTING
    y = PROBLEM.y.copy()
    y[1] = np.nextafter(y[1], 2.0)
    assert SETTING.replace(problem=Problem(PROBLEM.X, y)).digest() != SETTING.digest()
    assert SETTING.replace(eta=np.nextafter(0.2, 1.0)) != SETTING


# --- a judgement on anything but a run


@pytest.mark.parametrize("run", [None, SETTING, SimpleNamespace(setting=SETTING), np.ones((2, 3)), {}])
def test_only_runs_are_judged(run):
    from validation.theorems import theorem_3_2 as sheet

    with pytest.raises(TypeError, match="run: expected a Trajectory"):
        sheet.CLAIM.judge(run)


@pytest.mark.parametrize("network", [Network(np.ones((4, 2)), np.ones(4), np.ones(4)), np.ones((4, 3)), "start"])
def test_a_start_that_does_not_fit_its_problem_is_refused(network):
    with pytest.raises((TypeError, ValueError), match="network: expected"):
        Setting(PROBLEM, network, "tanh", eta=0.1)
