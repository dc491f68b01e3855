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

STUDENTS |= {
    "3.1": Student(
        "setting",
        ["G", "empirical_G(X, network, 'tanh')"],
        {
            "Psi @ Psi.T": "1/p is missing",
            "Psi @ Psi.T / 10": "makes 1/p",
            "Psi.T @ Psi / 100": "units by units",
            "X @ X.T": "kernel of the inputs",
            "(Psi * network.beta) @ (Psi * network.beta).T / 100": "β does not occur",
            "X": "expected shape (6, 6)",
        },
    ),
    "3.2": Student(
        "setting",
        ["H"],
        {
            "-H": "minus of the update",
            "empirical_H(X, network, 'tanh', rule='bp')": "backpropagation's kernel",
            "K * (network.beta @ network.b) / 100": "slopes D_r are missing",
            "K * ((D * network.b) @ D.T) / 100": "β_r is missing",
            "K * ((D * network.beta * network.b) @ np.ones((100, 6))) / 100": "one D_r is missing",
            "100 * H": "1/p is missing",
        },
    ),
    "3.3": Student(
        "ridged",
        ["linear"],
        {
            "e - 0.4 * (G + H) @ e": "penalty is missing",
            "linear + 0.4 * 0.3 * y": "−ηλy is missing",
            "linear + 0.4 * (1 - 0.4 * 0.3) * H @ e": "H is missing",
            "linear - 0.4 * 0.4 * 0.3 * H @ e": "factor 1 − ηλ",
            "step.after": "leave the remainder v out",
            "2 * e - linear": "I minus ηG",
        },
    ),
    "3.4": Student("setting", ["2"], {"1": "all in G and H", "3": "halve η", "'two'": "one number"}),
    "3.5": Student(
        "setting",
        ["-0.5", "-1 / 2"],
        {"0.5": "the sign", "-1": "grows like √p", "0": "backpropagation", "-2": "64^½"},
    ),
}

STUDENTS |= {
    "4.1": Student(
        "setting",
        ["0.5"],
        {
            "1.0": "n is missing",
            "2 / kernel.lambda_max_upper": "edge of stability",
            "1 / kernel.lambda_max_upper": "for every network",
            "0.25": "off by a factor",
        },
    ),
    "4.2": Student(
        "run",
        ["rate", "round(rate, 3)"],
        {
            "kernel.gamma / 4": "promises",
            "kernel.gamma": "that is γ",
            "0.2 * rate": "divide by η",
            "1.0": "off by a factor",
        },
    ),
    "4.3": Student(
        "ledger", ["worst"], {"'movement of w_r'": "another one loses more", "'Lemma 3'": "expected the name"}
    ),
    "4.4": Student(
        "setting",
        ["[-1, -0.5]", "(-1.0, -1 / 2)"],
        {
            "[-0.5, -1]": "other way round",
            "[-0.5, -0.5]": "different speeds",
            "[1, 0.5]": "the signs",
            "-1": "shape",
        },
    ),
}

STUDENTS |= {
    "5.1": Student(
        "setting",
        ["along_b"],
        {
            "lambda W_0, W: 2 * along_b(W_0, W)": "½ is missing",
            "lambda W_0, W: along_b(W, W_0)": "sign is wrong",
            "lambda W_0, W: np.sum((W - W_0) ** 2) / 2": "length of the movement",
            "lambda W_0, W: along_b(W_0, W) / 400": "not a mean",
            "lambda W_0: 1.0": "raised TypeError",
        },
    ),
    "5.2": Student(
        "setting",
        ["c", "round(c, 2)"],
        {
            "2 * c": "½ is missing",
            "4.0": "targets are missing",
            "c - 4": "unlearnt",
            "(8 + y @ y) / 2": "K⁻¹ is missing",
        },
    ),
    "5.3": Student(
        "setting",
        ["100 * 400 / c**2", "round(100 * 400 / c**2)"],
        {
            "400 / c**2": "a tenth",
            "10 * 400**0.5 / c": "square root",
            "100 * 400**2 / c**2": "not by 1",
            "7": "solve",
        },
    ),
    "5.4": Student(
        "",
        ["pair"],
        {
            "lambda plus, minus, p: (plus + minus) / 2": "p is missing",
            "lambda plus, minus, p: p * (plus + minus)": "divide by 2",
            "lambda plus, minus, p: p * (plus - minus) / 2": "keeps the noise",
        },
    ),
}

STUDENTS |= {
    "6.1": Student(
        "setting",
        ["ridge_regression"],
        {
            "lambda Psi, y, lam: ridge_regression(Psi, y, 0.0)": "λ is missing",
            "lambda Psi, y, lam: ridge_regression(Psi * 1000**0.5, y, lam)": "features are Ψ/√p",
            "lambda Psi, y, lam: ridge_regression(Psi, y, lam / 2)": "not G + λ/2",
            "lambda Psi, y, lam: ridge_regression(Psi, y, 4 * lam)": "not divided by n",
            "lambda Psi, y, lam: ridge_regression(Psi, y, lam) * 1000**0.5": "last factor",
            "lambda Psi, y, lam: y": "expected shape (1000,)",
        },
    ),
    "6.2": Student(
        "160, 400, 6400",
        ["640", "640.0"],
        {"160": "slower", "2560": "not p", "40": "not faster", "1000": "same for both"},
    ),
    "6.3": Student(
        "3.0, 5.0, 1.0",
        ["0.749", "kappa / np.hypot(1, kappa)"],
        {
            "kappa": "that is κ",
            "1.25 / np.hypot(1, 1.25)": "κ³/3 is missing",
            "1.25": "without the term",
            "1 / np.hypot(1, kappa)": "numerator is κ",
        },
    ),
    "6.4": Student(
        "setting",
        ["0.5 * e_star @ e_star", "plateau(problem, 'tanh', setting.ridge).loss"],
        {
            "0.25 * problem.y @ a": "with its penalty",
            "0.5 * a @ a": "λ² is missing",
            "e_star @ e_star": "½ is missing",
        },
    ),
}

STUDENTS |= {
    "7.1": Student(
        "run",
        ["sides"],
        {
            "lambda run: sides(run)[::-1]": "exchanged",
            "lambda run: (run.residual_norms, run.residual_norms)": "times, but",
            "lambda run: (run.loss[1:], run.loss[:-1])": "½‖e‖²",
            "lambda run: (sides(run)[0], np.full(40, run.residual_norms[0]))": "not of the start",
            "lambda run: run.residual_norms": "expected two arrays",
        },
    ),
    "7.2": Student(
        "Monotone(), tiny",
        ["[0.1, 0.5, -1.0]", "[-0.1, 0.1, -0.5]"],
        {
            "[0.1, 0.5, 1.0]": "opposite signs",
            "[1.0, 0.1, -0.1]": "make tanh(w)² small",
            "[0.1, 0.5]": "expected shape (3,)",
        },
    ),
    "7.3": Student(
        "Monotone()",
        ["extra", "lambda run: Margin('max|b|', np.abs(run.setting.start.b).max(), 1e-12, '<')"],
        {
            "lambda run: Margin('p', run.setting.p, 400.0)": "b = −2β(0)",
            "lambda run: Margin('p', run.setting.p, 1e9)": "says nothing any more",
            "lambda run: Margin('p', run.setting.p)": "expected a Margin with a threshold",
            "lambda run: True": "expected a Margin",
        },
    ),
}

RAISED = "{'constants': c['constants'] | {'b_norm': 1.000001 * c['constants']['b_norm']}}"
CHANGED = "(lambda c: c | {})(certificate.to_dict())"
STUDENTS |= {
    "8.1": Student(
        "found.setting",
        ["np.linalg.eigvalsh(A)[0]", "certificate.constants['lambda_min']"],
        {
            "np.linalg.eigvalsh(empirical_G(X, found.network, 'tanh'))[0]": "λ_min(G); H acts",
            "np.linalg.eigvalsh(empirical_H(X, found.network, 'tanh'))[0]": "λ_min(H)",
            "np.linalg.eigvalsh(A)[-1]": "largest",
            "np.linalg.eigvalsh(A)": "expected one number",
        },
    ),
    "8.2": Student(
        "certificate, 1e-8",
        ["steps", "float(steps)"],
        {
            "steps - 1": "round up",
            "np.log(1e-8 / E) / np.log(1 - certificate.rate)": "η is missing",
            "np.log(1e-8) / np.log(1 - 0.05 * certificate.rate)": "not from 1",
            "np.log(E / 1e-8) / (0.05 * certificate.rate)": "log(1 − ηa)",
            "7": "solve",
        },
    ),
    "8.3": Student(
        "certificate, found.setting",
        ["lowest"],
        {
            "c": "cosine now",
            "c - reach / size": "angles add up",
            "(c * size - reach) / (size + reach)": "not the best",
            "np.cos(np.arccos(c) - np.arcsin(reach / size))": "upper end",
        },
    ),
    "8.4": Student(
        "certificate, found.setting",
        ["forgery", CHANGED.format("{'eta': 0.1}")],
        {
            "certificate.to_dict()": "itself, and it is true",
            CHANGED.format("{'format': 'a poem'}"): "its form",
            CHANGED.format(
                "{'constants': c['constants'] | {'b_norm': 1.000001 * c['constants']['b_norm']}}"
            ): "still true",
            "certificate": "expected a dictionary",
        },
    ),
}
