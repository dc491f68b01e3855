"""Feedback alignment with k outputs, softmax cross-entropy and minibatches: the networks of Figure 3.

A network of p hidden units sees an image x ∈ R^d and answers with k scores,

    f(x) = (1/√p) β ψ(Wx),          W ∈ R^{p×d},  β ∈ R^{k×p},  b ∈ R^{k×p} fixed.

On a minibatch of B images with one-hot labels Y let E = (softmax f − Y) / B: the gradient of the mean
cross-entropy with respect to the scores, one image a row. One step is

    β ← β − η (Eᵀ Ψ/√p + λ(t) β)
    W ← W − (η/√p) (δ ∘ ψ′)ᵀ X,      δ_FA = E b   or, for backpropagation,   δ_BP = E β.

The rules differ by one array again. Alignment is the mean over the images of cos∠(δ_BP, δ_FA), row by row.
The products are left to BLAS, in float32 unless asked: an epoch costs little more than they do.
"""

from fa_ref.classifier.network import Classifier
from fa_ref.classifier.training import ClassifierRun, train_classifier

__all__ = ["Classifier", "ClassifierRun", "train_classifier"]
