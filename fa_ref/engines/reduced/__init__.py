"""The reduced engine: feedback alignment of a linear network in O(n²) a step, whatever the width.

Let F = W(0)Xᵀ, p×n. Feedback alignment moves W along b only and β within the span of β(0), the columns of F and b:

    W(t)Xᵀ = F − (1/√p) b (K u)ᵀ,        β(t) = c β(0) + (1/√p) (F a + g b),

with numbers c, g and vectors a, u of length n that follow

    e = f − y,   f = c F_β + S a + (1/√p) (g F_b − κ K u),   κ = bᵀβ(t)/√p = c b_β + F_b·a/√p + g b_b
    g ← (1 − ηλ) g + (η/√p) (K u)·e,   a ← (1 − ηλ) a − η e,   u ← u + η e,   c ← (1 − ηλ) c

from c = 1 and g = a = u = 0. p units enter through their averages alone, `Statistics`, which are numbers of
order one at any width, so that no digit is lost at p = 10¹². This is the expansion of β(t) in Section 6 of the
paper. Where the error comes back through weights that move, W moves along a vector that is never twice the same;
`fa_ref.engines.reduced.span` then holds matrices of coefficients instead. a and u are sums of ηe, which at inputs
of 10¹⁵⁰ or 10⁻¹⁵⁰ may be beyond floats although no weight is: such a start is refused.
"""

from fa_ref.engines.reduced.averages import BeyondFloatsError, Statistics, sample_in_law
from fa_ref.engines.reduced.engine import Coefficients, Reduced, expansion
from fa_ref.engines.reduced.span import Span

__all__ = ["BeyondFloatsError", "Coefficients", "Reduced", "Span", "Statistics", "expansion", "sample_in_law"]
