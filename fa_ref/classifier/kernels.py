"""What a step of the classifier does besides its matrix products, in compiled code."""

import math

from fa_ref._support.compiled import njit

__all__ = ["apply", "scale_by", "softmax_residual"]


@njit(error_model="numpy")
def apply(Z, function, out):
    """out = function(Z), entry by entry. Compiled anew for each function, which it then contains."""
    z, o = Z.reshape(-1), out.reshape(-1)
    for i in range(z.size):
        o[i] = function(z[i])


@njit(error_model="numpy")
def scale_by(Z, function, out):
    """out ← out ∘ function(Z)."""
    z, o = Z.reshape(-1), out.reshape(-1)
    for i in range(z.size):
        o[i] *= function(z[i])


@njit(cache=True, error_model="numpy")
def softmax_residual(F, labels):
    """Replace the scores by softmax f − onehot, row by row; return the sum of the cross-entropies.

    The entry of an image's own class is −Σ of the others: softmax − 1 would cancel where the answer is sure.
    """
    loss = 0.0
    for i in range(F.shape[0]):
        top, total = F[i].max(), 0.0
        own = F[i, labels[i]] - top
        for k in range(F.shape[1]):
            F[i, k] = math.exp(F[i, k] - top)
            total += F[i, k]
        others = 0.0
        for k in range(F.shape[1]):
            F[i, k] /= total
            if k != labels[i]:
                others += F[i, k]
        F[i, labels[i]] = -others
        loss += math.log(total) - own
    return loss
