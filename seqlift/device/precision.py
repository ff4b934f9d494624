"""The precisions a user chooses from; importing them costs nothing."""

from typing import Literal, get_args

Precision = Literal["float32", "tf32", "bfloat16", "float64"]
Products = Literal["tf32", "bfloat16"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
ROUNDED: tuple[Products, ...] = get_args(Products)
"""Precisions that round the factors of products only."""
