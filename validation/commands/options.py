"""Groups of options: a record whose fields become options of every command that takes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from fa_ref.schedules import Schedule

__all__ = ["Common", "JunitFile", "Net", "Penalty", "Psi", "Synthetic", "spread"]

JunitFile = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write the verdicts as a JUnit file too.")
]
Psi = Annotated[str, typer.Option(help="ψ: identity, relu, tanh, sigmoid, erf or softplus.")]


@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command takes."""

    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the results as JSON too.")
    ] = None
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 0


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """The sizes of a problem that is drawn."""

    n: Annotated[int, typer.Option(min=1, help="Samples of the synthetic problem (without --X and --y).")]
    d: Annotated[int, typer.Option(min=1, help="Its input dimension.")]


@dataclass(frozen=True, kw_only=True)
class Net:
    """The network."""

    p: Annotated[int, typer.Option(min=1, help="Width.")]
    activation: Psi = "tanh"


@dataclass(frozen=True, kw_only=True)
class Penalty:
    """λ(t): constant, or cut off."""

    ridge: Annotated[float, typer.Option(help="λ of the ridge penalty.")] = 0.0
    cutoff: Annotated[int | None, typer.Option(metavar="T", help="Set λ to 0 after step T.")] = None

    def schedule(self) -> Schedule:
        """The schedule that was typed.

        Raises
        ------
        ValueError
            If λ or T is negative, or there is a cutoff of nothing.
        """
        from fa_ref import schedules

        if self.cutoff is None:
            return schedules.constant(self.ridge)
        if self.ridge == 0:
            raise ValueError(
                f"--cutoff: expected together with --ridge, which it ends, got --cutoff {self.cutoff} alone"
            )
        return schedules.cutoff(self.ridge, self.cutoff)


def spread(command: Callable[..., Any]) -> Callable[..., Any]:
    """Make a command for Typer of one that takes groups of options.

    A parameter whose type is a group becomes one option a field; the command gets the record of what was typed. The
    options' defaults are those of the parameter's default, which is a record too, or else of the group.

    Parameters
    ----------
    command : callable
        With types for all parameters.

    Returns
    -------
    callable
        Takes an option a keyword.

    Examples
    --------
    >>> @spread
    ... def show(net: Net = Net(p=5), *, loud: bool = False) -> None:
    ...     print(net, loud)
    >>> [name for name in inspect.signature(show).parameters]
    ['p', 'activation', 'loud']
    >>> show(p=7, activation="relu", loud=True)
    Net(p=7, activation='relu') True
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    options: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hints[name]):
            groups[name] = hints[name]
            options += _fields(hints[name], parameter.default)
        else:
            options.append(parameter.replace(annotation=hints[name], kind=parameter.KEYWORD_ONLY))

    @wraps(command)
    def typed(**given: Any) -> Any:
        records = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        return command(**given, **records)

    typed.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # this is what Typer reads
    typed.__annotations__ = {option.name: option.annotation for option in options}
    del typed.__wrapped__  # or the signature would be sought there
    return typed


def _fields(group: Any, default: Any) -> list[inspect.Parameter]:
    """One parameter a field, with the default that the record or the group gives it."""
    hints, none = get_type_hints(group, include_extras=True), inspect.Parameter.empty
    found = []
    for field in fields(group):
        own = none if field.default is MISSING else field.default
        value = own if default is none else getattr(default, field.name)
        keyword = inspect.Parameter.KEYWORD_ONLY
        found.append(inspect.Parameter(field.name, keyword, default=value, annotation=hints[field.name]))
    return found
