"""What a certificate must refuse, and what rounding must not give away: kinks, sums that cancel, slopes, files."""

import json
import math

import numpy as np
import pytest
from own_psi import absolute, centred_sigmoid, clip, copy_of, leaky_relu

from fa_ref import Network, Problem, Setting, schedules, train
from fa_ref.activations import ACTIVATIONS, Activation
from theory.certificates.checker import check
from theory.certificates.checker.reading import OPTIONAL, read
from theory.certificates.from_state import from_state, measure
from theory.certificates.record import StateCertificate
from theory.certificates.tubes import upward
from theory.convergence import theorem_4_3
from theory.convergence.start import rounded

pytestmark = pytest.mark.usefixtures("one_thread")


# --- ψ with kinks


@pytest.mark.parametrize(
    "psi", [leaky_relu(0.1), leaky_relu(-0.5), absolute(), clip(4.0)], ids=lambda psi: psi.name
)
def test_an_activation_with_kinks_has_no_certificate(psi):
    """A unit can cross the kink, where ψ′ jumps, at any distance from a solution."""
    rng, grown = np.random.default_rng(12), 0
    for _ in range(40):
        network = Network(0.05 * rng.standard_normal((5, 1)), rng.standard_normal(5), 3 * rng.standard_normal(5))
        problem = Problem([[1.0]], network.output([[1.0]], psi) + 0.1)
        setting = Setting(problem, network, psi, eta=0.5)
        refused = from_state(setting)
        assert not refused
        assert "ψ is twice differentiable, or ReLU" in refused.why
        norms = train(setting, steps=40).residual_norms
        grown += bool((norms[1:] > norms[:-1]).any())
    if psi.name == "leaky":
        assert grown > 0  # so that a certificate would have been false


def test_a_clip_is_not_smooth_however_flat_its_pieces_are():
    """ψ″ = 0 between the kinks is no bound of ψ″: such a statement is refused with the activation itself."""
    problem, network = Problem([[1.0]], [0.5]), Network([[0.5]], [1.0], [1.0])
    with pytest.raises(ValueError):
        clip(4.0, smooth=True, B2=0.0)
    assert "ψ is twice differentiable" in from_state(Setting(problem, network, clip(4.0, B2=1e6), eta=0.1)).why


def test_relu_under_another_name_is_relu():
    relu = ACTIVATIONS["relu"]
    mine = Activation("mine", relu.psi, relu.dpsi)
    network = Network([[1.0, 0.3], [-1.0, 0.2]], [1.0, 1.0], [1.0, 1.0])
    problem = Problem([[1.0, 0.0]], network.output([[1.0, 0.0]], "relu") + 1e-3)
    assert from_state(Setting(problem, network, mine, eta=0.1))
    assert not from_state(Setting(problem, network, copy_of("relu", B1=1.0, smooth=False), eta=0.1))


@pytest.mark.parametrize("change", [{"rule": "bp"}, {"ridge": schedules.cutoff(0.1, 3)}])
def test_other_rules_and_a_ridge_are_refused(change):
    setting = Setting(Problem([[1.0]], [0.5]), Network([[0.5]], [1.0], [1.0]), "tanh", eta=0.1, **change)
    with pytest.raises(ValueError, match=next(iter(change))):
        from_state(setting)


# --- sums that cancel


def cancelling(rng):
    """Pairs of equal units with opposite β of up to 10¹⁰: f and H are what rounding leaves of huge terms."""
    n, d, pairs = int(rng.integers(1, 3)), int(rng.integers(2, 5)), int(rng.integers(1, 4))
    X = rng.standard_normal((n, d)) * d**-0.5
    W, b = rng.standard_normal((pairs, d)), rng.standard_normal(pairs)
    beta = 10.0 ** rng.uniform(3, 10) * rng.standard_normal(pairs)
    rest = int(rng.integers(4, 30))
    network = Network(
        np.vstack([W, W + rng.choice([0.0, 1e-13]), rng.standard_normal((rest, d))]),
        np.concatenate([beta, -beta * (1 + rng.choice([0.0, 1e-15])), 0.3 * rng.standard_normal(rest)]),
        np.concatenate([b, b, rng.standard_normal(rest)]),
    )
    activation = str(rng.choice(["identity", "tanh", "erf"]))
    problem = Problem(X, network.output(X, activation) + 10.0 ** rng.uniform(-12, -3) * rng.standard_normal(n))
    return Setting(problem, network, activation, eta=10.0 ** rng.uniform(-3, 0))


def checked(draw, draws, seed):
    """How many settings are certified in floating point, and how many of these the checker refuses."""
    rng, certified, refused = np.random.default_rng(seed), 0, 0
    for _ in range(draws):
        setting = draw(rng)
        proof = from_state(setting)
        if proof:
            certified += 1
            refused += not check(proof.to_dict(), setting.problem, setting.start)
    return certified, refused


def test_what_cancels_in_floating_point_is_charged():
    """Every certificate made in floating point is proved again in balls, though Σ |β_r b_r| ≈ 10¹⁰ |Σ β_r b_r|."""
    certified, refused = checked(cancelling, 150, seed=0)
    assert certified > 15
    assert refused == 0


@pytest.mark.nightly
def test_what_cancels_in_floating_point_is_charged_in_thousands():
    certified, refused = checked(cancelling, 6000, seed=1)
    assert certified > 600
    assert refused == 0


def test_the_residual_and_the_eigenvalues_contain_the_truth():
    """Against the same sums in exact arithmetic, for a linear network whose outputs cancel."""
    from fractions import Fraction

    rng = np.random.default_rng(5)
    W = np.vstack([rng.standard_normal((3, 2))] * 2)
    beta = np.concatenate([1e9 * np.ones(3), -1e9 * np.ones(3)]) + rng.standard_normal(6)
    network = Network(W, beta, rng.standard_normal(6))
    problem = Problem([[0.1, 0.3]], [1.0])
    now = measure(Setting(problem, network, "identity", eta=0.1))
    exact = [[Fraction(x) for x in row] for row in (W, beta, network.b, problem.X[0])[0]]
    x = [Fraction(v) for v in problem.X[0]]
    z = [sum(w * v for w, v in zip(row, x, strict=True)) for row in exact]
    f = sum(Fraction(v) * u for v, u in zip(beta, z, strict=True)) / Fraction(math.sqrt(6.0))
    K = sum(v * v for v in x)
    H = sum(Fraction(v) * Fraction(u) for v, u in zip(beta, network.b, strict=True)) * K / 6
    A = float(sum(v * v for v in z) / 6 + H)
    assert now.lambda_min <= A <= now.lambda_max
    assert now.residual_norm >= abs(float(f - 1))


def test_the_upper_bounds_hold_for_any_number_of_terms():
    assert upward(50, 3200) == 1 + 2**-30
    for p in (2**22, 2**23, 2**26):
        assert upward(2, p) - 1 >= 8 * p * 2.0**-53  # p terms, and each of them rounded a few times


# --- no feedback


def test_no_feedback_is_no_error():
    rng = np.random.default_rng(0)
    problem = Problem(np.eye(2), [1.0, -1.0])
    network = Network(rng.standard_normal((60, 2)), rng.standard_normal(60), np.zeros(60))
    for form in theorem_4_3.FORMS:
        proof = theorem_4_3.certificate(Setting(problem, network, "identity", eta=0.01), form=form)
        assert proof.rate > 0  # β alone is trained


# --- the checker


def test_softplus_far_below_zero_is_accepted():
    """1 + tanh(z/2) cancels below z ≈ −54, where ψ′ = 1/(1 + exp(−z)) does not."""
    rng = np.random.default_rng(1)
    X = np.eye(2)
    for depth in (20.0, 60.0, 100.0, 300.0):
        W = np.vstack([0.5 * rng.standard_normal((30, 2)), [[-depth, -depth]]])
        network = Network(W, 0.3 * rng.standard_normal(31), rng.standard_normal(31))
        problem = Problem(X, network.output(X, "softplus") + 1e-6)
        for rigorous in (False, True):
            proof = from_state(Setting(problem, network, "softplus", eta=0.3), rigorous=rigorous)
            assert proof, proof.why
            verdict = check(proof.to_dict(), problem, network)
            assert verdict, (depth, verdict.refused)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "erf", "softplus"])
def test_saturated_units_are_accepted(activation):
    rng = np.random.default_rng(2)
    W = np.vstack([rng.standard_normal((40, 2)), [[-90.0, 40.0], [25.0, 25.0], [500.0, -500.0]]])
    network = Network(W, 0.3 * rng.standard_normal(43), rng.standard_normal(43))
    problem = Problem(np.eye(2), network.output(np.eye(2), activation) + 1e-7)
    eta = 1e-4 if activation == "softplus" else 0.2
    for rigorous in (False, True):
        proof = from_state(Setting(problem, network, activation, eta=eta), rigorous=rigorous)
        assert proof, proof.why
        verdict = check(proof.to_dict(), problem, network)
        assert verdict, verdict.refused


# --- files


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    rng = np.random.default_rng(0)
    problem = Problem(rng.standard_normal((3, 6)) / np.sqrt(6), rng.standard_normal(3))
    network = train(problem, Network.gaussian(60, 6, rng), "tanh", eta=0.4, steps=300).network
    proof = from_state(Setting(problem, network, "tanh", eta=0.4))
    assert proof, proof.why
    path = tmp_path_factory.mktemp("proof") / "certificate.json"
    proof.save(path)
    return proof, path, problem, network


def test_the_statement_has_the_numbers_that_were_proved(saved):
    proof, path, problem, network = saved
    verdict = check(path, problem, network)
    assert verdict, verdict.refused
    said = verdict.statement
    for part in ("n = 3, d = 6, p = 60", "ψ = tanh", "η = 0.4", "every step", "no ridge"):
        assert part in said
    rate = float(said.split("with a = ")[1].split(",")[0])
    assert proof.rate * (1 - 1e-6) <= rate <= proof.rate
    assert check({**proof.to_dict(), "rate": 0.01}, problem, network).statement == ""  # its margins say otherwise


@pytest.mark.parametrize("key, value", [("rate", "100.0"), ("eta", "0.1"), ("activation", '"erf"')])
def test_a_name_given_twice_is_refused(saved, tmp_path, key, value):
    _, path, problem, network = saved
    text = path.read_text("utf-8").replace("{", f'{{ "{key}": {value},', 1)
    forged = tmp_path / "forged.json"
    forged.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="a name is given twice"):
        check(forged, problem, network)
    with pytest.raises(ValueError, match="a name is given twice"):
        StateCertificate.load(forged)


def test_a_constant_given_twice_is_refused(saved, tmp_path):
    _, path, problem, network = saved
    text = path.read_text("utf-8").replace('"lambda_min":', '"lambda_min": 5.0, "lambda_min":', 1)
    forged = tmp_path / "forged.json"
    forged.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="a name is given twice"):
        check(forged, problem, network)


@pytest.mark.parametrize(
    "change",
    [
        {"theorem": "Theorem 3.2"}, {"theorem": None}, {"rigorous": "yes"}, {"rigorous": 1}, {"rigorous": None},
        {"author": "me"}, {"network": 3}, {"rate": 10**400}, {"eta": 10**400}, {"rate": "0.1"}, {"rate": [0.1]},
        {"margins": []}, {"margins": [[]]}, {"margins": {"a": 1}}, {"constants": [1.0]}, {"activation": ["tanh"]},
        {"format": "fa-ref a-posteriori certificate, version 1"},
    ],
    ids=lambda change: str(change)[:40],
)  # fmt: skip
def test_every_field_is_checked(saved, change):
    proof, _, problem, network = saved
    verdict = check({**proof.to_dict(), **change}, problem, network)
    assert not verdict
    assert verdict.refused
    assert verdict.statement == ""


@pytest.mark.parametrize("field", ["theorem", "rigorous", "margins", "constants", "eta", "network"])
def test_no_field_may_be_missing(saved, field):
    proof, _, problem, network = saved
    assert not check({key: value for key, value in proof.to_dict().items() if key != field}, problem, network)


def test_margins_are_those_of_the_theorem_each_once(saved):
    proof, _, problem, network = saved
    record = proof.to_dict()
    for margins in (record["margins"][1:], [*record["margins"], record["margins"][0]]):
        assert not check({**record, "margins": margins}, problem, network)
    for k, (name, value, threshold, relation) in enumerate(record["margins"]):
        for wrong in (
            [name, value, threshold, "<"],
            [name, value, 2 * threshold + 1.0, relation],
            ["λ", value, 0.0, ">"],
        ):
            margins = [*record["margins"][:k], wrong, *record["margins"][k + 1 :]]
            assert not check({**record, "margins": margins}, problem, network)


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_constant_that_is_no_number_is_refused(saved, name):
    proof, _, problem, network = saved
    for wrong in (None, "much", 10**400, True, [1.0], float("nan")):
        constants = {**proof.to_dict()["constants"], name: wrong}
        assert not check({**proof.to_dict(), "constants": constants}, problem, network)


def test_names_from_the_file_are_never_printed(saved):
    proof, _, problem, network = saved
    evil = "\x1b]0;owned\x07"
    record = proof.to_dict()
    for change in (
        {"constants": {**record["constants"], evil: 1.0}},
        {"margins": [[evil, 1.0, 0.0, ">"], *record["margins"]]},
        {"activation": evil}, {"theorem": evil}, {evil: 1},
    ):  # fmt: skip
        verdict = check({**record, **change}, problem, network)
        assert not verdict
        assert "\x1b" not in "".join(claim for claim, _ in verdict.claims) + verdict.statement


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000, '{"a":' * 100_000, "{", "", "nonsense", '{"rate": NaN}', '{"rate": 1e400, "rate": 1}',
        '{"a\\u001b": 1, "a\\u001b": 2}', "[" + "9" * 5000 + "]", '{"rate": Infinity}',
    ],
    ids=lambda text: ascii(text[:14]),
)  # fmt: skip
def test_files_that_are_no_certificates_give_one_clear_error(saved, tmp_path, text):
    *_, problem, network = saved
    path = tmp_path / "file.json"
    path.write_text(text, "utf-8")
    for reader in (lambda: check(path, problem, network), lambda: StateCertificate.load(path), lambda: read(path)):
        with pytest.raises(ValueError, match=r"file\.json: expected a certificate") as caught:
            reader()
        assert "\n" not in str(caught.value)
        assert "\x1b" not in str(caught.value)


def test_a_file_that_is_not_text(saved, tmp_path):
    *_, problem, network = saved
    path = tmp_path / "file.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="expected a certificate"):
        check(path, problem, network)


def test_huge_integers_in_a_file(saved, tmp_path):
    """10**400 is a number in JSON, though no float."""
    proof, path, problem, network = saved
    record = json.loads(path.read_text("utf-8"))
    big = tmp_path / "big.json"
    for change in ({"rate": 10**400}, {"constants": {**record["constants"], "drift": 10**400}}):
        big.write_text(json.dumps({**record, **change}), "utf-8")
        assert not check(big, problem, network)
        with pytest.raises(ValueError, match="expected a certificate"):
            StateCertificate.load(big)
    assert proof


def test_a_users_formula_that_cancels_is_charged_its_stated_rounding():
    """1/(1 + e^−z) − ½ near 0 is right to 2⁻⁵³, not to 2⁻⁵³ of itself: G against balls."""
    import flint

    rng = np.random.default_rng(7)
    psi, p = centred_sigmoid(), 40
    network = Network(1e-9 * rng.standard_normal((p, 1)), rng.standard_normal(p), rng.standard_normal(p))
    setting = Setting(Problem([[1.0]], [0.0]), network, psi, eta=0.1)
    now = rounded(setting)
    with flint.ctx.workprec(200):
        exact = [(flint.arb(w) / 2).tanh() / 2 for w in network.W[:, 0].tolist()]
        G = sum(v * v for v in exact) / p
        output = sum(v * u for v, u in zip(exact, network.beta.tolist(), strict=True)) / flint.arb(p).sqrt()
        assert abs(G - now.G[0, 0]) <= now.G_error
        assert abs(output - now.e[0]) <= now.e_error[0]
        assert abs(G - now.G[0, 0]) > 1e-3 * G * p * np.finfo(float).eps  # the test has something to say
    unknown = rounded(setting.replace(activation=centred_sigmoid(rounding=math.inf)))
    assert unknown.G_error == math.inf
    assert not from_state(setting.replace(activation=centred_sigmoid(rounding=math.inf)))
