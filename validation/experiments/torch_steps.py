"""Steps of feedback alignment in PyTorch, for the benchmark: by hand, and by autograd with a custom backward."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fa_ref.network import Network
    from fa_ref.problem import Problem

_installed: Any = import_module("torch") if find_spec("torch") else None

__all__ = ["is_installed", "repeat", "runners", "threads"]

Steps = Callable[[int], Any]


def is_installed() -> bool:
    """Whether PyTorch can be imported."""
    return _installed is not None


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run PyTorch, if it is installed, on this many threads."""
    torch: Any = _installed
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)


def runners(
    problem: Problem, network: Network, activation: str, eta: float
) -> Iterator[tuple[tuple[str, str], Steps]]:
    """Both implementations in both types, or nothing without PyTorch."""
    torch: Any = _installed
    if torch is None:
        return
    for dtype in ("float64", "float32"):
        arrays = (problem.X, problem.y, network.W, network.beta, network.b)
        tensors = [torch.tensor(array, dtype=getattr(torch, dtype)) for array in arrays]
        yield ("torch by hand", dtype), _by_hand(torch, activation, eta, *tensors)
        tensors = [torch.tensor(array, dtype=getattr(torch, dtype)) for array in arrays]
        yield ("torch autograd", dtype), _autograd(torch, activation, eta, *tensors)


def repeat(step: Callable[[], Any]) -> Steps:
    """Return a function that takes a number of steps and returns what the first of them returned."""

    def run(steps: int) -> Any:
        first = step()
        for _ in range(steps - 1):
            step()
        return first

    return run


def _by_hand(torch: Any, activation: str, eta: float, X: Any, y: Any, W: Any, beta: Any, b: Any) -> Steps:
    root = math.sqrt(beta.numel())
    Psi, G, slopes = (torch.empty(len(y), len(beta), dtype=X.dtype) for _ in range(3))  # no step allocates them

    @torch.no_grad()
    def step() -> Any:
        torch.mm(X, W.T, out=Psi)
        if activation == "tanh":
            Psi.tanh_()
            torch.mul(Psi, Psi, out=slopes).neg_().add_(1.0)
        elif activation == "relu":
            Psi.relu_()
            torch.sign(Psi, out=slopes)
        e = torch.mv(Psi, beta).div_(root).sub_(y)
        torch.outer(e, b, out=G)
        if activation != "identity":
            G.mul_(slopes)
        beta.addmv_(Psi.T, e, alpha=-eta / root)
        W.addmm_(G.T, X, alpha=-eta / root)
        return e

    return repeat(step)


def _autograd(torch: Any, activation: str, eta: float, X: Any, y: Any, W: Any, beta: Any, b: Any) -> Steps:
    class Feedback(torch.autograd.Function):
        """f = Ψβ/√p, whose error goes back to Ψ through b."""

        @staticmethod
        def forward(ctx: Any, Psi: Any, beta: Any, b: Any) -> Any:
            ctx.save_for_backward(Psi, b)
            return torch.mv(Psi, beta) / math.sqrt(b.numel())

        @staticmethod
        def backward(ctx: Any, e: Any) -> Any:
            Psi, b = ctx.saved_tensors
            e = e / math.sqrt(b.numel())
            return torch.outer(e, b), torch.mv(Psi.T, e), None

    psi = {"tanh": torch.tanh, "relu": torch.relu, "identity": lambda z: z}[activation]
    weights = [W.requires_grad_(), beta.requires_grad_()]
    optimizer = torch.optim.SGD(weights, lr=eta)

    def step() -> Any:
        optimizer.zero_grad()
        e = Feedback.apply(psi(X @ W.T), beta, b) - y
        loss = 0.5 * torch.sum(e**2)
        loss.backward()
        optimizer.step()
        return e.detach()

    return repeat(step)
