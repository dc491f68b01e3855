"""An interrupt within Numba waits until it is left; elsewhere it is raised at once."""

import signal
import sys
import threading
import time

import pytest

from fa_ref._support.interrupts import AGAIN, COMPILERS, interruptible

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")


@pytest.fixture(autouse=True)
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def module(name, source):
    """The names that a module of this name would define."""
    names = {"__name__": name, "signal": signal, "time": time}
    exec(source, names)
    return names


PRESSED = """
def press(seconds):
    heard = "not within"
    try:
        signal.raise_signal(signal.SIGINT)
        time.sleep(seconds)
    except KeyboardInterrupt:
        heard = "within"
    return heard
"""


def pressed(name, seconds):
    """Where an interrupt is heard that comes within a function of this module: within it, or after."""
    press = module(name, PRESSED)["press"]
    heard = "nowhere"
    try:
        heard = press(seconds)
        time.sleep(30.0)
    except KeyboardInterrupt:
        heard += ", after"
    return heard


@pytest.mark.parametrize("compiler", [*COMPILERS, "numba.core.dispatcher", "llvmlite.binding"])
@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_an_interrupt_waits_until_the_compiler_is_left(compiler, seconds):
    with interruptible():
        assert pressed(compiler, seconds) == "not within, after"


def test_without_it_the_interrupt_is_raised_within():
    with pytest.raises(KeyboardInterrupt):
        module("numba", "def lost():\n    signal.raise_signal(signal.SIGINT)\n")["lost"]()


def test_a_process_that_sleeps_is_woken():
    started = time.perf_counter()
    with interruptible():
        assert pressed("numba", 0.0) == "not within, after"  # and would then sleep for half a minute
    assert time.perf_counter() - started < 25.0


@pytest.mark.parametrize("name", ["fa_ref", "numbat", "joblib"])
def test_elsewhere_it_is_raised_at_once(name):
    with interruptible(), pytest.raises(KeyboardInterrupt):
        module(name, "def heard():\n    signal.raise_signal(signal.SIGINT)\n")["heard"]()


def test_an_insistent_user_is_heard_within():
    with interruptible(), pytest.raises(KeyboardInterrupt):
        module("numba", "def heard():\n    for _ in range(2): signal.raise_signal(signal.SIGINT)\n")["heard"]()


def test_an_insistent_user_is_heard_once():
    heard = []
    with interruptible(), pytest.raises(KeyboardInterrupt):
        module("numba", "def heard():\n    for _ in range(2): signal.raise_signal(signal.SIGINT)\n")["heard"]()
    signal.signal(signal.SIGINT, lambda *_: heard.append("again"))  # whoever listens afterwards
    time.sleep(10 * AGAIN)
    assert heard == []


def test_a_callback_from_the_compiler_counts_as_within():
    """As a ctypes callback of llvmlite does, which drops what is raised in it."""
    outer = module("llvmlite", "def call(function):\n    function()\n    return 'kept'\n")["call"]
    kept = []

    def press_and_wait():
        kept.append(outer(lambda: signal.raise_signal(signal.SIGINT)))
        time.sleep(30.0)

    with interruptible(), pytest.raises(KeyboardInterrupt):
        press_and_wait()
    assert kept == ["kept"]


def test_the_handler_is_given_back():
    with interruptible(), interruptible():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_users_own_is_left_alone():
    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    with interruptible():
        signal.raise_signal(signal.SIGINT)
    assert heard == [1]


def test_in_another_thread_nothing_is_changed():
    seen = []

    def work():
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    worker = threading.Thread(target=work)
    worker.start()
    worker.join(10)
    assert seen == [signal.default_int_handler]
