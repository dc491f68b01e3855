"""The Gram-space engine against the loops: same residuals, same measures, same weights, same ending."""

import math
import subprocess
import sys

import numba
import numpy as np
import pytest

from fa_ref import Activation, Network, Problem, data, schedules, train
from fa_ref.activations import ACTIVATIONS
from fa_ref.engines.gram import engine as gram
from fa_ref.measures import MEASURES
from fa_ref.setting import RULES

# Roundings enter each step at 1e-16, and stable steps do not amplify them.
RTOL = 1e-10


def random_problem(rng):
    """Draw sizes, odd ones and p < n included, a rule, a schedule, an activation, and a stable step size."""
    n, d, p = (int(rng.integers(1, high)) for high in (30, 60, 200))
    X = rng.standard_normal((n, d)) / math.sqrt(d)
    problem, network = Problem(X, rng.standard_normal(n)), Network.gaussian(p, d, rng)
    activation = str(rng.choice(list(ACTIVATIONS)))
    ridge = [
        schedules.zero(), schedules.constant(rng.uniform(0, 1)), schedules.cutoff(rng.uniform(0, 1), 100),
        schedules.inverse_square(1.0, 50.0), schedules.exponential(1.0, 50.0),
        schedules.explicit(rng.uniform(0, 1, 300)),
    ][rng.integers(6)]  # fmt: skip
    # λ_max of G is about n ψ(1)² (sigmoid, softplus), of H about that of K; p may be small
    eta = 0.2 / (1.0 + problem.lambda_max + n * ACTIVATIONS[activation](1.0) ** 2)
    rule = str(rng.choice(RULES))
    return problem, network, {"activation": activation, "ridge": ridge, "eta": eta, "rule": rule}


def check_same(reference, run, rtol=RTOL):
    """Residuals and measures agree to ``rtol``, above what ``steps`` roundings of the loops' weights leave."""
    assert (run.status, run.diverged_at) == (reference.status, reference.diverged_at)
    assert np.array_equal(run.times, reference.times)
    steps, norms = reference.times[-1] + 1, reference.residual_norms
    floor = 2.0**-52 * steps * norms.max()
    gaps = np.linalg.norm(run.residuals - reference.residuals, axis=1)
    assert np.all(gaps <= rtol * norms + floor), (np.max(gaps / (rtol * norms + floor)), str(reference.setting))
    # the loops know wᵣ(t) − wᵣ(0) to an ulp of ‖wᵣ‖ a step, which a small bᵣ magnifies
    blur = 2.0**-52 * steps * np.abs(reference.network.W).max() * math.sqrt(reference.setting.problem.d)
    blur_b = blur / np.abs(reference.network.b[reference.network.b != 0.0]).min()
    learns = reference.setting.rule in ("kolen-pollack", "hebbian")
    for name in MEASURES:
        if learns and name == "scaled_weight_movement":
            continue  # a bᵣ(t) that passes zero magnifies any rounding
        absolute = {"weight_movement": blur, "scaled_weight_movement": blur_b}.get(name, 0.0)
        scale = np.abs(reference.measures[name]).max()
        np.testing.assert_allclose(
            run.measures[name], reference.measures[name], rtol=rtol, atol=rtol * scale + absolute
        )


def both(problem, network, steps, **settings):
    return (train(problem, network, engine=name, steps=steps, **settings) for name in ("ordered", "gram"))


@pytest.mark.usefixtures("one_thread")
def test_the_trajectory_is_that_of_the_loops(rng):
    for _ in range(25):
        problem, network, settings = random_problem(rng)
        reference, run = both(problem, network, 300, record_every=7, **settings)
        assert run.engine == "gram"
        assert run.status == "completed", settings
        check_same(reference, run)


@pytest.mark.nightly
@pytest.mark.usefixtures("one_thread")
def test_two_hundred_trajectories_of_a_thousand_steps(rng):
    for _ in range(200):
        problem, network, settings = random_problem(rng)
        reference, run = both(problem, network, 1000, record_every=10, **settings)
        assert run.status == "completed", settings
        check_same(reference, run)


def test_another_problem_has_another_trajectory(rng):
    problem = Problem(data.gaussian_inputs(5, 9, rng, scale=1 / 3), rng.standard_normal(5))
    network = Network.gaussian(40, 9, rng)
    reference = train(problem, network, engine="ordered", eta=0.1, steps=50)
    other = train(Problem(problem.X * (1 + 1e-8), problem.y), network, engine="gram", eta=0.1, steps=50)
    with pytest.raises(AssertionError):
        check_same(reference, other)


@pytest.mark.parametrize("copies", [1, 2])
def test_measures_where_the_gram_matrix_is_singular(copies, rng):
    X = np.vstack([rng.standard_normal((7, 5))] * copies) / 3
    problem, network = Problem(X, rng.standard_normal(7 * copies)), Network.gaussian(30, 5, rng)
    assert not gram.is_well_conditioned(problem)
    check_same(*both(problem, network, 200, eta=0.05, activation="tanh"))


def test_an_activation_of_ones_own_that_is_called_tanh(rng):
    softsign = Activation("tanh", lambda z: z / (1.0 + abs(z)), lambda z: 1.0 / (1.0 + abs(z)) ** 2)
    problem = Problem(data.gaussian_inputs(4, 6, rng), rng.standard_normal(4))
    reference, run = both(problem, Network.gaussian(70, 6, rng), 100, eta=0.05, activation=softsign)
    check_same(reference, run)


def test_units_and_samples_that_only_fill_up_are_never_evaluated(rng):
    singular = Activation("logarithm", lambda z: math.log(abs(z)), lambda z: 1.0 / z)  # not finite at 0
    problem = Problem(data.gaussian_inputs(3, 40, rng), rng.standard_normal(3))
    reference, run = both(problem, Network.gaussian(20, 40, rng), 20, eta=1e-3, activation=singular)
    check_same(reference, run)


@pytest.mark.parametrize("rule", RULES)
def test_observers_see_the_weights(rule, rng):
    problem = Problem(data.gaussian_inputs(5, 9, rng, scale=1 / 3), rng.standard_normal(5))
    network, seen = Network.gaussian(70, 9, rng), {"ordered": [], "gram": []}
    for name, weights in seen.items():
        train(
            problem, network, engine=name, eta=0.1, steps=40, record_every=9, rule=rule,
            observe=lambda t, now, weights=weights: weights.append((t, now.W.copy(), now.beta.copy())),
        )  # fmt: skip
    for (t, W, beta), (s, V, alpha) in zip(seen["ordered"], seen["gram"], strict=True):
        assert t == s
        np.testing.assert_allclose(V, W, atol=1e-13)  # 40 roundings of numbers below 5
        np.testing.assert_allclose(alpha, beta, atol=1e-13)


def test_an_observer_stops_the_run(rng):
    problem = Problem(data.gaussian_inputs(5, 9, rng, scale=1 / 3), rng.standard_normal(5))
    run = train(
        problem,
        Network.gaussian(20, 9, rng),
        engine="gram",
        eta=0.1,
        steps=40,
        record_every=5,
        observe=lambda t, _: t >= 12,
    )
    assert (run.status, run.times[-1]) == ("stopped", 15)


@pytest.mark.parametrize("record_every", [1, 1000])
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
def test_divergence_ends_the_run_where_it_ends_the_loops(activation, record_every, rng):
    problem = Problem(data.gaussian_inputs(6, 9, rng), rng.standard_normal(6))
    network = Network.gaussian(30, 9, rng)
    reference, run = both(
        problem, network, 500, eta=1.0, activation=activation, rule="bp", record_every=record_every
    )
    assert reference.status == run.status
    # an explosion multiplies roundings: the ending is compared, not its digits
    if reference.status == "diverged":
        assert abs(run.diverged_at - reference.diverged_at) <= 1
    else:
        assert activation == "tanh"


def test_any_number_of_threads_gives_the_same_bits(rng):
    problem = Problem(data.gaussian_inputs(20, 60, rng), rng.standard_normal(20))
    network = Network.gaussian(1000, 60, rng)  # 1000·20² multiplications: in parallel
    check_threads(problem, network, "relu", eta=1e-3)


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_thread_may_have_no_block(activation, dtype, rng):
    problem = Problem(data.gaussian_inputs(100, 150, rng), rng.standard_normal(100))
    check_threads(problem, Network.gaussian(20, 150, rng), activation, eta=1e-4, dtype=dtype)


def check_threads(problem, network, activation, **settings):
    """Any number of threads gives the same bits, and they are right."""
    runs = []
    try:
        for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(threads)
            runs.append(train(problem, network, activation, engine="gram", steps=30, **settings))
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert len({run.residuals.tobytes() for run in runs}) == 1
    assert len({run.network.digest() for run in runs}) == 1
    share = {"float64": RTOL, "float32": 2e-5}[settings.pop("dtype", "float64")]  # as in the float32 test below
    reference = train(problem, network, activation, engine="ordered", steps=30, **settings)
    gaps = np.linalg.norm(runs[-1].residuals - reference.residuals, axis=1)
    assert np.all(gaps <= share * reference.residual_norms.max())


@pytest.mark.parametrize("activation", ["relu", "tanh", "erf"])
def test_float32_keeps_six_digits_and_no_more(activation, rng):
    problem = Problem(data.gaussian_inputs(12, 40, rng, scale=40**-0.5), rng.standard_normal(12))
    network = Network.gaussian(300, 40, rng)
    settings = {"activation": activation, "engine": "gram", "eta": 0.05, "steps": 300}
    double, single = (train(problem, network, dtype=dtype, **settings) for dtype in ("float64", "float32"))
    gaps = np.linalg.norm(single.residuals - double.residuals, axis=1)
    # a sum of 300 terms of size 1 is known to 2⁻²⁴·√300 ≈ 1e-6; a ReLU may meet its kink a step early or late
    assert np.all(gaps <= 2e-5 * double.residual_norms.max())
    assert gaps.max() > 1e-9
    for name in MEASURES:
        scale = np.abs(double.measures[name]).max()
        np.testing.assert_allclose(single.measures[name], double.measures[name], rtol=2e-5, atol=2e-5 * scale)


def test_the_compiled_engine_is_read_from_disk():
    lines = (
        "import numpy as np",
        "from fa_ref import Network, Problem, train",
        "from fa_ref.engines.gram import engine as gram",
        "rng = np.random.default_rng(0)",
        "problem = Problem(np.eye(3), np.ones(3))",
        "train(problem, Network.gaussian(50, 3, rng), 'relu', engine='gram', eta=0.1, steps=3)",
        "stats = gram.compiled('float64').stats",
        "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))",
    )
    gram.compiled("float64")  # now at least it is there
    output = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    ).stdout
    assert output.split() == ["1", "0"]


def test_auto_says_what_it_picked(rng):
    network = Network.gaussian(10, 6, rng)
    expected = {
        ("tanh", "fa", 4): "gram",
        ("identity", "bp", 4): "gram",
        ("identity", "fa", 20): "reduced",
        ("identity", "hebbian", 4): "reduced",
        ("identity", "kolen-pollack", 20): "reduced",
        ("tanh", "kolen-pollack", 4): "gram",
        ("tanh", "fa", 12): "ordered",
    }
    for (activation, rule, n), name in expected.items():
        problem = Problem(data.gaussian_inputs(n, 6, rng), rng.standard_normal(n))
        assert train(problem, network, activation, rule=rule, eta=1e-3, steps=2).engine == name


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"engine": "reduced"}, "engine: expected 'loops', 'ordered' or"),
        ({"engine": "ordered", "dtype": "float32"}, "dtype: expected float64"),
        ({"engine": "reduced", "activation": "identity", "dtype": "float32"}, "dtype: expected float64"),
        ({"engine": "fast"}, "engine: expected one of"),
        ({"dtype": "float16"}, "dtype: expected one of"),
    ],
)
def test_what_an_engine_cannot_run_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        train(
            Problem(np.eye(3), np.ones(3)), Network(np.eye(3), np.ones(3), np.ones(3)), eta=0.1, steps=3, **settings
        )


def test_what_does_not_fit_in_memory_is_refused(monkeypatch):
    monkeypatch.setattr("fa_ref._support.checks.SMALL", 0)
    monkeypatch.setattr("fa_ref._support.checks.available_memory", lambda: 1000)
    network = Network(np.eye(3), np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="fits in memory"):
        gram.Gram(Problem(np.eye(3), np.ones(3)), network, ACTIVATIONS["relu"], 0.1, np.zeros(3), "fa")


@pytest.mark.parametrize("psi", ["relu", "tanh", "sigmoid", "softplus"])
def test_a_sum_that_overflows_is_no_number(psi):
    """K a is −10³⁰⁹ + 10³¹⁰: fused, −∞, and W x is beyond floats; the unit was taken for a dead one."""
    problem = Problem([[3.45584192e149], [8.21618144e149]], [0.33, -1.3])
    network = Network([[0.9e-160]], [0.44e-160], [-0.537])
    engines = ("loops", "gram") if psi in ("relu", "softplus") else ("gram",)  # tanh ∞ = 1 in the loops
    for engine in engines:
        run = train(problem, network, psi, eta=6.18e10, steps=3, engine=engine)
        assert run.status == "diverged", engine
        assert run.diverged_at == 1


def test_what_is_not_a_number_stays_so_in_relu():
    with np.errstate(all="ignore"):
        assert np.isnan(ACTIVATIONS["relu"]([np.nan])).all()
