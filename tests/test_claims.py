"""Verdicts: each status is reached, hypotheses come with margins, and a checker broken on purpose is caught."""

import math
from dataclasses import replace

import naive
import numpy as np
import pytest

from fa_ref import Network, Problem, data, schedules, train
from fa_ref.activations import resolve
from theory.margins import Margin
from validation.claims import Claim, Evidence, Inequality
from validation.rounding import gamma, residual_rounding, step_rounding
from validation.theorems import theorem_3_2, theorem_4_3
from validation.theorems.contraction import contraction


@pytest.fixture(scope="module")
def easy():
    """n = 3 orthonormal inputs, where both theorems' conclusions hold at modest width."""
    return Problem(np.eye(3), [1.0, -1.0, 1.0])


def evidence(problem, activation="tanh", *, p=2000, eta=0.1, steps=60, seed=0, ridge=None, **options):
    network = Network.gaussian(p, problem.d, np.random.default_rng(seed))
    run = train(problem, network, activation, eta=eta, steps=steps, ridge=ridge, **options)
    return Evidence.of(problem, network, activation, run, ridge=ridge)


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
        (theorem_3_2.CLAIM, "relu", {}, "ψ smooth"),
        (theorem_3_2.CLAIM, "identity", {}, "max(B0, B1, B2)"),
        (theorem_3_2.CLAIM, "tanh", {"eta": 1.0}, "ηnB0²"),
        (theorem_3_2.CLAIM, "tanh", {"ridge": schedules.cutoff(0.1, 5)}, "Σλ"),
        (theorem_4_3.CLAIM, "tanh", {}, "ψ linear"),
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


def spoiled(good, change):
    return replace(good, residuals=change(np.array(good.residuals)))


def test_one_bad_step_is_found_with_its_number(easy):
    good = evidence(easy)

    def bump(residuals):
        residuals[37:] *= 1.5
        return residuals

    verdict = theorem_3_2.CLAIM.judge(spoiled(good, bump))
    assert verdict.status == "violated"
    assert verdict.tightest.name == "(3.1)"
    assert verdict.tightest.times[verdict.tightest.worst] == 36
    assert verdict.tightest.slack < 0


def test_a_weight_that_moves_too_far_violates_3_2(easy):
    good = evidence(easy)
    for name, inequality in (("scaled_weight_movement", "(3.2) W"), ("beta_movement", "(3.2) β")):
        measures = good.measures | {name: good.measures[name] * 1e4}
        verdict = theorem_3_2.CLAIM.judge(replace(good, measures=measures))
        assert verdict.status == "violated"
        assert [i.name for i in verdict.inequalities if not i.holds] == [inequality]


def test_the_wrong_sign_is_violated_although_every_hypothesis_is_met(easy):
    """With e = y − f and the updates as they are every step is one of size −η; nothing else changes."""
    start = Network.gaussian(2000, 3, np.random.default_rng(0))
    for eta, status in ((0.1, "holds"), (-0.1, "violated")):
        run = naive.descend(easy.X, easy.y, start.W, start.beta, start.b, "tanh", eta, np.zeros(20), 20)[0]
        verdict = theorem_3_2.CLAIM.judge(Evidence(easy, "tanh", 0.1, np.arange(21), run))
        assert verdict.status == status


def test_a_rate_that_is_too_good_is_violated(easy):
    run = evidence(easy, "identity")
    assert contraction("γ/2", run, run.mean_kernel.gamma / 2).holds
    assert not contraction("3γ", run, 3 * run.mean_kernel.gamma).holds


def test_a_broken_comparison_is_caught(easy):
    """The bound halved: the checker that the package uses must object to it."""
    good = contraction("(3.1)", evidence(easy), 0.1)
    assert good.holds
    assert not replace(good, rhs=good.rhs / 2).holds
    assert not replace(good, lhs=good.lhs * np.nan).holds


def test_sparse_records_are_judged_by_the_iterated_recursion(easy):
    ridge = schedules.cutoff(0.05, 20)
    dense = contraction("", evidence(easy, "identity", ridge=ridge), 0.4)
    sparse = contraction("", evidence(easy, "identity", ridge=ridge, record_every=20), 0.4)
    assert sparse.lhs.tolist() == [dense.lhs[19], dense.lhs[39], dense.lhs[59]]
    expected, y = dense.rhs[0], math.sqrt(3)
    for _ in range(1, 20):
        expected = (1 - 0.1 * 0.4 - 0.1 * 0.05) * expected + 0.1 * 0.05 * y
    assert sparse.rhs[0] == pytest.approx(expected, rel=1e-12)


def test_steps_below_the_rounding_floor_are_not_judged(easy):
    long = evidence(easy, "identity", eta=0.4, steps=400)
    inequality = contraction("(4.3)", long, long.mean_kernel.gamma / 2)
    assert inequality.holds
    assert 10 < inequality.judged.sum() < 200
    assert (inequality.rhs[~inequality.judged] < 1e-9).all()


def test_a_record_of_rounding_only_is_vacuous(easy):
    run = train(easy, Network.gaussian(2000, 3, np.random.default_rng(0)), "identity", eta=0.4, steps=400)
    again = evidence_from_state(easy, run.network)
    assert theorem_4_3.CLAIM.judge(again).status == "vacuous"


def evidence_from_state(problem, network):
    run = train(problem, network, "identity", eta=0.1, steps=20)
    return Evidence.of(problem, network, "identity", run)


@pytest.mark.parametrize("activation", ["tanh", "identity", "softplus"])
def test_the_rounding_bound_holds_and_is_not_absurd(activation, rng):
    """Against the same output in extended precision: the bound is above the error, and below 1e-9 of the output."""
    X = data.gaussian_inputs(10, 20, rng)
    problem = Problem(X, rng.standard_normal(10))
    record = evidence(problem, activation, p=1500, eta=1e-3, steps=0)
    W, beta = record.start.W.astype(np.longdouble), record.start.beta.astype(np.longdouble)
    Z = X.astype(np.longdouble) @ W.T
    psi = {"tanh": np.tanh, "identity": lambda z: z, "softplus": lambda z: np.logaddexp(np.longdouble(0), z)}
    exact = psi[activation](Z) @ beta / np.sqrt(np.longdouble(1500)) - problem.y
    error = float(np.linalg.norm(np.asarray(record.residuals)[0] - exact))
    bound = residual_rounding(record)[0]
    assert 0 < error < bound < 1e-9 * record.residual_norms[0]


def test_arrays_from_elsewhere_are_judged_too(easy):
    ours = evidence(easy)
    foreign = Evidence(easy, "tanh", 0.1, ours.times, np.asarray(ours.residuals).tolist())
    verdict = theorem_3_2.CLAIM.judge(foreign)
    assert verdict.status == "holds"
    assert [inequality.name for inequality in verdict.inequalities] == ["(3.1)"]
    assert (step_rounding(foreign) > 0).all()


def test_evidence_of_the_wrong_shape_is_refused(easy):
    with pytest.raises(ValueError, match=r"residuals: expected shape \(2, 3\), got \(2, 2\)"):
        Evidence(easy, "tanh", 0.1, [0, 1], [[1.0, 2.0], [1.0, 2.0]])


def test_verdicts_go_to_plain_types(easy):
    record = theorem_3_2.CLAIM.judge(evidence(easy)).to_dict()
    assert record["status"] == "holds"
    assert record["conclusions_held"] is True
    assert {"name", "value", "relation", "threshold", "met"} == set(record["hypotheses"][0])


def test_a_claim_without_inequalities_does_not_hold(easy):
    empty = Claim("nothing", "", "", "UPPER", lambda _: (), lambda _: ())
    assert empty.judge(evidence(easy, steps=2)).status == "vacuous"


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
