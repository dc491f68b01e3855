"""The named activations, and how a name becomes one.

To add one: the compiled ψ and ψ′ in `fa_ref.activations.psi`, what is known of them in `fa_ref.activations.kinds`,
and the name here. Certificates use sup |ψ″| until `theory.certificates.tubes` has its ψ″ (and so does
`theory.alignment.nonlinear.measuring`); ``--rigorous`` refuses it until `theory.certificates.balls` and
``theory/certificates/checker/functions.py`` have its balls.

A ψ of one's own needs none of this: it is an `fa_ref.activations.Activation`.
"""

from __future__ import annotations

from fa_ref.activations.activation import Activation, of_kind

__all__ = ["ACTIVATIONS", "erf", "identity", "relu", "resolve", "sigmoid", "softplus", "tanh"]

identity = of_kind("identity")
relu = of_kind("relu")
tanh = of_kind("tanh")
sigmoid = of_kind("sigmoid")
erf = of_kind("erf")
softplus = of_kind("softplus")

#: The named activations.
ACTIVATIONS: dict[str, Activation] = {a.name: a for a in (identity, relu, tanh, sigmoid, erf, softplus)}
_ALIASES = {"linear": "identity"}


def resolve(activation: str | Activation) -> Activation:
    """Return the activation with this name, or the one given.

    Parameters
    ----------
    activation : str or Activation
        A name, or ψ itself.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        If no activation has this name.
    TypeError
        If ``activation`` is neither a name nor an `Activation`.

    Examples
    --------
    >>> resolve("tanh").B1
    1.0
    >>> resolve("linear").name
    'identity'
    >>> resolve("tan")
    Traceback (most recent call last):
    ...
    ValueError: activation: expected one of identity, relu, tanh, sigmoid, erf, softplus, got 'tan'
    """
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str):
        raise TypeError(f"activation: expected a name or an Activation, got {activation!r}")
    name = _ALIASES.get(activation, activation)
    if name not in ACTIVATIONS:
        raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    return ACTIVATIONS[name]
