"""Conversions between the convention of this package and those found elsewhere.

Here the loss is ½ Σᵢ (f(xᵢ) − yᵢ)² + ½ λ ‖β‖². Experiments often descend on the *mean* squared error
(1/n) Σᵢ (f(xᵢ) − yᵢ)², and the published runs did.
"""

from __future__ import annotations

from fa_ref._support.checks import as_count, as_number

__all__ = ["eta_from_mean_squared_step", "ridge_from_mean_squared_label"]


def eta_from_mean_squared_step(step: float, n: int) -> float:
    """Return the η that moves the weights as ``step`` does on the mean squared error: 2·step/n.

    Parameters
    ----------
    step : float
        Step size on (1/n)‖e‖².
    n : int
        Number of samples.

    Returns
    -------
    float
        η, the step size on ½‖e‖².

    Examples
    --------
    >>> eta_from_mean_squared_step(1e-3, n=50)
    4e-05
    """
    return 2.0 * as_number("step", step, above=0) / as_count("n", n)


def ridge_from_mean_squared_label(label: float, n: int) -> float:
    """λ for a penalty ``label`` that shrinks β by ``step · label`` a step: n·label/2.

    With η = 2·step/n the product ηλ is ``step · label`` again.

    Parameters
    ----------
    label : float
        The penalty as such an experiment states it.
    n : int
        Number of samples.

    Returns
    -------
    float
        λ of (4.1).

    Examples
    --------
    >>> ridge_from_mean_squared_label(0.2, n=50)
    5.0
    """
    return as_number("label", label, at_least=0) * as_count("n", n) / 2.0
