"""Numerics under stress: what is extreme is refused in one line, or computed right, or said not to be known.

The judge is the recursion of Algorithm 1 in long doubles. Two correct runs may differ by what rounding does to this
very run, `validation.judge.condition.drift`; from where that hides all that is learnt on, nothing can be told.
"""

import math
from collections import Counter

import hypothesis
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fa_ref import Activation, Network, Problem, Setting, schedules, train
from fa_ref.activations import ACTIVATIONS
from fa_ref.engines.reduced import BeyondFloatsError
from theory.certificates.from_state import from_state
from theory.convergence import theorem_3_2 as smooth
from theory.convergence import theorem_4_3 as linear
from theory.convergence.closing import close
from theory.kernels import empirical_G, empirical_H, mean_kernel
from validation import alignment_bound, theorem_3_2, theorem_4_2, theorem_4_3, theorem_4_6
from validation.judge import condition
from validation.judge.condition import drift
from validation.judge.record import reference_run
from validation.judge.rounding import residual_rounding, step_rounding
from validation.theorems.theorem_4_6 import REMARK

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 12
UNIT_ROUNDOFF = 2.0**-53
STATUSES = ("holds", "not applicable", "undecided", "vacuous", "diverged")
CLAIMS = {"3.2": theorem_3_2, "4.2": theorem_4_2, "4.3": theorem_4_3, "4.6": theorem_4_6, "cos": alignment_bound}

ROWS = ("plain", "equal", "collinear", "opposite", "nearly parallel", "zero row", "one column")
SCALES = (1.0, 1e-3, 1e4, 1e-150, 1e150, 1e-20, 3e-308, 5e-324)
WEIGHTS = ("normal", "heavy tails", "huge", "tiny", "zero β", "zero b", "zero W")
#: η λ_max(G + H) of the start: stable, at the edge, and far beyond.
STEP_SIZES = (0.1, 1.0, 1.99, 2.01, 10.0, 1e6, 1e-12, 1e150)
#: ηλ(t), which has to stay below 1.
PENALTIES = (0.0, 0.5, 1.0 - 2.0**-53, 1e-300)

NAMES = tuple(sorted(ACTIVATIONS))


@st.composite
def extremes(draw, activations=NAMES):
    """The parts of a setting, each of them plain or extreme in its own way."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, d, p = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 6))
    rows, scale = draw(st.sampled_from(ROWS)), draw(st.sampled_from(SCALES))
    X = rng.normal(size=(n, 1 if rows == "one column" else d)) / math.sqrt(d)
    if n > 1:
        other = {"equal": X[0], "collinear": -2.5 * X[0], "opposite": -X[0], "zero row": 0 * X[0],
                 "nearly parallel": X[0] * (1 + 1e-12)}  # fmt: skip
        X[1] = other.get(rows, X[1])
    y = rng.normal(size=n) * draw(st.sampled_from((1.0, 0.0, 1e-150, 1e150, 5e-324)))
    W, beta, b = rng.normal(size=(p, X.shape[1])), rng.normal(size=p), rng.normal(size=p)
    kind = draw(st.sampled_from(WEIGHTS))
    if kind == "heavy tails":
        W, beta, b = (np.tan(np.pi * (rng.random(A.shape) - 0.5)) ** 3 for A in (W, beta, b))
    W, beta, b = {
        "huge": (1e100 * W, beta, 1e80 * b), "tiny": (1e-160 * W, 1e-160 * beta, b), "zero β": (W, 0 * beta, b),
        "zero b": (W, beta, 0 * b), "zero W": (0 * W, beta, b),
    }.get(kind, (W, beta, b))  # fmt: skip
    return {
        "X": scale * X, "y": y, "network": Network(W, beta, b), "activation": draw(st.sampled_from(activations)),
        "step": draw(st.sampled_from(STEP_SIZES)), "penalty": draw(st.sampled_from(PENALTIES)),
        "lasts": draw(st.sampled_from((0, 3, 10**9))), "rule": draw(st.sampled_from(("fa", "bp"))),
    }  # fmt: skip


def setting_of(parts):
    """The setting, or None where an argument is refused; a refusal names it and what was expected."""
    try:
        problem = Problem(parts["X"], parts["y"])
        with np.errstate(all="ignore"):
            A = empirical_G(problem.X, parts["network"], parts["activation"])
            A = A + empirical_H(problem.X, parts["network"], parts["activation"])
            top = float(np.abs(A).max()) if np.isfinite(A).all() else 1.0
            eta = parts["step"] / top if top > 0 else parts["step"]
        eta = eta if 0 < eta < 1e300 else 0.1
        lam = parts["penalty"] / eta
        ridge = schedules.cutoff(lam, parts["lasts"]) if 0 < lam < math.inf else schedules.zero()
        return Setting(problem, parts["network"], parts["activation"], eta=eta, ridge=ridge, rule=parts["rule"])
    except ValueError as refusal:
        words = str(refusal)
    return is_one_line(words)


def is_one_line(words):
    """A refusal says what was expected of which argument, and yields no setting."""
    assert ": expected" in words
    assert "\n" not in words


def told_until(run, bound):
    """The step from which on rounding may hide all that was learnt until then."""
    learnt = np.maximum.accumulate(np.linalg.norm(run.residuals - run.residuals[0], axis=1))
    hidden = ~(bound < np.maximum(learnt, np.finfo(float).tiny))
    hidden[0] = not np.isfinite(bound[0])
    return int(np.argmax(hidden)) if hidden.any() else run.times.size


def engines_agree(setting):
    """The word for what can be told; fails where an engine differs by more than rounding can explain."""
    with np.errstate(all="ignore"):
        run = reference_run(setting, STEPS)
        assert run.status in ("completed", "diverged")
        if run.status == "completed":
            assert np.isfinite(run.residuals).all()
        bound = drift(run, UNIT_ROUNDOFF)
        until = told_until(run, bound)
        same = train(setting, steps=STEPS, engine="loops")
        assert np.array_equal(same.residuals, run.residuals, equal_nan=True)
        assert same.diverged_at == run.diverged_at
        names = [] if numba.config.DISABLE_JIT else ["gram"]
        names += ["reduced"] * (setting.activation.linear and setting.rule == "fa")
        for name in names:
            try:
                other = train(setting, steps=STEPS, engine=name)
            except BeyondFloatsError as refusal:
                is_one_line(str(refusal))
                continue
            if other.status == "completed":
                assert np.isfinite(other.residuals).all()
            common = min(run.times.size, other.times.size, until)
            gaps = np.hypot.reduce(run.residuals[:common] - other.residuals[:common], axis=1)
            finite = np.isfinite(run.residuals[:common]).all(axis=1)
            allowed = bound[:common] + other_rounding(other)[:common]
            assert (gaps <= allowed)[finite].all(), (name, gaps, allowed)
            ended = STEPS + 1 if run.diverged_at is None else run.diverged_at
            if until >= ended:
                ends = [STEPS + 9 if at is None else at for at in (run.diverged_at, other.diverged_at)]
                near = abs(ends[0] - ends[1]) <= 1
                assert near or min(ends) >= STEPS - 1, (name, ends)
    return "diverged" if run.status == "diverged" else "told" if until > STEPS else "hidden"


def other_rounding(run):
    """What an engine's own sums may add to the drift of the loops: derived at a step, measured in its growth.

    `step_rounding` bounds what rounding does to e in one step; of the reduced recursion relative to the terms that
    it adds up. In Gram space K takes the place of X, and is itself known to γ_d of |X||X|ᵀ: d roundings more than
    the n + 8 that are counted there. An error in e then grows as one in y of the same size, which `drift` measures
    for errors of max ρ, ρ = `residual_rounding`. That last part is an estimate, of first order: it takes what the
    error does to e and leaves out what it does to the kernels.
    """
    more = 1.0 + run.setting.problem.d / (run.setting.problem.n + 8)
    steps = np.append(0.0, np.cumsum(more * step_rounding(run)))
    largest = max(float(residual_rounding(run).max()), np.finfo(float).tiny)
    allowed = drift(run, UNIT_ROUNDOFF) * (1.0 + steps / largest)
    return np.where(np.isnan(allowed), np.inf, allowed)


# --- the judge: long doubles

PSI = {
    "identity": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "softplus": (lambda z: np.logaddexp(0, z), lambda z: (1 + np.tanh(z / 2)) / 2),
}


def in_long_doubles(setting, steps):
    """Residuals of Algorithm 1, as `tests/naive.py` has it, in the widest floating-point numbers there are."""
    psi, dpsi = PSI[setting.activation.name]
    wide = [np.asarray(A, dtype=np.longdouble) for A in (setting.problem.X, setting.problem.y)]
    X, y = wide
    W, beta, b = (
        np.asarray(A, dtype=np.longdouble) for A in (setting.start.W, setting.start.beta, setting.start.b)
    )
    eta, root = np.longdouble(setting.eta), np.sqrt(np.longdouble(len(beta)))
    lam, residuals = setting.ridge.values(steps), []
    for t in range(steps + 1):
        Z = X @ W.T
        e = psi(Z) @ beta / root - y
        residuals.append(e)
        if t < steps:
            feedback = b if setting.rule == "fa" else beta
            step = eta / root * (feedback[:, None] * (dpsi(Z) * e[:, None]).T) @ X
            beta = beta - eta * (psi(Z).T @ e / root + np.longdouble(lam[t]) * beta)
            W = W - step
    return np.array(residuals)


def agrees_with_long_doubles(setting):
    with np.errstate(all="ignore"):
        run = reference_run(setting, STEPS)
        bound, exact = drift(run, UNIT_ROUNDOFF), in_long_doubles(setting, STEPS)
        until = min(told_until(run, bound), run.times.size)
        gaps = np.sqrt(np.sum((exact[:until] - run.residuals[:until]) ** 2, axis=1))
        usable = np.isfinite(run.residuals[:until]).all(axis=1)
        # squares of numbers below 1e-154 vanish in the bound, not in long doubles: an absolute floor for them
        assert (gaps <= bound[:until])[usable].all(), (gaps, bound[:until])
    return until > STEPS


# --- what is said about such runs


def is_honest(setting):
    """No NaN is reported as a number, nothing certified is untrue, and no theorem is found false."""
    with np.errstate(all="ignore"):
        run = reference_run(setting, STEPS)
        for name, claim in CLAIMS.items():
            verdict = claim.judge(run)
            assert verdict.status in STATUSES, name  # violated is none of them
            if verdict.status == "holds":
                assert np.isfinite(run.residuals).all()
                assert all(margin.met is not False for margin in verdict.hypotheses)
        if setting.rule != "fa":
            return
        forms = [(linear, form) for form in linear.FORMS] if setting.activation.linear else []
        forms += [(smooth, form) for form in ("explicit", "first-order", "second-order")]
        for theorem, form in forms:
            proof = close(theorem.drifts(setting, form=form))
            keeps(run, proof.rate)
        if setting.ridge.maximum == 0:
            keeps(run, from_state(setting).rate)


def keeps(run, rate):
    """A certified rate is a positive number, and the run contracts at it, but for rounding."""
    if rate is None:
        return
    assert 0 < rate < math.inf
    norms, lam = run.residual_norms, run.setting.ridge.values(STEPS)[: run.times.size - 1]
    eta, y = run.setting.eta, float(np.linalg.norm(run.setting.problem.y))
    bound = drift(run, UNIT_ROUNDOFF)
    assert (norms[1:] <= (1 - eta * (rate + lam)) * norms[:-1] + eta * lam * y + bound[1:] + bound[:-1]).all()


COUNTS = Counter()


def stress(parts):
    setting = setting_of(parts)
    if setting is None:
        COUNTS["refused"] += 1
        return
    COUNTS[engines_agree(setting)] += 1
    if setting.activation.name in PSI:
        COUNTS["long doubles"] += agrees_with_long_doubles(setting)
    is_honest(setting)


@given(extremes())
@hypothesis.settings(max_examples=20)
def test_extreme_settings(parts):
    stress(parts)


@pytest.mark.nightly
def test_ten_thousand_extreme_settings():
    COUNTS.clear()
    hypothesis.settings(max_examples=10_000, deadline=None)(given(extremes())(stress))()
    assert min(COUNTS[word] for word in ("refused", "told", "diverged", "hidden", "long doubles")) > 100


@given(extremes(activations=("tanh",)))
@hypothesis.settings(max_examples=15)
def test_kernels_of_extreme_inputs(parts):
    try:
        problem = Problem(parts["X"], parts["y"])
    except ValueError:
        return
    kernel = mean_kernel(problem.X, "tanh")
    assert not math.isnan(kernel.gamma_lower)
    assert not np.isnan(kernel.G).any()


@pytest.mark.parametrize("other", [1.0, -1.0, 0.0])
@pytest.mark.parametrize("scale", SCALES)
def test_no_kernel_of_equal_opposite_or_zero_rows_is_positive_definite(scale, other):
    """tanh is odd, so that these are the only two rows with a singular Ḡ: rows in the ratio −2.5 have γ > 0."""
    row = np.array([1.0, 0.5])
    assert mean_kernel(scale * np.array([row, other * row]), "tanh").gamma_lower <= 0
    if scale == 1.0:
        assert mean_kernel(np.array([row, -2.5 * row]), "tanh").gamma_lower > 0


def test_a_constant_beyond_floating_point_is_not_judged():
    """λ/γ = 5·10³⁰⁹: the cutoff's constant is no number, and the sheet says so in place of a traceback."""
    problem, network = Problem([[1e-151]], [1.0]), Network([[1.0]], [1.0], [1.0])
    for ridge in (schedules.cutoff(5e7, 2), schedules.exponential(5e7, 0.1)):
        run = train(Setting(problem, network, "identity", eta=1e-8, ridge=ridge), steps=6)
        for sheet in (theorem_4_6, REMARK):
            verdict = sheet.judge(run)
            assert verdict.status in STATUSES
            for part in verdict.left_out:
                assert "nan" not in str(part)
    left_out = theorem_4_6.judge(
        train(Setting(problem, network, "identity", eta=1e-8, ridge=schedules.cutoff(5e7, 2)), steps=6)
    ).left_out
    assert any("beyond floating-point numbers" in str(part) for part in left_out)


def a_unit(x, y, W=1.0, beta=1.0, b=1.0, activation="tanh", **others):
    """One unit, one sample, one input."""
    return Setting(Problem([[x]], [y]), Network([[W]], [beta], [b]), activation, **others)


def zero_by_luck():
    """e(1) = 0 in doubles and 5·10⁻¹⁸ in long doubles, of which three steps make 1300; then the unit is dead."""
    return a_unit(
        0.0001257302210933933, -0.1321048632913019, 0.6404226504432821, 0.0, -0.535669373161111, "relu",
        eta=154236540.047855, rule="bp",
    )  # fmt: skip


def test_what_a_run_keeps_by_luck_is_not_told():
    assert not agrees_with_long_doubles(zero_by_luck())


def test_a_disturbance_that_bends_is_seen_without_the_size_of_the_steps(monkeypatch):
    run = reference_run(zero_by_luck(), STEPS)
    monkeypatch.setattr(condition, "_updates", lambda run: np.zeros(STEPS))
    bound = drift(run, UNIT_ROUNDOFF)
    assert bound[0] < 1e-15
    assert np.isinf(bound[3:]).all()


def test_a_width_beyond_floating_point_is_infinite_and_not_an_exception():
    run = train(a_unit(1e149, 1.0, activation="identity", eta=1e-300), steps=2)
    told = {margin.name: margin.value for margin in theorem_3_2.hypotheses(run)}
    assert told["pγ⁴/(n⁴ log p)"] == math.inf
    assert close(smooth.drifts(run.setting, form="first-order")).rate is None


def test_the_unit_of_a_budget_of_no_inputs_is_left_out():
    run = train(a_unit(0.0, 1.0, activation="sigmoid", eta=0.1, ridge=schedules.cutoff(5.0, 0)), steps=2)
    assert theorem_4_3.judge(run).status == "not applicable"


def test_a_movement_beyond_floating_point_is_not_judged():
    run = train(a_unit(1e-151, -1e149, activation="erf", eta=0.1), steps=2)
    assert "beyond floating-point" in " ".join(map(str, alignment_bound.judge(run).left_out))


def test_nothing_is_certified_by_a_product_that_underflows():
    """The linear response of H, −K (1/p) Σ b ψ ψ′ψ′ ~ ‖X‖³, is 0 at 10⁻¹⁵¹; β moves, and the rate with it."""
    for form in smooth.FORMS:
        for W in (0.64, -0.1):
            proof = close(smooth.drifts(a_unit(1e-151, 0.0, W, 0.1, 0.5, "erf", eta=1e300), form=form))
            assert proof.rate is None
    assert close(linear.drifts(a_unit(1e-151, 0.0, activation="identity", eta=1e300), form="sharper")).rate is None


def test_what_is_left_of_a_beta_that_a_penalty_takes_is_as_exact_as_1_minus_eta_lambda():
    setting = a_unit(
        1.25e-151, 0.0, activation="identity", eta=0.1, ridge=schedules.cutoff((1 - 2.0**-53) / 0.1, 0)
    )
    assert agrees_with_long_doubles(setting)


def test_kernels_beyond_floating_point_prove_nothing():
    setting = a_unit(1e150, 1.0, -1e100, 0.3, 1e79, "softplus", eta=1e-300)
    with np.errstate(all="ignore"):
        assert theorem_4_3.judge(train(setting, steps=2)).status != "violated"
        assert close(smooth.drifts(setting, form="first-order")).rate is None


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the Gram engine is compiled")
def test_the_gram_engine_starts_where_eta_b_is_beyond_every_float():
    setting = a_unit(1e-152, 0.6, 1e100, 1.0, 1e80, "erf", eta=1e252)
    run, gram = (train(setting, steps=3, engine=name) for name in ("loops", "gram"))
    assert np.array_equal(gram.residuals[0], run.residuals[0])
    assert gram.diverged_at == run.diverged_at


RIDGE = schedules.constant(0.5)


#: What once went wrong, and what can be told of it now.
MENDED = {
    "an update of β that underflows, and is lost": ("hidden", a_unit(
        1e-21, 5e-324, beta=0.0, activation="identity", eta=1e46)),
    "the same through β": ("hidden", a_unit(
        1e-21, 5e-324, beta=0.0, activation="identity", eta=1e46, rule="bp")),
    "ηbe overflows, and X = 0 makes of it no number": ("diverged", a_unit(
        0.0, 1e150, 1e100, 1.0, 1e80, activation="identity", eta=1e150)),
    "inputs that are large, targets that are not": ("told", a_unit(
        1e150, 1e-150, activation="identity", eta=1e-301)),
    "coefficients of the expansion underflow": ("told", a_unit(
        1.25730221e149, 1.32e-151, beta=0.0, activation="identity", eta=1.54e-299)),
    "coefficients of the expansion overflow": ("told", a_unit(
        1e-150, 1e150, beta=0.0, b=0.0, activation="identity", eta=1e299)),
    "averages of the expansion overflow": ("diverged", a_unit(
        1e150, 0.0, 1e5, 1.0, activation="identity", eta=1e-300)),
    "the square of a rate overflows": ("told", a_unit(1e150, 0.0, b=0.0, activation="relu", eta=1e-312)),
    "no b, and a movement beyond floats": ("diverged", a_unit(
        1e-20, 1e150, b=0.0, activation="erf", eta=3e27, ridge=schedules.cutoff(1.4e-28, 3), rule="bp")),
    "ψ′ is lost in 1, and W with it": ("hidden", a_unit(
        1e4, 1e150, 0.5, 0.0, activation="tanh", eta=1.99, ridge=RIDGE, rule="bp")),
    "a residual of few digits": ("told", a_unit(1.0, 1e-320, beta=1e-320, activation="tanh", eta=0.1)),
}  # fmt: skip


@pytest.mark.parametrize("name", MENDED)
def test_what_once_went_wrong(name):
    expected, setting = MENDED[name]
    assert engines_agree(setting) == expected
    if setting.activation.name in PSI:
        assert agrees_with_long_doubles(setting) == (expected == "told")
    is_honest(setting)


def test_where_coefficients_are_beyond_floats_the_weights_are_trained():
    for setting in (a_unit(1e149, 1e-151, beta=0.0, activation="identity", eta=1e-299),
                    a_unit(1e-150, 1e150, activation="identity", eta=1e299, rule="kolen-pollack")):  # fmt: skip
        assert train(setting, steps=2).engine == "ordered"
        with pytest.raises(BeyondFloatsError, match="engine: expected 'loops' or 'ordered' where F"):
            train(setting, steps=2, engine="reduced")
    assert train(a_unit(1e149, 0.0, beta=0.0, activation="identity", eta=1e-299), steps=2).engine == "reduced"


def test_the_drift_of_a_run_is_unknown_from_where_rounding_moves_the_weights_too_far():
    """The update of W = 1 is η|e|; of first order is what 2²⁰ times its rounding, 9u, moves by 2⁻¹⁰ at most."""
    seen = set()
    for y, eta in ((1e-3, 0.1), (1e7, 0.1), (1.0, 4.0)):
        run = reference_run(a_unit(1.0, y, beta=0.0, activation="identity", eta=eta), STEPS)
        small = 1 + eta * np.maximum.accumulate(run.residual_norms[:-1]) <= 2.0**23 / 9
        known = np.isfinite(drift(run, UNIT_ROUNDOFF))
        assert known[0]
        assert np.array_equal(known[1:-1], small[:-1])  # at the last step a disturbed run may have diverged
        assert not known[-1] or small[-1]
        seen |= set(small.tolist())
    assert seen == {True, False}


def test_a_size_beyond_its_square_is_a_number_and_one_beyond_floats_is_no_convention():
    for size in (1e160, 1e-170, 3.0):
        run = train(a_unit(1.0, 0.0, W=0.0, beta=size, activation="sigmoid", eta=1e-300), steps=0)
        assert run.measures["beta_norm"][0] == pytest.approx(size, rel=1e-15)
        small = residual_rounding(run)[0] / size
        assert UNIT_ROUNDOFF < small < 50 * UNIT_ROUNDOFF
    beyond = train(a_unit(1e-150, 0.0, W=1e160, beta=1.0, activation="tanh", eta=1e-300), steps=0)
    assert beyond.measures["weight_square"][0] == math.inf
    assert residual_rounding(beyond)[0] > 0.0


# --- a ψ that fails


@pytest.fixture(scope="module")
def broken():
    return Activation(
        "broken", lambda z: math.tanh(z) if abs(z) < 2.0**40 else math.nan, lambda z: 1.0 - math.tanh(z) ** 2
    )


def test_a_psi_that_returns_nan_is_a_divergence_and_not_a_number(broken):
    rng = np.random.default_rng(0)
    network = Network(rng.normal(size=(5, 2)), rng.normal(size=5), rng.normal(size=5))
    far = Network(1e15 * network.W, network.beta, network.b)
    problem = Problem(np.eye(2), [1.0, -1.0])
    for engine in ("loops", "ordered") if numba.config.DISABLE_JIT else ("loops", "ordered", "gram"):
        run = train(Setting(problem, far, broken, eta=0.1), steps=5, engine=engine)
        assert (run.status, run.diverged_at) == ("diverged", 0)
        assert all(claim.judge(run).status not in ("holds", "violated") for claim in CLAIMS.values())
    near = train(Setting(problem, network, broken, eta=0.1), steps=5)
    assert near.status == "completed"
