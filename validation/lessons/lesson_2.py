"""Lesson 2: Algorithm 1 in thirty lines, compared with the loops of the definition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import Setting, train
from validation.judge.assertions import assert_same_run
from validation.lessons.marking import EXACT, NotYetError, array, called, compare, exercise

__all__: list[str] = []

Array = NDArray[np.float64]

#: Likely mistakes in one step, by the line that names them; `_run` knows what each one does.
MISTAKES = {
    "climbs": "the loss grows: with these updates e has to be f − y",
    "no root": "a factor 1/√p is missing in the updates",
    "mean": "the residual is divided by n: the loss here is a sum over samples",
    "no slope": "ψ′ is missing in the update of W",
    "other feedback": "W is updated through the wrong vector: b in feedback alignment, β in backpropagation",
    "W first": "the update of β uses ψ at the new W: both updates use what the forward pass found",
    "β first": "the update of W uses the new β: both updates use what the forward pass found",
    "1 − λ": "the decay is 1 − ηλ(t), not 1 − λ(t): that is erratum 2 of the paper",
    "decay last": "the decay multiplies β before the update is subtracted: (1 − ηλ) β − …",
    "decay of W": "the penalty of (4.1) is on β alone, W does not decay",
    "no decay": "the penalty does nothing: β ← (1 − ηλ(t)) β − …",
    "λ late": "step t uses λ(t): you are one step late",
}


def _run(setting: Setting, steps: int, mistake: str) -> Array:
    """Residuals of a run with one mistake, which stops at the first that is not finite."""
    X, y, start, eta = setting.problem.X, setting.problem.y, setting.start, setting.eta
    W, beta, root, rows = start.W.copy(), start.beta.copy(), math.sqrt(start.p), []
    lam, psi = np.append(setting.ridge.values(steps), 0.0), setting.activation
    scale = {"no root": root, "mean": 1.0 / setting.problem.n}.get(mistake, 1.0)
    for t in range(steps + 1):
        Psi, slopes = psi(X @ W.T), psi.derivative(X @ W.T)
        e = Psi @ beta / root - y
        rows.append(e)
        if not np.abs(e).max() < 1e100:
            break
        push = eta * scale * (-e if mistake == "climbs" else e)
        now = lam[max(t - 1, 0)] if mistake == "λ late" else lam[t]
        keep = {"1 − λ": 1 - now, "no decay": 1.0}.get(mistake, 1 - eta * now)
        down = push @ Psi / root
        after = keep * (beta - down) if mistake == "decay last" else keep * beta - down
        back = start.b if (setting.rule == "fa") != (mistake == "other feedback") else beta
        if mistake == "β first" and setting.rule == "bp":
            back = after
        slopes = np.ones_like(slopes) if mistake == "no slope" else slopes
        W = (keep if mistake == "decay of W" else 1.0) * W - back[:, None] * ((slopes.T * push) @ X) / root
        if mistake == "W first":
            after = keep * beta - push @ psi(X @ W.T) / root
        beta = after
    return np.array(rows)


def _judge(answer: Any, setting: Setting, steps: int) -> str:
    """The residuals against the loops, within rounding; where they differ, the mistake that explains them."""
    try:
        values = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        raise NotYetError(f"expected an array of residuals, got {answer!r:.60}") from None
    wanted = (steps + 1, setting.problem.n)
    if values.shape == (steps, setting.problem.n):
        raise NotYetError(f"expected {wanted[0]} rows, from before the first step to after the last, got {steps}")
    if values.shape != wanted:
        raise NotYetError(f"expected an array of shape {wanted}, got {values.shape}")
    try:
        assert_same_run(setting, values)
    except AssertionError as error:
        reason = _explain(values, setting, steps)
        raise NotYetError(reason or str(error)) from None
    return "the same run as the loops, to within what rounding can do"


def _explain(values: Array, setting: Setting, steps: int) -> str:
    right = _run(setting, steps, "")
    if np.allclose(-values, right, rtol=1e-6, atol=1e-9):
        return "the run is right, but its residuals are recorded as y − f: expected f − y"
    for mistake, line in MISTAKES.items():
        wrong = _run(setting, steps, mistake)[: steps + 1]
        given = values[: len(wrong)]
        if np.allclose(wrong, right[: len(wrong)], rtol=1e-9, atol=1e-12):
            continue  # a mistake that makes no difference here
        with np.errstate(over="ignore", invalid="ignore"):
            if np.allclose(given, wrong, rtol=1e-6, atol=1e-9):
                return line
    return ""


def _weights(setting: Setting) -> tuple[Array, ...]:
    """Fresh copies, so that a function that works in place spoils nothing."""
    start, problem = setting.start, setting.problem
    return (*(np.array(a) for a in (problem.X, problem.y, start.W, start.beta, start.b)),)


@exercise("2.1")
def forward(answer: Any, setting: Setting) -> str:
    """``forward(X, W, beta)`` returns f (n), Ψ (n×p) and slopes (n×p)."""
    X, _, W, beta, _ = _weights(setting)
    found = called(answer, X, W, beta)
    if not isinstance(found, Sequence) or len(found) != 3:
        raise NotYetError("expected three arrays: f, Psi, slopes")
    n, p, psi = len(X), len(beta), setting.activation
    f, Psi, slopes = (array(part, shape) for part, shape in zip(found, ((n,), (n, p), (n, p)), strict=True))
    z = X @ W.T
    compare(Psi, psi(z), {"Psi holds z, not ψ(z)": z})
    compare(f, psi(z) @ beta / math.sqrt(p), {"f: the factor 1/√p is missing": psi(z) @ beta})
    mistakes = {
        "slopes: tanh′ = 1 − tanh², the square is missing": 1 - psi(z),
        "slopes: tanh′ is taken at z = w_r·x_i, not at ψ(z)": psi.derivative(psi(z)),
    }
    compare(slopes, psi.derivative(z), mistakes)
    return "f, Psi and slopes agree with the definition"


@exercise("2.2")
def one_step(answer: Any, setting: Setting) -> str:
    """``step(X, y, W, beta, b, eta)`` returns the new W and beta."""
    given = _weights(setting)
    kept = tuple(a.copy() for a in given)
    found = called(answer, *given, setting.eta)
    if not isinstance(found, Sequence) or len(found) != 2:
        raise NotYetError("expected two arrays: the new W and the new beta")
    if not all(np.array_equal(a, b) for a, b in zip(given, kept, strict=True)):
        raise NotYetError("the arrays that were handed in have changed: return new ones (W = W − …, not W −= …)")
    W, beta = array(found[0], kept[2].shape), array(found[1], kept[3].shape)
    end = train(setting, steps=1, engine="loops").network
    if end is None:
        raise NotYetError("the step diverged: take a smaller η")
    X, y, W_0, beta_0, b = kept
    root, psi, eta = math.sqrt(len(b)), setting.activation, setting.eta
    Psi, slopes = psi(X @ W_0.T), psi.derivative(X @ W_0.T)
    e = Psi @ beta_0 / root - y
    down, moved = end.beta - beta_0, end.W - W_0
    compare(
        beta - beta_0,
        down,
        {
            MISTAKES["climbs"]: -down,
            f"beta: {MISTAKES['no root']}": root * down,
            MISTAKES["W first"]: -eta / root * e @ psi(X @ end.W.T),
        },
    )
    compare(
        W - W_0,
        moved,
        {
            f"W: {MISTAKES['no root']}": root * moved,
            MISTAKES["no slope"]: -eta / root * np.outer(b, e @ X),
            MISTAKES["other feedback"]: -eta / root * beta_0[:, None] * ((slopes.T * e) @ X),
        },
        EXACT,
    )
    return "one step of Algorithm 1"


@exercise("2.3")
def whole_run(answer: Any, setting: Setting, steps: int) -> str:
    """``run(X, y, W, beta, b, eta, steps)`` returns the residuals, a row for each of the times 0, …, steps."""
    return _judge(called(answer, *_weights(setting), setting.eta, steps), setting, steps)


@exercise("2.4")
def with_ridge(answer: Any, setting: Setting, steps: int) -> str:
    """``run(X, y, W, beta, b, eta, lam)`` with the penalties lam[t] returns the residuals."""
    lam = setting.ridge.values(steps)
    return _judge(called(answer, *_weights(setting), setting.eta, lam), setting, steps)


@exercise("2.5")
def backpropagation(answer: Any, setting: Setting, steps: int) -> str:
    """``run(X, y, W, beta, eta, steps)`` is gradient descent: there is no b."""
    X, y, W, beta, _ = _weights(setting)
    return _judge(called(answer, X, y, W, beta, setting.eta, steps), setting.replace(rule="bp"), steps)
