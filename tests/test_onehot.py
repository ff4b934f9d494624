"""The laws of bases as letters, codes and one-hot rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlift.errors import InputError
from seqlift.inputs.onehot import (
    codes_of,
    decode,
    encode,
    hide_unknown,
    one_hot,
    sequence_one_hot,
)

TABLE = [
    ("ACGT", [0, 1, 2, 3]),
    ("acgt", [0, 1, 2, 3]),
    ("Uu", [3, 3]),
    ("NRYSWKMBDHV", [4] * 11),
    ("nryswkmbdhv", [4] * 11),
    ("", []),
]


@pytest.mark.parametrize(("letters", "codes"), TABLE)
def test_letters_have_these_codes(letters: str, codes: list[int]) -> None:
    for given_letters in (letters, letters.encode()):
        assert encode(given_letters).tolist() == codes
        assert encode(given_letters).dtype == np.uint8


@pytest.mark.parametrize("letter", ["E", "e", "-", "*", " ", "1", "X", ".", "\0", "ü", "好", "\n"])
def test_other_letters_are_refused_with_their_place(letter: str) -> None:
    with pytest.raises(InputError) as error:
        encode(f"AC{letter}GT")
    place = f"sequence, base 2 (counted from 0): {letter!r} is not a nucleotide letter"
    assert str(error.value).startswith(place)


def test_refusal_has_place_value_and_remedy() -> None:
    with pytest.raises(InputError) as error:
        encode("ACGE")
    assert str(error.value) == (
        "sequence, base 3 (counted from 0): 'E' is not a nucleotide letter; "
        "use A, C, G, T, and N where the base is not known"
    )


@given(st.text(alphabet="ACGTN"))
def test_codes_and_one_hot_rows_say_the_same_as_letters(letters: str) -> None:
    codes = encode(letters)
    assert decode(codes) == letters
    rows = one_hot(codes)
    assert rows.shape == (len(letters), 4)
    assert rows.dtype == np.float32
    assert np.array_equal(codes_of(rows), codes)


def test_one_hot_rows_are_in_the_order_a_c_g_t_and_n_is_zeros() -> None:
    expected = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert one_hot(encode("ACGTN"), np.int8).tolist() == expected
    assert one_hot(np.zeros((2, 3, 5), np.uint8)).shape == (2, 3, 5, 4)


@pytest.mark.parametrize("row", [[1, 1, 0, 0], [0.25] * 4, [1, 0.5, 0, 0], [np.nan, 0, 0, 0]])
def test_codes_of_other_rows_are_refused(row: list[float]) -> None:
    rows = one_hot(encode("ACGT"))[np.newaxis]
    rows[0, 2] = row
    with pytest.raises(InputError, match=r"^one-hot array, row \(0, 2\): .* neither a base nor N"):
        codes_of(rows)


def test_codes_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"shape \(4, 7\): its last axis is not 4; give"):
        codes_of(np.zeros((4, 7)))


def test_hidden_rows_are_zeros_exactly_where_the_sequence_is_n() -> None:
    rows = np.full((1, 2, 1, 4), 0.25, np.float32)
    hidden = hide_unknown(rows, np.stack([encode("ANG"), encode("ACG")]))
    assert hidden.shape == (2, 2, 3, 4)
    assert hidden.dtype == np.float32
    assert np.argwhere((hidden == 0).all(axis=-1)).tolist() == [[0, 0, 1], [0, 1, 1]]
    assert set(np.unique(hidden)) == {0, 0.25}


def test_several_sequences_are_stacked() -> None:
    rows = sequence_one_hot(["ACGTN", b"ttttt"])
    assert rows.shape == (2, 5, 4)
    np.testing.assert_array_equal(rows[0], sequence_one_hot("ACGTN"))
    np.testing.assert_array_equal(rows[1], sequence_one_hot("TTTTT"))


@pytest.mark.parametrize(
    ("several", "message"),
    [
        (["ACG", "AC"], r"number 1 .* has 2 bases, and number 0 has 3"),
        (["ACG", "AXC"], r"number 1 .*base 1 .*'X' is not a nucleotide"),
        (["ACG", 1], "1 is not text"),
        ([], "there are none"),
    ],
)
def test_sequences_that_cannot_be_stacked_are_refused(several: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sequence_one_hot(several)
