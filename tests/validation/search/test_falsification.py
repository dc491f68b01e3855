"""The search finds what is false and nothing where the claim is proved; what it finds replays bit for bit."""

import subprocess
import sys

import numpy as np
import pytest

import validation
from fa_ref import schedules
from validation.errata.readings import ascend, descend
from validation.judge.claims import Claim
from validation.judge.inequalities import Inequality
from validation.judge.record import reference_run
from validation.search import strategies, targeting
from validation.search.falsification import Counterexample, falsify, score
from validation.search.laws import small_setting, small_settings
from validation.theorems import explicit

#: name: (claim, ψ, what runs a case)
FALSE = {
    "no step-size clause in Theorem 3.2": (explicit.NONLINEAR.without(explicit.STEP), "tanh", reference_run),
    "no step-size clause in Theorem 4.3": (explicit.LINEAR.without(explicit.STEP), "identity", reference_run),
    "λ‖y‖ as printed": (explicit.PRINTED_PULL, "identity", reference_run),
    "the sign of the residual": (explicit.NONLINEAR, "tanh", ascend),
    "the sign of the residual, linear": (explicit.LINEAR, "identity", ascend),
}


@pytest.mark.parametrize("name", FALSE)
def test_false_claims_are_falsified_and_the_counterexample_replays(name, tmp_path):
    claim, activation, simulate = FALSE[name]
    space = strategies.small_settings(activation)
    found = falsify(claim, space, rng=np.random.default_rng(0), simulate=simulate)
    assert found is not None
    verdict = claim.judge(simulate(found.setting, found.steps))
    assert verdict.status == "violated"
    assert all(margin.met for margin in verdict.hypotheses)
    assert found.setting.problem.n == 1  # shrunk
    first = falsify(claim, space, rng=np.random.default_rng(0), simulate=simulate, simplify=False)
    assert found.setting.p <= first.setting.p  # how much less depends on Hypothesis' version
    assert (found.setting.p, found.setting.problem.n, found.setting.problem.d, found.steps) != (
        first.setting.p, first.setting.problem.n, first.setting.problem.d, first.steps)  # fmt: skip
    assert found.steps <= 2
    path = tmp_path / "counterexample.npz"
    found.save(path)
    again = Counterexample.load(path)
    assert again.replays(simulate)
    assert str(again) == str(found)
    assert again.setting == found.setting


@pytest.mark.nightly
@pytest.mark.parametrize("space", [strategies.small_settings, small_settings])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FALSE)
def test_false_claims_are_falsified_from_every_seed(name, seed, space):
    claim, activation, simulate = FALSE[name]
    rng = np.random.default_rng(seed)
    found = falsify(claim, space(activation), rng=rng, simulate=simulate, simplify=False)
    assert found is not None
    assert claim.judge(simulate(found.setting, found.steps)).status == "violated"


def test_a_law_is_searched_without_hypothesis(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    for name in ("validation.search.strategies", "validation.search.targeting"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("strategies", "targeting"):
        monkeypatch.delattr(validation.search, name, raising=False)
    claim = explicit.LINEAR.without(explicit.STEP)
    assert falsify(claim, small_settings("identity"), rng=np.random.default_rng(0)) is not None
    with pytest.raises(ModuleNotFoundError, match="space: expected a law where Hypothesis is not installed"):
        falsify(claim, rng=np.random.default_rng(0))


def test_targeting_climbs_and_stays_within_its_budget():
    """Without the feedback of the target the same seed reaches less: the negative control."""
    spent = []

    def value(setting):
        spent.append(setting)
        return -abs(np.log10(setting.eta) - 1.2345) - abs(setting.p - 377)

    space = strategies.small_settings("identity")
    best, reached, used = targeting.climb(value, space, np.random.default_rng(0), examples=200)
    assert used == len(spent) <= 400  # the target phase may double the examples
    assert reached == max(map(value, list(spent))) == value(best)
    _, blind, _ = targeting.climb(
        lambda setting: 0.0 * value(setting), space, np.random.default_rng(0), examples=200
    )
    assert blind == 0.0
    assert max(map(value, spent[-200:])) < reached


def test_a_saved_counterexample_replays_in_a_fresh_process(tmp_path):
    claim, activation, simulate = FALSE["no step-size clause in Theorem 3.2"]
    path = tmp_path / "counterexample.npz"
    falsify(claim, small_settings(activation), rng=np.random.default_rng(0), simulate=simulate).save(path)
    code = (
        "import sys\n"
        "from validation.judge.record import reference_run\n"
        "from validation.search.falsification import Counterexample\n"
        "from validation.theorems import explicit\n"
        "found = Counterexample.load(sys.argv[1])\n"
        "claim = explicit.NONLINEAR.without(explicit.STEP)\n"
        "print(found.replays(), claim.judge(reference_run(found.setting, found.steps)).status)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "violated"]


def test_a_replay_that_differs_in_one_bit_is_noticed():
    claim, activation, simulate = FALSE["no step-size clause in Theorem 4.3"]
    found = falsify(claim, small_settings(activation), rng=np.random.default_rng(0), simulate=simulate)
    assert found.replays(simulate)
    found.residuals[-1, 0] = np.nextafter(found.residuals[-1, 0], np.inf)
    assert not found.replays(simulate)
    assert not found.replays(ascend)


def test_the_printed_pull_is_not_falsified_at_small_steps():
    """With η ≤ 1 the printed λ‖y‖ is weaker than what is proved, so that nothing can be found."""

    def law(generator):
        setting = small_settings("identity")(generator)
        lam = 0.9 * setting.ridge.values(5)
        return setting.replace(eta=min(setting.eta, 0.9), ridge=schedules.explicit(lam))

    claim = explicit.PRINTED_PULL
    values = [score(claim.judge(reference_run(law(np.random.default_rng(seed)), 20))) for seed in range(60)]
    assert max(values) <= 1.0
    assert sum(value > 0 for value in values) > 5


@pytest.mark.parametrize("space", [strategies.small_settings, small_settings])
@pytest.mark.parametrize(("claim", "activation"), [(explicit.NONLINEAR, "tanh"), (explicit.LINEAR, "identity")])
def test_proved_claims_are_not_falsified(claim, activation, space):
    assert falsify(claim, space(activation), rng=np.random.default_rng(1), evaluations=150) is None


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("claim", "activation"), [(explicit.NONLINEAR, "tanh"), (explicit.LINEAR, "identity")])
def test_proved_claims_are_not_falsified_at_length(claim, activation, seed):
    assert falsify(claim, small_settings(activation), rng=np.random.default_rng(seed), evaluations=5000) is None


class Never(Claim):
    name, statement, source = "never", "1 ≤ 0", "nowhere"

    def hypotheses(self, run):
        return ()

    def conclusions(self, run):
        return (Inequality("never", [0], [1.0], [0.0], 0.0),)


def test_a_false_claim_falls_at_the_first_draw_and_shrinks_to_the_smallest_setting():
    def law(rng):
        return small_setting("identity", 2, 2, 20, 0, size=0, distance=0, step=0, penalty=-0.1, lasts=1)

    found = falsify(Never(), law, rng=np.random.default_rng(0), evaluations=8)
    assert found.evaluations == 8
    assert (found.setting.problem.n, found.setting.problem.d, found.setting.p, found.steps) == (1, 1, 1, 1)
    assert found.setting.ridge.maximum == 0
    assert bool(found)


def test_same_seed_same_counterexample():
    claim, activation, _ = FALSE["no step-size clause in Theorem 4.3"]
    one, two = (
        falsify(claim, strategies.small_settings(activation), rng=np.random.default_rng(3)) for _ in range(2)
    )
    assert one.residuals.tobytes() == two.residuals.tobytes()
    assert one.evaluations == two.evaluations


def test_a_file_that_is_no_counterexample_is_refused(tmp_path):
    small_settings()(np.random.default_rng(0)).save(tmp_path / "setting.npz")
    with pytest.raises(ValueError, match=r"expected an \.npz file with claim"):
        Counterexample.load(tmp_path / "setting.npz")


def test_the_consistent_reading_is_the_loops_and_the_printed_one_is_not():
    """Tolerance: 20 steps of at most p = 400 terms each, far below the O(1) difference of the wrong sign."""
    for seed in range(5):
        setting = small_settings("tanh")(np.random.default_rng(seed))
        setting = setting.replace(eta=0.01, ridge=schedules.cutoff(0.1, 4))
        loops, reading = reference_run(setting, 20), descend(setting, 20)
        np.testing.assert_allclose(reading.residuals, loops.residuals, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(reading.measures["beta_norm"], loops.measures["beta_norm"], rtol=1e-9)
        assert not np.allclose(ascend(setting, 20).residuals, loops.residuals, rtol=1e-9, atol=1e-12)
        assert not np.allclose(descend(setting, 20, shrink_by_lambda=True).residuals, loops.residuals, rtol=1e-9)


def test_the_package_and_its_command_load_no_numbers():
    code = (
        "import validation, validation.commands.cli, sys; "
        "print(sorted({'numpy', 'numba', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_offers_its_verbs_lazily():
    assert validation.falsify is falsify
    assert callable(validation.check)
    assert callable(validation.holds_with_probability)
    with pytest.raises(AttributeError, match="nothing"):
        _ = validation.nothing
