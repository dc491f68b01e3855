"""Every script of the gallery draws its picture, in its quick form, and says what is seen."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "gallery").glob("*.py") if path.stem not in ("__init__", "frame"))


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch, mnist_folder):
    monkeypatch.syspath_prepend(ROOT)
    if mnist_folder is not None:
        monkeypatch.setenv("FA_REF_MNIST", str(mnist_folder))


@pytest.mark.parametrize("name", NAMES)
def test_a_script_draws_its_picture(name, tmp_path):
    from gallery.frame import UnavailableError, save

    with np.errstate(divide="warn", invalid="warn", over="warn", under="ignore"):  # as a reader has it
        try:
            figure = import_module(f"gallery.{name}").picture(quick=True)
        except UnavailableError as missing:
            pytest.skip(str(missing))
        save(figure, tmp_path / "picture.svg")
    assert figure.axes
    assert any(axes.has_data() for axes in figure.axes)
    assert b"<dc:date>" not in (tmp_path / "picture.svg").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_script_says_what_is_seen(name):
    text = ast.get_docstring(ast.parse((ROOT / "gallery" / f"{name}.py").read_text(encoding="utf-8")))
    title, rest = text.split("\n\n", 1)
    assert title.endswith(".")
    assert "\n" not in title
    assert len(rest) > 100


def test_the_site_shows_all_of_them(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    from gallery_pages import ORDER

    assert len(ORDER) >= 12
    assert sorted(ORDER) == NAMES


@pytest.mark.parametrize("name", ["torch_run", "mnist"])
def test_what_not_every_machine_can_draw_is_stored(name):
    assert (ROOT / "gallery" / "stored" / f"{name}.svg").stat().st_size > 5000


def test_the_command_line_draws_to_a_file(tmp_path):
    words = [sys.executable, "-m", "gallery.constant_ridge", "--quick", "--out", str(tmp_path / "edge.svg")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "edge.svg").read_text().startswith("<?xml")


def test_without_the_images_the_command_says_so(tmp_path):
    words = [sys.executable, "-m", "gallery.mnist", "--quick", "--out", str(tmp_path / "x.svg")]
    here = {"FA_REF_MNIST": str(tmp_path / "none"), "PATH": ""}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, env=here)
    assert done.returncode == 1
    assert done.stderr.startswith("mnist: not drawn: the MNIST files are not here")
