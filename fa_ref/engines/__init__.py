"""The engines that `fa_ref.train` chooses from: each the same trajectory, up to rounding."""
