"""cos∠(b, β(t)) stays in the certified interval for good and ends in the second; the checker proves both again."""

import math

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, schedules, train
from theory.certificates.alignment import Direction, cosines
from theory.certificates.checker import check
from theory.certificates.from_state import from_state
from theory.certificates.search import certify

pytestmark = pytest.mark.usefixtures("one_thread")

ENDS = ("alignment_low", "alignment_high", "final_low", "final_high")


def random_run(rng):
    """A small network with ridge for a while, so that it aligns, and then without."""
    n, d, p = int(rng.integers(1, 5)), int(rng.integers(4, 8)), int(np.exp(rng.uniform(np.log(8), np.log(150))))
    activation = str(rng.choice(["identity", "tanh", "sigmoid", "erf", "softplus"]))
    problem = Problem(rng.standard_normal((n, d)) * d**-0.5, 0.7 * rng.standard_normal(n))
    network = Network.gaussian(p, d, rng)
    eta = float(rng.choice([0.1, 0.4]))
    ridge = schedules.cutoff(rng.uniform(0.05, 0.5), int(rng.integers(5, 120))) if rng.random() < 0.8 else None
    return Setting(problem, network, activation, eta=eta, ridge=ridge)


def judged(draws, seed, shrink=1.0):
    """Certified runs, their later steps, and those outside the interval, shrunk about its middle by a factor."""
    rng, certified, steps, outside, final_outside = np.random.default_rng(seed), 0, 0, 0, 0
    for _ in range(draws):
        setting = random_run(rng)
        after = setting.ridge.values(200)
        start = train(setting, steps=int(np.count_nonzero(after)) + int(rng.integers(0, 200))).network
        now = setting.replace(network=start, ridge=schedules.zero())
        proof = from_state(now)
        if not proof or proof.alignment is None:
            continue
        certified += 1
        run = train(now, steps=1500)
        for (low, high), seen, late in (
            (proof.alignment, run.alignment, False),
            (proof.final_alignment, run.alignment[-1:], True),
        ):
            middle, half = (low + high) / 2, shrink * (high - low) / 2
            # What is left of the run moves β by (σ + δ)‖e‖/a at most; p·eps covers the measured cosine.
            left = 4 * run.residual_norms[-1] / proof.rate * proof.constants["sigma"] if late else 0.0
            slack = left / proof.constants["beta_norm"] + 4 * now.p * np.finfo(float).eps
            wrong = int(np.sum((seen < middle - half - slack) | (seen > middle + half + slack)))
            outside += 0 if late else wrong
            final_outside += wrong if late else 0
            steps += seen.size
    return certified, steps, outside, final_outside


def test_no_run_leaves_the_certified_interval():
    certified, steps, outside, final_outside = judged(60, seed=0)
    assert certified > 20
    assert steps > 20_000
    assert (outside, final_outside) == (0, 0)


@pytest.mark.nightly
def test_no_run_of_hundreds_leaves_the_certified_interval():
    certified, _, outside, final_outside = judged(600, seed=1)
    assert certified > 200
    assert (outside, final_outside) == (0, 0)


def test_a_narrower_interval_is_left():
    """The negative control: a tenth of the interval is too little for some run."""
    _, _, outside, final_outside = judged(60, seed=0, shrink=0.1)
    assert outside > 0
    assert final_outside > 0


def test_bounds_of_the_cosine_hold_for_random_movements_and_are_attained():
    rng = np.random.default_rng(0)
    for _ in range(200):
        p = int(rng.integers(2, 6))
        b, v = rng.standard_normal(p), rng.standard_normal(p)
        unit = b / np.linalg.norm(b)
        x = unit @ v
        y = np.linalg.norm(v - x * unit)
        reach, along = rng.uniform(0, 1.2) * np.linalg.norm(v), rng.uniform(0, 1.2) * np.linalg.norm(v)
        low, high = cosines(Direction(along=(x, x), across=(y, y)), reach=reach, along=along)
        h = rng.standard_normal((4000, p))
        h *= (reach * rng.random((4000, 1)) ** 0.3) / np.linalg.norm(h, axis=1, keepdims=True)
        h = h[np.abs(h @ unit) <= along]
        moved = v + h
        cosine = moved @ unit / np.linalg.norm(moved, axis=1)
        assert (cosine >= low - 1e-14).all()
        assert (cosine <= high + 1e-14).all()
        if along >= reach < 0.9 * np.linalg.norm(v):  # the tangent point of the cone, where it is not cut off
            angle, turn = math.atan2(y, x), math.asin(reach / np.linalg.norm(v))
            assert low == pytest.approx(math.cos(min(angle + turn, math.pi)), abs=1e-9)
            assert high == pytest.approx(math.cos(max(angle - turn, 0.0)), abs=1e-9)


def test_a_ball_that_contains_the_origin_says_nothing():
    centre = Direction(along=(0.5, 0.5), across=(0.1, 0.1))
    assert cosines(centre, reach=0.6, along=0.6) == (-1.0, 1.0)
    assert cosines(centre, reach=math.inf, along=math.inf) == (-1.0, 1.0)
    low, high = cosines(Direction(along=(-0.1, 0.1), across=(1.0, 1.0)), reach=0.0, along=0.0)
    assert low == pytest.approx(-0.0995, abs=1e-4)
    assert high == pytest.approx(0.0995, abs=1e-4)


def test_without_feedback_nothing_is_said_of_alignment():
    rng = np.random.default_rng(0)
    problem = Problem(rng.standard_normal((2, 3)), [0.5, -0.5])
    network = Network(rng.standard_normal((50, 3)), rng.standard_normal(50), np.zeros(50))
    trained = train(problem, network, "tanh", eta=0.5, steps=400).network
    for rigorous in (False, True):
        proof = from_state(Setting(problem, trained, "tanh", eta=0.3), rigorous=rigorous)
        assert proof
        assert proof.alignment is proof.final_alignment is None
        verdict = check(proof.to_dict(), problem, trained)
        assert verdict, verdict.refused
        assert "cos" not in verdict.statement


# --- the checker


@pytest.fixture(scope="module")
def aligned():
    rng = np.random.default_rng(3)
    problem = Problem(rng.standard_normal((3, 6)) / np.sqrt(6), rng.standard_normal(3))
    setting = Setting(
        problem, Network.gaussian(80, 6, rng), "tanh", eta=0.4, ridge=schedules.cutoff(0.2, 200)
    )  # fmt: skip
    found = certify(setting, rigorous=True)
    assert found
    return found


def test_alignment_is_proved_and_seen(aligned):
    proof = aligned.certificate
    low, high = proof.final_alignment
    assert proof.alignment[0] <= low <= aligned.final_alignment <= high <= proof.alignment[1]
    assert proof.alignment[0] <= aligned.least_alignment
    assert high - low < 0.1
    assert low > 0.1


def test_the_checker_proves_alignment_again(aligned):
    problem, network = aligned.setting.problem, aligned.network
    for rigorous in (True, False):
        proof = from_state(aligned.setting, rigorous=rigorous)
        assert set(ENDS) <= set(proof.constants)
        verdict = check(proof.to_dict(), problem, network)
        assert verdict, verdict.refused
        assert "cos∠(b, β(t)) stays in [" in verdict.statement
        low = float(verdict.statement.split("stays in [")[1].split(",")[0])
        assert proof.alignment[0] - 1e-6 <= low <= proof.alignment[0]


@pytest.mark.parametrize("name", ENDS)
def test_an_end_moved_inwards_is_refused(aligned, name):
    record = aligned.certificate.to_dict()
    constants = record["constants"]
    inwards = 1 if name.endswith("low") else -1
    for kind in ("alignment", "final"):
        assert constants[f"{kind}_high"] - constants[f"{kind}_low"] > 1e-5
    constants = {**constants, name: constants[name] + inwards * 1e-6}
    verdict = check({**record, "constants": constants}, aligned.setting.problem, aligned.network)
    assert [claim.split(" ")[0] for claim in verdict.refused] == [name]
    assert verdict.statement == ""


def test_alignment_without_convergence_is_never_stated(aligned):
    """At η beyond the edge the same weights have no certificate, and so no interval."""
    far = from_state(aligned.setting.replace(eta=9.0))
    assert not far
    assert far.alignment is None
