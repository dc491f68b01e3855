"""The Gram-space engine: the steps of `fa_ref.loops`, for any ψ, without the weights."""
