"""What students answer, as expressions in what the lesson has defined: right answers, and plausible wrong ones.

For each exercise: what the lesson hands to `check`, the right answers, and each wrong one with words of the line
that it should get.
"""

from typing import NamedTuple


class Student(NamedTuple):
    given: str
    right: list[str]
    wrong: dict[str, str]


STUDENTS = {
    "1.1": Student(
        "setting",
        ["f", "[1.25, 0.75]", "[1.25, 0.749]"],
        {
            "Psi @ beta": "1/√p is missing",
            "X @ W.T @ beta / 2": "ψ is missing",
            "Psi @ b / 2": "not on the way forward",
            "Psi @ beta / 4": "not by p",
            "[1.25, 0.65]": "entry [1]",
            "3.0": "expected shape (2,)",
            "'many'": "expected an array",
        },
    ),
    "1.2": Student(
        "setting",
        ["gradient_beta", "[0.125, 1.38, 0.875, 1.12]"],
        {
            "(y - f) @ Psi / 2": "e = f − y",
            "e @ Psi": "1/√p is missing",
            "e @ Psi / 4": "not a mean",
            "e": "expected shape (4,)",
        },
    ),
    "1.3": Student(
        "setting",
        ["gradient_W"],
        {
            "-gradient_W": "e = f − y",
            "np.outer(beta, e @ X) / 2": "slope ψ′(z_ri) is missing",
            "b[:, None] * ((slopes * e[:, None]).T @ X) / 2": "feedback alignment's update",
            "gradient_W.T": "transposed",
        },
    ),
    "1.4": Student(
        "setting",
        ["local"],
        {
            "lambda *given: -local(*given)": "by minus",
            "lambda x, slope, e, b_r, eta, p: local(x, slope, e, b_r, 1.0, p)": "η is missing",
            "lambda x, slope, e, b_r, eta, p: local(x, slope, e, b_r, eta, 1)": "1/√p is missing",
            "lambda x, slope, e, b_r, eta, p: local(x, 1, e, b_r, eta, p)": "slope ψ′(z_ri) is missing",
            "lambda x: x": "raised TypeError",
            "7": "expected a function",
        },
    ),
}

FORWARD = "lambda X, W, beta: (lambda f, Psi, slopes: {})(*forward(X, W, beta))"
STEP = "lambda X, y, W, beta, b, eta: {}"
TAKEN = "step(X, y, W, beta, b, eta{})[{}]"
RUN = "lambda X, y, W, beta, b, eta, steps: {}"


STUDENTS |= {
    "2.1": Student(
        "setting",
        ["forward"],
        {
            FORWARD.format("(f * 60**0.5, Psi, slopes)"): "1/√p is missing",
            FORWARD.format("(f, X @ W.T, slopes)"): "Psi holds z",
            FORWARD.format("(f, Psi, 1 - Psi)"): "the square is missing",
            FORWARD.format("(f, Psi, 1 - np.tanh(Psi)**2)"): "not at ψ(z)",
            FORWARD.format("(f, Psi.T, slopes)"): "transposed",
            FORWARD.format("f"): "expected three arrays",
        },
    ),
    "2.2": Student(
        "setting",
        ["step"],
        {
            STEP.format("step(X, 2 * forward(X, W, beta)[0] - y, W, beta, b, eta)"): "has to be f − y",
            STEP.format("step(X, y, W, beta, beta, eta)"): "wrong vector",
            STEP.format(f"({TAKEN.format('', 0)}, {TAKEN.format(' * 60**0.5', 1)})"): "beta: a factor",
            STEP.format(f"({TAKEN.format(' * 60**0.5', 0)}, {TAKEN.format('', 1)})"): "W: a factor",
            STEP.format("step(X, y, W, beta, b, eta)[0]"): "expected two arrays",
            STEP.format("beta.fill(0.0) or (W, beta)"): "have changed",
        },
    ),
    "2.3": Student(
        "setting, 100",
        ["run"],
        {
            RUN.format("run(X, y, W, beta, b, eta, steps)[1:]"): "expected 101 rows",
            RUN.format("-run(X, y, W, beta, b, eta, steps)"): "recorded as y − f",
            RUN.format("run(X, y, W, beta, b, eta * 60**0.5, steps)"): "1/√p is missing",
            RUN.format("run(X, y, W, beta, b, eta / 5, steps)"): "sum over samples",
            RUN.format("descent(X, y, W, beta, eta, steps)"): "wrong vector",
            RUN.format("run(X, y, W, beta, b + 1e-9, eta, steps)"): "of rounding",
            RUN.format("None"): "expected an array",
        },
    ),
    "2.4": Student(
        "ridged, 100",
        ["ridge_run"],
        {
            "lambda X, y, W, beta, b, eta, lam: ridge_run(X, y, W, beta, b, eta, lam / eta)": "erratum 2",
            "lambda X, y, W, beta, b, eta, lam: run(X, y, W, beta, b, eta, len(lam))": "the penalty does nothing",
            "lambda X, y, W, beta, b, eta, lam: ridge_run(X, y, W, beta, b, eta, np.append(lam[:1], lam[:-1]))": (
                "one step late"
            ),
        },
    ),
    "2.5": Student(
        "setting, 100",
        ["descent"],
        {
            "lambda X, y, W, beta, eta, steps: run(X, y, W, beta, b, eta, steps)": "wrong vector",
            "lambda X, y, W, beta, eta, steps: descent(X, y, W, beta, eta / 5, steps)": "sum over samples",
            "lambda X, y, W, beta, eta, steps: descent(X, y, W, beta, eta, steps)[:-1]": "expected 101 rows",
        },
    ),
}
