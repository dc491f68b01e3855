"""PyTorch's view of feedback alignment: a product whose gradient is carried back through other weights."""

import pytest


def product():
    """The function (forwards, backwards, h) ↦ forwards @ h, with h a sample a column; skips without PyTorch."""
    torch = pytest.importorskip("torch")

    class Product(torch.autograd.Function):
        """Multiply by ``forwards``; carry gradients back through ``backwards``."""

        @staticmethod
        def forward(ctx, forwards, backwards, h):
            ctx.save_for_backward(backwards, h)
            return forwards @ h

        @staticmethod
        def backward(ctx, grad):
            backwards, h = ctx.saved_tensors
            return grad @ h.T, None, backwards.T @ grad

    return Product.apply
