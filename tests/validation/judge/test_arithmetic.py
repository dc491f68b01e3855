"""Tolerances follow the arithmetic of the run, and no residual is large enough to excuse itself."""

from dataclasses import replace

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, schedules, train
from fa_ref.engines.reduced import Span, expansion
from theory.certificates import from_state
from theory.kernels import empirical_G, empirical_H
from theory.precision import gamma
from validation.judge.claims import Claim
from validation.judge.inequalities import Inequality
from validation.judge.record import reference_run
from validation.judge.rounding import alignment_rounding, movement_rounding, residual_rounding, step_rounding
from validation.theorems import (
    alignment_bound,
    definition_4_1,
    explicit,
    theorem_3_2,
    theorem_4_2,
    theorem_4_3,
    theorem_4_6,
)

HALF, SINGLE, DOUBLE = 2.0**-11, 2.0**-24, 2.0**-53


@pytest.fixture(scope="module")
def setting():
    return Setting(
        Problem(np.eye(3), [1.0, -1.0, 1.0]), Network.gaussian(2000, 3, np.random.default_rng(0)), eta=0.1
    )


@pytest.fixture(scope="module")
def run(setting):
    return reference_run(setting, 40)


def test_a_run_in_single_precision_violates_nothing_that_is_true():
    """It stalls where float32 rounds, at 10⁻⁷: in float64's tolerance every later step fails."""
    network = Network.gaussian(20000, 3, np.random.default_rng(1))
    setting = Setting(Problem(np.eye(3), [1.0, -1.0, 1.0]), network, "identity", eta=0.2)
    run = train(setting, steps=300, engine="gram", dtype="float32")
    verdict = explicit.LINEAR.judge(run)
    assert verdict.status in ("holds", "not applicable")
    assert verdict.inequalities[0].holds
    assert not explicit.LINEAR.judge(replace(run, roundoff=DOUBLE)).inequalities[0].holds  # what it was judged with
    assert theorem_4_3.CLAIM.judge(run).status == "holds"


@pytest.mark.parametrize(("activation", "sheet"), [("tanh", theorem_3_2.CLAIM), ("identity", theorem_4_3.CLAIM)])
def test_arrays_in_single_precision_with_weights_and_measures_are_judged_so(setting, activation, sheet):
    run = train(setting.replace(activation=activation, eta=0.3), steps=400, engine="gram", dtype="float32")
    ours = Trajectory.recorded(run.setting, run.times, run.residuals.astype(np.float32), measures=run.measures)
    said = Trajectory.recorded(run.setting, run.times, run.residuals, measures=run.measures, roundoff=SINGLE)
    for record in (run, ours, said):
        assert record.roundoff == SINGLE
        assert sheet.judge(record).status == "holds"


def test_every_tolerance_grows_with_the_roundoff(run):
    coarse = replace(run, roundoff=SINGLE)
    for bound in (residual_rounding, step_rounding):
        assert (bound(coarse) > 2.0**28 * bound(run)).all()
    assert (movement_rounding(coarse) > 2.0**28 * movement_rounding(run)).all()
    assert alignment_rounding(100, SINGLE) > 2.0**28 * alignment_rounding(100, DOUBLE)
    assert alignment_rounding(10**9, SINGLE) == np.inf  # so many roundings have no bound
    blind = Trajectory.recorded(run.setting, run.times, run.residuals)
    assert (step_rounding(replace(blind, roundoff=HALF)) == 2.0**42 * step_rounding(blind)).all()


def test_cosines_in_single_precision_get_its_tolerance(run):
    def tolerance(sheet, record):
        (found,) = [i for i in sheet.conclusions(record) if isinstance(i, Inequality) and "cos" in i.name]
        return found.tolerance.max()

    penalised = reference_run(run.setting.replace(activation="identity", ridge=schedules.cutoff(0.5, 20)), 40)
    for sheet, record in (
        (alignment_bound.CLAIM, run), (definition_4_1.claim(0.1, 3), run), (theorem_4_6.CLAIM, penalised),
        (theorem_4_6.REMARK, penalised),
    ):  # fmt: skip
        assert tolerance(sheet, replace(record, roundoff=SINGLE)) > 2.0**28 * tolerance(sheet, record)


@pytest.mark.parametrize("last", [np.inf, -np.inf, np.nan, 1e200, 1e308])
@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize(
    ("sheet", "activation"),
    [
        (theorem_3_2.CLAIM, "tanh"), (theorem_4_2.CLAIM, "tanh"), (theorem_4_3.CLAIM, "identity"),
        (explicit.NONLINEAR, "tanh"), (explicit.LINEAR, "identity"),
    ],
)  # fmt: skip
def test_an_infinite_residual_does_not_hold(setting, sheet, activation, weights, last):
    run = reference_run(setting.replace(activation=activation), 20)
    residuals = run.residuals.copy()
    residuals[-1, 0] = last
    spoiled = (
        replace(run, residuals=residuals) if weights else Trajectory.recorded(run.setting, run.times, residuals)
    )
    verdict = sheet.judge(spoiled)
    assert not verdict
    assert verdict.status in ("violated", "undecided", "diverged", "not applicable")
    assert not verdict.inequalities[0].holds
    assert verdict.inequalities[0].worst == 19


@pytest.mark.parametrize("sheet", [theorem_3_2.CLAIM, theorem_4_3.CLAIM])
def test_a_start_that_is_infinite_holds_nowhere(setting, sheet):
    residuals = np.array([[np.inf, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.0, 0.0]])
    psi = "tanh" if sheet is theorem_3_2.CLAIM else "identity"
    record = Trajectory.recorded(setting.replace(network=None, activation=psi), [0, 1, 2], residuals)
    assert sheet.judge(record).status == "undecided"


def test_the_tolerance_of_a_step_does_not_know_its_end(run):
    """A residual that is 10⁶ times too large may widen its tolerance by the rounding of its size, and no more."""
    residuals = run.residuals.copy()
    residuals[-1] *= 1e6
    grown = step_rounding(replace(run, residuals=residuals)) - step_rounding(run)
    assert grown[:-1].max() == 0
    size = np.linalg.norm(residuals[-1])
    assert grown[-1] <= 2.1 * DOUBLE * size


def test_norms_neither_overflow_nor_vanish(setting):
    for scale in (1e-300, 1e-200, 1.0, 1e200, 1e300):
        record = Trajectory.recorded(setting, [0], [[3.0 * scale, 4.0 * scale, 0.0]])
        assert record.residual_norms[0] == pytest.approx(5.0 * scale, rel=1e-15, abs=0.0)
    assert np.isinf(Trajectory.recorded(setting, [0], [[np.inf, 0.0, 1.0]]).residual_norms[0])


class NeedsBeta(Claim):
    name, statement, source = "β", "‖β(t)‖ ≤ 100", "nowhere"

    def hypotheses(self, run):
        return ()

    def conclusions(self, run):
        return (Inequality("‖β‖", run.times, run.measures["beta_norm"], 100.0, 0.0),)


def test_a_measure_that_was_not_recorded_is_named(run):
    assert NeedsBeta().judge(run)
    record = Trajectory.recorded(run.setting, run.times, run.residuals, measures={"alignment": run.alignment})
    verdict = NeedsBeta().judge(record)
    assert verdict.status == "vacuous"
    assert verdict.worst_words == (
        "conclusions: not judged: measures: 'beta_norm' was not recorded; recorded: alignment"
    )
    assert verdict.to_dict()["left_out"][0]["name"] == "conclusions"


def test_what_is_left_out_of_a_verdict_is_said(run):
    bare = Trajectory.recorded(run.setting, run.times, run.residuals)
    verdict = theorem_3_2.CLAIM.judge(bare)
    assert verdict.status == "holds"
    assert verdict.unjudged == ("(3.2) W", "(3.2) β")
    assert verdict.why_unjudged.startswith("(3.2) W: not judged: weight_square not recorded")


@pytest.mark.parametrize("kind", ["complex", "text", "masked", "object"])
def test_residuals_and_measures_that_are_no_real_numbers_are_refused(run, kind):
    def spoil(array):
        if kind == "masked":
            return np.ma.masked_array(array, np.zeros(array.shape, dtype=bool))
        return array.astype({"complex": complex, "text": str, "object": object}[kind])

    with pytest.raises(TypeError, match="residuals: expected"):
        Trajectory.recorded(run.setting, run.times, spoil(run.residuals))
    with pytest.raises(TypeError, match=r"measures\['alignment'\]: expected"):
        Trajectory.recorded(run.setting, run.times, run.residuals, measures={"alignment": spoil(run.alignment)})


def test_torch_tensors_are_taken_or_refused_at_the_door(run):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(run.alignment)
    record = Trajectory.recorded(
        run.setting, run.times, torch.tensor(run.residuals), measures={"alignment": tensor}
    )
    assert record.measures["alignment"].tolist() == run.alignment.tolist()
    with pytest.raises(TypeError, match=r"measures\['alignment'\]: expected an array of real numbers"):
        Trajectory.recorded(run.setting, run.times, run.residuals, measures={"alignment": tensor.requires_grad_()})


def test_schedules_are_told_apart_by_their_values_and_starts_by_their_dimension(setting):
    one, two = (setting.replace(ridge=schedules.explicit(np.full(20, lam))) for lam in (0.05, 0.06))
    assert str(one.ridge) == str(two.ridge)
    assert one != two
    with pytest.raises(ValueError, match="network: expected input dimension 3"):
        setting.replace(network=Network.gaussian(10, 2, np.random.default_rng(0)))


def g(k, u):
    return k * u / (1 - k * u)


@pytest.mark.parametrize("u", [DOUBLE, SINGLE])
@pytest.mark.parametrize("activation", ["tanh", "softplus", "sigmoid"])
def test_tolerances_are_the_bounds_that_are_derived(activation, u):
    """The formulas at the head of `validation.judge.rounding`, term by term, from the weights of the run itself."""
    rng, weights = np.random.default_rng(4), {}
    n, d, p, eta, steps, every = 3, 4, 7, 0.5, 6, 2
    problem = Problem(2.0 * rng.standard_normal((n, d)), 5.0 * rng.standard_normal(n))
    ridge = schedules.constant(0.1)
    network = Network.gaussian(p, d, rng)
    run = train(
        problem, network, activation, eta=eta, ridge=ridge, steps=steps, record_every=every,
        observe=lambda t, network: weights.__setitem__(t, network.copy()),
    )  # fmt: skip
    run = replace(run, roundoff=u)
    psi, R, y_norm = run.setting.activation, np.linalg.norm(problem.X, axis=1).max(), np.linalg.norm(problem.y)
    at_zero, norms = abs(psi(0.0)), np.linalg.norm(run.residuals, axis=1)
    S1, S2, beta_norm, square = (
        np.array([measure(weights[t].W, weights[t].beta) for t in run.times])
        for measure in (
            lambda W, beta: np.abs(beta).sum() / np.sqrt(p),
            lambda W, beta: np.abs(beta) @ np.linalg.norm(W, axis=1) / np.sqrt(p),
            lambda W, beta: np.linalg.norm(beta),
            lambda W, beta: np.mean(np.sum(W**2, axis=1)),
        )
    )
    A, Q = np.minimum(psi.B0 * S1, at_zero * S1 + psi.B1 * R * S2), 2 * (at_zero**2 + (psi.B1 * R) ** 2 * square)
    Q = np.minimum(Q, psi.B0**2)
    output = np.sqrt(n) * (g(p + 9, u) * A + g(d, u) * psi.B1 * R * S2) + 2 * u * (norms + y_norm)
    np.testing.assert_allclose(residual_rounding(run), output, rtol=1e-9)
    start = np.maximum(norms[:-1], y_norm)  # two steps lie between records, and λ pulls in the second
    S2, beta_norm, Q = (np.maximum(values[1:], values[:-1]) for values in (S2, beta_norm, Q))
    b = np.linalg.norm(network.b)
    terms = eta * (psi.B1 * R) ** 2 * n * start * b * beta_norm / p
    step = g(n + 8, u) * (np.sqrt(n) * psi.B1 * R * S2 + terms) + g(n + 3, u) * eta * n * Q * start
    np.testing.assert_allclose(step_rounding(run), output[1:] + output[:-1] + every * step, rtol=1e-9)
    before = np.maximum(np.append(norms[0], norms[:-1]), y_norm)
    moved = g(n + 8, u) * (
        np.sqrt(square * p) + eta / np.sqrt(p) * np.abs(network.b).max() * psi.B1 * R * np.sqrt(n) * before
    )
    expected = (run.times + 1) * np.maximum.accumulate(moved)
    np.testing.assert_allclose(movement_rounding(run), expected, rtol=1e-9)
    assert alignment_rounding(p, u) == pytest.approx(2 * g(p + 10, u), rel=1e-12, abs=0.0)


def test_without_weights_the_tolerance_is_ten_thousand_ulp(run):
    bare = Trajectory.recorded(run.setting, run.times, run.residuals)
    size = np.linalg.norm(run.residuals[0]) + np.sqrt(3.0)
    for u in (DOUBLE, SINGLE):
        np.testing.assert_allclose(residual_rounding(replace(bare, roundoff=u)), 1e4 * 2 * u * size, rtol=1e-12)
        np.testing.assert_allclose(step_rounding(replace(bare, roundoff=u)), 2e4 * 2 * u * size, rtol=1e-12)


def test_the_reduced_engine_rounds_by_the_terms_of_its_expansion():
    """Weights that left the regime and came back are small differences of what the coefficients add up."""
    W = [[6.1e4, -9.83e4], [-2.2e3, 3.5e3], [-1.141e5, 1.8415e5], [-2.625e5, 4.236e5]]
    beta, b = [-1.0075e7, 2.78e3, 1.7964e7, 4.1847e7], [-0.385, 0.0138, 0.7211, 1.6588]
    problem, network = Problem([[-0.1, 0.2]], [-0.002]), Network(W, beta, b)
    A = empirical_G(problem.X, network, "identity") + empirical_H(problem.X, network, "identity")
    setting = Setting(problem, network, "identity", eta=1.02 / float(A[0, 0]))
    proof = from_state(setting)
    run = train(setting, steps=40)
    assert run.engine == "reduced"
    beyond = run.residual_norms[1:] - (1 - setting.eta * proof.rate) * run.residual_norms[:-1]
    assert (beyond <= step_rounding(run)).all()
    assert (beyond > step_rounding(replace(run, engine="ordered"))).any()  # what it was judged with


@pytest.mark.parametrize("lam", [0.0, 0.3])
@pytest.mark.parametrize("every", [1, 2])
def test_the_terms_of_the_expansion_are_bounded(lam, every):
    n, d, p = 3, 4, 7
    rng = np.random.default_rng(2)
    problem = Problem(rng.standard_normal((n, d)), rng.standard_normal(n))
    start, ridge = Network.gaussian(p, d, rng), schedules.constant(lam)
    run = train(problem, start, "identity", eta=0.05, ridge=ridge, steps=30, record_every=every)
    c, a, g, u = expansion(problem, start, eta=0.05, ridge=ridge, steps=30)
    F, root, norm = start.W @ problem.X.T, np.sqrt(p), np.linalg.norm
    kappa = (c * start.b @ start.beta + start.b @ F @ a / root + g * start.b @ start.b / root) / root
    terms = (
        c * F.T @ start.beta / root, F.T @ F @ a / p, g * F.T @ start.b / p,
        kappa * problem.K @ u / root, problem.y,
    )  # fmt: skip
    bound = residual_rounding(run) / gamma(p + 2 * d + 4 * n + 20, DOUBLE)
    assert sum(norm(term) for term in terms) <= bound[-1]
    by_hand = norm(F) * norm(start.beta) + norm(F) ** 2 * norm(a) / root + abs(g) * norm(F) * norm(start.b) / root
    size = norm(start.b) * norm(start.beta) + norm(F) * norm(start.b) * norm(a) / root
    size += abs(g) * norm(start.b) ** 2 / root
    by_hand = (by_hand + size / root * norm(problem.X) ** 2 * norm(u)) / root + norm(problem.y)
    assert by_hand <= bound[-1] < 10 * by_hand
    per_step = step_rounding(run) - residual_rounding(run)[1:] - residual_rounding(run)[:-1]
    np.testing.assert_allclose(per_step, every * gamma(n + 8, DOUBLE) * bound[1:], rtol=1e-6)


@pytest.mark.parametrize("rule", ["bp", "kolen-pollack", "hebbian"])
@pytest.mark.parametrize("every", [1, 3])
def test_the_terms_of_matrices_of_coefficients_are_bounded(rule, every):
    n, d, p, eta = 3, 4, 7, 0.05
    rng = np.random.default_rng(4)
    problem, start = Problem(rng.standard_normal((n, d)), rng.standard_normal(n)), Network.gaussian(p, d, rng)
    setting = Setting(problem, start, "identity", eta=eta, ridge=schedules.constant(0.1), rule=rule)
    run = train(setting, steps=30, record_every=every, engine="reduced")
    span = Span(problem, start, eta, setting.ridge.values(30), rule)
    span.advance(np.array([0, 30]), np.inf, np.empty((2, n)), np.empty((2, 9)))
    now = span.now
    terms = np.sqrt(p) * np.abs(now.C).T @ np.abs(span.known.gram) @ np.abs(now.beta)
    bound = residual_rounding(run) / gamma(p + 2 * d + 4 * n + 20, DOUBLE)
    assert np.linalg.norm(terms) + np.linalg.norm(problem.y) <= bound[-1]
    assert every > 1 or bound[-1] < 1000 * np.linalg.norm(terms)
    exact = train(setting, steps=30, record_every=every, engine="loops")
    apart = np.linalg.norm(run.residuals - exact.residuals, axis=1)
    assert (apart <= residual_rounding(run) + np.cumsum(np.append(0, step_rounding(run)))).all()
