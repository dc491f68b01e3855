"""One experiment as one object: what is learnt, from which weights, with which ψ, η, λ(t) and rule."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_number, one_of, require_decay
from fa_ref._support.storage import parse_json, read_npz, write_npz
from fa_ref._support.text import one_line
from fa_ref.activations import ACTIVATIONS, Activation, resolve
from fa_ref.engines.reduced import Statistics
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule

__all__ = ["RULES", "Rule", "Setting"]

Rule = Literal["fa", "bp", "kolen-pollack", "hebbian"]
RULES: tuple[Rule, ...] = ("fa", "bp", "kolen-pollack", "hebbian")

_WEIGHTS = ("W", "beta", "b")


@dataclass(frozen=True, eq=False)
class Setting:
    """Everything that decides a run: two runs of equal settings have the same bits.

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).
    network : Network, Statistics or None
        The weights at t = 0, kept as a read-only copy; of a linear network the averages of
        `fa_ref.engines.reduced.sample_in_law` will do. None where the weights are not known: such a setting
        describes arrays that came from elsewhere and cannot be trained.
    activation : str or Activation, optional
        ψ.
    eta : float
        Step size η > 0 of the loss ½‖e‖²; see `fa_ref.adapters` for others.
    ridge : Schedule, optional
        λ(t), zero if not given; η·λ(t) < 1 is required.
    rule : {"fa", "bp", "kolen-pollack", "hebbian"}, optional
        Feedback alignment (Algorithm 1), backpropagation, or a b that learns: see `fa_ref.learned`.

    Raises
    ------
    TypeError, ValueError
        If a part is not what is said above, or the network's input dimension is not the problem's.

    Notes
    -----
    Settings are equal if their content is: the bytes of the arrays, ψ itself, η, the schedule and the rule. That is
    also their hash, and `digest` says it in 64 hexadecimal digits.

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem(np.eye(2), [1.0, -1.0])
    >>> network = Network.gaussian(50, 2, np.random.default_rng(0))
    >>> setting = Setting(problem, network, "tanh", eta=0.1, ridge=schedules.cutoff(0.1, 100))
    >>> print(setting)
    tanh, n = 2, d = 2, p = 50, η = 0.1, λ = cutoff(0.1, 100), rule fa
    >>> setting == Setting(problem, network.copy(), "tanh", eta=0.1, ridge=schedules.cutoff(0.1, 100))
    True
    >>> setting == setting.replace(eta=0.2)
    False
    """

    problem: Problem
    network: Network | Statistics | None
    activation: Activation
    eta: float
    ridge: Schedule
    rule: Rule

    def __init__(
        self,
        problem: Problem,
        network: Network | Statistics | None,
        activation: str | Activation = "tanh",
        *,
        eta: float,
        ridge: Schedule | None = None,
        rule: str = "fa",
    ) -> None:
        ridge = schedules.zero() if ridge is None else ridge
        _require("problem", problem, Problem)
        _require("network", network, Network, Statistics, type(None))
        _require("ridge", ridge, Schedule)
        one_of("rule", rule, RULES)
        parts = (
            problem,
            _frozen(problem, network),
            resolve(activation),
            as_number("eta", eta, above=0),
            ridge,
            rule,
        )
        for field, part in zip(fields(self), parts, strict=True):
            object.__setattr__(self, field.name, part)
        require_decay(self.eta, ridge.maximum)

    @property
    def start(self) -> Network:
        """The weights at t = 0.

        Raises
        ------
        ValueError
            If they are not known, or by their averages only.
        """
        if not isinstance(self.network, Network):
            known = "nothing" if self.network is None else "averages only"
            raise ValueError(f"network: expected the weights at t = 0, got {known}")
        return self.network

    @property
    def p(self) -> int | None:
        """Width; None where the network is not known."""
        return None if self.network is None else self.network.p

    def replace(self, **changes: Any) -> Setting:
        """Return the setting with some parts changed, by name.

        Examples
        --------
        >>> setting = Setting(Problem([[1.0]], [1.0]), None, "tanh", eta=0.1)
        >>> setting.replace(eta=0.2, rule="bp").eta
        0.2
        """
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        unknown = set(changes) - set(parts)
        if unknown:
            raise TypeError(f"replace: expected {', '.join(parts)}, got {', '.join(sorted(unknown))}")
        return Setting(**{**parts, **changes})

    def digest(self) -> str:
        """SHA-256 of the content, the same on any machine for a named ψ.

        A user's own ψ enters with its bytecode, which depends on the version of Python.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha = hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode())
        for name, array in self._arrays().items():
            sha.update(f"{name}{array.shape}".encode())
            sha.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return sha.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Setting):
            return NotImplemented
        return self is other or (self.activation == other.activation and self.digest() == other.digest())

    def __hash__(self) -> int:
        return hash(self.digest())

    def __str__(self) -> str:
        sizes = f"n = {self.problem.n}, d = {self.problem.d}" + (f", p = {self.p}" if self.p else "")
        ridge = "" if self.ridge.maximum == 0 else f", λ = {self.ridge}"
        return f"{self.activation.name}, {sizes}, η = {self.eta:.6g}{ridge}, rule {self.rule}"

    def __repr__(self) -> str:
        return f"Setting({self})"

    def to_dict(self) -> dict[str, Any]:
        """Return all but the arrays in plain types, for JSON."""
        return {
            "activation": self.activation.name,
            "psi": self.activation.fingerprint,
            "eta": self.eta,
            "ridge": self.ridge.to_dict(),
            "rule": self.rule,
            "n": self.problem.n,
            "d": self.problem.d,
            "p": self.p,
        }

    def _arrays(self) -> dict[str, NDArray[np.float64]]:
        arrays = {"X": self.problem.X, "y": self.problem.y}
        if isinstance(self.network, Network):
            arrays |= {name: getattr(self.network, name) for name in _WEIGHTS}
        elif self.network is not None:
            averages = {field.name: getattr(self.network, field.name) for field in fields(Statistics)}
            arrays |= {f"average_{name}": np.asarray(value, dtype=np.float64) for name, value in averages.items()}
        return arrays

    def content(self) -> dict[str, Any]:
        """Return the setting as named arrays, its plain parts as JSON under ``setting``: what `save` writes."""
        return {"setting": np.array(json.dumps(self.to_dict())), **self._arrays()}

    def save(self, path: str | PathLike[str]) -> None:
        """Write the setting to an ``.npz`` file, complete or not at all.

        Examples
        --------
        >>> import tempfile
        >>> setting = Setting(Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "tanh", eta=0.1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     setting.save(f"{folder}/setting.npz")
        ...     Setting.load(f"{folder}/setting.npz") == setting
        True
        """
        write_npz(path, self.content())

    @classmethod
    def load(cls, path: str | PathLike[str], activation: Activation | None = None) -> Setting:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path-like
            The file.
        activation : Activation, optional
            ψ, needed where it was a user's own: code is not stored.

        Raises
        ------
        ValueError
            If the file is not such an ``.npz`` file, or ψ is not the one it was saved with.
        """
        return cls.from_content(path, read_npz(path, ("setting", "X", "y")), activation)

    @classmethod
    def from_content(
        cls, path: str | PathLike[str], content: dict[str, Any], activation: Activation | None = None
    ) -> Setting:
        """Build the setting from `content` read from ``path``."""
        try:
            plain = parse_json(str(content["setting"]), "setting")
            name, psi = plain["activation"], plain["psi"]
            if not isinstance(name, str):
                raise TypeError(f"activation: expected a name, got {name!r}")
            eta, ridge, rule, p = plain["eta"], Schedule.from_dict(plain["ridge"]), plain["rule"], plain["p"]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError(f"{path}: expected a saved setting, got other content ({one_line(error)})") from None
        if activation is None and name not in ACTIVATIONS:
            raise ValueError(
                f"activation: expected the user's own {one_line(name, 60)} that {path} was saved with, got None"
            )
        chosen = ACTIVATIONS[name] if activation is None else activation
        if chosen.fingerprint != psi:
            raise ValueError(f"activation: expected the ψ that {path} was saved with, got another {chosen.name}")
        found = cls(
            Problem(content["X"], content["y"]), _read_network(path, p), chosen, eta=eta, ridge=ridge, rule=rule
        )
        if json.loads(json.dumps(found.to_dict())) != plain:
            raise ValueError(f"{path}: expected a setting whose description is that of its arrays, got another")
        return found


def _read_network(path: str | PathLike[str], p: int | None) -> Network | Statistics | None:
    if p is None:
        return None
    try:
        return Network(**read_npz(path, _WEIGHTS))
    except ValueError:
        names = [field.name for field in fields(Statistics)]
        averages = read_npz(path, tuple(f"average_{name}" for name in names))
        values = {name: averages[f"average_{name}"] for name in names}
        plain: dict[str, Any] = {name: value if value.ndim else float(value) for name, value in values.items()}
        return Statistics(**{**plain, "p": p})


def _require(name: str, value: object, *kinds: type) -> None:
    if not isinstance(value, kinds):
        raise TypeError(f"{name}: expected a {kinds[0].__name__}, got {value!r:.60}")


def _frozen(problem: Problem, network: Network | Statistics | None) -> Network | Statistics | None:
    if isinstance(network, Network):
        if network.d != problem.d:
            raise ValueError(f"network: expected input dimension {problem.d}, that of the problem, got {network.d}")
        return network.frozen()
    if network is not None and network.F_b.shape != (problem.n,):
        raise ValueError(f"network: expected averages over {problem.n} samples, got {network.F_b.size}")
    return network
