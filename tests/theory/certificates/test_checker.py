"""The checker shares nothing with the prover, accepts what is true and refuses every tampering."""

import ast
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import theory.certificates.checker
from fa_ref import Network, Problem, Setting, train
from theory.certificates.checker import check
from theory.certificates.from_state import from_state

pytestmark = pytest.mark.usefixtures("one_thread")

ETA = 0.4


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    problem = Problem(rng.standard_normal((4, 8)) / np.sqrt(8), rng.standard_normal(4))
    network = train(problem, Network.gaussian(120, 8, rng), "tanh", eta=ETA, steps=150).network
    return problem, network


@pytest.fixture(scope="module")
def record(trained):
    certificate = from_state(Setting(*trained, "tanh", eta=ETA), rigorous=True)
    assert certificate, certificate.why
    return certificate.to_dict()


def test_only_numpy_flint_and_the_standard_library_are_imported():
    folder = Path(theory.certificates.checker.__file__).parent
    allowed = {"numpy", "flint", *sys.stdlib_module_names}
    files = sorted(folder.glob("*.py"))
    assert len(files) > 3
    for path in files:
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                own = node.module.startswith("theory.certificates.checker.")
                assert own or node.module.split(".")[0] in allowed, (path, node.module)
            elif isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed
            elif isinstance(node, ast.Name):
                assert node.id not in ("__import__", "exec", "eval")
        assert "importlib" not in source


def test_a_saved_certificate_is_accepted(trained, tmp_path):
    for rigorous in (True, False):
        certificate = from_state(Setting(*trained, "tanh", eta=ETA), rigorous=rigorous)
        certificate.save(tmp_path / "certificate.json")
        verdict = check(tmp_path / "certificate.json", *trained)
        assert verdict, verdict.refused


@pytest.mark.parametrize("activation", ["identity", "relu", "sigmoid", "erf", "softplus"])
def test_every_activation_is_accepted(activation):
    rng = np.random.default_rng(1)
    problem, eta = Problem(rng.standard_normal((2, 6)) / np.sqrt(6), rng.standard_normal(2)), 0.3
    start = Network.gaussian(600, 6, rng)
    clear = np.min(np.abs(start.W @ problem.X.T), axis=1) > 0.4  # units that no training brings to the kink of ReLU
    start = Network(start.W[clear][:60], start.beta[clear][:60], start.b[clear][:60])
    network = train(problem, start, activation, eta=eta, steps=1500).network
    certificate = from_state(Setting(problem, network, activation, eta=eta), rigorous=True)
    assert certificate, certificate.why
    verdict = check(certificate.to_dict(), problem, network)
    assert verdict, verdict.refused


@pytest.mark.parametrize("which", ["W", "beta", "b"])
def test_one_weight_changed_by_one_unit_in_the_last_place(trained, record, which):
    problem, network = trained
    changed = network.copy()
    array = getattr(changed, which)
    array.flat[3] = np.nextafter(array.flat[3], np.inf)
    assert check(record, problem, changed).refused == ("the network is the one certified",)


def test_changed_data(trained, record):
    problem, network = trained
    assert "the problem is the one certified" in check(record, Problem(problem.X, -problem.y), network).refused


def test_the_right_hash_on_the_wrong_weights(trained, record):
    """The hash is no part of the proof: with it forged, the numbers themselves refuse other weights."""
    problem, network = trained
    changed = Network(network.W, network.beta + 0.01, network.b)
    forged = {**record, "network": changed.digest()}
    assert any(claim.startswith("residual_norm") for claim in check(forged, problem, changed).refused)


def test_a_rate_raised_by_one_percent(trained, record):
    verdict = check({**record, "rate": 1.01 * record["rate"]}, *trained)
    assert "a + drift ≤ λ_min(A)" in verdict.refused


def test_a_rate_raised_with_its_margins(trained, record):
    """All that depends on the rate is forged but the drift: what is left to refuse it is the arithmetic."""
    raised = 1.01 * record["rate"]
    margins = [[name, value, raised if name == "λ_min(A) − drift" else threshold, relation]
               for name, value, threshold, relation in record["margins"]]  # fmt: skip
    assert not check({**record, "rate": raised, "margins": margins}, *trained)


UPPER = (
    *("residual_norm", "lambda_max", "lambda_max_K", "sigma", "b_norm", "beta_norm"),
    *("step", "drift", "drift_psi", "drift_beta", "tube_radius"),
)


@pytest.mark.parametrize("name", UPPER)
def test_a_norm_lowered(trained, record, name):
    lowered = {**record["constants"], name: 0.999 * record["constants"][name]}
    refused = check({**record, "constants": lowered}, *trained).refused
    assert any(claim.startswith(f"{name} ≤") for claim in refused)


def test_an_eigenvalue_raised(trained, record):
    raised = {**record["constants"], "lambda_min": 1.001 * record["constants"]["lambda_min"]}
    refused = check({**record, "constants": raised}, *trained).refused
    assert any(claim.startswith("lambda_min ≥") for claim in refused)


@pytest.mark.parametrize(
    "change",
    [
        {"eta": 9.0},
        {"eta": -0.4},
        {"rate": None},
        {"rate": float("nan")},
        {"rate": True},
        {"activation": "erf"},
        {"activation": "tan"},
        {"margins": [["λ_min(A)", 5.0, 0.0, ">"]]},
        {"margins": 3},
        {"constants": {}},
        {"constants": None},
        {"constants": {"residual_norm": "much"}},
        {"format": "another"},
        {"problem": ""},
    ],
    ids=str,
)
def test_other_tampering(trained, record, change):
    assert not check({**record, **change}, *trained)


def test_a_constant_that_means_nothing_is_refused(trained, record):
    assert not check({**record, "constants": {**record["constants"], "luck": 1.0}}, *trained)


def test_the_untampered_record_is_accepted_from_plain_arrays(trained, record):
    problem, network = trained
    data = SimpleNamespace(X=problem.X.tolist(), y=problem.y.tolist())
    weights = SimpleNamespace(W=network.W.tolist(), beta=network.beta.tolist(), b=network.b.tolist())
    assert check(json.loads(json.dumps(record)), data, weights)


def test_a_file_that_is_no_certificate(trained, tmp_path):
    path = tmp_path / "poem.json"
    path.write_text("{", "utf-8")
    with pytest.raises(ValueError, match="expected a certificate in JSON"):
        check(path, *trained)
    path.write_text("[1, 2]", "utf-8")
    assert not check(path, *trained)


@pytest.mark.parametrize("rigorous", [True, False])
def test_how_it_was_made_is_said_to_be_the_files_own_word(trained, record, rigorous):
    """Flipped, it changes nothing that is proved; so the check says that it did not look."""
    found = check({**record, "rigorous": rigorous}, *trained)
    assert found
    how = {True: "made in balls (rigorous: true)", False: "made in floating point (rigorous: false)"}[rigorous]
    assert found.unexamined.startswith(f"Not examined: that the certificate was {how}")
    assert "rigorous" not in found.statement
    assert not check({**record, "rigorous": rigorous, "rate": 2 * record["rate"]}, *trained).unexamined
    for value in (None, 1, "true"):
        assert check({**record, "rigorous": value}, *trained).refused == ("rigorous is true or false",)


def test_a_claim_is_the_bound_that_is_proved(trained, record):
    """A constant that is larger than it need be is proved as a bound, and printed as one, to its last digit."""
    raised = {**record["constants"], "b_norm": 2.0 * record["constants"]["b_norm"]}
    found = check({**record, "constants": raised}, *trained)
    assert (f"b_norm ≤ {raised['b_norm']!r}", True) in found.claims
    assert (f"lambda_min ≥ {raised['lambda_min']!r}", True) in found.claims
    assert (f"final_low ≥ {raised['final_low']!r}", True) in found.claims
