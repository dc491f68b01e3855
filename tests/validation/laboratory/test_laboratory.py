"""The laboratory without a browser: the lines it shows compute what it shows, whatever the sliders say."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fa_ref import train
from fa_ref.activations import ACTIVATIONS
from fa_ref.setting import RULES
from validation.experiments.compare import published
from validation.experiments.stopping import latched_end, readings
from validation.experiments.synthetic import planned_steps
from validation.laboratory import PRESETS, Choices, compute, lines, page, pictures
from validation.laboratory.choices import DATA, PENALTIES, RECORDS
from validation.laboratory.panel import MEANING, margins, panel
from validation.laboratory.presets import Preset


def executed(code, capsys):
    """The script's names, and what it prints, a line each."""
    names = {}
    capsys.readouterr()
    exec(compile(code, "lines", "exec"), names)
    return names, capsys.readouterr().out.splitlines()


def assert_reproduces(scene, capsys):
    """What the lines compute is what the scene has, to the last bit where no BLAS comes in."""
    names, printed = executed(lines(scene), capsys)
    run = names["run"]
    assert names["setting"] == scene.run.setting
    np.testing.assert_array_equal(run.times, scene.run.times)
    np.testing.assert_array_equal(run.residuals, scene.run.residuals)
    np.testing.assert_array_equal(run.alignment, scene.run.alignment)
    for verdict in scene.verdicts:
        assert verdict.line in printed
    seen = names["spectrum"]
    assert list(seen) == scene.spectrum.times.tolist()
    np.testing.assert_array_equal(np.array(list(seen.values())), scene.spectrum.values)
    moved = np.linalg.norm(names["last"].network.W - names["network"].W, axis=1)
    np.testing.assert_array_equal(moved, scene.units.moved)
    np.testing.assert_array_equal(names["last"].network.beta, scene.units.beta)
    if scene.bound is not None:
        assert str(0.5 * names["norm"] ** 2) in printed
        assert names["norm"] == pytest.approx(scene.bound.values[-1], rel=1e-12)  # thousands of steps, an ulp each
    shown = scene.predicted.alignment[np.isfinite(scene.predicted.alignment)]
    if scene.predicted.name and shown.size:
        assert float(printed[-1].strip("[]")) == pytest.approx(shown[-1], rel=1e-7)  # printed to 8 digits


@pytest.mark.parametrize("name", PRESETS)
def test_the_lines_of_a_preset_reproduce_it(name, capsys):
    assert_reproduces(compute(PRESETS[name].choices), capsys)


positions = st.builds(
    Choices, data=st.sampled_from(DATA), n=st.integers(1, 6), d=st.integers(1, 8), p=st.integers(1, 60),
    activation=st.sampled_from(tuple(ACTIVATIONS)), eta=st.sampled_from([1e-4, 0.1, 1.0, 5.0]),
    penalty=st.sampled_from(PENALTIES), lam=st.sampled_from([1e-3, 0.1, 5.0]), tau=st.integers(1, 60),
    rule=st.sampled_from(RULES), steps=st.integers(0, 40), seed=st.integers(0, 3),
)  # fmt: skip


def test_the_lines_of_any_position_reproduce_it(capsys):
    @settings(max_examples=25)
    @given(positions)
    def check(choices):
        try:
            scene = compute(choices)
        except ValueError as error:
            if not str(error).startswith(("n: ", "ridge: ")):
                raise
            return
        assert_reproduces(scene, capsys)
        for picture in pictures(scene):
            json.dumps(picture.spec, allow_nan=False)
        assert panel(scene)
        assert margins(scene)

    check()


def test_the_lines_of_another_seed_do_not_reproduce_it(capsys):
    """Negative control."""
    scene, other = (compute(Choices(n=3, d=5, p=40, steps=20, seed=seed)) for seed in (0, 1))
    names, _ = executed(lines(other), capsys)
    assert names["setting"] != scene.run.setting
    assert not np.array_equal(names["run"].residuals, scene.run.residuals)


def statuses(name, **changes):
    scene = compute(Choices(**(vars(PRESETS[name].choices) | changes)))
    return scene, {verdict.claim: verdict.status for verdict in scene.verdicts}


def test_each_preset_shows_what_it_says():
    scene, said = statuses("no alignment")
    assert said["Theorem 3.2"] == "holds"
    chance = scene.choices.p**-0.5
    assert np.abs(scene.run.alignment).max() < 4 * chance  # four standard deviations of a random direction
    np.testing.assert_allclose(scene.predicted.alignment[-1], scene.run.alignment[-1], atol=0.3 * chance)

    scene, said = statuses("ridge")
    assert said == {"Theorem 4.3": "holds", "Theorem 4.6": "holds"}
    assert scene.run.alignment[-1] > 0.7
    assert scene.run.loss[-1] < 1e-12

    scene, said = statuses("too large a step")
    assert scene.run.status == "diverged"
    assert said["Theorem 3.2"] == "diverged"
    assert scene.limit is None
    assert statuses("too large a step", eta=0.02)[1]["Theorem 3.2"] == "holds"

    scene, _ = statuses("constant ridge for ever")
    assert scene.run.status == "diverged"
    assert scene.run.diverged_at > 1000
    assert "edge of stability" in scene.predicted.why
    assert 1.0 < scene.run.diverged_at / scene.edge < 1.2  # 4 % late at p = 10,000, later in narrower networks

    scene, said = statuses("learned feedback")
    assert said == {"alignment under Kolen–Pollack": "holds"}
    assert scene.run.alignment[-1] > 0.99


def test_figure_2_is_the_published_one():
    """The cell's published mean and SD over 50 runs; one run is within 4 SD of it but once in 10,000 draws."""
    scene = compute(PRESETS["the paper's Figure 2"].choices)
    choices, run = scene.choices, scene.run
    assert (choices.n, choices.d, choices.p, choices.eta, choices.lam) == (50, 150, 400, 4e-5, 12.5)
    table = published("figure2")
    cell = table[
        (table["activation"] == "linear") & (table["lambda_label"] == 0.5) & (table["p"] == choices.p)
    ].iloc[0]
    assert abs(run.alignment[-1] - cell["alignment_mean"]) < 4 * cell["alignment_sd"]
    np.testing.assert_allclose(scene.predicted.alignment[-1], run.alignment[-1], atol=4 * cell["alignment_sd"])
    assert run.times.size <= RECORDS + 2


def test_figure_2_ends_where_the_published_rule_ends_it():
    choices = PRESETS["the paper's Figure 2"].choices
    losses = 2.0 / choices.n * train(choices.setting(), steps=choices.steps).loss  # the mean squared error
    planned = planned_steps(choices.p)
    assert latched_end(losses[list(readings(choices.steps))], planned) == choices.steps


def test_pictures_follow_the_sliders():
    one, other = (pictures(compute(Choices(n=4, d=8, p=100, steps=40, eta=eta))) for eta in (0.05, 0.1))
    for before, after in zip(one, other, strict=True):
        assert before.spec != after.spec
    assert [picture.title for picture in one] == [picture.title for picture in other]


@pytest.mark.parametrize("steps", [0, 1])
def test_no_step_and_one_step_are_drawn(steps):
    scene = compute(Choices(n=3, d=5, p=40, steps=steps, penalty="constant"))
    assert len(pictures(scene)) == 5


def test_what_cannot_be_says_what_to_change():
    mo = SimpleNamespace(as_html=lambda shown: SimpleNamespace(text=json.dumps(shown._mime_())))
    refused = page.body(mo, Choices(data="orthonormal", n=10, d=5))
    assert 'role="alert">n: expected at most d = 5 samples' in refused
    refused = page.body(mo, Choices(penalty="constant", lam=20.0, eta=0.1))
    assert 'role="alert">ridge: expected eta * lambda(t) &lt; 1' in refused
    html = page.body(mo, Choices(n=3, d=5, p=40, steps=10))
    assert html.count("application/vnd.vegalite") == 5
    assert type(html) is str  # marimo refuses subclasses


def test_choices_refuse_what_is_on_no_menu():
    with pytest.raises(ValueError, match="penalty: expected one of none"):
        Choices(penalty="some")
    with pytest.raises(ValueError, match="data: expected one of"):
        Choices(data="mnist")


def test_every_status_has_a_meaning():
    from validation.judge import verdicts

    known = {getattr(verdicts, name) for name in verdicts.__all__ if name.isupper()}
    assert set(MEANING) == known


def test_every_preset_is_a_position_of_the_sliders():
    for preset in PRESETS.values():
        assert isinstance(preset, Preset)
        made = page.controls(Ui, preset.choices)
        assert page.chosen({name: control.value for name, control in made.items()}) == preset.choices


class Ui:
    """As much of `marimo.ui` as the page asks for, which refuses a value that is not among the steps."""

    @staticmethod
    def dropdown(options, value, **_):
        assert value in options
        return SimpleNamespace(value=value)

    @staticmethod
    def slider(steps, value, **_):
        assert steps == sorted(steps)
        assert value in steps
        return SimpleNamespace(value=float(value))
