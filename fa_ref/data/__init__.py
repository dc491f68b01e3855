"""Inputs, teachers, readers of data files, and labelled images."""

from fa_ref.data.synthetic import (
    digit_parity,
    gaussian_inputs,
    isometric_inputs,
    linear_teacher,
    network_teacher,
    read_array,
    read_digits,
    read_idx,
    read_mnist,
    unit_rows,
)

__all__ = [
    "digit_parity",
    "gaussian_inputs",
    "isometric_inputs",
    "linear_teacher",
    "network_teacher",
    "read_array",
    "read_digits",
    "read_idx",
    "read_mnist",
    "unit_rows",
]
