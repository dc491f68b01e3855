"""The ordered engine has the bits of the definition: any ψ, rule, size and threads, compiled or interpreted."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from numba import njit

from fa_ref import Activation, Network, Problem, schedules, train
from fa_ref._support import threads
from fa_ref.activations import ACTIVATIONS
from fa_ref.engines import ordered
from fa_ref.engines.ordered import kernels
from fa_ref.engines.slices import FINISHED, RUNNING, Plan
from fa_ref.measures import MEASURES
from fa_ref.setting import RULES

SOFTSIGN = Activation("softsign", lambda z: z / (1.0 + abs(z)), lambda z: 1.0 / (1.0 + abs(z)) ** 2, B0=1.0, B1=1.0)
ALL = [*ACTIVATIONS.values(), SOFTSIGN]


def draw(number, largest=90):
    """A setting, from one sample, one input and one unit on, diverging ones among them."""
    rng = np.random.default_rng(number)
    n, d, p = (int(rng.integers(1, end)) for end in (13, 21, largest))
    problem = Problem(rng.standard_normal((n, d)), rng.standard_normal(n))
    ridge = (schedules.zero(), schedules.constant(0.05), schedules.cutoff(0.3, 4))[number % 3]
    settings = {
        "eta": 10 ** rng.uniform(-3, 0.5), "steps": int(rng.integers(0, 25)), "ridge": ridge,
        "record_every": int(rng.integers(1, 6)), "rule": RULES[number % 4],
    }  # fmt: skip
    return (problem, Network.gaussian(p, d, rng), ALL[number % len(ALL)]), settings


def content(run):
    """Every bit of a run."""
    ending = f"{run.status} {run.diverged_at}".encode()
    arrays = (run.times, run.residuals, *run.measures.values(), run.network.W, run.network.beta, run.network.b)
    return b"".join([ending, *(np.ascontiguousarray(x).tobytes() for x in arrays)])


def check(number, counts, monkeypatch):
    parts, settings = draw(number)
    expected = content(train(*parts, **settings, engine="loops"))
    assert content(train(*parts, **settings, engine="ordered")) == expected, f"setting {number}, small"
    monkeypatch.setattr(threads, "SERIAL", 0)
    before = numba.get_num_threads()
    try:
        for count in counts:
            numba.set_num_threads(count)
            run = train(*parts, **settings, engine="ordered")
            assert content(run) == expected, f"setting {number}, {count} threads"
    finally:
        numba.set_num_threads(before)
        monkeypatch.undo()


@pytest.mark.parametrize("first", [0, 20])
def test_ordered_is_the_definition_bit_for_bit(first, monkeypatch):
    for number in range(first, first + 20):
        check(number, range(2, numba.config.NUMBA_NUM_THREADS + 1), monkeypatch)


RUN = """
import sys
import pytest
from tests.fa_ref.engines.test_ordered import check, content, draw
from fa_ref import train
with pytest.MonkeyPatch.context() as patch:
    for number in range(int(sys.argv[1])):
        check(number, (1, 2, 4), patch)
"""


@pytest.mark.nightly
def test_five_hundred_settings_on_one_two_and_four_threads():
    subprocess.run([sys.executable, "-c", RUN, "500"], check=True, env=dict(os.environ, NUMBA_NUM_THREADS="4"))


PRINT = """
import hashlib, sys
from tests.fa_ref.engines.test_ordered import content, draw
from fa_ref import train
for number in range(int(sys.argv[1])):
    parts, settings = draw(number, largest=12)
    for engine in ("loops", "ordered"):
        print(hashlib.sha256(content(train(*parts, **settings, engine=engine))).hexdigest())
"""


def interpreted(count):
    """Digests of runs compiled, and not."""
    for setting in ("0", "1"):
        environment = dict(os.environ, NUMBA_DISABLE_JIT=setting)
        command = [sys.executable, "-W", "ignore", "-c", PRINT, str(count)]
        yield subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize("count", [4, pytest.param(50, marks=pytest.mark.nightly)])
def test_interpreted_they_have_the_same_bits(count):
    compiled, plain = interpreted(count)
    assert len(compiled) == 2 * count
    assert compiled == plain


def test_other_bits_would_be_seen():
    parts, settings = draw(0)
    run = train(*parts, **settings, engine="ordered")
    run.residuals[-1, -1] = np.nextafter(run.residuals[-1, -1], np.inf)
    assert content(run) != content(train(*parts, **settings, engine="ordered"))


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_the_number_of_threads_changes_no_bit_of_a_run_large_enough_for_them(name, rng):
    n, d, p = 30, 40, 803
    assert 2 * n * d * p > threads.SERIAL
    problem = Problem(rng.standard_normal((n, d)), rng.standard_normal(n))
    network, runs = Network.gaussian(p, d, rng), []
    before = numba.get_num_threads()
    try:
        for count in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(count)
            runs.append(content(train(problem, network, name, eta=0.001, steps=15, engine="ordered")))
    finally:
        numba.set_num_threads(before)
    assert len(set(runs)) == 1


def wide(rng, *shape):
    """Numbers of very different sizes, so that any other order of a sum would round differently."""
    return rng.standard_normal(shape) * 10.0 ** rng.integers(-8, 8, shape)


@njit
def compiled_product(A, B, C, block):
    ordered.add_product(A, B, C, block)


@njit
def compiled_weigh(Psi, slopes, e, feedback, rate, s, block):
    ordered.weigh(Psi, slopes, e, feedback, rate, s, block)


@pytest.mark.parametrize("rows", [1, 2, 5, 8, 11])
@pytest.mark.parametrize("terms", [1, 7, 8, 23])
@pytest.mark.parametrize("add", [ordered.add_product, compiled_product])
def test_a_product_is_added_term_after_term(add, terms, rows, rng):
    A, B, start = wide(rng, rows, terms), wide(rng, 3, terms, ordered.UNITS), wide(rng, 3, rows, ordered.UNITS)
    plain, backwards = start.copy(), start.copy()
    for k in range(terms):
        plain[1] += A[:, [k]] * B[1, [k]]
        backwards[1] += A[:, [terms - 1 - k]] * B[1, [terms - 1 - k]]
    C = start.copy()
    add(A, B, C, 1)
    assert np.array_equal(C, plain)
    assert terms == 1 or not np.array_equal(C, backwards)


@pytest.mark.parametrize("weigh", [ordered.weigh, compiled_weigh])
def test_errors_weigh_samples_one_after_another(weigh, rng):
    n, units = 9, ordered.UNITS
    Psi, slopes, e, feedback = wide(rng, 2, n, units), wide(rng, 2, n, units), wide(rng, n), wide(rng, 2, units)
    s, expected, sums = np.ones((2, units)), slopes.copy(), np.ones((2, units))
    expected[1] *= -0.3 * feedback[1] * e[:, None]
    sums[1] = 0.0
    for i in range(n):
        sums[1] += e[i] * Psi[1, i]
    weigh(Psi, slopes, e, feedback, 0.3, s, 1)
    assert np.array_equal(slopes, expected)
    assert np.array_equal(s, sums)


@njit
def compiled_squares(W, W_0, moved, size, block):
    ordered.squares(W, W_0, moved, size, block)


@pytest.mark.parametrize("squares", [ordered.squares, compiled_squares])
def test_squares_are_added_input_after_input(squares, rng):
    W, W_0 = wide(rng, 2, 7, ordered.UNITS), wide(rng, 2, 7, ordered.UNITS)
    moved, size = np.ones((2, ordered.UNITS)), np.ones((2, ordered.UNITS))
    expected = np.zeros((2, ordered.UNITS))
    for k in range(7):
        expected += (W[1, k] - W_0[1, k]) ** 2, W[1, k] ** 2
    squares(W, W_0, moved, size, 1)
    assert np.array_equal(np.stack([moved[1], size[1]]), expected)
    assert np.all(moved[0] == 1)
    assert np.all(size[0] == 1)


def test_a_unit_that_fills_up_a_block_meets_no_number_of_its_own(rng):
    """This ψ is not defined at 0, which is no number that the run meets."""
    positive = Activation("not at 0", lambda z: z * (z / z), lambda z: z / z)
    problem = Problem(rng.uniform(1, 2, (3, 2)), rng.standard_normal(3))
    network = Network(rng.uniform(5, 6, (7, 2)), rng.standard_normal(7), rng.standard_normal(7))
    runs = [train(problem, network, positive, eta=1e-3, steps=3, engine=name) for name in ("loops", "ordered")]
    assert content(runs[0]) == content(runs[1])


def an_engine(rng, rule, steps=4, n=3, d=2, p=ordered.UNITS + 1):
    """Two blocks, the second of which holds one unit."""
    problem = Problem(rng.standard_normal((n, d)), rng.standard_normal(n))
    network = Network.gaussian(p, d, rng)
    return problem, network, ordered.Ordered(problem, network, ACTIVATIONS["tanh"], 0.1, np.full(steps, 0.3), rule)


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_a_loss_is_half_the_square_of_the_residual(rule, parallel, rng):
    problem, network, engine = an_engine(rng, rule)
    parts = engine.X, engine.y, engine.now, engine.workspace, engine.activate
    loss = kernels.residual(*parts, parallel)
    e = np.tanh(problem.X @ network.W.T) @ network.beta / np.sqrt(network.p) - problem.y
    np.testing.assert_allclose(engine.workspace.e, e, rtol=0, atol=1e-13)
    assert loss == pytest.approx((e[0] ** 2 + e[1] ** 2 + e[2] ** 2) / 2, rel=1e-12)
    if rule in ("kolen-pollack", "hebbian"):
        learns = e if rule == "kolen-pollack" else -(e + problem.y)
        np.testing.assert_allclose(engine.workspace.s, learns, rtol=0, atol=1e-13)


@pytest.mark.parametrize("rule", RULES)
def test_steps_one_by_one_are_those_of_a_run(rule, rng):
    """A slice of one step, as of a problem so large that a step takes as long as a slice may, takes that step."""
    problem, network, engine = an_engine(rng, rule)
    run = train(
        problem, network, "tanh", eta=0.1, steps=4, ridge=schedules.constant(0.3), rule=rule, engine="loops"
    )
    plan, clock = Plan(*engine.schedule, np.inf, np.arange(5)), np.array([0, 0])
    residuals, rows = np.empty((5, 3)), np.empty((5, len(MEASURES)))
    parts = engine.X, engine.X_T, engine.y, engine.now, engine.workspace, engine.activate, plan, False, clock
    for t in range(1, 5):
        assert kernels.advance(*parts, 1, residuals, rows) == (RUNNING if t < 4 else FINISHED)
        assert clock.tolist() == [t, t]
    assert np.array_equal(residuals[:4], run.residuals[:4])
    assert np.array_equal(engine.residual(), run.residuals[4])
    assert np.array_equal(engine.network.W, run.network.W)


@pytest.mark.parametrize("rule", RULES)
def test_what_fills_up_the_last_block_stays_where_it_is(rule, rng):
    _, network, engine = an_engine(rng, rule)
    engine.advance(np.array([0, 4]), np.inf, np.empty((2, 3)), np.empty((2, len(MEASURES))))
    assert np.array_equal(engine.now.W[1, :, 1:], np.repeat(network.W[-1:].T, ordered.UNITS - 1, axis=1))
    assert not np.array_equal(engine.now.W[1, :, 0], network.W[-1])
    assert not engine.now.beta[1, 1:].any()
    assert not engine.now.b[1, 1:].any()


def test_a_run_diverges_where_its_loss_exceeds_the_limit():
    """The limit itself is no divergence, and the number below it is one."""
    for below, end in ((False, FINISHED), (True, 0)):
        _, _, engine = an_engine(np.random.default_rng(0), "fa", steps=1)
        loss = kernels.residual(engine.X, engine.y, engine.now, engine.workspace, engine.activate, False)
        limit = np.nextafter(loss, 0.0) if below else loss
        found = engine.advance(np.array([0, 1]), limit, np.empty((2, 3)), np.empty((2, len(MEASURES))))
        assert found == end


@pytest.mark.parametrize("engine", ["loops", "ordered", "gram"])
def test_a_loss_that_is_a_float_has_not_diverged_though_its_double_is_none(engine):
    """½‖e‖² = 1.44·10³⁰⁸ and ‖e‖² = 2.88·10³⁰⁸, beyond the floats."""
    problem, network = Problem(np.eye(2), np.zeros(2)), Network(np.eye(2), [1.7e154, -1.7e154], np.ones(2))
    assert train(problem, network, "identity", eta=1e-9, steps=0, engine=engine).status == "completed"
