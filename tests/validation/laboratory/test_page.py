"""``fa-ref lab`` as a reader has it: served, opened in a browser, a slider moved, and ended with Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "validation.commands.cli", "lab", "--no-browser", "--port"]
HERE = {"cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}, "text": True}

#: Looks through the shadow roots in which marimo keeps its elements.
DEEP = """
function deep(test, root = document) {
  let found = [];
  for (const element of root.querySelectorAll("*")) {
    if (test(element)) found.push(element);
    if (element.shadowRoot) found = found.concat(deep(test, element.shadowRoot));
  }
  return found;
}
function curves() {
  if (deep(e => e.matches("svg.marks")).length < 5) return "";
  return deep(e => e.matches("svg.marks path") && e.getAttribute("stroke-width") === "2")
    .map(e => e.getAttribute("d").replace(/[ML][^,]*,/g, " ")).join();  // heights: the width is the window's
}
function hash(text) { return [...text].reduce((h, c) => (31 * h + c.codePointAt(0)) | 0, 7); }
function said() { return deep(e => e.matches(".lab-status")).map(e => e.textContent).join(", "); }
function slider(name) {
  const box = deep(e => e.matches(`[data-control="${name}"]`))[0];
  return box && deep(e => e.matches('[role="slider"]'), box)[0];
}
"""

needs_marimo = pytest.mark.skipif(find_spec("marimo") is None, reason="marimo is not installed")


def evaluated(script):
    return f"(() => {{ {DEEP} return {script}; }})()"


@pytest.fixture
def laboratory():
    """The address of a laboratory that runs in a process of its own, and that process."""
    process = subprocess.Popen(
        [*COMMAND, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **HERE
    )
    line = process.stdout.readline()
    address = re.search(r"http://127\.0\.0\.1:\d+", line)
    if address is None:
        process.kill()
        pytest.fail(f"expected an address, got {line!r}, {process.stderr.read()}")
    yield address[0], process
    process.kill()
    process.communicate(timeout=60)


@needs_marimo
def test_a_slider_changes_the_curve_and_the_verdict(laboratory, browser):
    address, process = laboratory
    page = browser.open(address)
    page.wait(evaluated('curves() && said().startsWith("holds")'), seconds=90)
    assert page.errors == []
    before = page.evaluate(evaluated("hash(curves())"))
    page.evaluate(evaluated('slider("eta").focus()'))
    page.press("ArrowRight")
    page.wait(evaluated('said().startsWith("not applicable")'), seconds=60)  # η n B0² = 2
    page.wait(evaluated(f"curves() && hash(curves()) !== {before}"), seconds=60)
    page.press("ArrowLeft")
    page.wait(evaluated(f'said().startsWith("holds") && hash(curves()) === {before}'), seconds=60)
    assert page.errors == []
    assert [url for url in page.requests if not url.startswith((address, "data:", "blob:"))] == []
    for width in (1280, 390):
        page.resize(width)
        assert page.too_wide() == []

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out.splitlines()[-1], err) == (0, "The laboratory is closed.", "")


def test_without_marimo_one_line_says_what_to_install(monkeypatch):
    from validation.commands import lab

    monkeypatch.setattr(lab, "find_spec", lambda name: None if name == "marimo" else object())
    with pytest.raises(ValueError, match=r"^fa-ref lab needs marimo, .*: pip install 'fa-ref\[lab\]'$"):
        lab.lab(port=0, browser=False)


def test_a_taken_port_is_refused_where_it_was_asked_for():
    from validation.commands.lab import PORT, _listening

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"^port: expected one that is free, got {number}"):
            _listening(number)
    with _listening(None) as first, _listening(None) as second:  # the usual one is taken now, whoever has it
        assert second.getsockname()[1] not in (PORT, first.getsockname()[1])
