"""Verdicts: each status is reached, hypotheses come with margins, and a checker broken on purpose is caught."""

import math
from dataclasses import replace

import naive
import numpy as np
import pytest

from fa_ref import Activation, Network, Problem, Setting, Trajectory, data, schedules, train
from fa_ref.activations import identity, resolve
from theory.margins import Margin
from theory.precision import gamma
from validation.judge.claims import Claim
from validation.judge.inequalities import Inequality
from validation.judge.record import mean_kernel
from validation.judge.rounding import residual_rounding, step_rounding
from validation.theorems import (
    alignment_bound,
    definition_4_1,
    explicit,
    theorem_3_2,
    theorem_4_2,
    theorem_4_3,
    theorem_4_6,
)
from validation.theorems.inequality_3_1 import contraction


@pytest.fixture(scope="module")
def easy():
    """n = 3 orthonormal inputs, where both theorems' conclusions hold at modest width."""
    return Problem(np.eye(3), [1.0, -1.0, 1.0])


def evidence(problem, activation="tanh", *, p=2000, eta=0.1, steps=60, seed=0, ridge=None, **options):
    network = Network.gaussian(p, problem.d, np.random.default_rng(seed))
    return train(problem, network, activation, eta=eta, steps=steps, ridge=ridge, **options)


def record(problem, activation, eta, times, residuals, ridge=None, start=None, **options):
    """Arrays from elsewhere."""
    setting = Setting(problem, start, activation, eta=eta, ridge=ridge)
    return Trajectory.recorded(setting, times, residuals, **options)


def test_theorem_3_2_holds_in_its_regime(easy):
    verdict = theorem_3_2.CLAIM.judge(evidence(easy))
    assert verdict.status == "holds"
    assert [inequality.name for inequality in verdict.inequalities] == ["(3.1)", "(3.2) W", "(3.2) β"]
    assert all(inequality.judged.all() for inequality in verdict.inequalities)
    assert all(margin.met is not False for margin in verdict.hypotheses)
    assert verdict.tightest.slack > 0


@pytest.mark.parametrize("ridge", [None, schedules.cutoff(0.05, 20), schedules.inverse_square(0.05, 5.0)])
def test_theorem_4_3_holds_in_its_regime(easy, ridge):
    verdict = theorem_4_3.CLAIM.judge(evidence(easy, "identity", ridge=ridge))
    assert verdict.status == "holds"
    assert verdict.inequalities[0].judged.sum() == 60


@pytest.mark.parametrize(
    ("claim", "activation", "change", "reason"),
    [
        (theorem_3_2.CLAIM, "relu", {}, "ψ is smooth"),
        (theorem_3_2.CLAIM, "identity", {}, "max(B0, B1, B2)"),
        (theorem_3_2.CLAIM, "tanh", {"eta": 1.0}, "ηnB0²"),
        (theorem_3_2.CLAIM, "tanh", {"ridge": schedules.cutoff(0.1, 5)}, "Σλ"),
        (theorem_4_3.CLAIM, "tanh", {}, "ψ is linear"),
        (theorem_4_3.CLAIM, "identity", {"eta": 1.2}, "η(λ_max(G(0)) + max λ)"),
    ],
)
def test_a_dropped_hypothesis_is_never_counted_as_holds(easy, claim, activation, change, reason):
    verdict = claim.judge(evidence(easy, activation, steps=20, **change))
    assert verdict.status == "not applicable"
    assert reason in verdict.failing


@pytest.mark.parametrize(("claim", "activation"), [(theorem_3_2.CLAIM, "tanh"), (theorem_4_3.CLAIM, "identity")])
def test_duplicate_inputs_are_reported_not_raised(claim, activation):
    problem = Problem([[1.0, 0.0], [1.0, 0.0]], [1.0, -1.0])
    verdict = claim.judge(evidence(problem, activation, steps=20))
    assert verdict.status == "not applicable"
    assert "γ certified" in verdict.failing


def test_a_step_beyond_the_edge_diverges_and_says_so(easy):
    verdict = theorem_4_3.CLAIM.judge(evidence(easy, "identity", eta=9.0, steps=500))
    assert verdict.status == "diverged"
    assert "η(λ_max" in verdict.failing


def test_a_diverging_run_without_weights_is_undecided(easy):
    run = evidence(easy, "identity", eta=9.0, steps=500)
    foreign = record(easy, "identity", 9.0, run.times, run.residuals, diverged_at=run.diverged_at)
    assert theorem_4_3.CLAIM.judge(foreign).status == "undecided"


def spoiled(good, change):
    return replace(good, residuals=change(np.array(good.residuals)))


def test_one_bad_step_is_found_with_its_number(easy):
    good = evidence(easy)

    def bump(residuals):
        residuals[37:] *= 1.5
        return residuals

    verdict = theorem_3_2.CLAIM.judge(spoiled(good, bump))
    assert verdict.status == "undecided"  # the paper names no width
    assert verdict.tightest.name == "(3.1)"
    assert verdict.tightest.times[verdict.tightest.worst] == 36
    assert verdict.tightest.slack < 0


def test_a_weight_that_moves_too_far_violates_3_2(easy):
    good = evidence(easy)
    for name, inequality in (("scaled_weight_movement", "(3.2) W"), ("beta_movement", "(3.2) β")):
        measures = good.measures | {name: good.measures[name] * 1e4}
        verdict = theorem_3_2.CLAIM.judge(replace(good, measures=measures))
        assert verdict.status == "undecided"
        assert [i.name for i in verdict.inequalities if not i.holds] == [inequality]


def test_the_wrong_sign_is_violated_although_every_hypothesis_is_met(easy):
    """With e = y − f and the updates as they are every step is one of size −η; nothing else changes."""
    start = Network.gaussian(2000, 3, np.random.default_rng(0))
    for eta, status in ((0.1, "holds"), (-0.1, "undecided")):
        run = naive.descend(easy.X, easy.y, start.W, start.beta, start.b, "tanh", eta, np.zeros(20), 20)[0]
        verdict = theorem_3_2.CLAIM.judge(record(easy, "tanh", 0.1, np.arange(21), run))
        assert verdict.status == status


def test_a_failure_with_every_hypothesis_met_is_a_violation(easy):
    good = evidence(easy)
    turned = spoiled(good, lambda residuals: residuals[::-1])
    assert theorem_3_2.CLAIM.decided().judge(good).status == "holds"
    assert theorem_3_2.CLAIM.decided().judge(turned).status == "violated"
    assert theorem_3_2.CLAIM.judge(turned).status == "undecided"


def test_a_run_that_was_too_narrow_refutes_nothing():
    rng = np.random.default_rng(1)
    problem = Problem(rng.standard_normal((30, 40)) / np.sqrt(40), 1000 * (1 + 0.3 * rng.standard_normal(30)))
    verdict = theorem_4_3.CLAIM.judge(evidence(problem, "identity", p=200, eta=0.5 / problem.lambda_max, steps=50))
    assert verdict.status == "undecided"
    assert "‖y‖/√n" in [margin.name for margin in verdict.hypotheses]


def test_gradient_descent_is_judged_by_no_theorem_on_feedback_alignment(easy):
    for sheet, activation in (
        (theorem_3_2.CLAIM, "tanh"), (theorem_4_2.CLAIM, "tanh"), (theorem_4_3.CLAIM, "identity"),
        (theorem_4_6.CLAIM, "identity"), (theorem_4_6.REMARK, "identity"), (alignment_bound.CLAIM, "tanh"),
        (explicit.NONLINEAR, "tanh"), (explicit.LINEAR, "identity"), (explicit.PRINTED_PULL, "identity"),
    ):  # fmt: skip
        verdict = sheet.judge(evidence(easy, activation, steps=5, rule="bp"))
        assert verdict.status == "not applicable"
        assert "rule is FA" in verdict.failing


def test_a_claim_is_judged_on_a_run_and_on_nothing_else(easy):
    with pytest.raises(TypeError, match="run: expected a Trajectory, got"):
        theorem_3_2.CLAIM.judge(evidence(easy, steps=2).setting)


def test_a_constant_penalty_is_beyond_every_budget(easy):
    verdict = theorem_4_3.CLAIM.judge(evidence(easy, "identity", ridge=schedules.constant(0.01)))
    assert verdict.status == "not applicable"
    assert "Σλ = inf, not finite" in verdict.failing


def test_linear_is_decided_by_the_functions_not_by_the_name(easy):
    renamed = Activation("plain", identity.psi, identity.dpsi)
    assert theorem_4_3.CLAIM.judge(evidence(easy, renamed)).status == "holds"
    ours = Activation("identity", lambda z: 1.0 * z, lambda z: 1.0 + 0.0 * z, B1=1.0, B2=0.0)
    assert theorem_4_3.CLAIM.judge(evidence(easy, ours)).status == "not applicable"
    posing = Activation(
        "identity", lambda z: math.tanh(z), lambda z: 1.0 - math.tanh(z) ** 2, B0=1.0, B1=1.0, B2=0.77
    )
    assert theorem_4_3.CLAIM.judge(evidence(easy, posing)).status == "not applicable"
    with pytest.raises(ValueError, match=r"identity\.dpsi"):
        Activation("identity", lambda z: z**3, lambda z: 7.0 * z)


def test_what_could_not_be_judged_is_named(easy):
    start = Network.gaussian(200, 3, np.random.default_rng(0))
    start.b[7] = 1e-14  # ‖Δw‖/|b| of this unit is all rounding
    run = train(easy, start, "tanh", eta=0.1, steps=20)
    verdict = theorem_3_2.CLAIM.judge(run)
    assert verdict.status == "holds"
    assert verdict.unjudged == ("(3.2) W",)


@pytest.mark.parametrize("activation", ["tanh", "identity"])
def test_one_step_stays_within_the_rounding_of_a_step(activation, rng):
    problem = Problem(data.gaussian_inputs(10, 20, rng), rng.standard_normal(10))
    network = Network.gaussian(300, 20, rng)
    _check_one_step(problem, network, activation, 1e-3)


@pytest.mark.parametrize("scale", [10.0, 100.0, 1000.0])
def test_cancelling_updates_are_within_the_rounding_of_a_step(scale):
    """Two large, nearly opposite terms in the update of w: the bound must know of the terms, not of their sum."""
    problem = Problem([[100.0, 0.0], [100.0, 1e-5]], [-1e8, 1e8])
    _check_one_step(problem, Network([[1.0, 1.0]], [10.0], [scale]), "identity", 1e-6)


def _check_one_step(problem, network, activation, eta):
    run = train(problem, network, activation, eta=eta, steps=1)
    bound = step_rounding(run)[0]
    X, y, W, beta, b = (
        np.asarray(a, np.longdouble) for a in (problem.X, problem.y, network.W, network.beta, network.b)
    )
    psi, dpsi = {"tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2), "identity": (lambda z: z, np.ones_like)}[
        activation
    ]
    root, eta = np.sqrt(np.longdouble(network.p)), np.longdouble(eta)
    Z = X @ W.T
    e = psi(Z) @ beta / root - y
    W_next = W - eta / root * (b[:, None] * (dpsi(Z) * e[:, None]).T) @ X
    exact = psi(X @ W_next.T) @ (beta - eta / root * psi(Z).T @ e) / root - y
    error = float(np.linalg.norm(run.residuals[1] - exact))
    assert 0 < error < bound < 1e-6 * run.residual_norms.max()


@pytest.mark.parametrize(
    ("times", "error"), [([0, 0.5], ValueError), ([1, 0], ValueError), ([0, 0], ValueError), ([1, 2], ValueError)]
)
def test_times_must_be_steps(easy, times, error):
    with pytest.raises(error, match="times: expected"):
        record(easy, "tanh", 0.1, times, np.ones((2, 3)))


def test_single_precision_residuals_get_its_tolerance(easy):
    ours = evidence(easy, steps=400)
    single = record(easy, "tanh", 0.1, ours.times, np.asarray(ours.residuals).astype(np.float32))
    assert single.roundoff == 2.0**-24
    assert theorem_3_2.CLAIM.judge(single).status == "holds"
    # The same numbers passed off as double precision fail where they are rounding only.
    posing = record(easy, "tanh", 0.1, ours.times, np.round(np.asarray(ours.residuals), 7))
    assert theorem_3_2.CLAIM.judge(posing).status == "undecided"


def test_a_run_in_single_precision_is_judged_with_its_rounding(easy):
    """Down to its floor, where the residual wanders by the rounding of float32; in float64's tolerance it fails."""
    start = Network.gaussian(2000, 3, np.random.default_rng(0))
    W, beta, b = (array.astype(np.float32) for array in (start.W, start.beta, start.b))
    X, y, step, residuals = easy.X.astype(np.float32), easy.y.astype(np.float32), np.float32(0.3 / 2000**0.5), []
    for _ in range(401):
        psi = np.tanh(X @ W.T)
        e = psi @ beta / np.float32(2000**0.5) - y
        residuals.append(e)
        W = W - step * b[:, None] * (((1 - psi**2).T * e) @ X)
        beta = beta - step * (e @ psi)
    rows = np.array(residuals)
    assert rows.dtype == np.float32
    single = record(easy, "tanh", 0.3, range(401), rows, start=start)
    assert theorem_3_2.CLAIM.judge(single).status == "holds"
    posing = record(easy, "tanh", 0.3, range(401), rows.astype(np.float64), start=start)
    assert theorem_3_2.CLAIM.judge(posing).status == "undecided"


@pytest.mark.parametrize(
    ("sheet", "activation"),
    [
        (theorem_3_2.CLAIM, "tanh"),
        (theorem_4_2.CLAIM, "tanh"),
        (theorem_4_3.CLAIM, "identity"),
        (theorem_4_6.CLAIM, "identity"),
        (alignment_bound.CLAIM, "tanh"),
        (explicit.NONLINEAR, "tanh"),
        (explicit.LINEAR, "identity"),
        (definition_4_1.claim(0.1, 10), "tanh"),
    ],
)
def test_weights_without_measures_leave_out_what_needs_them(easy, sheet, activation):
    ours = evidence(easy, activation, ridge=schedules.cutoff(0.05, 20) if sheet is theorem_4_6.CLAIM else None)
    bare = Trajectory.recorded(ours.setting, ours.times, ours.residuals)
    verdict = sheet.judge(bare)
    assert {i.name for i in verdict.inequalities} <= {"(3.1)", "(4.2)", "(4.3)"}
    assert verdict.status in ("holds", "vacuous", "not applicable")


def test_a_rate_that_is_too_good_is_violated(easy):
    run = evidence(easy, "identity")
    assert contraction("γ/2", run, mean_kernel(run).gamma / 2).holds
    assert not contraction("3γ", run, 3 * mean_kernel(run).gamma).holds


def test_a_broken_comparison_is_caught(easy):
    """The bound halved: the checker that the package uses must object to it."""
    good = contraction("(3.1)", evidence(easy), 0.1)
    assert good.holds
    assert not replace(good, rhs=good.rhs / 2).holds
    assert not replace(good, lhs=good.lhs * np.nan).holds


@pytest.mark.parametrize(("lhs", "holds"), [(1.0, True), (1.25, True), (np.nextafter(1.25, 2.0), False)])
def test_a_comparison_fails_beyond_its_tolerance_and_not_before(lhs, holds):
    assert Inequality("x", np.arange(1), np.array([lhs]), np.ones(1), np.full(1, 0.25)).holds is holds


def test_what_is_judged_lies_between_the_tolerance_and_the_ceiling():
    rhs, tolerance = np.array([0.1, 0.25, 0.3, 0.9, 1.0, 2.0]), np.full(6, 0.25)
    inequality = Inequality("x", np.arange(6), np.zeros(6), rhs, tolerance, ceiling=1.0)
    assert inequality.judged.tolist() == [False, False, True, True, False, False]


def test_sparse_records_are_judged_by_the_iterated_recursion(easy):
    ridge = schedules.cutoff(0.05, 20)
    dense = contraction("", evidence(easy, "identity", ridge=ridge), 0.4)
    sparse = contraction("", evidence(easy, "identity", ridge=ridge, record_every=20), 0.4)
    assert sparse.lhs.tolist() == [dense.lhs[19], dense.lhs[39], dense.lhs[59]]
    expected, y = dense.rhs[0], math.sqrt(3)
    for _ in range(1, 20):
        expected = (1 - 0.1 * 0.4 - 0.1 * 0.05) * expected + 0.1 * 0.05 * y
    assert sparse.rhs[0] == pytest.approx(expected, rel=1e-12, abs=0.0)


def test_steps_below_the_rounding_floor_are_not_judged(easy):
    long = evidence(easy, "identity", eta=0.4, steps=400)
    inequality = contraction("(4.3)", long, mean_kernel(long).gamma / 2)
    assert inequality.holds
    assert 10 < inequality.judged.sum() < 200
    assert (inequality.rhs[~inequality.judged] < 1e-9).all()


def test_a_record_of_rounding_only_is_vacuous(easy):
    run = train(easy, Network.gaussian(2000, 3, np.random.default_rng(0)), "identity", eta=0.4, steps=400)
    verdict = theorem_4_3.CLAIM.judge(train(easy, run.network, "identity", eta=0.1, steps=20))
    assert verdict.status == "vacuous"
    assert verdict.worst_words == "(4.3): not judged: rounding alone could hide a failure"


@pytest.mark.parametrize("activation", ["tanh", "identity", "softplus"])
def test_the_rounding_bound_holds_and_is_not_absurd(activation, rng):
    """Against the same output in extended precision: the bound is above the error, and below 1e-9 of the output."""
    X = data.gaussian_inputs(10, 20, rng)
    problem = Problem(X, rng.standard_normal(10))
    run = evidence(problem, activation, p=1500, eta=1e-3, steps=0)
    W, beta = run.setting.start.W.astype(np.longdouble), run.setting.start.beta.astype(np.longdouble)
    Z = X.astype(np.longdouble) @ W.T
    psi = {"tanh": np.tanh, "identity": lambda z: z, "softplus": lambda z: np.logaddexp(np.longdouble(0), z)}
    exact = psi[activation](Z) @ beta / np.sqrt(np.longdouble(1500)) - problem.y
    error = float(np.linalg.norm(run.residuals[0] - exact))
    bound = residual_rounding(run)[0]
    assert 0 < error < bound < 1e-9 * run.residual_norms[0]


def test_arrays_from_elsewhere_are_judged_too(easy):
    ours = evidence(easy)
    foreign = record(easy, "tanh", 0.1, ours.times, np.asarray(ours.residuals).tolist())
    verdict = theorem_3_2.CLAIM.judge(foreign)
    assert verdict.status == "holds"
    assert [inequality.name for inequality in verdict.inequalities] == ["(3.1)"]
    assert (step_rounding(foreign) > 0).all()


def test_evidence_of_the_wrong_shape_is_refused(easy):
    with pytest.raises(ValueError, match=r"residuals: expected shape \(2, 3\), .* got \(2, 2\)"):
        record(easy, "tanh", 0.1, [0, 1], [[1.0, 2.0], [1.0, 2.0]])


def test_verdicts_go_to_plain_types(easy):
    record = theorem_3_2.CLAIM.judge(evidence(easy)).to_dict()
    assert record["status"] == "holds"
    assert record["conclusions_held"] is True
    assert {"name", "value", "relation", "threshold", "met"} == set(record["hypotheses"][0])
    assert [i["judged"] for i in record["inequalities"]] == [60, 60, 60]


class Nothing(Claim):
    name, statement, source = "nothing", "nothing", "nowhere"

    def hypotheses(self, run):
        return ()

    def conclusions(self, run):
        return ()


def test_a_claim_without_inequalities_does_not_hold(easy):
    verdict = Nothing().judge(evidence(easy, steps=2))
    assert verdict.status == "vacuous"
    assert verdict.worst_words == "no conclusion could be stated"


def test_negative_bounds_keep_the_sign_of_their_margin():
    failing = Inequality("x", np.arange(2), np.array([1.0, 1.0]), np.array([2.0, -1.0]), np.zeros(2))
    assert not failing.holds
    assert failing.worst == 1
    assert failing.slack == -2.0


@pytest.mark.parametrize(
    ("value", "threshold", "relation", "met", "slack", "factor"),
    [
        (2.0, 1.0, "≥", True, 1.0, 2.0),
        (1.0, 1.0, "≥", True, 0.0, 1.0),
        (1.0, 1.0, ">", False, 0.0, 1.0),
        (0.5, 1.0, "≤", True, 0.5, 2.0),
        (4.0, 1.0, "≤", False, -3.0, 0.25),
        (math.inf, 1.0, "≤", False, -math.inf, 0.0),
        (math.nan, 1.0, "≥", False, math.nan, math.nan),
    ],
)
def test_margins(value, threshold, relation, met, slack, factor):
    margin = Margin("m", value, threshold, relation)
    assert margin.met is met
    assert (margin.slack, margin.factor) == pytest.approx((slack, factor), nan_ok=True)


def test_gamma_of_many_roundings_exceeds_its_first_order():
    assert gamma(1e6) > 1e6 * 2.0**-53


def test_every_activation_has_a_verdict(easy):
    for name in ("erf", "sigmoid", "softplus"):
        bounded = math.isfinite(resolve(name).B0)
        verdict = theorem_3_2.CLAIM.judge(evidence(easy, name, steps=20, p=400))
        assert (verdict.status == "not applicable") is not bounded
