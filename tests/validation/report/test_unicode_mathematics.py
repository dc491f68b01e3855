"""What a terminal shows of a statement: no LaTeX is left, and nothing is lost on the way."""

import pytest

from validation.commands.terminal import _spelt
from validation.report.unicode_mathematics import in_unicode
from validation.statements import STATEMENTS

TEXTS = {
    f"{statement.number}, {name}": getattr(statement, name)
    for statement in STATEMENTS
    for name in ("title", "printed", "corrected", "assumptions", "control")
}


@pytest.mark.parametrize("name", TEXTS)
def test_no_latex_is_left_of_any_statement(name):
    said = in_unicode(TEXTS[name])
    assert not set("\\{}$") & set(said), said
    assert "  " not in said
    assert "\\" not in "".join(map(_spelt, said)), "an ASCII terminal has no word for a character"


@pytest.mark.parametrize(
    ("latex", "said"),
    [
        (r"$\|w_r(t)-w_r(0)\| \le c_1 n\sqrt{\log p}/\sqrt p$", "‖w_r(t) − w_r(0)‖ ≤ c₁n√(log p)/√p"),
        (r"$(1-\eta\lambda)^t\|\beta\|$", "(1 − ηλ)^t ‖β‖"),
        (r"$p\,\mathbb E\cos \to \tfrac12\mathrm{tr}\,\bar G^{-1}\bar\Theta$", "p E cos → ½tr Ḡ⁻¹Θ\u0304"),
        (r"$\tfrac1\varepsilon\log\tfrac n\delta$", "(1/ε) log (n/δ)"),
        (r"$\log(1/\delta)$, $\cos\angle(b, \beta)$", "log(1/δ), cos∠(b, β)"),
        (r"$\lambda_{\max}(G)+\max\lambda$ and $\bar G_{ij}$", "λ_max(G) + max λ and Ḡ_ij"),
        (r"$\frac{a+b}{2}$, $x^{n+1}$, $x^*$, $A^\top$, $\psi''$", "((a + b)/2), x^(n+1), x*, Aᵀ, ψ″"),
        (r"$-1 < (-x)$ but $a-b$", "−1 < (−x) but a − b"),
        (r"5 \"$x$\"", '5 "x"'),
    ],
)
def test_what_it_says(latex, said):
    assert in_unicode(latex) == said


def test_a_command_that_it_does_not_know_is_refused():
    with pytest.raises(ValueError, match=r"got '\\\\oint'"):
        in_unicode(r"$\oint f$")


def test_every_statement_has_hypotheses():
    assert all(statement.assumptions for statement in STATEMENTS)
