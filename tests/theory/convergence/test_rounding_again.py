"""Every allowance for rounding equals its plain transcription, covers the exact error, and is needed somewhere."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from oracles import rounding
from own_psi import copy_of, sine

from fa_ref import Activation, Network, Problem, Setting, schedules, train
from fa_ref.activations import ACTIVATIONS
from theory.certificates import alignment as ball
from theory.certificates.from_state import measure as measure_state
from theory.convergence import theorem_3_2, theorem_4_3
from theory.convergence.closing import close
from theory.convergence.lemmas_sharper import STEP, _stacked_norm, linear_responses, response_maps
from theory.convergence.measured_step import sweep
from theory.convergence.start import measure, rounded
from theory.kernels import eigenvalue_floor
from theory.kernels.one_step import one_step

pytestmark = pytest.mark.usefixtures("one_thread")

EPS = 2.0**-52

#: The transcription's own rounding, a few hundred operations on non-negative numbers.
CLOSE = {"rel": 1e-11, "abs": 0.0}


def a_setting(seed, activation, **options):
    rng = np.random.default_rng(seed)
    n, d, p = int(rng.integers(1, 4)), int(rng.integers(3, 6)), int(rng.integers(3, 12))
    problem = Problem(rng.normal(size=(n, d)) * rng.choice([0.3, 1.0, 3.0]), rng.normal(size=n))
    return Setting(problem, Network.gaussian(p, d, rng), activation, eta=float(rng.uniform(0.01, 0.5)), **options)


def plain(setting):
    """Arguments of the transcriptions: lists of floats, and scalar functions."""
    problem, network, psi = setting.problem, setting.start, setting.activation
    arrays = (problem.X, problem.y, network.W, network.beta, network.b)
    return *(array.tolist() for array in arrays), lambda v: float(psi(v)), lambda v: float(psi.derivative(v))


#: A user's own: its evaluation may err more, and its bounds are not those of tanh.
OWN = [copy_of("tanh", B1=1.2, B2=0.8, called="stated"), copy_of("tanh", called="unstated")]


@pytest.mark.parametrize("saturated", [False, True])
@pytest.mark.parametrize("activation", ["identity", "tanh", "softplus", "relu", sine(1.7), *OWN], ids=str)
def test_the_errors_of_kernels_and_residual(activation, saturated):
    for seed in range(6):
        setting = a_setting(seed, activation)
        if (
            saturated and setting.activation.name != "sine"
        ):  # ψ′ = 0 where the units are, but not all around within their rounding
            start = setting.start
            setting = setting.replace(network=Network(1e9 * start.W, start.beta, start.b))
        psi = setting.activation
        ulps = psi.rounding if psi.kind is None else None
        expected, found = rounding.network(*plain(setting), psi.B1, psi.B2, ulps), rounded(setting)
        np.testing.assert_allclose(found.z_error, expected["z"], rtol=1e-11)
        np.testing.assert_allclose(found.psi_error, expected["psi"], rtol=1e-11)
        np.testing.assert_allclose(found.D_error, expected["D"], rtol=1e-11)
        assert found.G_error == pytest.approx(expected["G"], **CLOSE)
        assert found.H_error == pytest.approx(expected["H"], **CLOSE)
        np.testing.assert_allclose(found.e_error, expected["e"], rtol=1e-11)
        assert (found.e_error >= expected["e"]).all()


def test_a_slope_that_is_not_known_is_taken_from_where_the_units_are():
    psi = replace(copy_of("softplus"), B1=math.inf, B2=math.inf, B3=math.inf, strip=None)
    setting = a_setting(3, psi)
    expected, found = rounding.network(*plain(setting), math.inf, math.inf, psi.rounding), rounded(setting)
    np.testing.assert_allclose(found.psi_error, expected["psi"], rtol=1e-11)
    np.testing.assert_allclose(found.D_error, expected["D"], rtol=1e-11)


def test_a_slope_that_is_not_known_may_be_negative():
    """ψ = −softplus: ψ′ is between −1 and 0, and its largest size is not its largest value."""
    up, slope = ACTIVATIONS["softplus"].psi, ACTIVATIONS["softplus"].dpsi
    psi = Activation("falling", lambda z: -up(z), lambda z: -slope(z))
    setting = a_setting(3, psi)
    expected, found = rounding.network(*plain(setting), math.inf, math.inf, psi.rounding), rounded(setting)
    np.testing.assert_allclose(found.psi_error, expected["psi"], rtol=1e-11)


def in_eps(value, exact):
    """By how many eps of itself a number lies above an exact one."""
    return (Fraction(value) / exact - 1) / Fraction(EPS)


def test_every_moment_of_an_instance_is_raised_or_lowered_by_its_own_rounding():
    """A mean of p non-negative terms: (p + n + d + 64)·eps, of which the sum itself uses a few."""
    for seed in range(4):
        setting = a_setting(seed, "tanh", ridge=schedules.cutoff(0.3, 5))
        found, problem, network = measure(setting), setting.problem, setting.start
        n, d, p = problem.n, problem.d, network.p
        b, beta = (list(map(Fraction, map(abs, v.tolist()))) for v in (network.b, network.beta))
        exact = {
            "b_square": sum(v**2 for v in b) / p,
            "b_fourth": sum(v**4 for v in b) / p,
            "moment": sum(u * v**2 for u, v in zip(beta, b, strict=True)) / p,
            "moment_3": sum(u * v**3 for u, v in zip(beta, b, strict=True)) / p,
            "total": Fraction(setting.eta) * sum(map(Fraction, setting.ridge.values(10).tolist())),
        }
        allowed = p + n + d + 64
        for name, value in exact.items():
            assert float(in_eps(getattr(found, name), value)) == pytest.approx(allowed, abs=p + 8)
            assert float(in_eps(getattr(found, name), value)) == pytest.approx(allowed, abs=12)
        for name, square, sign in (
            ("y_norm", sum(Fraction(v) ** 2 for v in problem.y.tolist()), 1),
            ("beta_norm", sum(v**2 for v in beta), -1),
        ):
            ratio = float(in_eps(getattr(found, name) ** 2, square)) / 2  # of the square, hence half
            assert ratio == pytest.approx(sign * allowed, abs=12)
        assert found.radius == pytest.approx(problem.radius * (1 + allowed * EPS), rel=EPS, abs=0.0)
        assert found.chi == pytest.approx(problem.spectral_norm * (1 + allowed * EPS), rel=EPS, abs=0.0)
        now = rounded(setting)
        g, h = np.linalg.eigvalsh(now.G), np.linalg.eigvalsh(now.H)
        assert (found.g_low, found.g_top) == (g[0] - now.G_error, g[-1] + now.G_error)
        assert found.h_norm == max(-h[0], h[-1]) + now.H_error
        assert found.matrix_error == max(now.G_error, now.H_error)
        norm = np.linalg.norm(now.e) * (1 + allowed * EPS) + np.linalg.norm(now.e_error)
        assert found.e_norm == pytest.approx(norm, rel=2 * EPS, abs=0.0)
        assert found.peak == 0.3


def test_an_overlap_that_cancels_is_charged_its_absolute_sum():
    ones = np.ones(8)
    b = np.array([1e6, 1.0] * 4)
    beta = np.array([1.0, -1e6] * 4)  # ⟨b, β⟩ = 0
    setting = Setting(Problem([[1.0]], [1.0]), Network(ones[:, None], beta, b), "tanh", eta=0.1)
    up = (8 + 1 + 1 + 64) * EPS
    assert measure(setting).overlap == pytest.approx(up * 8e6 / np.linalg.norm(b), rel=1e-9, abs=0.0)
    silent = setting.replace(network=Network(ones[:, None], beta, 0 * b))
    assert measure(silent).overlap == 0.0


def test_the_linear_theorem_measures_with_its_own_errors():
    for seed in range(8):
        setting = a_setting(seed, "identity")
        if seed % 2:  # ‖b‖ < 1
            start = setting.start
            setting = setting.replace(network=Network(start.W, start.beta, 1e-3 * start.b))
        problem, network = setting.problem, setting.start
        n, d, p = problem.n, problem.d, network.p
        X, _, W, beta, b = plain(setting)[:5]
        expected, up = rounding.linear(X, W, beta, b), 1 + (p + n + d + 64) * EPS
        found = theorem_4_3._measure(problem, network)
        sharper = theorem_4_3.drifts(setting, form="sharper")
        assert found.overlap_error == pytest.approx(expected["overlap"], rel=1e-2, abs=0.0)
        assert sharper.overlap == found.overlap - found.overlap_error
        assert sharper.overlap_up == found.overlap + found.overlap_error
        assert found.orthogonal_error == pytest.approx(expected["orthogonal"], rel=1e-9, abs=0.0)
        assert sharper.K_error == pytest.approx(expected["K"], **CLOSE)
        exact = sum((Fraction(u) for u in [expected["reach"], expected["blur"]]), Fraction(0))
        assert found.kappa_b * math.sqrt(p) == pytest.approx(float(exact) * up, rel=4 * EPS * (p + n + d), abs=0.0)
        gamma = theorem_4_3._gamma(problem)
        sigma = problem.singular_values[-1] - 10 * max(n, d) * EPS * problem.spectral_norm
        assert gamma == pytest.approx(sigma**2, rel=4 * EPS, abs=0.0)
        assert theorem_4_3._top(problem) == problem.lambda_max * (1 + 32 * max(n, d) * EPS)
        solved = 1 + (20 * n**2 * EPS * problem.lambda_max + 4 * expected["K"]) / gamma
        assert theorem_4_3._solved(problem) - 1 == pytest.approx(solved - 1, rel=1e-2, abs=0.0)
        pull = (expected["pull"] * math.sqrt(solved) + expected["blur"] / math.sqrt(gamma)) ** 2
        assert found.pull == pytest.approx(pull / math.fsum(v * v for v in b), rel=1e-11, abs=0.0)
        assert found.pull >= expected["pull"] ** 2 / math.fsum(v * v for v in b)


def test_the_pull_is_raised_by_its_own_rounding():
    """One unit, one sample, all 1: each term is known to a few eps, the raise is (p + n + d + 64)·eps = 67 eps."""
    problem, one = Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0])
    up = 1 + 67 * EPS
    blur = up * up * ((1 + 8) * EPS + (1 + 4) * EPS)
    plain = (math.sqrt(theorem_4_3._solved(problem)) + blur / math.sqrt(theorem_4_3._gamma(problem))) ** 2
    assert theorem_4_3._measure(problem, one).pull / plain - 1 == pytest.approx(67 * EPS, abs=8 * EPS)


def test_an_instance_with_another_budget_is_the_same_but_for_it():
    found = measure(a_setting(0, "tanh"))
    other = found.with_total(3.5)
    assert (found.total, other.total) == (0.0, 3.5)
    assert replace(other, total=0.0, G=None, H=None) == replace(found, G=None, H=None)


@pytest.mark.parametrize("form", theorem_4_3.FORMS)
def test_the_ridge_budget_is_that_of_the_lemmas_without_a_penalty(form):
    setting = Setting(
        Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(10**5, 2, np.random.default_rng(0)), "identity", eta=1e-3
    )
    found = theorem_4_3.ridge_budget(setting, form=form)
    assert found > 0
    lemmas = theorem_4_3.drifts(setting, form=form)
    assert close(replace(lemmas, instance=lemmas.instance.with_total(1e-3 * found * 0.99))).rate is not None
    assert close(replace(lemmas, instance=lemmas.instance.with_total(1e-3 * found * 1.01))).rate is None
    assert theorem_4_3.ridge_budget(setting.replace(ridge=schedules.constant(1e-9)), form=form) == found


def test_where_b_is_zero_nothing_is_pulled():
    setting = a_setting(0, "identity")
    network = setting.start
    still = theorem_4_3._measure(setting.problem, Network(network.W, network.beta, 0 * network.b))
    assert (still.pull, still.kappa_b) == (0.0, 0.0)
    expected = rounding.linear(
        setting.problem.X.tolist(), network.W.tolist(), network.beta.tolist(), [0.0] * network.p
    )
    assert still.orthogonal_error == pytest.approx(expected["orthogonal"], rel=1e-9, abs=0.0)
    np.testing.assert_allclose(still.G_orthogonal, rounded(setting).G, rtol=1e-13)


def test_without_independent_rows_nothing_is_known_of_the_pull():
    X = np.array([[1.0, 0.0], [1.0, 0.0]])
    network = Network.gaussian(5, 2, np.random.default_rng(0))
    assert theorem_4_3._measure(Problem(X, [1.0, 1.0]), network).pull == math.inf
    assert theorem_4_3._gamma(Problem(np.ones((3, 1)), np.ones(3))) == 0.0
    near = Problem(np.array([[1.0, 0.0], [1.0, 1e-7]]), [1.0, 1.0])  # λ_max/γ = 4e14: no solve is trusted
    assert theorem_4_3._solved(near) == math.inf


def test_the_measured_response_is_raised_by_the_quotient_and_by_rounding():
    for seed in range(12):
        setting = a_setting(seed, sine(1.7) if seed % 2 else "tanh")
        problem, network, psi = setting.problem, setting.start, setting.activation
        X, _, W, beta, b = plain(setting)[:5]
        n, d, p = problem.n, problem.d, network.p
        reach = (d + 4) * max(rounding._dot(x, w) for x in X for w in W) + 1
        moment = math.fsum(abs(u) * v * v for u, v in zip(beta, b, strict=True)) / p
        chi, R = np.linalg.norm(X, 2), max(math.hypot(*x) for x in X)
        quotient = psi.B3 * STEP / 2 + 8 * EPS * (psi.B1 + psi.B2 * reach) / STEP
        quotient *= 2 * moment * R * chi**3 * psi.B1**2
        largest = max(abs(math.fsum(u * v for u, v in zip(x, w, strict=True))) for x in X for w in X)
        size = max(abs(float(psi(math.fsum(u * v for u, v in zip(x, w, strict=True))))) for x in X for w in W)
        entry = psi.B1**2 * largest * (math.fsum(map(abs, b)) / p * size + psi.B2 * largest * moment)
        sums = 3 * n**1.5 * (p + d + 64) * EPS * reach * entry
        found, through = linear_responses(setting)
        T, T_beta = response_maps(setting)
        assert found - _stacked_norm(T) == pytest.approx(quotient + sums, rel=1e-6, abs=0.0)
        assert through - _stacked_norm(T_beta) == pytest.approx(sums, rel=1e-2, abs=0.0)
    for name in ("B2", "B3"):
        unknown = setting.replace(activation=replace(copy_of("tanh"), **{name: math.inf}))
        assert linear_responses(unknown) == (math.inf, math.inf)


@pytest.mark.parametrize("activation", ["tanh", "softplus", "relu"])
def test_the_step_that_is_measured(activation):
    for seed in range(5):
        setting = a_setting(seed, activation, ridge=schedules.cutoff(0.3, 5))
        network = train(setting, steps=4).network
        psi, start = setting.activation, setting.start
        X, y, _, _, b, f, df = plain(setting)
        B2 = psi.B2 if math.isfinite(psi.B2) else 0.0
        now, begun = (network.W.tolist(), network.beta.tolist(), b), (start.W.tolist(), start.beta.tolist())
        expected = rounding.step(X, y, now, begun, (f, df), (psi.B1, B2), setting.eta, 0.3, 4)
        found = sweep(setting, network, lam=0.3, decay=(1 - setting.eta * 0.3) ** 4, t=4)
        for name, value in expected.items():
            relative = {"moved_w_rounding": 0.1, "curvature": 1e-9, "remainder": 1e-9}.get(name, 1e-11)
            assert getattr(found, name) == pytest.approx(value, rel=relative, abs=1e-16), name


@pytest.mark.parametrize("rule", ["fa", "bp"])
@pytest.mark.parametrize("activation", ["tanh", "identity", "softplus"])
def test_the_identity_of_one_step(activation, rule):
    for seed in range(5):
        setting = a_setting(seed, activation)
        problem, network, eta, lam = setting.problem, setting.start, setting.eta, 0.4
        step = one_step(problem.X, problem.y, network, activation, eta, lam, rule)
        run = train(setting.replace(ridge=schedules.constant(lam), rule=rule), steps=1, engine="loops").network
        X, y, W, beta, b, f, df = plain(setting)
        feedback = b if rule == "fa" else beta
        expected = rounding.identity(
            X, y, W, beta, feedback, run.W.tolist(), run.beta.tolist(), f, df, setting.activation.B1, eta
        )
        assert step.rounding == pytest.approx(expected, rel=1e-11, abs=0.0)


# --- a-posteriori certificates


@pytest.mark.parametrize("activation", ["identity", "tanh", "erf", "relu", *OWN], ids=str)
def test_what_a_certificate_measures(activation):
    for seed in range(6):
        setting = a_setting(seed, activation)
        problem, network, psi = setting.problem, setting.start, setting.activation
        n, d, now = problem.n, problem.d, rounded(setting)
        found, kinked = measure_state(setting), psi.kind == "relu"
        state, Z = found.state, problem.X @ network.W.T
        values = np.linalg.eigvalsh(now.G + now.H)
        both = now.G_error + now.H_error
        assert (found.lambda_min, found.lambda_max) == (values[0] - both, values[-1] + both)
        assert state.sigma == math.sqrt(np.linalg.eigvalsh(now.G)[-1] + now.G_error)
        norm = np.linalg.norm(now.e) * (1 + (n + 4) * EPS) + np.linalg.norm(now.e_error)
        assert found.residual_norm == pytest.approx(norm, rel=2 * EPS, abs=0.0)
        sizes = np.array([[rounding._dot(x, y) for y in problem.X] for x in problem.X])
        np.testing.assert_allclose(
            state.K - np.abs(problem.K), (d + 4) * EPS * sizes, rtol=0, atol=EPS * sizes.max()
        )
        assert state.lambda_max_K == problem.lambda_max * (1 + 32 * max(n, d) * EPS)
        np.testing.assert_array_equal(state.b, np.abs(network.b))
        np.testing.assert_array_equal(state.beta, np.abs(network.beta))
        raised = 1 + 4 * EPS
        known = psi.kind in ("tanh", "erf")  # whose ψ″ is known as a formula
        assert psi.B1 * raised == state.B1
        assert (0.0 if kinked else psi.B2 * raised) == state.B2
        assert (psi.B3 * raised if known else 0.0) == state.B3
        slope = np.abs(now.D) + (0.0 if kinked else now.D_error)
        np.testing.assert_array_equal(state.slope, slope)
        if kinked:
            np.testing.assert_array_equal(state.kink, np.maximum(np.abs(Z) - now.z_error, 0.0))
        else:
            assert state.kink is None
        second = {"tanh": lambda z: -2 * np.tanh(z) / np.cosh(z) ** 2,
                  "erf": lambda z: -4 * z * np.exp(-(z**2)) / math.sqrt(math.pi)}  # fmt: skip
        if known:
            expected = np.abs(second[psi.kind](Z)) + psi.B3 * now.z_error + 64 * EPS * psi.B1
            np.testing.assert_allclose(state.curvature, expected, rtol=0, atol=8 * EPS)
        elif psi.kind is None:
            assert (state.curvature == psi.B2).all()


def test_the_errors_of_the_aligned_ball():
    for seed in range(8):
        setting = a_setting(seed, "tanh")
        network, rng = setting.start, np.random.default_rng(seed)
        for size in (1e-3, 0.0):  # errors far above rounding, and none but rounding
            now = rounded(setting)
            now = replace(
                now, psi_error=size * rng.random(now.Psi.shape), e_error=size * rng.random(now.e.size),
                G_error=size * 0.3, H_error=size * 0.5,
            )  # fmt: skip
            found = ball.measure_aligned(now, network)
            lists = (array.tolist() for array in (now.Psi, now.psi_error, now.G + now.H))
            rest = (array.tolist() for array in (now.e, now.e_error, network.beta, network.b))
            expected = rounding.aligned(*lists, size * 0.8, *rest)
            relative = 1 + (network.p + 64) * EPS
            assert found.push == pytest.approx(expected["push"] * relative, rel=8 * EPS * network.p, abs=0.0)
            if size:
                assert found.defect == pytest.approx(expected["defect"], rel=1e-9, abs=0.0)
            for name, v, error in (
                ("now", network.beta.tolist(), [0.0] * network.p),
                ("limit", expected["point"], expected["error"]),
            ):
                along, off, across, far = rounding.direction(v, error, network.b.tolist())
                # β itself errs by nothing but rounding
                seen, exact = getattr(found, name), bool(size) and name == "limit"
                close = {"rel": 1e-6 if exact else 0.25, "abs": 0.0}
                assert sum(seen.along) / 2 == pytest.approx(along, abs=1e-14)
                assert (seen.along[1] - seen.along[0]) / 2 == pytest.approx(off, **close)
                assert (seen.across[1] - across) == pytest.approx(far, **close)
                assert seen.across[0] == pytest.approx(max(across - far, 0.0), abs=1e-14)
    assert ball.measure_aligned(now, Network(network.W, network.beta, 0 * network.b)) is None
    assert ball.measure_aligned(replace(now, e=np.full(now.e.size, np.inf)), network) is None


# --- what the lemmas take off for it


def test_the_rounding_of_the_formulas_is_taken_off():
    """64 eps of the absolute sum of what is added, seen to within the rounding of these few operations."""
    setting = a_setting(1, "tanh")
    for form in ("explicit", "first-order"):
        lemmas = theorem_3_2.drifts(setting, form=form)
        size = lemmas.instance.largest
        for U in (1e-6, 1e-2 if form == "explicit" else 1e-5):
            parts = lemmas.start(), -lemmas.lost(U, size), -lemmas.remainder(U, size)
            taken = math.fsum(parts) - lemmas.floor(U, size)
            total = math.fsum(map(abs, parts))
            assert taken == pytest.approx(64 * EPS * total, abs=3 * EPS * total)
    first = theorem_3_2.drifts(setting.replace(eta=1e-3), form="first-order")
    sharper = theorem_4_3.drifts(a_setting(1, "identity").replace(eta=1e-3), form="sharper")
    top = first.ceiling(0.1, 1.0) + first.remainder(0.1, 1.0)
    for room, used in ((first.room(0.1, 1.0), top), (sharper.room(0.1, 1.0), sharper.ceiling_merged(0.1))):
        assert 2000 - used - room == pytest.approx(64 * EPS * 2000, abs=4 * EPS * 2000)


def test_the_rounding_of_the_matrices_is_taken_off_twice():
    """λ_min(G + H) errs by that of G and that of H; so does λ_max."""
    setting = a_setting(2, "tanh")
    for form in ("first-order", "second-order"):
        lemmas = theorem_3_2.drifts(setting, form=form)
        lemmas = replace(lemmas, instance=replace(lemmas.instance, matrix_error=0.0))
        blurred = replace(lemmas, instance=replace(lemmas.instance, matrix_error=0.01))
        assert blurred.start() == pytest.approx(lemmas.start() - 0.02, abs=1e-14)
        assert blurred.shrunk(0.3) == pytest.approx(lemmas.shrunk(0.3) - 0.02, abs=1e-14)
    i = lemmas.instance
    top = np.linalg.eigvalsh(i.G + i.H)[-1]
    tiny = 1e-9  # where second order is the lower of the two
    assert lemmas.ceiling(tiny, tiny) == pytest.approx(top, abs=1e-6)
    blurred = replace(lemmas, instance=replace(lemmas.instance, matrix_error=1e-5))
    assert blurred.ceiling(tiny, tiny) == pytest.approx(lemmas.ceiling(tiny, tiny) + 2e-5, abs=1e-14)


def test_the_rounding_of_eigenvalues_is_taken_off_in_the_sharper_form():
    """10 (n + 1) eps of the traces; of a diagonal matrix the eigenvalues themselves are exact."""
    lemmas = theorem_4_3.drifts(a_setting(3, "identity"), form="sharper")
    exact = {"K": np.diag([1.0, 2.0]), "G_orthogonal": np.diag([4.0, 1.0]), "K_error": 0.0, "orthogonal_error": 0.0}
    for kappa in (0.5, -0.5):
        found = replace(lemmas, instance=replace(lemmas.instance, n=2), **exact)._lowest(kappa)
        lowest = min(4.0 + kappa, 1.0 + 2 * kappa)
        taken = 10 * 3 * EPS * (5.0 + 3.0 * 0.5)
        assert lowest - found == pytest.approx(taken, abs=2 * EPS)
        blurred = replace(lemmas, **exact | {"K_error": 0.1, "orthogonal_error": 0.01})._lowest(kappa)
        assert blurred == pytest.approx(lowest - 0.05 - 0.01, abs=1e-12)
    assert replace(lemmas, **exact | {"K": np.diag([math.inf, 1.0])})._lowest(1.0) == -math.inf


def test_beyond_the_length_of_beta_a_cosine_says_nothing():
    lemmas = theorem_3_2.drifts(a_setting(4, "tanh"), form="first-order")
    U = 0.01
    for length, expected in ((lemmas.beta(U), 1.0), (0.5 * lemmas.beta(U), 1.0)):
        assert replace(lemmas, instance=replace(lemmas.instance, beta_norm=length)).alignment(U) == expected


# --- against exact arithmetic


def exact_linear(setting):
    """G and e of a linear network, as fractions."""
    problem, network = setting.problem, setting.start
    X, W = ([[Fraction(v) for v in row] for row in A.tolist()] for A in (problem.X, network.W))
    z = [[sum(x * w for x, w in zip(row, unit, strict=True)) for unit in W] for row in X]
    G = [[sum(u * v for u, v in zip(zi, zj, strict=True)) / network.p for zj in z] for zi in z]
    return z, G


def distances(found, exact):
    """|computed − exact|, entry by entry."""
    pairs = zip(found.tolist(), exact, strict=True)
    return np.array([[float(abs(Fraction(v) - w)) for v, w in zip(*rows, strict=True)] for rows in pairs])


def cancelling(seed):
    """Inputs and weights whose inner products nearly cancel: z is all rounding."""
    rng = np.random.default_rng(seed)
    d, p = 6, 9
    X, W = 1e8 * rng.normal(size=(2, d)), rng.normal(size=(p, d))
    W -= (W @ X.T) @ np.linalg.solve(X @ X.T, X)
    return Setting(Problem(X, [1.0, -1.0]), Network(W, rng.normal(size=p), rng.normal(size=p)), "identity", eta=0.1)


def test_the_error_of_z_is_needed_and_enough():
    needed = 0
    for seed in range(5):
        setting = cancelling(seed)
        found = rounded(setting)
        z, G = exact_linear(setting)
        off = distances(found.Psi, z)
        assert (off <= found.z_error).all()
        wrong = distances(found.G, G)
        assert np.linalg.norm(wrong) <= found.G_error
        p, n, d = 9, 2, 6
        alone = (p + 12 * n + d + 64) * EPS * float(np.sum(found.Psi**2) / p)  # the sum over the units, z exact
        needed += np.linalg.norm(wrong) > alone
    assert needed == 5


def test_the_eigenvalue_that_helps_is_lowered_by_what_rounding_hid():
    """Two equal rows make G singular; what is computed may be positive, what is claimed may not."""
    above = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        row = rng.normal(size=4)
        problem = Problem(np.array([row, 3.0 * row]) / 3.0, [1.0, 1.0])
        setting = Setting(problem, Network.gaussian(40, 4, rng), "identity", eta=0.1)
        computed = np.linalg.eigvalsh(rounded(setting).G)[0]
        above += computed > 0
        assert measure(setting).g_low <= 0
        assert eigenvalue_floor(rounded(setting).G) <= max(computed, 0)
    assert above > 3
