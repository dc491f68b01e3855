"""Levels, sufficient widths and the paper's constants equal their plain transcriptions at random arguments."""

import math

import numpy as np
import pytest
from oracles import levels as plain
from own_psi import sine

from fa_ref import Network, Problem, Setting, schedules, train
from fa_ref.activations import resolve
from theory.convergence import levels, theorem_4_3, widths_3_2
from theory.convergence.closing import closes_at
from theory.convergence.constants import constants_table, observed_constants
from theory.kernels import isometry as geometry
from theory.kernels import mean_kernel

CLOSE = {"rel": 1e-12, "abs": 0.0}


def draws(seed, count=40):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield {
            "p": int(10 ** rng.uniform(0.5, 8)), "n": int(rng.integers(1, 40)), "B0": rng.uniform(0.3, 2.0),
            "B1": rng.uniform(0.3, 2.0), "chi": rng.uniform(0.5, 3.0), "K": rng.uniform(0.5, 9.0),
            "gamma": 10 ** rng.uniform(-3, 0), "delta": 10 ** rng.uniform(-4, -0.1), "mean": rng.uniform(0, 3),
        }  # fmt: skip


def test_every_event_and_level():
    seen = {"series": 0, "Chebyshev": 0, "low": 0, "ceiling": 0}
    for s in draws(0, 200):
        p, n, delta, B0, B1, gamma = s["p"], s["n"], s["delta"], s["B0"], s["B1"], s["gamma"]
        assert levels.b_square_failure(p) == pytest.approx(plain.b_failure(p), rel=1e-11, abs=1e-300)
        assert levels.moment_failure(p) == pytest.approx(plain.moment_failure(p), **CLOSE)
        assert levels.b_square_level(p, delta) == pytest.approx(plain.square_level(p, delta), **CLOSE)
        for mean, variance in ((s["mean"], 2.0), (levels.FOURTH_MEAN, levels.FOURTH_VARIANCE)):
            expected = plain.cantelli(mean, variance, p, delta)
            assert levels.cantelli_level(mean, variance, p, delta) == pytest.approx(expected, **CLOSE)
        chernoff, second = plain.gram_failure(p, n, B0, gamma)
        assert levels.gram_failure(p, n, B0, gamma) == pytest.approx(chernoff, rel=1e-10, abs=1e-300)
        assert levels.gram_failure_second_moment(p, n, B0, gamma) == pytest.approx(second, **CLOSE)
        if gamma <= B0**2:  # as λ_min(Ḡ) is, since |ψ| ≤ B0: then the printed route never does better
            assert chernoff <= second
        low = plain.gram_low(p, n, B0, gamma, delta)
        found = levels.gram_low_level(p, n, B0, gamma, delta)
        assert found == pytest.approx(low, rel=1e-6, abs=1e-9 * gamma)
        assert found <= low * (1 + 1e-12)  # on the safe side of the search
        seen["low"] += low > 0
        high = plain.gram_high(p, n, B0, 3 * gamma, delta)
        found = levels.gram_high_level(p, n, B0, 3 * gamma, delta)
        assert found == pytest.approx(high, rel=1e-6, abs=0.0)
        assert found >= high * (1 - 1e-12)
        seen["ceiling"] += high == n * B0**2
        arguments = (p, n, B1, s["chi"], s["K"])
        assert levels.h_failure(*arguments, gamma) == pytest.approx(
            plain.h_failure(*arguments, gamma), rel=1e-10, abs=1e-300
        )
        for square in (2.0, 1.3):
            expected = plain.h_level(*arguments, delta, square)
            assert levels.h_level(*arguments, delta, square) == pytest.approx(expected, **CLOSE)
            seen["Chebyshev" if expected == pytest.approx(B1**2 * s["K"] / math.sqrt(p * delta)) else "series"] += 1
        assert levels.h_level(*arguments, delta) == levels.h_level(*arguments, delta, 2.0)
        size = s["chi"]
        expected = B0 * math.sqrt(n) + size * math.sqrt(-2 * math.log(delta))
        assert levels.output_level(n, B0, size, delta) == pytest.approx(expected, **CLOSE)
        assert levels.inner_level(delta) == pytest.approx(math.sqrt(2 * math.log(2 / delta)), **CLOSE)
        width = math.sqrt(n / p) + math.sqrt(-2 * math.log(delta) / p)
        assert levels.stretch_levels(p, n, delta) == pytest.approx((1 - width, 1 + width), rel=1e-12, abs=1e-12)
    assert min(seen.values()) > 3


def test_a_failure_is_never_more_likely_than_certain():
    assert levels.gram_failure(1, 5, 1.0, 1e-6) == 1.0
    assert levels.gram_failure_second_moment(1, 5, 1.0, 1e-3) == 1.0
    assert levels.h_failure(1, 5, 1.0, 1.0, 1.0, 1e-3) == 1.0
    # ε = 1: G(0) = 0
    assert levels.gram_failure(1000, 2, 1.0, 0.4, 1.0) == pytest.approx(2 * math.exp(-200), rel=1e-12, abs=0.0)


def a_problem(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    return Problem(rng.normal(size=(n, n + 2)) / math.sqrt(n + 2), rng.normal(size=n))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", sine(0.7)], ids=str)
def test_probable_entries_of_theorem_3_2(activation):
    seen, psi = {"explicit": 0, "first-order": 0, "none": 0}, resolve(activation)
    for seed in range(10):
        problem, rng = a_problem(seed), np.random.default_rng(seed)
        kernel = mean_kernel(problem.X, psi)
        K, y = float(np.linalg.norm(problem.X @ problem.X.T)), float(np.linalg.norm(problem.y))
        chi, gamma, top = float(np.linalg.norm(problem.X, 2)), kernel.gamma_lower, kernel.lambda_max_upper
        sizes = (psi.B0, psi.B1)
        ridge = schedules.cutoff(0.2, 7)
        for p in (int(10 ** rng.uniform(3, 5)), int(10 ** rng.uniform(6, 9))):
            for form in ("explicit", "first-order"):
                delta = float(rng.uniform(0.01, 0.3))
                options = {"eta": 0.03, "p": p, "delta": delta, "ridge": ridge, "form": form, "kernel": kernel}
                lemmas = widths_3_2.probable_drifts(problem, psi, **options)
                if form == "explicit":
                    expected = plain.printed(problem.n, p, sizes, chi, K, gamma, delta, y)
                else:
                    expected = plain.shared(problem.n, p, sizes, chi, K, gamma, top, delta, y)
                if lemmas is None or expected is None:
                    assert lemmas is expected is None
                    seen["none"] += 1
                    continue
                seen[form] += 1
                i = lemmas.instance
                for name, value in expected.items():
                    assert getattr(i, name) == pytest.approx(value, rel=1e-6, abs=0.0), name
                assert (i.p, i.n, i.eta, i.peak, i.y_norm) == (p, problem.n, 0.03, 0.2, pytest.approx(y))
                assert i.total == pytest.approx(0.03 * 0.2 * 8, rel=1e-12, abs=0.0)  # t = 0, …, 7
                assert (i.B0, i.B1, i.B2, i.B3, i.chi) == (psi.B0, psi.B1, psi.B2, psi.B3, pytest.approx(chi))
                assert i.radius == pytest.approx(max(np.linalg.norm(problem.X, axis=1)))
                assert i.moment_3 == math.inf
    assert min(seen.values()) > 3


@pytest.mark.parametrize("form", theorem_4_3.FORMS)
def test_probable_entries_of_theorem_4_3(form):
    seen = {True: 0, False: 0}
    for seed in range(40):
        problem, rng = a_problem(seed), np.random.default_rng(seed)
        K = problem.X @ problem.X.T
        values, y = np.linalg.eigvalsh(K), float(np.linalg.norm(problem.y))
        p, delta = int(10 ** rng.uniform(0.5, 6)), float(10 ** rng.uniform(-3, -0.5))
        lemmas = theorem_4_3.probable_drifts(
            problem, eta=0.03, p=p, delta=delta, ridge=schedules.constant(0.2), form=form
        )
        expected = plain.linear(
            problem.n, p, values[0], values[-1], float(np.trace(K)), delta, y, sharper=form == "sharper"
        )
        seen[lemmas is not None] += 1
        if lemmas is None or expected is None:
            assert lemmas is expected is None
            continue
        for name, value in expected["instance"].items():
            assert getattr(lemmas.instance, name) == pytest.approx(value, rel=1e-9, abs=0.0), name
        for name, value in expected["lemmas"].items():
            assert getattr(lemmas, name) == pytest.approx(value, rel=1e-9, abs=0.0), name
        assert (lemmas.instance.total, lemmas.instance.peak, lemmas.instance.p) == (math.inf, 0.2, p)
        assert lemmas.instance.y_norm == pytest.approx(y)
        assert lemmas.instance.beta_norm == 0.0
        if form == "sharper":
            assert lemmas.pull == pytest.approx(expected["pull"], **CLOSE)
            np.testing.assert_allclose(lemmas.G_orthogonal, expected["stretch"] ** 2 * K, rtol=1e-9, atol=1e-12)
            assert lemmas.orthogonal_error == pytest.approx(
                expected["stretch"] ** 2 * lemmas.K_error, rel=1e-9, abs=0.0
            )
    assert min(seen.values()) > 2


@pytest.mark.parametrize("form", ["explicit", "first-order"])
def test_the_sufficient_width_is_the_first_that_closes_at_a_quarter_of_gamma(form):
    problem = Problem(np.eye(2), [1.0, -1.0])
    kernel = mean_kernel(problem.X, "tanh")
    enough = widths_3_2.sufficient_width(problem, "tanh", eta=0.01, delta=0.1, form=form, kernel=kernel)

    def closes(p):
        lemmas = widths_3_2.probable_drifts(problem, "tanh", eta=0.01, p=p, delta=0.1, form=form, kernel=kernel)
        return lemmas is not None and closes_at(lemmas, kernel.gamma_lower / 4)

    assert closes(enough)
    assert not closes(enough - 1)
    for refused in ("relu", "softplus"):
        assert widths_3_2.sufficient_width(problem, refused, eta=0.01, delta=0.1, form=form) is None
    endless = schedules.constant(1e-9)
    assert widths_3_2.sufficient_width(problem, "tanh", eta=0.01, delta=0.1, ridge=endless, form=form) is None


@pytest.mark.parametrize("form", theorem_4_3.FORMS)
def test_the_sufficient_width_of_the_linear_theorem_closes_at_half_of_gamma(form):
    problem = Problem(np.diag([1.0, 1.2]), [0.3, -0.1])
    enough = theorem_4_3.sufficient_width(problem, eta=1e-3, delta=0.1, form=form)
    gamma = problem.lambda_min

    def closes(p):
        lemmas = theorem_4_3.probable_drifts(problem, eta=1e-3, p=p, delta=0.1, form=form)
        return lemmas is not None and closes_at(lemmas, gamma / 2 * (1 - 1e-12))

    assert closes(enough)
    assert not closes(enough - 1)
    assert theorem_4_3.sufficient_width(problem, "tanh", eta=1e-3, delta=0.1, form=form) is None


@pytest.mark.parametrize("form", ["explicit", "first-order"])
def test_the_papers_constants(form):
    problem, eta, delta = Problem(np.eye(2), [1.0, -1.0]), 0.01, 0.1
    kernel = mean_kernel(problem.X, "tanh")
    gamma = kernel.gamma_lower
    for p in (10**8, 10**9):
        table = {
            line.name: line
            for line in constants_table(problem, "tanh", eta=eta, delta=delta, p=p)
            if line.source == f"Theorem 3.2, {form}"
        }
        lemmas = widths_3_2.probable_drifts(problem, "tanh", eta=eta, p=p, delta=delta, form=form, kernel=kernel)
        U = lemmas.instance.e_norm / (gamma / 4)
        D_w, D_beta, beta = U / math.sqrt(p), math.sqrt(2 / p) * U, lemmas.beta(U)  # B0 = B1 = χ = 1
        expected = plain.paper_constants(2, p, delta, gamma, D_w, D_beta, beta)
        for name, value in expected.items():
            assert table[name].value == pytest.approx(value, rel=1e-9, abs=0.0), name
        assert table["drift of G"].value == pytest.approx(lemmas.G(U), **CLOSE)
        vacuous = {name: line.vacuous for name, line in table.items() if line.vacuous}
        cosine = table["c"].value * 2 / math.sqrt(p)
        assert ("c" in vacuous) == (cosine >= 1)
        assert ("drift of G" in vacuous) == (lemmas.G(U) >= 2)
        closed = [table[name].note for name in expected]
        assert all("0.9;" in note and "0.8 together" in note for note in closed)


def test_no_constants_at_a_width_that_does_not_carry_the_papers_rate():
    problem = Problem(np.eye(2), [1.0, -1.0])
    table = constants_table(problem, "tanh", eta=0.01, p=1000)
    assert {line.name for line in table if line.kind == "proved"} == {"p*", "a"}
    linear = constants_table(problem, "identity", eta=0.01, p=3)
    assert all(math.isnan(line.value) for line in linear if line.name == "a")


def test_observed_constants_are_those_of_the_run():
    problem, network = Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(40, 2, np.random.default_rng(0))
    setting, seen = Setting(problem, network, "tanh", eta=0.3), []
    run = train(setting, steps=20, observe=lambda t, now: seen.append(now.copy()))
    found = observed_constants(setting, gamma=0.4, steps=20)
    moved = max(np.linalg.norm(now.W - network.W, axis=1).max() for now in seen)
    beta = max(np.abs(now.beta - network.beta).max() for now in seen)
    assert found["c₁"] == pytest.approx(moved * 0.4 * math.sqrt(40 / math.log(40)) / 2, rel=1e-10, abs=0.0)
    assert found["c₂"] == pytest.approx(beta * 0.4 * math.sqrt(40) / 2, rel=1e-10, abs=0.0)
    assert found["c"] == pytest.approx(np.abs(run.alignment).max() * math.sqrt(40) / 2, rel=1e-10, abs=0.0)


def test_the_unit_of_a_budget():
    for seed in range(5):
        problem = a_problem(seed)
        gamma, M = np.linalg.eigvalsh(problem.X @ problem.X.T)[[0, -1]]
        expected = gamma * math.sqrt(gamma * 70) / (0.03 * math.sqrt(problem.n) * M)
        assert theorem_4_3.unit_of_budget(problem, 70, 0.03) == pytest.approx(expected, rel=1e-9, abs=0.0)


def test_dimensions_of_isometry():
    for s in draws(1, 60):
        epsilon = min(0.49, 0.5 * s["gamma"] + 1e-3)
        expected = plain.isometry_dimensions(s["n"], epsilon, s["delta"])
        # 1 − √(1 − ε) cancels in the transcription: 1e-16/ε of it
        assert geometry.limiting_aspect_ratio(epsilon) == pytest.approx(expected["ratio"], rel=1e-11, abs=0.0)
        found = geometry.sufficient_dimension(s["n"], epsilon, s["delta"])
        assert found == pytest.approx(expected["sufficient"], abs=1 + 1e-11 * expected["sufficient"])
        assert found >= expected["sufficient"] * (1 - 1e-11)
        printed = geometry.printed_dimension(s["n"], epsilon, s["delta"])
        assert printed == pytest.approx(expected["printed"], **CLOSE)
        low, high = geometry.davidson_szarek(s["n"], s["p"], s["delta"])
        width = math.sqrt(s["n"] / s["p"]) + math.sqrt(2 * math.log(2 / s["delta"]) / s["p"])
        assert high == pytest.approx(1 + width, **CLOSE)
        assert low == pytest.approx(max(0, 1 - width), rel=1e-12, abs=1e-12)
