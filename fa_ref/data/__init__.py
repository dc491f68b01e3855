"""Inputs, teachers, readers of data files, and labelled images."""

from fa_ref.data.digits import digit_parity, read_digits
from fa_ref.data.idx import read_idx, read_mnist
from fa_ref.data.scaling import Standardisation, standardised
from fa_ref.data.synthetic import (
    gaussian_inputs,
    isometric_inputs,
    linear_teacher,
    network_teacher,
    unit_rows,
)
from fa_ref.data.tables import AmbiguousHeadingsError, Table, read_array, read_problem, read_table

__all__ = [
    "AmbiguousHeadingsError",
    "Standardisation",
    "Table",
    "digit_parity",
    "gaussian_inputs",
    "isometric_inputs",
    "linear_teacher",
    "network_teacher",
    "read_array",
    "read_digits",
    "read_idx",
    "read_mnist",
    "read_problem",
    "read_table",
    "standardised",
    "unit_rows",
]
