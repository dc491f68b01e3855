"""A setting is one experiment: equal by content, replayed bit for bit, refused where it cannot be meant."""

import math

import numpy as np
import pytest

from fa_ref import Activation, Network, Problem, Setting, Trajectory, schedules, train
from fa_ref.activations import tanh
from fa_ref.engines.reduced import sample_in_law


@pytest.fixture
def setting():
    rng = np.random.default_rng(0)
    problem = Problem(rng.standard_normal((3, 4)), rng.standard_normal(3))
    return Setting(problem, Network.gaussian(20, 4, rng), "tanh", eta=0.1, ridge=schedules.cutoff(0.3, 7))


def steep(z):
    return math.tanh(3.0 * z)


def steep_slope(z):
    return 3.0 / math.cosh(3.0 * z) ** 2


def changes(setting):
    problem, start = setting.problem, setting.start
    nudged = start.W.copy()
    nudged[3, 2] = np.nextafter(nudged[3, 2], 2.0)
    return {
        "X": {"problem": Problem(2.0 * problem.X, problem.y)},
        "y": {"problem": Problem(problem.X, -problem.y)},
        "one bit of W": {"network": Network(nudged, start.beta, start.b)},
        "b": {"network": Network(start.W, start.beta, -start.b)},
        "psi": {"activation": "sigmoid"},
        "a namesake": {"activation": Activation("tanh", steep, steep_slope, B0=1.0, B1=3.0)},
        "eta": {"eta": np.nextafter(0.1, 1.0)},
        "schedule": {"ridge": schedules.cutoff(0.3, 8)},
        "one bit of lambda": {"ridge": schedules.cutoff(np.nextafter(0.3, 1.0), 7)},
        "rule": {"rule": "bp"},
    }


@pytest.mark.parametrize("part", ["X", "y", "one bit of W", "b", "psi", "a namesake", "eta", "schedule",
                                  "one bit of lambda", "rule"])  # fmt: skip
def test_every_part_counts(setting, part):
    other = setting.replace(**changes(setting)[part])
    assert other != setting
    assert other.digest() != setting.digest()
    assert setting.replace() == setting
    assert hash(setting.replace()) == hash(setting)


def test_two_explicit_schedules_of_one_length_differ(setting):
    one, two = (setting.replace(ridge=schedules.explicit(values)) for values in ([0.1] * 20, [0.2] * 20))
    assert one != two


def test_a_setting_keeps_its_weights(setting):
    weights = Network.gaussian(5, 4, np.random.default_rng(1))
    held = setting.replace(network=weights)
    weights.W[0, 0] = 7.0
    assert held.start.W[0, 0] != 7.0
    with pytest.raises(ValueError, match="read-only"):
        held.start.b[0] = 1.0


def test_a_saved_setting_replays_bit_for_bit(setting, tmp_path):
    setting.save(tmp_path / "s.npz")
    back = Setting.load(tmp_path / "s.npz")
    assert back == setting
    first, second = train(setting, steps=20), train(back, steps=20)
    assert np.array_equal(first.residuals, second.residuals)


def test_a_saved_run_carries_its_setting(setting, tmp_path):
    run = train(setting, steps=5)
    run.save(tmp_path / "r.npz")
    back = Trajectory.load(tmp_path / "r.npz")
    assert back.setting == setting
    assert np.array_equal(back.residuals, run.residuals)
    assert back.roundoff == run.roundoff == 2.0**-53


def test_averages_are_saved_too(setting, tmp_path):
    statistics = sample_in_law(setting.problem, 10**6, np.random.default_rng(0))
    wide = setting.replace(network=statistics, activation="identity")
    wide.save(tmp_path / "s.npz")
    back = Setting.load(tmp_path / "s.npz")
    assert back == wide
    assert back.p == 10**6
    with pytest.raises(ValueError, match="network: expected the weights at t = 0, got averages only"):
        _ = back.start


def test_a_users_psi_must_be_given_again_and_be_the_same(setting, tmp_path):
    own = Activation("steep", steep, steep_slope, B0=1.0, B1=3.0)
    setting.replace(activation=own).save(tmp_path / "s.npz")
    with pytest.raises(ValueError, match="activation: expected the user's own steep"):
        Setting.load(tmp_path / "s.npz")
    with pytest.raises(ValueError, match="got another tanh"):
        Setting.load(tmp_path / "s.npz", tanh)
    assert Setting.load(tmp_path / "s.npz", own).activation is own


def test_what_cannot_be_meant_is_refused(setting):
    with pytest.raises(ValueError, match="network: expected input dimension 4"):
        setting.replace(network=Network.gaussian(5, 3, np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"ridge: expected eta \* lambda\(t\) < 1"):
        setting.replace(ridge=schedules.constant(10.0))
    with pytest.raises(TypeError, match="eta: expected none beside a setting"):
        train(setting, steps=3, eta=0.1)
    with pytest.raises(ValueError, match="network: expected the weights at t = 0"):
        train(setting.replace(network=None), steps=3)


def test_recorded_arrays_are_checked_at_the_door(setting):
    good = np.ones((2, 3))
    for bad in (np.ma.masked_array(good, mask=good > 2), good + 1j, good.astype(str)):
        with pytest.raises(TypeError, match="residuals: expected"):
            Trajectory.recorded(setting, [0, 1], bad)
    for times in ([1, 2], [0, 0], [0.5, 1.5], [0, 1, 2]):
        with pytest.raises(ValueError, match=r"times|residuals"):
            Trajectory.recorded(setting, times, good)
    with pytest.raises(ValueError, match="measures: expected names among"):
        Trajectory.recorded(setting, [0, 1], good, measures={"angle": [0.0, 1.0]})
    assert Trajectory.recorded(setting, [0, 1], good.astype(np.float32)).roundoff == 2.0**-24


def test_a_perfect_fit_has_not_diverged():
    """Twenty pairs of units that cancel: y = 0 = f(0), and a penalty leaves nothing but rounding."""
    rng = np.random.default_rng(0)
    W, beta = np.repeat(rng.standard_normal((20, 2)), 2, axis=0), np.repeat(rng.standard_normal(20), 2)
    beta[1::2] *= -1.0
    problem = Problem(np.eye(2), np.zeros(2))
    network = Network(W, beta, rng.standard_normal(40))
    for engine in ("loops", "gram"):
        run = train(problem, network, "tanh", eta=0.1, steps=50, ridge=schedules.constant(1.0), engine=engine)
        assert run.status == "completed"
        assert run.loss.max() < 1e-25
