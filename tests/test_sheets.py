"""Each sheet holds in its regime, and says so no longer once a hypothesis is dropped or the record is spoiled."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from fa_ref import Network, Problem, data, schedules, train
from theory.alignment import sharp_constant, sharp_schedule
from validation.cases import Case
from validation.claims import Claim, Evidence
from validation.readings import ascend
from validation.theorems import (
    alignment_bound,
    definition_4_1,
    explicit,
    indefinite_kernel,
    proposition_3_3,
    proposition_4_5,
    theorem_3_2,
    theorem_4_2,
    theorem_4_6,
)


def orthonormal(activation, *, p=2000, eta=0.1, steps=40, lam=(), n=3, seed=0):
    signs = (-1.0) ** np.arange(n)
    network = Network.gaussian(p, n, np.random.default_rng(seed))
    return Case(Problem(np.eye(n), signs), network, activation, eta, np.array(lam, dtype=float), steps)


@pytest.fixture(scope="module")
def aligned():
    """Theorem 4.6's schedule at L = 3, c_S = 5 on five orthonormal inputs."""
    ridge = sharp_schedule(3.0, 5.0, 2500, 5, 0.05)
    lam = ridge.values(round(ridge.total / 3.0))
    return orthonormal("identity", p=2500, eta=0.05, steps=lam.size + 300, lam=lam, n=5).evidence()


def test_theorem_4_2_holds_with_a_penalty():
    verdict = theorem_4_2.CLAIM.judge(orthonormal("tanh", lam=[0.05] * 20).evidence())
    assert verdict.status == "holds"
    assert [inequality.name for inequality in verdict.inequalities] == ["(4.2)", "(3.2) W", "(3.2) β"]
    assert all(inequality.judged.all() for inequality in verdict.inequalities)


@pytest.mark.parametrize(
    ("hypothesis", "change"),
    [("η(max λ + nB0²)", {"eta": 6.0}), ("max(B0, B1, B2)", {"activation": "identity", "eta": 2.5})],
)
def test_theorem_4_2_fails_without_a_hypothesis(hypothesis, change):
    run = orthonormal(**({"activation": "tanh", "lam": [0.05] * 20, "eta": 0.1} | change)).evidence()
    full = theorem_4_2.CLAIM.judge(run)
    assert full.status in ("not applicable", "diverged")
    assert hypothesis in full.failing
    names = [margin.name for margin in full.hypotheses if margin.met is False]
    assert theorem_4_2.CLAIM.without(*names).decided().judge(run).status == "violated"


def test_an_infinite_budget_is_not_applicable_to_theorem_4_2():
    case = orthonormal("tanh")
    run = replace(case.evidence(), ridge=schedules.constant(0.05))
    verdict = theorem_4_2.CLAIM.judge(run)
    assert verdict.status == "not applicable"
    assert "Σλ finite" in verdict.failing
    assert [inequality.name for inequality in verdict.inequalities] == ["(4.2)"]


def test_a_hypothesis_that_is_not_there_cannot_be_dropped():
    with pytest.raises(ValueError, match="expected hypotheses among"):
        theorem_4_2.CLAIM.without("moonlight").judge(orthonormal("tanh").evidence())


def test_theorem_4_6_reaches_and_keeps_its_alignment(aligned):
    verdict = theorem_4_6.CLAIM.judge(aligned)
    assert verdict.status == "holds"
    cosine = verdict.inequalities[0]
    lam, T = theorem_4_6.cutoff_of(aligned)
    assert lam == 3.0
    assert cosine.times[0] == T + 1
    assert cosine.judged.all()
    assert cosine.lhs[0] == pytest.approx(0.5 * sharp_constant(3.0, 5.0, 1.0), rel=0.01)  # ⌊S_λ/λ⌋ at T ≈ 370


def test_theorem_4_6_fails_for_a_run_that_had_no_penalty(aligned):
    bare = orthonormal("identity", p=2500, eta=0.05, steps=int(aligned.times[-1]), n=5).evidence()
    verdict = theorem_4_6.CLAIM.decided().judge(replace(bare, ridge=aligned.ridge))
    assert verdict.status == "violated"
    assert not verdict.inequalities[0].holds


def test_theorem_4_6_fails_where_the_claimed_constant_is_too_large(aligned, monkeypatch):
    monkeypatch.setattr(theorem_4_6, "SHARE", 1.1)
    assert theorem_4_6.CLAIM.decided().judge(aligned).status == "violated"


def test_theorem_4_6_needs_a_cutoff(aligned):
    verdict = theorem_4_6.CLAIM.judge(replace(aligned, ridge=schedules.inverse_square(3.0, 5.0)))
    assert verdict.status == "not applicable"
    assert "after the cutoff" in verdict.failing


FALLING = {"inverse square": schedules.inverse_square, "exponential": schedules.exponential}


def falling(name, ridge):
    """The schedule of this name with the first value and the sum of another, run until nearly all is spent."""
    tau = brentq(lambda tau: FALLING[name](ridge.maximum, tau).total - ridge.total, 1e-3, 1e6)
    schedule = FALLING[name](ridge.maximum, tau)
    start = orthonormal("identity", p=2500, n=5)
    run = train(start.problem, start.network, "identity", eta=0.05, steps=round(12 * tau), ridge=schedule)
    return Evidence.of(start.problem, start.network, "identity", run, ridge=schedule)


@pytest.mark.parametrize("name", FALLING)
def test_schedules_of_the_same_sum_align_as_the_paper_remarks(aligned, name):
    run = falling(name, aligned.ridge)
    verdict = theorem_4_6.REMARK.judge(run)
    assert verdict.status == "holds"
    assert verdict.inequalities[0].judged.all()
    assert verdict.inequalities[0].lhs[0] > 0.3
    assert run.measures["alignment"][-1] > aligned.measures["alignment"][-1]  # a smaller λ spends its budget better


def test_the_remark_holds_for_the_cutoff_and_needs_a_sum_that_is_spent(aligned):
    assert theorem_4_6.REMARK.judge(aligned).status == "holds"
    run = falling("exponential", aligned.ridge)
    for schedule in (schedules.constant(3.0), schedules.exponential(3.0, 1e5)):
        verdict = theorem_4_6.REMARK.judge(replace(run, ridge=schedule))
        assert verdict.status == "not applicable"
        assert "share of Σλ spent" in verdict.failing


def test_the_remark_fails_for_a_run_that_had_no_penalty(aligned):
    bare = orthonormal("identity", p=2500, eta=0.05, steps=int(aligned.times[-1]), n=5).evidence()
    verdict = theorem_4_6.REMARK.decided().judge(replace(bare, ridge=aligned.ridge))
    assert verdict.status == "violated"
    assert not verdict.inequalities[0].holds


def test_the_cosine_bound_holds_where_it_says_something_and_is_vacuous_where_not():
    wide = orthonormal("tanh", p=20_000, steps=20).evidence()
    verdict = alignment_bound.CLAIM.judge(wide)
    assert verdict.status == "holds"
    assert 0.1 < verdict.inequalities[0].rhs[0] < 1
    assert alignment_bound.CLAIM.judge(orthonormal("tanh", p=200, steps=20).evidence()).status == "vacuous"
    turned = {**wide.measures, "alignment": wide.measures["alignment"] - 0.9}
    assert alignment_bound.CLAIM.decided().judge(replace(wide, measures=turned)).status == "violated"


def test_alignment_of_a_record_is_found_with_its_step(aligned):
    found = definition_4_1.aligns(aligned.times, aligned.measures["alignment"], kept=0.25)
    assert found
    assert found.c > 0.5
    assert 0 < found.T_c < found.last == aligned.times[-1]
    assert definition_4_1.claim(found.c, found.T_c - 1).judge(aligned).status == "holds"
    assert definition_4_1.claim(found.c, found.T_c - 2).judge(aligned).status == "violated"
    assert definition_4_1.claim(found.c + 1e-6, found.T_c - 1).judge(aligned).status == "violated"


def test_records_that_do_not_align():
    bare = orthonormal("tanh", p=4000).evidence()
    assert abs(definition_4_1.aligns(bare.times, bare.measures["alignment"]).c) < 0.2
    assert not definition_4_1.aligns([0, 1, 2], [0.9, 0.9, -0.1])
    assert not definition_4_1.aligns([0, 1, 2], [0.9, 0.9, np.nan])
    with pytest.raises(ValueError, match="rising"):
        definition_4_1.aligns([0, 0], [1.0, 1.0])


def test_isometry_of_gaussian_inputs_is_confirmed_at_the_right_dimension_and_refuted_at_the_printed_one():
    """Verdicts at error 1e-6 each: false alarm < 1e-6 for each assertion."""
    rng = np.random.default_rng(0)
    assert proposition_4_5.judge(10, 0.1, 0.1, rng).status == "confirmed"
    printed = round((np.log(10 / 0.1) + 10 * np.log(10)) / 0.1)
    assert proposition_4_5.judge(10, 0.1, 0.1, rng, d=printed).status == "refuted"


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_gamma_is_bounded_away_from_zero_for_d_of_order_n_and_not_for_fixed_d(activation):
    """Verdicts at error 1e-6 each: false alarm < 1e-6 for each assertion."""
    rng = np.random.default_rng(1)
    assert proposition_3_3.judge(6, 60, activation, rng, delta=0.3, draws=128).status == "confirmed"
    assert proposition_3_3.judge(12, 2, activation, rng, delta=0.3, draws=128).status == "refuted"


def narrow(generator):
    X = data.gaussian_inputs(6, 18, generator)
    problem = Problem(X, generator.choice([-1.0, 1.0], 6))
    return Case(problem, Network.gaussian(30, 18, generator), "tanh", 0.05, steps=600)


def test_runs_converge_although_their_kernel_is_indefinite():
    found = indefinite_kernel.indefinite_starts(narrow, np.random.default_rng(2), draws=40)
    assert found.converged > 30
    assert found.both > 10
    assert found.lowest < 0
    assert 0 < found.limits[0] < found.both / found.converged < found.limits[1] <= 1


def test_wide_orthonormal_starts_are_not_indefinite():
    """Negative control of the count."""
    found = indefinite_kernel.indefinite_starts(
        lambda generator: replace(orthonormal("tanh", p=2000, eta=0.3, steps=200),
                                  network=Network.gaussian(2000, 3, generator)),
        np.random.default_rng(3), draws=10,
    )  # fmt: skip
    assert (found.indefinite, found.converged) == (0, 10)


@pytest.mark.parametrize(("claim", "activation"), [(explicit.NONLINEAR, "tanh"), (explicit.LINEAR, "identity")])
def test_explicit_sheets_hold_where_certified_and_the_sign_error_violates_them(claim, activation):
    case = orthonormal(activation, p=2000, lam=[1e-4])
    f = case.network.output(case.problem.X, activation)
    near = replace(case, problem=Problem(case.problem.X, f + 1e-3 * case.problem.y))
    assert claim.judge(near.evidence()).status == "holds"
    assert claim.judge(ascend(near)).status == "violated"
    far = replace(case, problem=Problem(case.problem.X, f + 100 * case.problem.y))
    assert claim.judge(far.evidence()).status == "not applicable"
    assert claim.judge(replace(near.evidence(), start=None)).status == "not applicable"


def test_every_sheet_is_stated():
    sheets = [theorem_3_2.CLAIM, theorem_4_2.CLAIM, theorem_4_6.CLAIM, alignment_bound.CLAIM, explicit.LINEAR]
    for sheet in sheets:
        assert isinstance(sheet, Claim)
        assert sheet.kind in ("TIGHT", "UPPER", "LOWER", "ASYMPTOTIC")
        assert sheet.statement
        assert sheet.source
