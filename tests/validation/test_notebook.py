"""Results show themselves: short where they are printed, as a table in a notebook, which also shows plots."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, train
from theory import certify
from theory.kernels import spectrum
from validation import theorem_3_2
from validation.statements import Options, find, inputs

PROBLEM = Problem(np.eye(3), [1.0, -1.0, 1.0])


@pytest.fixture(scope="module")
def run():
    network = Network.gaussian(400, 3, np.random.default_rng(0))
    return train(Setting(PROBLEM, network, "tanh", eta=0.1), steps=20)


@pytest.fixture(scope="module")
def results(run):
    finding = find("A3.1").check(inputs.own(PROBLEM), Options())
    proof = certify(run.setting, max_steps=10)
    assert proof.certificate is not None
    return [run, theorem_3_2.judge(run), proof.certificate, proof, finding]


def test_they_print_within_ten_lines(results):
    for result in results:
        for text in (str(result), repr(result)):
            assert len(text.splitlines()) <= 11
            assert len(text) < 1000
        assert "array(" not in repr(result)


def test_what_fails_is_printed_first(run):
    verdict = theorem_3_2.judge(train(run.setting.replace(eta=0.9), steps=5))
    lines = str(verdict).splitlines()
    assert "not applicable" in lines[0]
    assert ", not " in lines[1]
    assert len(lines) <= 10


def test_they_are_tables_in_a_notebook(results):
    for result in results:
        shown = result._repr_html_()
        assert shown.startswith("<b>")
        assert "<table>" in shown
        assert "nan" not in shown


def test_a_notebook_shows_the_plots(run, monkeypatch):
    from matplotlib import pyplot

    pyplot.switch_backend("agg")  # now, not when the first figure is made
    run.plot()
    assert pyplot.get_fignums() == [], "outside a notebook no window opens"
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object, version_info=(9, 0)))
    for axes in (run.plot(), run.plot("alignment"), spectrum(run, 4).plot()):
        assert axes.figure.number in pyplot.get_fignums()
        assert axes.get_ylabel()
    pyplot.close("all")
    with pytest.raises(ValueError, match="what: expected one of residual_norm, loss, alignment"):
        run.plot("colour")


def test_the_spectrum_is_that_of_the_weights_at_each_step(run):
    found = spectrum(run, 2)
    assert found.times.tolist() == [0, 10, 20]
    assert found.values.shape == found.of_G.shape == (3, 3)
    W, beta, b = run.setting.start.W, run.setting.start.beta, run.setting.start.b
    psi = np.tanh(W).T
    D = 1 - psi**2
    expected = psi @ psi.T / 400 + np.eye(3) * ((D * beta * b) @ D.T) / 400  # K = I
    assert found.values[0] == pytest.approx(np.linalg.eigvalsh(expected), rel=1e-12)
    with pytest.raises(ValueError, match="run: expected feedback alignment"):
        spectrum(train(run.setting.replace(rule="bp"), steps=2))
