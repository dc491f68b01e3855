"""Strict numerics and named amounts of searching: HYPOTHESIS_PROFILE = dev, ci or nightly."""

import os
import signal
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import numba
import numpy as np
import pytest
from browser import Browser, chromium

for name, examples in (("dev", 30), ("ci", 60), ("nightly", 1000)):
    hypothesis.settings.register_profile(name, max_examples=examples, deadline=None, derandomize=name != "nightly")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


# A shell ignores Ctrl-C for what it runs in the background, and so would the commands that tests start there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


#: What is about compiled code, and says nothing where Numba is told not to compile.
ABOUT_COMPILED_CODE = ("test_compiled.py", "test_gram.py", "test_threads.py", "test_vector_math.py")


#: What runs whole commands in processes of their own: minutes each where Numba does not compile, and no coverage.
IN_OTHER_PROCESSES = ("test_examples.py", "test_gallery.py")

#: Seconds that a test, or the setup of a fixture, may take under NUMBA_DISABLE_JIT before it is skipped by name.
#: What hangs is found by the compiled suite, where pyproject's limit is a failure.
INTERPRETED = 45


#: Seconds that a nightly test may take; the others have pyproject's limit.
NIGHTLY = 3 * 3600


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker(pytest.mark.timeout(NIGHTLY))
    if numba.config.DISABLE_JIT:
        for item in items:
            if item.path.name in ABOUT_COMPILED_CODE:
                item.add_marker(pytest.mark.skip(reason="about compiled code, and NUMBA_DISABLE_JIT is set"))
            if item.path.name in IN_OTHER_PROCESSES:
                item.add_marker(pytest.mark.skip(reason="takes minutes, and NUMBA_DISABLE_JIT is set"))


@contextmanager
def _skipped_where_interpreting_takes_long(name):
    if not numba.config.DISABLE_JIT or not hasattr(signal, "SIGALRM"):
        yield
        return

    def too_long(*_):
        pytest.skip(f"{name} takes more than {INTERPRETED} s, and NUMBA_DISABLE_JIT is set")

    handler = signal.signal(signal.SIGALRM, too_long)
    left, _ = signal.setitimer(signal.ITIMER_REAL, INTERPRETED)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, handler)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef):
    with _skipped_where_interpreting_takes_long(fixturedef.argname):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Skip, under NUMBA_DISABLE_JIT, a test that takes long or asks for an engine which exists compiled only."""
    try:
        with _skipped_where_interpreting_takes_long(pyfuncitem.nodeid):
            return (yield)
    except ValueError as error:
        if numba.config.DISABLE_JIT and "under NUMBA_DISABLE_JIT, got 'gram'" in str(error):
            pytest.skip("needs the engine gram, which exists compiled only, and NUMBA_DISABLE_JIT is set")
        raise


@pytest.fixture(autouse=True)
def _strict_floating_point():
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(20211206)


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder with the real MNIST files: FA_REF_MNIST, or ``shared`` beside the checkout; None without them."""
    beside = Path(__file__).parents[2] / "shared" / "data" / "mnist"
    folder = Path(os.environ.get("FA_REF_MNIST", beside))
    return folder if folder.is_dir() else None


@pytest.fixture
def one_thread():
    """Compiled loops on one thread: small networks are slower with more, and the results are the same."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(threads)


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium, one for all tests of a process: `tests/browser.py`."""
    if chromium() is None:
        pytest.skip("no Chromium: install it, or name it in FA_REF_CHROMIUM")
    with Browser() as running:
        yield running
