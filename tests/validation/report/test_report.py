"""The report and the dossier as readers meet them: in Chromium, wide and narrow, dark, and on paper."""

import dataclasses
import re

import numpy as np
import pytest

from fa_ref import Problem
from validation.report.page import render, write_report
from validation.report.pictures import pictures
from validation.statements import Dossier, Options, dossier, find, verify
from validation.statements.dossier import Part
from validation.statements.inputs import Inputs

LONG = "a folder/" * 12 + "inputs_of_somebody_who_likes_long_names.csv"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The report of six statements on two sets of inputs, one of which few statements speak of; and a dossier."""
    folder = tmp_path_factory.mktemp("report")
    X = np.linalg.qr(np.random.default_rng(1).standard_normal((15, 4)))[0].T
    good = Problem(X, (-1.0) ** np.arange(4))
    double = Problem(X[[0, 0, 1, 2]], good.y)
    chosen = [find(number) for number in ("A3.1", "3.2", "4.2", "4.5", "4.6", "A")]
    options = Options(steps=40, draws=2)
    data = [Inputs(name=name, linear=p, nonlinear=p) for name, p in (("Gaussian", good), ("your data", double))]
    findings = list(verify(chosen, data, options))
    about = {"command": f"fa-ref verify --X '{LONG}' --y y.csv", "seed": 3, "steps": 40}
    write_report(findings, folder, notes=[f"{LONG}: line 1 read as headings"], **about)
    found = dossier(chosen[1], data[:1], options, command="fa-ref theorem 3.2")
    (folder / "dossier.html").write_text(render(found.findings, dossier=found, **about), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["report.html", "dossier.html"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_too_wide_covered_dead_or_fetched(browser, pages, name, width):
    page = browser.open(pages / name, width=width)
    assert page.errors == []
    assert page.too_wide() == []
    assert page.overlaps() == []
    assert page.dead_anchors() == []
    assert {address.split(":")[0] for address in page.requests} == {"file", "data"}
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.too_wide() == page.overlaps() == []
    page.close()


def test_every_link_and_download_works(browser, pages, tmp_path):
    page = browser.open(pages / "report.html", width=390, downloads=tmp_path)
    links = page.links()
    assert len([link for link in links if link.startswith("#")]) == 6
    names = page.evaluate("[...document.querySelectorAll('a[download]')].map(a => a.download)")
    assert len(names) == len(set(names)) >= 8
    for k in range(len(names)):
        page.call("k => document.querySelectorAll('a[download]')[k].click()", k)
        page.browser.drain(0.1)
    page.browser.drain(1.0)
    for name in names:
        assert len((tmp_path / name).read_text().splitlines()) > 1, name
    page.click("nav a")
    assert page.evaluate("location.hash") == links[0]
    page.close()


def test_a_tap_shows_a_plot_in_full_size(browser, pages):
    page = browser.open(pages / "report.html", width=1280)
    wide = "document.querySelector('figure img').getBoundingClientRect().width"
    before = page.evaluate(wide)
    page.click("figure img")
    assert page.evaluate(wide) > 1.5 * before
    page.click("figure img")
    assert page.evaluate(wide) == before
    page.resize(390)
    stacked = (
        "[...document.querySelectorAll('.figures')].every(f => getComputedStyle(f).gridTemplateColumns.split(' ')"
    )
    assert page.evaluate(f"{stacked}.length == 1)"), "on a phone one plot stands below the other"
    page.close()


def test_on_a_phone_no_cell_of_a_dossier_is_out_of_sight(browser, pages):
    page = browser.open(pages / "dossier.html", width=390)
    sideways = "[...document.querySelectorAll('.scroll')].filter(box => box.querySelector('.stacked'))"
    assert page.evaluate(f"{sideways}.length") >= 4
    assert page.evaluate(f"{sideways}.every(box => box.scrollWidth <= box.clientWidth)")
    page.close()


def test_dark_light_and_paper(browser, pages, tmp_path):
    """Text and page swap their brightness; on paper the text is black whatever the reader prefers on screen."""
    page = browser.open(pages / "report.html")
    colours = "(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))"
    light = page.evaluate(colours)
    page.prefer(dark=True)
    dark = page.evaluate(colours)
    brightness = [[sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in pair] for pair in (light, dark)]
    assert brightness[0][1] - brightness[0][0] > 450
    assert brightness[1][0] - brightness[1][1] > 450
    page.prefer(dark=True, media="print")
    assert page.evaluate(colours)[0] == "rgb(0, 0, 0)"
    page.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    page.close()


def test_a_dossier_of_what_does_not_hold_keeps_its_parts():
    """A dossier is true only where its statement holds; its page does not depend on that."""
    problem = Problem(np.eye(2), [1.0, 1.0])
    silent = find("3.2").silent(Inputs(name="none", linear=problem, nonlinear=problem), "a reason")
    found = Dossier(statement=find("3.2"), findings=(silent,), parts=(Part(title="a part", code="x = 1"),))
    page = render(found.findings, command="fa-ref theorem 3.2", seed=0, steps=1, dossier=found)
    for word in ("<h1>Theorem 3.2</h1>", "a reason", "a part", "x = 1"):
        assert word in page


def test_every_page_says_how_to_make_it_again(pages):
    for name in ("report.html", "dossier.html"):
        text = (pages / name).read_text(encoding="utf-8")
        for word in ("fa-ref verify --X", "seed 3", "40 steps", "NumPy", "Numba", "Python", " thread"):
            assert word in text
    assert "eigenvalues of G + H" in text


def test_only_lines_that_can_be_drawn_are_named_and_drawn():
    X = np.linalg.qr(np.random.default_rng(1).standard_normal((15, 4)))[0].T
    problem = Problem(X, (-1.0) ** np.arange(4))
    data = Inputs(name="Gaussian", linear=problem, nonlinear=problem)
    finding = find("3.2").check(data, Options(steps=20, draws=1))

    def named(found):
        return {text.get_text() for _, figure in pictures(found) for axes in figure.axes
                for text in (axes.get_legend().get_texts() if axes.get_legend() else [])}  # fmt: skip

    assert {"limit as p → ∞", "first order in 1/√p"} <= named(finding)
    far = Problem(X, 1e4 * problem.y)  # the weights move too far for any prediction
    lost = find("3.2").check(dataclasses.replace(data, nonlinear=far), Options(steps=20, draws=1))
    assert not {"limit as p → ∞", "first order in 1/√p"} & named(lost)
    assert any(caption.startswith("margin of") for caption, _ in pictures(finding))
    first = finding.verdict.inequalities[0]
    nowhere = dataclasses.replace(first, lhs=np.full_like(first.lhs, np.nan))
    blank = dataclasses.replace(finding.verdict, inequalities=(nowhere,))
    captions = [caption for caption, _ in pictures(dataclasses.replace(finding, verdict=blank))]
    assert not any(caption.startswith("margin of") for caption in captions)


def test_a_long_run_is_not_made_again_for_its_spectrum(monkeypatch):
    problem = Problem(np.eye(4, 15), (-1.0) ** np.arange(4))
    data = Inputs(name="Gaussian", linear=problem, nonlinear=problem)
    finding = find("4.3").check(data, Options(steps=20, draws=1))
    assert "eigenvalues of G + H" in dict(pictures(finding))
    monkeypatch.setattr("validation.report.pictures.AGAIN", 4 * 800 * 20 - 1)
    assert "eigenvalues of G + H" not in dict(pictures(finding))
