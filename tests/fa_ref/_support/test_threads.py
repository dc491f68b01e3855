"""Bits do not depend on threads, neither Numba's nor BLAS'; Python's threads, forked processes and Ctrl-C work."""

import os
import signal
import subprocess
import sys
import threading
import time

import numba
import pytest
from threadpoolctl import ThreadpoolController

from fa_ref._support import threads
from fa_ref._support.threads import one_blas_thread

TWO = numba.config.NUMBA_NUM_THREADS > 1 and (os.cpu_count() or 1) > 1
needs_two = pytest.mark.skipif(not TWO, reason="a machine with one processor runs nothing in parallel")

SETTING = """
import hashlib
import numpy as np
from fa_ref import Network, Problem, train
rng = np.random.default_rng(0)
n, d, p = 110, 230, 1500
problem = Problem(rng.standard_normal((n, d)) / d**0.5, rng.standard_normal(n))
network = Network.gaussian(p, d, rng)

def digest(engine, activation, steps=3):
    run = train(problem, network, activation, eta=1e-3, steps=steps, engine=engine)
    return hashlib.sha256(run.residuals.tobytes() + run.network.digest().encode()).hexdigest()
"""


def run(code, timeout=300, **changes):
    environment = dict(os.environ, **changes)
    command = [sys.executable, "-c", SETTING + code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_two
def test_the_bits_are_those_of_any_number_of_threads_of_blas_and_of_numba():
    code = """
from fa_ref.engines.reduced import Statistics, sample_in_law
print(digest("gram", "relu"), digest("reduced", "linear"))
S = sample_in_law(problem, 10**6, np.random.default_rng(1))
print(hashlib.sha256(S.S.tobytes() + S.F_b.tobytes() + problem.singular_values.tobytes()).hexdigest())
"""
    printed = {
        run(code, OPENBLAS_NUM_THREADS=str(blas), NUMBA_NUM_THREADS=str(loops)) for blas, loops in ((1, 1), (2, 2))
    }
    assert len(printed) == 1


@needs_two
@pytest.mark.parametrize(
    "code",
    [
        """
from fa_ref.deep import DeepNetwork, train_deep
network = DeepNetwork.gaussian(L=2, p=300, d=problem.d, rng=np.random.default_rng(2))
print(hashlib.sha256(train_deep(problem, network, eta=1e-3, steps=5).residuals.tobytes()).hexdigest())
""",
        """
from fa_ref.classifier import Classifier, train_classifier
from fa_ref.data.images import LabelledImages
rng = np.random.default_rng(2)
images = LabelledImages(rng.standard_normal((400, 200)), np.arange(400) % 10, k=10)
run = train_classifier(images, images, Classifier.gaussian(300, 200, 10, rng), rng, epochs=1, batch=100)
print(run.loss)
""",
        """
from theory.kernels import mean_kernel
kernel = mean_kernel(problem.X, "tanh")
print(hashlib.sha256(kernel.G.tobytes() + kernel.Theta.tobytes()).hexdigest(), kernel.gamma_lower.hex())
""",
        """
from fa_ref import Setting
from theory.certificates import from_state
network = Network.gaussian(3000, problem.d, np.random.default_rng(2))
print(from_state(Setting(problem, network, "tanh", eta=1e-4)).constants)
""",
    ],
    ids=["depth", "classifier", "mean kernel", "certificate"],
)
def test_nothing_else_depends_on_the_number_of_threads(code):
    printed = {run(code, OPENBLAS_NUM_THREADS=n, NUMBA_NUM_THREADS=n) for n in ("1", "2")}
    assert len(printed) == 1


def blas_threads():
    return [lib.num_threads for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]


def test_limits_end_with_the_last_of_them_in_whatever_order():
    before = blas_threads()
    first, second = one_blas_thread(), threads.threads(1)
    first.__enter__()
    second.__enter__()
    assert set(blas_threads()) == {1}
    first.__exit__(None, None, None)
    assert set(blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == before


def test_a_limit_is_undone_after_an_error():
    before, loops = blas_threads(), numba.get_num_threads()
    with pytest.raises(ZeroDivisionError), threads.threads(1):
        1 / (numba.get_num_threads() - 1)
    assert blas_threads() == before
    assert numba.get_num_threads() == loops


@needs_two
def test_one_parallel_kernel_runs_at_a_time():
    inside, most = [], []

    def work():
        for _ in range(20):
            with threads.parallel_kernel(threads.SERIAL) as parallel:
                assert parallel
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert max(most) == 1


def test_small_kernels_are_not_parallel():
    with threads.parallel_kernel(threads.SERIAL - 1) as parallel:
        assert not parallel


@needs_two
@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_python_threads_may_train_at_once(layer):
    """Numba's workqueue layer ends a process in which two threads start a parallel kernel at once."""
    pytest.importorskip({"workqueue": "numba.np.ufunc.workqueue", "omp": "numba.np.ufunc.omppool"}[layer],
                        exc_type=ImportError, reason=f"Numba's layer {layer} does not load here")  # fmt: skip
    code = """
import threading
expected, seen = {engine: digest(engine, "relu", 8) for engine in ("ordered", "gram")}, []
def work(engine):
    for _ in range(3):
        seen.append(digest(engine, "relu", 8) == expected[engine])
workers = [threading.Thread(target=work, args=(engine,)) for engine in ("ordered", "gram", "ordered", "gram")]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(len(seen), all(seen))
"""
    assert run(code, NUMBA_THREADING_LAYER=layer) == "12 True\n"


@needs_two
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_processes_may_train_after_their_parent_has():
    """GNU OpenMP hangs, or ends the process, where a child of fork goes on with its parent's threads."""
    code = """
import multiprocessing
expected = [digest("ordered", "relu"), digest("gram", "relu")]
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.starmap(digest, [("ordered", "relu"), ("gram", "relu")]) == expected)
"""
    assert run(code, timeout=240) == "True\n"


LONG = """
import time
import numpy as np
from fa_ref import Network, Problem, train
problem = Problem([[1.0, 0.0, 0.5], [0.0, 1.0, 0.2]], [1.0, -1.0])
network = Network.gaussian(5, 3, np.random.default_rng(0))
settings = {"eta": 1e-6, "engine": ENGINE, "record_every": 10**7}
train(problem, network, "linear", steps=3, **settings)
def progress(t, _so_far):
    if t < 10**6:
        print(t, flush=True)
try:
    train(problem, network, "linear", steps=20_000_000, progress=progress, **settings)
except KeyboardInterrupt:
    print(time.time())
"""


def seconds_until_heard(engine):
    process = subprocess.Popen(
        [sys.executable, "-c", LONG.replace("ENGINE", repr(engine))], stdout=subprocess.PIPE, text=True
    )
    try:
        assert 0 < int(process.stdout.readline()) < 10**6
        time.sleep(0.5)
        assert process.poll() is None, "it was over before it could be interrupted"
        sent = time.time()
        process.send_signal(signal.SIGINT)
        return float(process.communicate(timeout=60)[0].split()[-1]) - sent
    finally:
        process.kill()


@pytest.mark.parametrize("engine", ["loops", "ordered", "gram", "reduced"])
@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_an_interrupt_is_heard_within_a_second(engine):
    # the best of three, since others may use the machine; as one compiled call, 2·10⁷ steps take several seconds
    assert any(seconds_until_heard(engine) < 1.0 for _ in range(3))


WAITING = """
import numba, numpy as np
from fa_ref import Network, Problem, train
rng = np.random.default_rng(0)
problem, network = Problem(rng.standard_normal((20, 50)), rng.standard_normal(20)), Network.gaussian(4000, 50, rng)
train(problem, network, "tanh", eta=0.01, steps=3, engine="ordered")
print(numba.threading_layer())
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core: nothing runs in parallel")
@pytest.mark.parametrize(("chosen", "rounds"), [({}, "2000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_threads_that_wait_soon_leave_the_core_to_others(chosen, rounds):
    named = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "NUMBA_NUM_THREADS"}
    kept = {name: value for name, value in os.environ.items() if name not in named}
    shown = {"NUMBA_NUM_THREADS": "2", "OMP_DISPLAY_ENV": "VERBOSE"}
    ended = subprocess.run(
        [sys.executable, "-c", WAITING], env=kept | shown | chosen,
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    if ended.stdout.strip() != "omp" or sys.platform != "linux":
        pytest.skip("Numba does not use GNU OpenMP here")
    assert f"GOMP_SPINCOUNT = '{rounds}'" in ended.stderr
