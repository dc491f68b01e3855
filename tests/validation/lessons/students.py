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
