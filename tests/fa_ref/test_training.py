"""`train`: what it records, how it stops, what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fa_ref import Activation, Network, Problem, Trajectory, schedules, train
from fa_ref._support import checks
from fa_ref.engines import slices
from fa_ref.measures import MEASURES, largest


@pytest.fixture
def small(rng):
    X = rng.standard_normal((6, 10)) / np.sqrt(10)
    return Problem(X, rng.standard_normal(6)), Network.gaussian(60, 10, rng)


def test_the_network_given_is_left_alone(small):
    problem, network = small
    before = network.digest()
    train(problem, network, eta=0.1, steps=5)
    assert network.digest() == before


@given(steps=st.integers(0, 23), every=st.integers(1, 30))
def test_sparse_records_are_those_of_the_full_run(steps, every):
    rng = np.random.default_rng(3)
    problem, network = Problem(rng.standard_normal((3, 4)), [1.0, -1.0, 0.5]), Network.gaussian(7, 4, rng)
    ridge = schedules.exponential(0.2, tau=5.0)
    full = train(problem, network, eta=0.1, steps=steps, ridge=ridge)
    sparse = train(problem, network, eta=0.1, steps=steps, ridge=ridge, record_every=every)
    assert sparse.times[0] == 0
    assert sparse.times[-1] == steps
    assert np.array_equal(sparse.residuals, full.residuals[sparse.times])
    for name in MEASURES:
        assert np.array_equal(sparse.measures[name], full.measures[name][sparse.times])
    assert sparse.network.digest() == full.network.digest()


def test_stopping_and_starting_again_is_the_straight_run(small):
    problem, network = small
    straight = train(problem, network, eta=0.1, steps=20, engine="loops")
    first = train(problem, network, eta=0.1, steps=8, engine="loops")
    second = train(problem, first.network, eta=0.1, steps=12, engine="loops")
    assert np.array_equal(second.residuals, straight.residuals[8:])


def test_measures_are_what_their_names_say(small):
    problem, network = small
    seen = []
    ridge = schedules.constant(0.4)
    run = train(
        problem, network, eta=0.1, steps=9, ridge=ridge, observe=lambda t, now: seen.append((t, now.copy()))
    )
    assert [t for t, _ in seen] == list(range(10))
    for k, (t, now) in enumerate(seen):
        moved = np.linalg.norm(now.W - network.W, axis=1)
        expected = {
            "alignment": now.alignment,
            "beta_norm": np.linalg.norm(now.beta),
            "weight_movement": moved.max(),
            "scaled_weight_movement": (moved / np.abs(network.b)).max(),
            "beta_movement": np.abs(now.beta - (1 - 0.1 * 0.4) ** t * network.beta).max(),
            "beta_mean": np.abs(now.beta).sum() / np.sqrt(60),
            "unit_mean": np.abs(now.beta) @ np.linalg.norm(now.W, axis=1) / np.sqrt(60),
            "weight_square": np.sum(now.W**2) / 60,
            "feedback_norm": np.linalg.norm(now.b),
        }
        assert set(expected) == set(MEASURES)
        for name, value in expected.items():
            assert run.measures[name][k] == pytest.approx(value, rel=1e-12, abs=1e-14), name
        np.testing.assert_allclose(now.output(problem.X) - problem.y, run.residuals[k], atol=1e-13)


def test_an_observer_stops_the_run(small):
    problem, network = small
    run = train(problem, network, eta=0.1, steps=50, observe=lambda t, _: t == 7)
    assert run.status == "stopped"
    assert run.times[-1] == 7
    assert run.network.digest() == train(problem, network, eta=0.1, steps=7).network.digest()


@pytest.mark.parametrize("every", [1, 7, 1000])
def test_divergence_stops_at_its_step_whatever_is_recorded(small, every):
    problem, network = small
    run = train(problem, network, "identity", eta=40.0, steps=1000, record_every=every)
    full = train(problem, network, "identity", eta=40.0, steps=1000)
    assert run.status == "diverged"
    assert run.diverged_at == full.diverged_at < 100
    assert run.times[-1] <= run.diverged_at
    assert np.isfinite(run.residuals).all()
    assert np.isfinite(np.array(list(run.measures.values()))).all()


def test_divergence_beyond_all_numbers_is_a_status_too(small):
    problem, network = small
    run = train(problem, network, "identity", eta=1e250, steps=10)
    assert run.status == "diverged"
    assert run.diverged_at is not None
    assert np.isfinite(run.residuals).all()


def test_a_run_that_grows_for_a_while_is_not_called_diverged(rng):
    problem = Problem(rng.standard_normal((10, 20)), rng.standard_normal(10))
    run = train(problem, Network.gaussian(30, 20, rng), "tanh", eta=0.01, steps=3000, record_every=10)
    assert run.status == "completed"


def test_no_steps_still_gives_the_start(small):
    problem, network = small
    run = train(problem, network, eta=0.1, steps=0)
    assert run.times.tolist() == [0]
    np.testing.assert_allclose(run.residuals[0], network.output(problem.X) - problem.y, atol=1e-13)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"eta": 0.0}, ValueError, "eta: expected a finite number > 0, got 0.0"),
        ({"eta": -1}, ValueError, "eta"),
        ({"eta": float("nan")}, ValueError, "eta"),
        ({"eta": "fast"}, TypeError, "eta"),
        ({"steps": -1}, ValueError, "steps"),
        ({"steps": 1.5}, TypeError, "steps"),
        ({"record_every": 0}, ValueError, "record_every"),
        ({"ridge": schedules.constant(10.0)}, ValueError, r"ridge: expected eta \* lambda\(t\) < 1, got 1"),
        ({"rule": "dfa"}, ValueError, "rule: expected one of fa, bp, kolen-pollack, hebbian, got 'dfa'"),
        ({"engine": "warp"}, ValueError, "engine"),
        ({"dtype": "float16"}, ValueError, "dtype"),
        ({"activation": "tan"}, ValueError, "activation"),
    ],
)
def test_bad_arguments_get_one_clear_line(small, change, error, message):
    arguments = {"eta": 0.1, "steps": 3} | change
    with pytest.raises(error, match=message) as caught:
        train(*small, **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["problem", "network", "ridge"])
def test_objects_of_the_wrong_type_are_named(small, name):
    arguments = {"problem": small[0], "network": small[1], "ridge": None, "eta": 0.1, "steps": 1} | {name: 0.1}
    with pytest.raises(TypeError, match=rf"{name}: expected a \w+, got 0\.1"):
        train(**arguments)


def test_a_psi_that_fails_somewhere_is_named(small):
    picky = Activation("picky", lambda z: z if z < 3.5 else 1 // int(0.0 * z) * z, lambda _: 1.0)
    with pytest.raises(ValueError, match="activation: expected picky to be defined at every number"):
        train(small[0], Network(10 * small[1].W, small[1].beta, small[1].b), picky, eta=0.1, steps=3)


def test_a_length_of_run_that_does_not_fit_in_memory_is_refused(small):
    with pytest.raises(ValueError, match="steps = 1000000000000: expected a size that fits in memory"):
        train(*small, eta=0.1, steps=10**12)


def test_a_network_for_other_inputs_is_refused(small, rng):
    with pytest.raises(ValueError, match="network: expected input dimension 10"):
        train(small[0], Network.gaussian(5, 11, rng), eta=0.1, steps=1)


def test_memory_is_asked_for_before_it_is_allocated(small, monkeypatch):
    monkeypatch.setattr(checks, "SMALL", 0)
    monkeypatch.setattr(checks, "available_memory", lambda: 1000)
    with pytest.raises(ValueError, match=r"p = 60, .* needs 0\.0 GiB"):
        train(*small, eta=0.1, steps=1)


def test_trajectories_survive_the_disk(small, tmp_path):
    run = train(*small, eta=0.1, steps=5)
    run.save(tmp_path / "run.npz")
    back = Trajectory.load(tmp_path / "run.npz")
    assert np.array_equal(back.residuals, run.residuals)
    assert back.setting == run.setting
    assert back.status == "completed"
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    (tmp_path / "bad.npz").write_bytes((tmp_path / "run.npz").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"expected an \.npz file"):
        Trajectory.load(tmp_path / "bad.npz")


def test_frames_and_plots_show_the_run(small):
    run = train(*small, eta=0.1, steps=5)
    frame = run.to_frame()
    assert frame.index.tolist() == [0, 1, 2, 3, 4, 5]
    assert frame["loss"].to_numpy() == pytest.approx(run.residual_norms**2 / 2)
    line = run.plot().get_lines()[0]
    assert np.array_equal(line.get_ydata(), run.residual_norms)


@pytest.mark.parametrize("n_d", [(12, 5), (6, 10)])
def test_a_linear_network_trains_alike_on_the_projected_problem(n_d, rng):
    """‖f − y‖² = ‖f − ȳ‖² + ‖ȳ − y‖², and (UᵀX, Uᵀy) moves the weights as (X, y) does."""
    n, d = n_d
    problem = Problem(rng.standard_normal((n, d)), rng.standard_normal(n))
    network = Network.gaussian(40, d, rng)
    projection = problem.projected()
    run = train(problem, network, "identity", eta=0.01, steps=40)
    reduced = train(projection, network, "identity", eta=0.01, steps=40)
    np.testing.assert_allclose(reduced.network.W, run.network.W, atol=1e-12)
    np.testing.assert_allclose(reduced.network.beta, run.network.beta, atol=1e-12)
    whole = run.residual_norms**2
    split = reduced.residual_norms**2 + projection.unexplained**2
    np.testing.assert_allclose(whole, split, rtol=1e-12)
    f = run.network.output(problem.X, "identity")
    left = np.sum((f - problem.y) ** 2)
    right = np.sum((f - projection.y_bar) ** 2) + np.sum((projection.y_bar - problem.y) ** 2)
    assert left == pytest.approx(right, rel=1e-12)


def test_the_split_needs_the_projection(rng):
    """For y that is not projected the cross term does not vanish: the identity above is not trivial."""
    problem = Problem(rng.standard_normal((12, 5)), rng.standard_normal(12))
    f = Network.gaussian(40, 5, rng).output(problem.X, "identity")
    other = rng.standard_normal(12)
    left = np.sum((f - problem.y) ** 2)
    assert abs(left - np.sum((f - other) ** 2) - np.sum((other - problem.y) ** 2)) > 1e-3 * left


@pytest.mark.parametrize("engine", ["loops", "ordered", "gram"])
def test_progress_shows_the_beginning_of_the_run(rng, engine, monkeypatch):
    """What is recorded so far is the whole run's beginning, bit for bit, slice by slice."""
    monkeypatch.setattr(slices, "FIRST", 1)
    monkeypatch.setattr(slices, "SECONDS", 0.0)
    problem, network = Problem(rng.standard_normal((3, 4)), rng.standard_normal(3)), Network.gaussian(6, 4, rng)
    seen = []
    whole = train(
        problem, network, "tanh", eta=0.05, steps=20, record_every=3, engine=engine,
        progress=lambda step, so_far: seen.append((step, so_far())),
    )  # fmt: skip
    assert len(seen) > 10
    for step, part in seen:
        k = len(part.times)
        assert part.status == "stopped"
        assert part.times[-1] < step
        assert part.times[-1] + 3 >= step or k == len(whole.times) - 1
        np.testing.assert_array_equal(part.times, whole.times[:k])
        np.testing.assert_array_equal(part.residuals, whole.residuals[:k])
        np.testing.assert_array_equal(part.alignment, whole.alignment[:k])


@pytest.mark.parametrize("engine", ["loops", "ordered", "gram", "reduced"])
def test_slices_change_no_bit(engine, rng, monkeypatch):
    problem, network = Problem(rng.standard_normal((3, 5)), rng.standard_normal(3)), Network.gaussian(8, 5, rng)
    settings = {"eta": 0.01, "steps": 41, "record_every": 6, "engine": engine}
    whole, told = train(problem, network, "linear", **settings), []
    monkeypatch.setattr(slices, "FIRST", 0)  # a first slice of one step
    monkeypatch.setattr(slices, "SECONDS", 1e-9)  # and no longer ones
    sliced = train(problem, network, "linear", progress=lambda t, _so_far: told.append(t), **settings)
    assert told == sorted(told)
    assert told[-1] == 41
    assert len(told) >= 41
    assert np.array_equal(whole.residuals, sliced.residuals)
    assert all(np.array_equal(whole.measures[name], sliced.measures[name]) for name in whole.measures)
    assert whole.network.digest() == sliced.network.digest()


@pytest.mark.parametrize("engine", ["loops", "ordered", "gram", "reduced"])
def test_a_run_that_diverges_between_two_slices_ends_where_it_would(engine, rng, monkeypatch):
    problem, network = Problem(rng.standard_normal((3, 5)), rng.standard_normal(3)), Network.gaussian(8, 5, rng)
    settings = {"eta": 3.0, "steps": 60, "record_every": 50, "engine": engine}
    whole = train(problem, network, "linear", **settings)
    assert whole.status == "diverged"
    monkeypatch.setattr(slices, "FIRST", 0)
    monkeypatch.setattr(slices, "SECONDS", 1e-9)
    sliced = train(problem, network, "linear", **settings)
    assert sliced.diverged_at == whole.diverged_at
    assert np.array_equal(whole.residuals, sliced.residuals, equal_nan=True)


@pytest.mark.parametrize("odd", [[], [-0.0], [np.nan], [-np.nan, np.nan], [-np.inf, np.nan]])
def test_the_largest_size_passes_over_nan(odd, rng):
    x = np.concatenate([rng.standard_normal(37), odd])
    assert largest(x) == np.nanmax(np.abs(x))
    assert largest(np.array(odd)) == (np.inf if -np.inf in odd else 0.0)
