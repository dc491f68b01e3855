"""The rate and the step-size clause close together: the largest rate there is, and no clause that nothing holds."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, schedules, train
from theory.convergence import theorem_3_2, theorem_4_3
from theory.convergence.closing import budget, close, closes_at, largest_rate
from theory.convergence.lemmas_4_3 import Sharper
from theory.convergence.theorem_4_3 import FORMS, probable_drifts, ridge_budget, unit_of_budget

pytestmark = pytest.mark.usefixtures("one_thread")

EYE = Problem(np.eye(2), [1.0, -1.0])


# --- "none" means that no rate closes the argument


@pytest.mark.parametrize("eta, least", [(1.2, 0.65), (1.5, 0.31)])
def test_a_smaller_rate_leaves_room_for_a_larger_step(eta, least):
    """Every a in [0.02, 0.65] closes at η = 1.2, though at the largest a that the drifts allow η (… + a) > 2."""
    lemmas = theorem_4_3.drifts(
        Setting(EYE, Network.gaussian(10**5, 2, np.random.default_rng(0)), "identity", eta=eta), form="sharper"
    )
    proof = close(lemmas)
    assert least < proof.rate < 1.02 * least
    assert all(margin.met for margin in proof.margins)
    assert closes_at(lemmas, proof.rate)
    assert not closes_at(lemmas, proof.rate * (1 + 1e-6))


def test_second_order_closes_at_a_large_step():
    network = Network.gaussian(400_000, 2, np.random.default_rng(0))
    lemmas = theorem_3_2.drifts(Setting(EYE, network, "tanh", eta=4.0), form="second-order")
    proof = close(lemmas)
    assert 0.05 < proof.rate < 0.11
    assert closes_at(lemmas, proof.rate)
    assert lemmas.floor(lemmas.instance.E / 0.3, lemmas.instance.largest) > 0.3  # the drifts alone allow much more


def test_there_is_a_budget_where_there_is_a_certificate():
    network = Network.gaussian(10**5, 2, np.random.default_rng(0))
    assert ridge_budget(Setting(EYE, network, "identity", eta=1.2), form="sharper") > 1
    assert ridge_budget(Setting(EYE, network, "identity", eta=2.5), form="sharper") is None  # η λ_max > 2


def random_lemmas(rng):
    """Lemmas of any form on a small problem, at step sizes up to and beyond the clause's edge."""
    n, p = int(rng.integers(1, 4)), int(10 ** rng.uniform(2, 5))
    size = 10.0 ** rng.uniform(-3, 0)
    problem, network = Problem(np.eye(n), size * rng.normal(size=n)), Network.gaussian(p, n, rng)
    total = rng.choice([0.0, 0.3])
    if rng.random() < 0.5:
        network = Network(network.W, 0.1 * size * network.beta, network.b)
    linear = rng.random() < 0.5
    eta = rng.uniform(0.2, 2.5) * (1.0 if linear else 2.5)
    ridge = schedules.explicit([total / eta]) if total else schedules.zero()
    if linear:
        return theorem_4_3.drifts(
            Setting(problem, network, "identity", eta=eta, ridge=ridge), form=str(rng.choice(FORMS))
        )
    form = str(rng.choice(theorem_3_2.FORMS if not total else theorem_3_2.FORMS[:2]))
    return theorem_3_2.drifts(Setting(problem, network, "tanh", eta=eta, ridge=ridge), form=form)


def test_none_means_that_no_rate_closes():
    rng, found = np.random.default_rng(1), {True: 0, False: 0}
    for _ in range(60):
        lemmas = random_lemmas(rng)
        proof, start = close(lemmas), lemmas.start()
        if not all(margin.met for margin in lemmas.hypotheses()):
            assert proof.rate is None
            continue
        closing = [a for a in start * np.geomspace(1e-4, 1.0, 120) if closes_at(lemmas, a)]
        found[bool(proof)] += 1
        if proof:
            assert closes_at(lemmas, proof.rate)
            assert proof.rate >= max(closing, default=0.0) * (1 - 1e-9)
        else:
            assert not closing
            assert proof.why
    assert min(found.values()) > 10


def test_largest_rate_of_a_narrow_window():
    """Two conditions that hold together on [0.5, 0.5001] only, far from where either has its largest ratio."""

    def sustained(a):
        return a if 0.5 <= a <= 0.5001 else (a - 1e-3 if a < 0.5 else min(a - 1e-3, 0.5001))

    rate, ratio = largest_rate(sustained, 10.0)
    assert rate == pytest.approx(0.5001)
    assert ratio >= 1
    assert largest_rate(lambda a: min(a - 1e-3, 0.6), 10.0)[0] is None
    assert largest_rate(lambda _: math.nan, 10.0)[0] is None
    assert largest_rate(lambda a: a, 0.0)[0] is None


# --- the size of the residual is at most max(‖e(0)‖, ‖y‖)


def test_the_remainder_vanishes_at_a_fixed_budget_constant():
    """c_S → √(8/27) at M = γ, ν = 1, which needs ω → 0, and no allowance for sums that nobody formed."""
    for p in (10**10, 10**14):
        lemmas = probable_drifts(EYE, eta=1e-3, p=p, delta=0.1, form="sharper")
        assert budget(lemmas) / unit_of_budget(EYE, p, 1e-3) == pytest.approx(math.sqrt(8 / 27), rel=1e-3, abs=0.0)
    printed = probable_drifts(EYE, eta=1e-3, p=10**14, delta=0.1)
    ridge = budget(printed)
    E = printed.instance.with_total(1e-3 * ridge)
    assert E.largest == max(E.e_norm, E.y_norm) < E.E / 10**4
    assert printed.remainder(E.E / 0.5, E.largest) < 1e-9


@pytest.mark.parametrize("ridge", [schedules.zero(), schedules.cutoff(0.5, 30)])
def test_residuals_of_certified_runs_stay_below_the_larger_of_start_and_targets(ridge):
    rng, seen = np.random.default_rng(3), 0
    for _ in range(10):
        problem = Problem(np.eye(2), 0.02 * rng.normal(size=2))
        network = Network.gaussian(4000, 2, rng)
        network = Network(network.W, 0.02 * network.beta, network.b)
        lemmas = theorem_4_3.drifts(Setting(problem, network, "identity", eta=0.3, ridge=ridge), form="sharper")
        if close(lemmas):
            seen += 1
            norms = train(problem, network, "identity", eta=0.3, steps=60, ridge=ridge).residual_norms
            assert norms.max() <= lemmas.instance.largest * (1 + 1e-12)
    assert seen > 5


# --- the step-size clause: certified networks under a one-step penalty and at the edge


@dataclass(frozen=True)
class Case:
    """A network near its targets, which only the step size can prevent from converging."""

    problem: Problem
    network: Network
    activation: str
    eta: float
    ridge: schedules.Schedule

    def lemmas(self, form):
        if self.activation == "identity":
            return theorem_4_3.drifts(
                Setting(self.problem, self.network, "identity", eta=self.eta, ridge=self.ridge), form=form
            )
        return theorem_3_2.drifts(
            Setting(self.problem, self.network, self.activation, eta=self.eta, ridge=self.ridge), form=form
        )

    def keeps(self, rate, steps=25):
        """Whether every step of the run contracts as (4.2) says."""
        run = train(
            self.problem, self.network, self.activation, eta=self.eta, steps=steps, ridge=self.ridge, engine="loops"
        )
        norms, lam = run.residual_norms, self.ridge.values(steps)[:steps]
        if norms.size <= steps:
            return False
        pull = self.eta * lam * np.linalg.norm(self.problem.y)
        # p·eps < 10⁻¹¹ relative to the sums behind e, which are no larger than y and the residual themselves
        size = np.abs(self.network.beta).sum() / math.sqrt(self.network.p)
        noise = 1e-11 * (norms.max() + np.linalg.norm(self.problem.y)) + 64 * np.finfo(float).eps * size
        bound = (1 - self.eta * (rate + lam)) * norms[:-1] + pull + noise
        return bool((norms[1:] <= bound).all())


#: About the largest step at which each form closes without a penalty, n = 2 orthonormal inputs.
EDGES = {("tanh", "explicit"): 0.5, ("tanh", "first-order"): 4.5, ("identity", "explicit"): 0.95,
         ("identity", "sharper"): 1.9}  # fmt: skip


def under_a_penalty(rng, activation, form, p):
    """ηλ up to 1 in one step; f(0) and the residuals are small beside the weights, and y beside the residuals."""
    problem, network = Problem(np.eye(2), 1e-5 * rng.normal(size=2)), Network.gaussian(p, 2, rng)
    network = Network(network.W, 3e-4 * network.beta, network.b)
    eta, lam = rng.uniform(0.2, 1.0) * EDGES[activation, form], rng.uniform(0.1, 0.99)
    return Case(problem, network, activation, eta, schedules.explicit([0.0] * int(rng.integers(3)) + [lam / eta]))


def at_the_edge(rng, activation, form, p):
    """β = s·b makes H large and positive, and η is about 2/λ_max(G + H)."""
    network, s = Network.gaussian(p, 2, rng), rng.uniform(0.5, 2.0)
    network = Network(network.W, s * network.b, network.b)
    X = np.eye(2)
    problem = Problem(X, network.output(X, activation) + 1e-6 * rng.normal(size=2))
    top = (1.0 + s) if activation == "identity" else (0.394 + 0.46 * s)
    return Case(problem, network, activation, rng.uniform(0.7, 1.3) * 2 / top, schedules.zero())


def judged(draw, activation, form, weaken=None, draws=40, p=400, seed=0):
    """How many drawn networks are certified, and how many of these do not keep what was certified."""
    rng, certified, broken = np.random.default_rng(seed), 0, 0
    for _ in range(draws):
        case = draw(rng, activation, form, p)
        lemmas = case.lemmas(form)
        proof = close(weaken(lemmas) if weaken else lemmas)
        certified += bool(proof)
        broken += bool(proof) and not case.keeps(proof.rate)
    return certified, broken


def without_penalty(lemmas):
    """max λ forgotten in the clause, and nowhere else."""
    return replace(lemmas, instance=replace(lemmas.instance, peak=0.0))


def without_overlap(lemmas):
    """H's term forgotten in the sharper clause."""
    return replace(lemmas, overlap_up=-math.inf)


def half_penalty(lemmas):
    """max λ counted once where the sharper clauses count it twice."""
    return replace(lemmas, instance=replace(lemmas.instance, peak=lemmas.instance.peak / 2))


PENALISED = [
    ("tanh", "explicit", 20_000), ("tanh", "first-order", 400),
    ("identity", "explicit", 400), ("identity", "sharper", 400),
]  # fmt: skip


@pytest.mark.parametrize("activation, form, p", PENALISED)
def test_certified_networks_survive_a_large_penalty_in_one_step(activation, form, p):
    certified, broken = judged(under_a_penalty, activation, form, p=p)
    assert certified > 5
    assert broken == 0


@pytest.mark.parametrize("activation, form, p", PENALISED)
def test_without_the_penalty_in_the_clause_false_certificates_are_issued(activation, form, p):
    assert judged(under_a_penalty, activation, form, weaken=without_penalty, p=p)[1] > 3


@pytest.mark.parametrize("activation, form", [("tanh", "first-order"), ("identity", "sharper")])
def test_half_the_penalty_in_the_clause_is_not_enough(activation, form):
    assert judged(under_a_penalty, activation, form, weaken=half_penalty)[1] > 1


@pytest.mark.parametrize(
    "activation, form", [("tanh", "first-order"), ("tanh", "second-order"), ("identity", "sharper")]
)
def test_certified_networks_contract_at_the_edge_of_the_clause(activation, form):
    certified, broken = judged(at_the_edge, activation, form, p=2000)
    assert certified > 5
    assert broken == 0


def test_without_the_overlap_in_the_sharper_clause_false_certificates_are_issued():
    assert judged(at_the_edge, "identity", "sharper", weaken=without_overlap, p=2000)[1] > 3


@pytest.mark.parametrize("form", ["first-order", "second-order"])
def test_without_h_in_the_clause_false_certificates_are_issued(form):
    def weaken(lemmas):
        class Weak(type(lemmas)):
            def ceiling(self, U, size):
                return (math.sqrt(self.instance.g_top) + self.feature(U)) ** 2

        return Weak(**{name: getattr(lemmas, name) for name in lemmas.__dataclass_fields__})

    assert judged(at_the_edge, "tanh", form, weaken=weaken, p=2000)[1] > 3


# --- rounding, on the safe side


def test_sums_that_cancel_are_charged_their_absolute_value():
    """Fᵀb cancels to nothing: κ_b, the pull and G⊥ must still cover what rounding can have hidden."""
    p = 1000
    W = np.random.default_rng(0).normal(size=(p, 2))
    b = np.concatenate([np.full(p // 2, 1e8), np.full(p // 2, -1e8)])
    W[p // 2 :] = W[: p // 2]
    network = Network(W, np.zeros(p), b)
    lemmas = theorem_4_3.drifts(Setting(EYE, network, "identity", eta=0.1), form="sharper")
    assert isinstance(lemmas, Sharper)
    from fractions import Fraction

    exact = [abs(sum(Fraction(w) * Fraction(x) for w, x in zip(W[:, j], b, strict=True))) for j in range(2)]
    assert lemmas.kappa_b * math.sqrt(p) >= float(max(exact))
    assert lemmas.kappa_b > 1e8 * p * 1e-16  # p·eps·Σ|F_r b_r|/√p, though the computed sum is 0
    hidden = p * 2.0**-53 * (np.abs(b) @ np.abs(W)).max()  # of each entry of Fᵀb
    assert lemmas.pull >= hidden**2 / (b @ b)
    assert lemmas.orthogonal_error >= hidden**2 / (b @ b) / p


@pytest.mark.parametrize("name", ["orthogonal_error", "K_error"])
def test_the_rounding_of_the_kernels_is_taken_off(name):
    network = Network.gaussian(300, 2, np.random.default_rng(0))
    lemmas = theorem_4_3.drifts(Setting(EYE, network, "identity", eta=0.1), form="sharper")
    blurred = replace(lemmas, **{name: getattr(lemmas, name) + 0.01})
    kappa = 1.0 if name == "orthogonal_error" else abs(lemmas.overlap)
    assert blurred.start() == pytest.approx(lemmas.start() - 0.01 * kappa, abs=1e-12)
    U, size = 2 * lemmas.instance.e_norm, lemmas.instance.largest
    kappa = 1.0 if name == "orthogonal_error" else abs(lemmas.lowest_overlap(U, size))
    assert blurred.floor(U, size) == pytest.approx(lemmas.floor(U, size) - 0.01 * kappa, abs=1e-12)


def test_levels_are_charged_for_no_sum():
    probable = probable_drifts(EYE, eta=1e-3, p=10**14, delta=0.1, form="sharper")
    assert probable.orthogonal_error < 1e-14
    assert probable.start() > 0.99


def test_eight_events_share_delta():
    from theory.convergence import levels

    probable = probable_drifts(EYE, eta=1e-3, p=1000, delta=0.08, form="sharper")
    assert probable.instance.overlap == levels.inner_level(0.01)
    assert probable.instance.b_square == levels.b_square_level(1000, 0.01)


# --- beyond every float


@pytest.mark.parametrize("form", ["explicit", "first-order"])
@pytest.mark.parametrize("scale, y", [(1e150, 1.0), (1.0, 1e150), (1e-150, 1e-150)])
def test_bounds_beyond_every_float_prove_nothing_and_raise_nothing(form, scale, y):
    rng = np.random.default_rng(0)
    problem, network = Problem(scale * rng.normal(size=(2, 3)), y * rng.normal(size=2)), Network.gaussian(6, 3, rng)
    with np.errstate(all="ignore"):
        for eta in (1e-12, 0.1, 1e6):
            lemmas = theorem_3_2.drifts(Setting(problem, network, "sigmoid", eta=eta), form=form)
            proof = close(lemmas)
            assert proof.rate is None
            assert proof.why
            assert not closes_at(lemmas, 0.1)


def test_a_budget_is_counted_in_a_unit_that_does_not_vanish():
    tiny = Problem(1e-151 * np.eye(2), [1.0, 1.0])
    assert unit_of_budget(tiny, 100, 0.1) == pytest.approx(10 * 1e-151 / (0.1 * math.sqrt(2)))


# --- thousands


def any_case(rng):
    """A case of `under_a_penalty` or `at_the_edge`, now and then with a few units or huge weights that cancel."""
    if rng.random() < 0.5:
        activation, form, p = PENALISED[int(rng.integers(1, 4))]
        return under_a_penalty(rng, activation, form, p), form
    activation = str(rng.choice(["tanh", "identity"]))
    form = str(rng.choice(["first-order", "second-order"])) if activation == "tanh" else "sharper"
    case = at_the_edge(rng, activation, form, int(10 ** rng.uniform(1, 3.3)))
    network = case.network
    if rng.random() < 0.3 and network.p > 4:
        W, beta, b = network.W.copy(), network.beta.copy(), network.b.copy()
        W[1], b[1], beta[0] = W[0], b[0], 10.0 ** rng.uniform(0, 6)
        beta[1] = -beta[0]
        network = Network(W, beta, b)
        y = network.output(case.problem.X, activation) + 1e-6 * rng.normal(size=2)
        case = replace(case, network=network, problem=Problem(case.problem.X, y))
    return case, form


def broken_promises(certificates, seed):
    rng, certified, broken, drawn = np.random.default_rng(seed), 0, [], 0
    while certified < certificates:
        case, form = any_case(rng)
        drawn += 1
        proof = close(case.lemmas(form))
        if proof:
            certified += 1
            if not case.keeps(proof.rate):
                broken.append((drawn, form, case))
    return broken


def test_no_certificate_of_any_form_is_broken():
    assert broken_promises(40, seed=1) == []


@pytest.mark.nightly
def test_no_certificate_of_thousands_is_broken():
    assert broken_promises(3000, seed=2) == []
