"""The report's plots: residuals with their bounds, alignment with its prediction, spectrum, margins."""

from __future__ import annotations

import base64
import io

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fa_ref import Network, Trajectory
from theory.kernels import kernel_of, spectrum
from validation.judge.inequalities import Inequality
from validation.report.predicted import Overlay, common_law, overlay
from validation.statements.statement import Finding

__all__ = ["pictures", "uri"]

Array = NDArray[np.float64]

SIZE = (4.4, 3.2)  # so small that 10 points are legible on a phone
LEGEND = 9

#: Evaluations of ψ beyond which a run is not made again for its spectrum: minutes, with hundreds of samples.
AGAIN = 100_000_000


def uri(figure: Figure) -> str:
    """The figure as an SVG image that a page can hold."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode()


def pictures(finding: Finding) -> list[tuple[str, Figure]]:
    """Captions and figures of one finding: none where nothing was run."""
    if not finding.runs:
        return []
    run, predicted = finding.runs[0], _predicted(finding.runs[0])
    drawn = [_residuals(finding, run, predicted), _alignment(finding, predicted)]
    inequalities = finding.verdict.inequalities if finding.verdict is not None else ()
    if finding.number in ("3.2", "4.2", "4.3") and _quick(run):
        drawn.append(_spectrum(run))
    return drawn + [_margins(inequality) for inequality in inequalities[:1] if _drawable(inequality.margins)]


def _quick(run: Trajectory) -> bool:
    """Whether the run is quickly made again, for the eigenvalues at its steps."""
    return bool(run.setting.problem.n * (run.setting.p or 0) * int(run.times[-1]) <= AGAIN)


def _drawable(values: Array) -> bool:
    """Whether there is a line to draw: what was not judged or predicted is NaN."""
    return int(np.isfinite(values).sum()) > 1


def _predicted(run: Trajectory) -> Overlay | None:
    """The first-order prediction of a run without penalty, where it applies."""
    setting = run.setting
    if setting.ridge.maximum > 0 or not isinstance(setting.network, Network) or setting.rule != "fa":
        return None
    kernel = kernel_of(setting.problem, setting.activation)
    law = common_law(setting.problem, setting.activation, setting.eta, int(run.times[-1]), kernel)
    return overlay(setting.problem, setting.network, setting.activation, setting.eta, law, kernel)


def _residuals(finding: Finding, run: Trajectory, predicted: Overlay | None) -> tuple[str, Figure]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    norms = run.residual_norms
    axes.semilogy(run.times, norms, label="run")
    said = "‖e(t)‖"
    contraction = next((i for i in _inequalities(finding) if i.name.startswith(("(3.1)", "(4.2)", "(4.3)"))), None)
    if contraction is not None and run.setting.ridge.maximum == 0:
        seen = np.where(norms[:-1] > 0, norms[:-1], np.nan)  # λ ≡ 0: rhs is a multiple of ‖e‖
        bound = np.cumprod(np.append(norms[0], contraction.rhs / seen))
        axes.semilogy(run.times, bound, "--", linewidth=1.0, label=f"bound of {contraction.name}")
        said += f" with the bound of {contraction.name}"
    if predicted is not None and _drawable(predicted.residual_norm):
        axes.semilogy(predicted.times, predicted.residual_norm, "k:", linewidth=1.4, label="limit as p → ∞")
    axes.set(xlabel="step t", ylabel="‖e(t)‖")
    axes.legend(fontsize=LEGEND)
    return said, figure


def _inequalities(finding: Finding) -> tuple[Inequality, ...]:
    return finding.verdict.inequalities if finding.verdict is not None else ()


def _alignment(finding: Finding, predicted: Overlay | None) -> tuple[str, Figure]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for k, run in enumerate(finding.runs):
        axes.plot(run.times, run.alignment, label="run" if k == 0 else f"run {k + 1}")
    said = "cos∠(b, β(t))"
    limit = next((number for number in finding.numbers if number.symbol == "c →"), None)
    if limit is not None:
        axes.axhline(limit.value, color="black", linestyle=":", label="limit as p → ∞")
        said += " with its limit"
    if predicted is not None and _drawable(predicted.alignment):
        axes.plot(predicted.times, predicted.alignment, "k:", linewidth=1.4, label="first order in 1/√p")
        said += " with its prediction"
    axes.axhline(0.0, color="grey", linewidth=0.8)
    axes.set(xlabel="step t", ylabel="cos∠(b, β(t))")
    axes.legend(fontsize=LEGEND)
    return said, figure


def _spectrum(run: Trajectory) -> tuple[str, Figure]:
    """Eigenvalues of G + H, from which the contraction comes, and γ."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = spectrum(run).plot(figure.subplots())
    linear = run.setting.activation.linear
    problem = run.setting.problem
    gamma = problem.lambda_min if linear else kernel_of(problem, run.setting.activation).gamma
    if gamma > 0:
        axes.axhline(gamma, color="black", linestyle=":", linewidth=1.0, label="γ")
    axes.legend(fontsize=LEGEND)
    return "eigenvalues of G + H", figure


def _margins(inequality: Inequality) -> tuple[str, Figure]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.plot(inequality.times, inequality.margins)
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set(xlabel="step t", ylabel="1 − lhs/rhs")
    return f"margin of {inequality.name} at every step", figure
