"""The reduced engine against the loops, and its law at any width against explicit networks."""

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from fa_ref import Network, Problem, Setting, data, schedules, train
from fa_ref.engines.reduced import Statistics, averages, engine, expansion, sample_in_law
from fa_ref.measures import MEASURES
from tests.fa_ref.engines.test_gram import check_same

OF_UNITS = ("beta_movement", "beta_mean", "unit_mean")  # not functions of the averages


def random_problem(rng):
    n, d, p = (int(rng.integers(1, high)) for high in (30, 60, 200))
    X = rng.standard_normal((n, d)) / math.sqrt(d)
    problem, network = Problem(X, rng.standard_normal(n)), Network.gaussian(p, d, rng)
    ridge = [schedules.zero(), schedules.constant(rng.uniform(0, 1)), schedules.cutoff(rng.uniform(0, 1), 100)]
    return problem, network, {"ridge": ridge[rng.integers(3)], "eta": 0.2 / (1.0 + problem.lambda_max)}


def check_averages(reference, run):
    """Like `check_same`, and NaN where the averages do not say."""
    for name in OF_UNITS:
        assert np.isnan(run.measures[name]).all()
        run.measures[name][:] = reference.measures[name]
    check_same(reference, run)


@pytest.mark.usefixtures("one_thread")
def test_the_trajectory_is_that_of_the_loops(rng):
    for _ in range(25):
        problem, network, settings = random_problem(rng)
        settings |= {"activation": "linear", "steps": 300, "record_every": 7}
        reference = train(problem, network, engine="ordered", **settings)
        run = train(problem, network, **settings)
        assert run.engine == "reduced"
        check_same(reference, run)
        np.testing.assert_allclose(
            run.network.W, reference.network.W, atol=1e-12
        )  # 300 roundings of numbers below 5
        np.testing.assert_allclose(run.network.beta, reference.network.beta, atol=1e-12)
        check_averages(reference, train(problem, Statistics.of(problem, network), **settings))


def test_more_samples_than_dimensions(rng):
    problem = Problem(data.gaussian_inputs(12, 4, rng, scale=0.5), rng.standard_normal(12))
    network = Network.gaussian(30, 4, rng)
    settings = {"activation": "linear", "eta": 0.05, "steps": 200}
    check_same(train(problem, network, engine="ordered", **settings), train(problem, network, **settings))


@pytest.mark.parametrize("record_every", [1, 1000])
def test_divergence_ends_the_run_where_it_ends_the_loops(record_every, rng):
    problem = Problem(data.gaussian_inputs(6, 9, rng), rng.standard_normal(6))
    network = Network.gaussian(30, 9, rng)
    settings = {"activation": "linear", "eta": 1.0, "steps": 500, "record_every": record_every}
    with np.errstate(all="ignore"):
        reference, run = (train(problem, network, engine=name, **settings) for name in ("ordered", "reduced"))
    assert (run.status, reference.status) == ("diverged", "diverged")
    assert abs(run.diverged_at - reference.diverged_at) <= 1


def test_the_expansion_of_section_6(rng):
    problem = Problem(data.gaussian_inputs(5, 9, rng, scale=1 / 3), rng.standard_normal(5))
    network, eta, p = Network.gaussian(40, 9, rng), 0.05, 40
    settings = {"eta": eta, "steps": 60, "ridge": schedules.cutoff(0.5, 30)}
    run = train(problem, network, "linear", engine="ordered", **settings)
    c, a, g, u = expansion(problem, network, **settings)
    F = network.W @ problem.X.T
    beta = c * network.beta + (F @ a + g * network.b) / math.sqrt(p)
    np.testing.assert_allclose(beta, run.network.beta, atol=1e-13)
    np.testing.assert_allclose(u, eta * run.residuals[:60].sum(axis=0), atol=1e-13)
    again = expansion(problem, network, **settings).network(problem, network)
    np.testing.assert_allclose(again.W, run.network.W, atol=1e-13)
    assert c == pytest.approx((1 - eta * 0.5) ** 31, rel=1e-13)


def test_the_coefficient_of_b_is_of_second_order(rng):
    """β(2) has the coefficient (η²/p) e(0)ᵀ K e(1) of b: with η/√p unsquared it would be √p/η times as large."""
    problem = Problem(data.gaussian_inputs(5, 9, rng, scale=1 / 3), rng.standard_normal(5))
    network, eta, p = Network.gaussian(40, 9, rng), 0.05, 40
    e = train(problem, network, "linear", engine="loops", eta=eta, steps=2).residuals
    g = expansion(problem, network, eta=eta, steps=2).g
    assert g / math.sqrt(p) == pytest.approx(eta**2 / p * e[0] @ problem.K @ e[1], rel=1e-12)


def test_no_digit_is_lost_at_a_trillion_units(rng):
    """Every statistic is of order one, and the first steps are those of the limit of infinite width."""
    problem = Problem(data.gaussian_inputs(8, 20, rng, scale=20**-0.5), rng.standard_normal(8))
    statistics = sample_in_law(problem, 10**12, rng)
    run = train(problem, statistics, "linear", eta=0.1, steps=50)
    assert (run.engine, run.status, run.network) == ("reduced", "completed", None)
    e = run.residuals[0]
    for t in range(1, 51):
        e = e - 0.1 * problem.K @ e
        # S = K (1 + O(1/√p)), and H = O(1/√p): 50 steps of η‖K‖ ≈ 0.3 leave less than 100 of them
        np.testing.assert_allclose(run.residuals[t], e, atol=100 * 1e-6 * np.linalg.norm(run.residuals[0]))
    # at t = 0 the alignment is b_beta/√p to the last digit
    exact = statistics.b_beta / math.sqrt(statistics.b_b * statistics.beta_beta) / 1e6
    assert run.alignment[0] == pytest.approx(exact, rel=1e-14)
    assert abs(run.alignment[0]) < 7e-6


def test_scaling_in_the_width_is_exact(rng):
    """√p cos∠(b, β) at p = 10⁸ and 10¹² from the same Bartlett factors differ by O(1/√p) only."""
    problem = Problem(data.gaussian_inputs(8, 20, rng, scale=20**-0.5), rng.standard_normal(8))
    scaled = []
    for p in (10**8, 10**10, 10**12):
        run = train(problem, sample_in_law(problem, p, np.random.default_rng(5)), "linear", eta=0.1, steps=200)
        scaled.append(math.sqrt(p) * run.alignment)
    # both gaps are O(1/√p) times numbers of order n: 1e-4·8 and 1e-5·8, with room for the diagonal's fluctuation
    assert np.abs(scaled[0] - scaled[2]).max() < 1e-2
    assert np.abs(scaled[1] - scaled[2]).max() < 1e-3


# The law. Loss and alignment at four times, of explicit networks and of drawn statistics, are compared by
# Kolmogorov and Smirnov. Each of the eight comparisons rejects a true law with probability 1e-8: the three tests
# together
# raise a false alarm with probability below 3e-7, and at a fixed seed always or never.
#
# What one degree of freedom of 50 changes, yᵀS y by 2 %, varies by 20 % from draw to draw: 10⁴ draws see that at
# ten standard errors. A strong penalty in the first steps removes β(0), whose bᵀβ(0) would add noise.
LEVEL = 1e-8
TIMES = (0, 10, 20, 40)
RIDGE = schedules.cutoff(19.0, 1)


@pytest.fixture(scope="module")
def isometric():
    return Problem(data.isometric_inputs(3, 5, np.random.default_rng(3)), [2.0, 0.0, 0.0])


def sample(problem, draw, draws):
    """Loss and alignment at TIMES, shape (2, len(TIMES), draws)."""
    out = np.empty((2, len(TIMES), draws))
    for k in range(draws):
        run = train(problem, draw(), "linear", eta=0.05, steps=TIMES[-1], ridge=RIDGE, record_every=10)
        rows = np.searchsorted(run.times, TIMES)
        out[:, :, k] = run.loss[rows], run.alignment[rows]
    return out


def smallest_p_value(first, second):
    return min(stats.ks_2samp(first[i, j], second[i, j]).pvalue for i in range(2) for j in range(len(TIMES)))


@pytest.fixture(scope="module")
def fifty_units(isometric):
    rng = np.random.default_rng(1)
    return sample(isometric, lambda: Network.gaussian(50, isometric.d, rng), 10_000)


def test_the_law_is_that_of_explicit_networks_of_fifty_units(isometric, fifty_units):
    rng = np.random.default_rng(2)
    drawn = sample(isometric, lambda: sample_in_law(isometric, 50, rng), 10_000)
    assert smallest_p_value(fifty_units, drawn) > LEVEL


def test_a_law_with_a_degree_of_freedom_less_is_rejected(isometric, fifty_units):
    rng, ratio = np.random.default_rng(2), 49 / 50
    root = math.sqrt(ratio)

    def wrong():
        narrow = sample_in_law(isometric, 49, rng)
        return dataclasses.replace(
            narrow, p=50, S=ratio * narrow.S, F_b=root * narrow.F_b, F_beta=root * narrow.F_beta,
            b_b=ratio * narrow.b_b, beta_beta=ratio * narrow.beta_beta, b_beta=root * narrow.b_beta,
        )  # fmt: skip

    assert smallest_p_value(fifty_units, sample(isometric, wrong, 10_000)) < LEVEL


@pytest.mark.parametrize("p", [4, 400])
def test_the_law_is_that_of_explicit_networks(p, isometric):
    """4 is below n + 2, where the vectors themselves are drawn."""
    rng = np.random.default_rng(2)
    explicit = sample(isometric, lambda: Network.gaussian(p, isometric.d, rng), 2000)
    drawn = sample(isometric, lambda: sample_in_law(isometric, p, rng), 2000)
    assert smallest_p_value(explicit, drawn) > LEVEL


@pytest.fixture(scope="module")
def many_directions():
    return Problem(data.isometric_inputs(30, 40, np.random.default_rng(3)), np.ones(30))


@pytest.mark.parametrize("p", [20, 50])
def test_weights_that_no_sample_sees_are_drawn_as_well(p, many_directions):
    """‖W(0)‖² is χ² with pd degrees of freedom: mean pd, variance 2pd, to 6 standard errors (2e-9)."""
    rng = np.random.default_rng(4)
    draws = np.array([sample_in_law(many_directions, p, rng).weight_square * p for _ in range(1000)])
    degrees = p * many_directions.d
    assert abs(draws.mean() - degrees) < 6 * math.sqrt(2 * degrees / 1000)
    assert 0.7 < draws.var() / (2 * degrees) < 1.3  # 1 ± 6·√(2/1000)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"engine": "loops"}, "network: expected a Network for engine 'loops'"),
        ({"engine": "gram"}, "network: expected a Network for engine 'gram'"),
        ({"activation": "tanh"}, "engine: expected 'loops', 'ordered' or 'gram'"),
        ({"observe": lambda t, network: None}, "observe: expected None"),
    ],
)
def test_statistics_are_refused_where_units_are_needed(settings, message, rng):
    problem = Problem(np.eye(3), np.ones(3))
    with pytest.raises(ValueError, match=message):
        train(
            problem,
            sample_in_law(problem, 100, rng),
            **({"activation": "linear", "eta": 0.1, "steps": 3} | settings),
        )


def test_statistics_of_another_problem_are_refused(rng):
    statistics = sample_in_law(Problem(np.eye(4), np.ones(4)), 100, rng)
    with pytest.raises(ValueError, match="expected averages over 3 samples"):
        train(Problem(np.eye(3), np.ones(3)), statistics, "linear", eta=0.1, steps=3)


def test_zero_weights_have_no_alignment():
    problem = Problem(np.eye(2), np.zeros(2))
    run = train(problem, Network(np.ones((3, 2)), np.zeros(3), np.ones(3)), "linear", eta=0.1, steps=2)
    assert np.isnan(run.alignment).all()
    assert set(run.measures) == set(MEASURES)


# --- averages, entry by entry


def test_averages_of_a_network_by_hand(rng):
    problem, network = Problem(rng.standard_normal((3, 2)), np.ones(3)), Network.gaussian(7, 2, rng)
    found, root = Statistics.of(problem, network), math.sqrt(7)
    W, b, beta = network.W.tolist(), network.b.tolist(), network.beta.tolist()
    F = [[math.fsum(x * w for x, w in zip(row, unit, strict=True)) for row in problem.X] for unit in W]
    S = [[math.fsum(F[r][i] * F[r][j] for r in range(7)) / 7 for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(found.S, S, rtol=1e-13)
    for name, v in (("F_b", b), ("F_beta", beta)):
        expected = [math.fsum(F[r][i] * v[r] for r in range(7)) / root for i in range(3)]
        np.testing.assert_allclose(getattr(found, name), expected, rtol=0, atol=1e-14)
    products = {
        "b_b": math.fsum(u * u for u in b) / 7, "beta_beta": math.fsum(u * u for u in beta) / 7,
        "b_beta": math.fsum(u * v for u, v in zip(b, beta, strict=True)) / root,
        "weight_square": math.fsum(w * w for unit in W for w in unit) / 7, "b_max": max(map(abs, b)), "p": 7,
    }  # fmt: skip
    for name, value in products.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-13), name
    given = Statistics.of(problem, network, 2 * np.array(F))
    np.testing.assert_allclose(given.S, 4 * found.S, rtol=1e-13)


@pytest.mark.parametrize("p", [2, 5, 6, 40])
def test_both_scalings_of_a_gram_matrix_are_of_one_matrix(p, rng):
    """Q/√p below the diagonal is √p times Q/p there, for p below and above the m vectors."""
    gram, cross = averages._gram(5, p, rng)
    assert np.array_equal(cross, np.tril(cross, -1))
    np.testing.assert_allclose(cross, math.sqrt(p) * np.tril(gram, -1), rtol=0, atol=1e-13 * p)
    assert np.array_equal(gram, gram.T)
    assert np.linalg.matrix_rank(gram) == min(5, p)


def test_one_entry_of_the_gram_matrix_beyond_floats_is_refused():
    """S = diag(∞, 1) at F = diag(10¹⁶⁰, 1), whose η|e| of 10⁻²⁰ is a good number."""
    problem = Problem(np.diag([1e150, 1.0]), np.ones(2))
    with np.errstate(over="ignore"):
        beyond = Statistics.of(problem, Network(np.diag([1e10, 1.0]), np.ones(2), np.ones(2)))
    with pytest.raises(averages.BeyondFloatsError, match="expected 'loops' or 'ordered'"):
        averages.require_range(beyond, problem, 1e-180)
    averages.require_range(dataclasses.replace(beyond, S=np.eye(2)), problem, 1e-180)


@pytest.mark.parametrize(
    "size, inside", [(1e-281, False), (1e-279, True), (1e279, True), (1e281, False), (0.0, True)]
)
def test_sizes_between_which_coefficients_are_floats(size, inside):
    """|e| = 1 at the start, so that η|e| = η; e = y = 0 has nothing to lose."""
    start = Statistics.of(Problem([[1.0]], [1.0]), Network([[0.0]], [1.0], [1.0]))
    y, eta = (np.array([1.0]), size) if size else (np.array([0.0]), 1e-300)
    if inside:
        averages.require_range(start, Problem([[1e-150]], y), eta)
    else:
        with pytest.raises(averages.BeyondFloatsError):
            averages.require_range(start, Problem([[1e-150]], y), eta)


@pytest.mark.parametrize(
    "f, y, eta, inside",
    [
        (1.0, 0.0, 1e-281, False), (1.0, 0.0, 1e-279, True),  # |e| = 1 though y = 0
        (1.0, 1.0, 7e279, True), (1.0, -1.0, 7e279, False), (-1.0, 1.0, 7e279, False),  # e = 0, 2 and −2
        (1.0, 1.0, 1e-281, False),  # e = 0 at the start, and |y| = 1 later on
    ],
)  # fmt: skip
def test_the_size_is_the_larger_of_residual_and_targets(f, y, eta, inside):
    start = Statistics.of(Problem([[1.0]], [y]), Network([[f]], [1.0], [1.0]))
    if inside:
        averages.require_range(start, Problem([[1e-150]], [y]), eta)
    else:
        with pytest.raises(averages.BeyondFloatsError):
            averages.require_range(start, Problem([[1e-150]], [y]), eta)


@pytest.mark.parametrize("eta, inside", [(0.99e140, True), (1.01e140, False)])
def test_a_step_of_g_is_a_float_too(eta, inside):
    """|e| = 1, K = 4, n = 1 and p = 16: η²eᵀKe/√p = η²."""
    weights = Network(np.zeros((16, 1)), np.zeros(16), np.zeros(16))
    problem = Problem([[2.0]], [1.0])
    start = Statistics.of(problem, weights)
    if inside:
        averages.require_range(start, problem, eta)
    else:
        with pytest.raises(averages.BeyondFloatsError):
            averages.require_range(start, problem, eta)


def test_where_b_is_zero_an_infinite_g_is_not_taken_for_divergence():
    """∞ times bᵀF = 0 is not a number; the weights themselves never grow."""
    problem, network = Problem([[1.25e-21]], [-1.3e149]), Network([[0.64]], [0.1], [0.0])
    setting = Setting(problem, network, "identity", eta=1.5e41)
    assert train(setting, steps=3).status == train(setting, steps=3, engine="loops").status == "completed"
    with pytest.raises(averages.BeyondFloatsError):
        train(setting, steps=3, engine="reduced")


@pytest.mark.parametrize("n, d", [(40, 60), (60, 3)])
def test_as_much_memory_is_asked_for_as_is_used(n, d, rng, monkeypatch):
    asked = []
    monkeypatch.setattr(engine, "require_memory", lambda _, size: asked.append(size))
    problem, network = Problem(rng.standard_normal((n, d)), np.ones(n)), Network.gaussian(4000, d, rng)
    engine.Reduced(problem, network, 0.1, np.zeros(1))  # what is loaded at the first call is not counted
    tracemalloc.start()
    try:
        reduced = engine.Reduced(problem, network, 0.1, np.zeros(1))
        assert reduced.network is not None
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.75 * asked[0] < used < asked[0] + 10 * 8 * network.p  # but for some vectors of length p


def test_the_expansion_after_no_step_is_the_start(rng):
    problem = Problem(data.gaussian_inputs(4, 6, rng, scale=0.4), rng.standard_normal(4))
    network = Network.gaussian(20, 6, rng)
    c, a, g, u = expansion(problem, network, eta=0.1, steps=0)
    assert (c, g, a.tolist(), u.tolist()) == (1.0, 0.0, [0.0] * 4, [0.0] * 4)
    reduced = engine.Reduced(problem, network, 0.1, np.full(3, 0.2))
    for t in (0, 3):
        run = train(problem, network, "linear", eta=0.1, steps=t, ridge=schedules.constant(0.2), engine="ordered")
        np.testing.assert_allclose(reduced.residual(), run.residuals[-1], rtol=0, atol=1e-13)
        np.testing.assert_allclose(reduced.network.beta, run.network.beta, rtol=0, atol=1e-13)
        reduced.advance(np.array([0, 3]), math.inf, np.empty((2, 4)), np.empty((2, len(MEASURES))))
