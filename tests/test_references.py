"""The laws of references: what they keep, how likely each is, and what they depend on."""

import errno
import itertools
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numba
import numba.core.caching as caching
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs import references as room
from seqlift.inputs import shuffle
from seqlift.inputs.arrays import read_array
from seqlift.inputs.onehot import decode, encode, one_hot
from seqlift.inputs.references import (
    KINDS,
    FixedReferences,
    RowReference,
    ShuffledReferences,
    from_file,
    gc_content,
    gc_reference,
    parse,
)
from seqlift.system.compiled import kernel

Codes = NDArray[np.uint8]
Z_9999 = 3.719  # 99.99 % quantile of the normal distribution (Abramowitz & Stegun, table 26.5)


def batch(*sequences: str) -> Codes:
    return np.stack([encode(sequence) for sequence in sequences])


def shuffles(
    sequence: str, kind: str = "dinucleotide", number: int = 20, seed: int = 0
) -> list[str]:
    draws = ShuffledReferences(kind, number, seed).draw(batch(sequence))
    return [decode(draw) for draw in draws[0]]


def dinucleotides(sequence: str) -> Counter[str]:
    return Counter(map("".join, itertools.pairwise(sequence)))


def arrangements(sequence: str, *, keep_dinucleotides: bool) -> set[str]:
    """Return all sequences with the same counts, by trying every one that can be spelled."""
    left = dinucleotides(sequence) if keep_dinucleotides else Counter(sequence)
    found: set[str] = set()

    def extend(prefix: str) -> None:
        if len(prefix) == len(sequence):
            found.add(prefix)
            return
        for base in "ACGT":
            used = prefix[-1:] + base if keep_dinucleotides else base
            if left[used] > 0:
                left[used] -= 1
                extend(prefix + base)
                left[used] += 1

    extend(sequence[0] if keep_dinucleotides else "")
    return found


def chi_square_limit(degrees: int) -> float:
    """Return the 99.99 % quantile of chi-square (Wilson & Hilferty 1931)."""
    spread = 2 / (9 * degrees)
    return float(degrees * (1 - spread + Z_9999 * spread**0.5) ** 3)


def assert_uniform(drawn: list[str], expected: set[str]) -> None:
    counts = Counter(drawn)
    assert set(counts) == expected
    mean = len(drawn) / len(expected)
    chi_square = sum((count - mean) ** 2 / mean for count in counts.values())
    assert chi_square < chi_square_limit(len(expected) - 1)


UNIFORM = [("ACCCACGATGATG", 27), ("AACGTTAGCA", 18), ("GATTACAGAT", 12), ("ACAGATACGA", 24)]


@pytest.mark.parametrize(("sequence", "count"), UNIFORM)
def test_dinucleotide_shuffles_reach_every_arrangement_equally_often(
    sequence: str, count: int
) -> None:
    truth = arrangements(sequence, keep_dinucleotides=True)
    assert len(truth) == count
    assert_uniform(shuffles(sequence, number=1000 * count), truth)


def test_first_shuffles_are_uniform_over_seeds() -> None:
    truth = arrangements("GATTACAGAT", keep_dinucleotides=True)
    assert_uniform([shuffles("GATTACAGAT", number=1, seed=s)[0] for s in range(3000)], truth)


def test_single_base_shuffles_reach_every_arrangement_equally_often() -> None:
    truth = arrangements("AACGTC", keep_dinucleotides=False)
    assert len(truth) == 180
    assert_uniform(shuffles("AACGTC", "shuffle", number=90_000), truth)


def test_stretches_between_n_are_shuffled_independently_and_uniformly() -> None:
    halves = arrangements("ACAGATACGA", keep_dinucleotides=True)
    drawn = shuffles("ACAGATACGANACAGATACGA", number=48_000)
    assert_uniform(drawn, {f"{a}N{b}" for a in halves for b in halves})


@given(st.text(alphabet="ACGTN", min_size=1, max_size=60), st.integers(0, 2**64 - 1))
def test_shuffles_keep_what_their_kind_keeps(sequence: str, seed: int) -> None:
    for draw in shuffles(sequence, "dinucleotide", 3, seed):
        for mine, theirs in zip(draw.split("N"), sequence.split("N"), strict=True):
            assert len(mine) == len(theirs)
            assert dinucleotides(mine) == dinucleotides(theirs)
            assert (mine[:1], mine[-1:]) == (theirs[:1], theirs[-1:])
    for draw in shuffles(sequence, "shuffle", 3, seed):
        assert Counter(draw) == Counter(sequence)
        assert [base == "N" for base in draw] == [base == "N" for base in sequence]


@pytest.mark.parametrize(
    "sequence",
    ["A", "AC", "ACG", "AAAAAAAA", "ACACACAC", "ACTGACTGACTG", "NNNN", "NANCN", "A" * 3000],
)
def test_sequences_with_one_arrangement_return_themselves(sequence: str) -> None:
    assert set(shuffles(sequence)) == {sequence}


@pytest.mark.parametrize(
    "sequence", ["A" * 3000 + "C" * 3000 + "GA", "AC" * 2000 + "GT" * 2000 + "A"]
)
def test_low_complexity_is_drawn_in_time(sequence: str) -> None:
    for draw in shuffles(sequence, number=5):
        assert dinucleotides(draw) == dinucleotides(sequence)


SEQUENCES = ["ACGTTGCAATGCCGTA", "GATTACANGATTACAG", "TTTTTGGGGGCCAACC", "NNNNACGATTACGAAC"]


@pytest.mark.parametrize("kind", ["dinucleotide", "shuffle"])
def test_draws_do_not_depend_on_the_batch_or_its_order(kind: str) -> None:
    references = ShuffledReferences(kind, 7, seed=3)
    together = references.draw(batch(*SEQUENCES))
    reverse = references.draw(batch(*SEQUENCES[::-1], SEQUENCES[0]))
    assert np.array_equal(together, reverse[3::-1])
    assert np.array_equal(reverse[-1], together[0])
    for sequence, drawn in zip(SEQUENCES, together, strict=True):
        assert np.array_equal(references.draw(batch(sequence))[0], drawn)
    columns = np.asfortranarray(batch(*SEQUENCES))
    assert np.array_equal(references.draw(columns), together)


@pytest.mark.parametrize("kind", ["dinucleotide", "shuffle"])
def test_the_first_of_many_references_are_the_few(kind: str) -> None:
    many = ShuffledReferences(kind, 20).draw(batch(*SEQUENCES))
    for number in (1, 2, 19):
        few = ShuffledReferences(kind, number).draw(batch(*SEQUENCES))
        assert np.array_equal(few, many[:, :number])


def test_seeds_sequences_kinds_and_numbers_have_streams_of_their_own() -> None:
    long = decode(np.random.default_rng(1).integers(0, 4, 200).astype(np.uint8))
    drawn = [
        *shuffles(long),
        *shuffles(long, seed=1),
        *shuffles(long, seed=2**64 - 1),
        *shuffles(long, "shuffle"),
    ]
    assert len(set(drawn)) == len(drawn)
    keys = [
        int(room.sequence_keys(batch(s), seed=seed, kind=kind)[0])
        for s, seed, kind in itertools.product(SEQUENCES, (0, 1), ("dinucleotide", "shuffle"))
    ]
    assert len(set(keys)) == len(keys)


GOLDEN_DINUCLEOTIDE = ["ATGACACCCGATG", "ACCCATGACGATG", "ATGACCGACCATG"]
GOLDEN_SINGLE = ["GCACTGCANNCGAATA", "TACGACAGNNAACTCG", "ACCTAACANNTCAGGG"]


def test_draws_never_change_between_versions() -> None:
    # A change here changes everybody's scores: it needs a new major version and a word in the
    # changelog, not a new expected value.
    assert shuffles("ACCCACGATGATG", number=3, seed=7) == GOLDEN_DINUCLEOTIDE
    assert shuffles("ACCCACGANNATGATG", "shuffle", number=3, seed=7) == GOLDEN_SINGLE


def test_sequences_are_not_changed_by_drawing() -> None:
    codes = batch(*SEQUENCES)
    codes.setflags(write=False)
    for kind in KINDS:
        parse(kind, gc=0.4 if kind == "gc" else None).draw(codes)
    assert [decode(row) for row in codes] == SEQUENCES


def test_twenty_shuffles_of_2114_bases_take_at_most_two_milliseconds() -> None:
    codes = np.random.default_rng(0).integers(0, 4, (50, 2114)).astype(np.uint8)
    references = ShuffledReferences()
    references.draw(codes[:1])
    best = np.inf
    for _ in range(5):
        start = time.process_time()
        references.draw(codes)
        best = min(best, time.process_time() - start)
    assert best / len(codes) < 2e-3


def set_to_one(codes: Codes, keys: NDArray[np.uint64], out: Codes) -> None:
    out[0, 0, 0] = 1


def run_as_kernel() -> int:
    out = np.zeros((1, 1, 1), np.uint8)
    kernel(set_to_one)(out[0], np.zeros(1, np.uint64), out)
    return int(out[0, 0, 0])


def test_compiled_code_needs_no_folder_to_be_kept_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    assert run_as_kernel() == 1


def test_compiled_code_runs_when_the_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", fail)
    assert run_as_kernel() == 1


def test_kernels_are_compiled_once_for_all_kinds_of_array(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = set()
    monkeypatch.setattr(
        shuffle,
        "_dinucleotides",
        lambda *arrays: kinds.add(tuple(numba.typeof(array) for array in arrays)),
    )
    codes = batch(*SEQUENCES)
    frozen = codes.copy()
    frozen.setflags(write=False)
    keys = np.zeros(len(codes), np.uint64)
    for sequences in (codes, frozen, np.asfortranarray(codes), codes.astype(np.int64), codes[:1]):
        shuffle.shuffle_dinucleotides(sequences, keys[: len(sequences)], number=2)
    keys.setflags(write=False)
    shuffle.shuffle_dinucleotides(codes, keys, number=2)
    assert len(kinds) == 1


@pytest.mark.parametrize(
    ("references", "row"),
    [
        (gc_reference(0.4), [0.3, 0.2, 0.2, 0.3]),
        (parse("gc", gc=0.5), [0.25] * 4),
        (parse("uniform"), [0.25] * 4),
        (parse("zeros"), [0.0] * 4),
    ],
)
def test_row_references_have_one_row_and_zeros_at_n(
    references: RowReference, row: list[float]
) -> None:
    expected = np.array(row, np.float32)
    assert references.number == 1
    assert references.shared
    assert np.array_equal(references.row(), expected)
    common = references.common(5)
    assert common.shape == (1, 5, 4)
    drawn = references.draw(batch("ACGTA", "ACNTA"))
    assert drawn.shape == (2, 1, 5, 4)
    assert drawn.dtype == common.dtype == np.float32
    assert np.array_equal(drawn[0], common)
    assert np.array_equal(drawn[1, 0, 2], np.zeros(4))
    assert np.array_equal(np.delete(drawn[1], 2, axis=1), np.delete(common, 2, axis=1))


def test_gc_each_measures_every_sequence_without_its_n() -> None:
    references = parse("gc-each")
    assert not references.shared
    drawn = references.draw(batch("GGAA", "GNNA", "CCCC", "NNNN", "CAAA"))
    assert drawn.shape == (5, 1, 4, 4)
    assert drawn.dtype == np.float32
    assert drawn[:, 0, 0].tolist() == [
        [0.25] * 4,
        [0.25] * 4,
        [0, 0.5, 0.5, 0],
        [0] * 4,
        [0.375, 0.125, 0.125, 0.375],
    ]
    assert not drawn[1, 0, 1:3].any()
    assert not drawn[3].any()


@given(st.sampled_from(KINDS), st.lists(st.text("ACGTN", min_size=9, max_size=9), min_size=1))
@settings(max_examples=50)
def test_n_is_n_in_every_kind_of_reference(kind: str, sequences: list[str]) -> None:
    codes = batch(*sequences)
    drawn = parse(kind, number=2, gc=0.4 if kind == "gc" else None).draw(codes)
    rows = drawn if drawn.ndim == 4 else one_hot(drawn)
    assert rows.shape[0] == len(codes)
    unknown = np.broadcast_to((codes == 4)[:, None, :], rows.shape[:3])
    assert not rows[unknown].any()
    if kind != "zeros":
        assert rows[~unknown].sum(axis=-1) == pytest.approx(1)


def test_kinds_have_these_numbers_and_are_shared_or_not() -> None:
    made = {kind: parse(kind, gc=0.4 if kind == "gc" else None) for kind in KINDS}
    assert {kind: (m.kind, m.number, m.shared) for kind, m in made.items()} == {
        "dinucleotide": ("dinucleotide", 20, False),
        "shuffle": ("shuffle", 20, False),
        "gc": ("gc", 1, True),
        "gc-each": ("gc-each", 1, False),
        "zeros": ("zeros", 1, True),
        "uniform": ("uniform", 1, True),
    }


def test_gc_content_counts_known_bases_only() -> None:
    assert gc_content(np.array([3, 1, 2, 4, 90])) == 0.3
    assert gc_content(np.array([3, 1, 2, 4])) == 0.3
    with pytest.raises(InputError, match="all bases are N, so their GC content is unknown"):
        gc_content(np.array([0, 0, 0, 0, 7]))


FRACTION = "give a fraction such as 0.41, or use the reference gc-each"
ALL_KINDS = "use dinucleotide, shuffle, gc, gc-each, zeros, uniform, or a file"
BAD: list[tuple[dict[str, Any], str]] = [
    (
        {"kind": "dinuc"},
        "reference dinuc: no such kind, and no such file; did you mean dinucleotide?",
    ),
    ({"kind": "?"}, f"reference ?: no such kind, and no such file; {ALL_KINDS}"),
    ({"kind": "shuffle", "number": 0}, "references 0: fewer than one; give 1 or more"),
    (
        {"kind": "dinucleotide", "seed": -1},
        "seed -1: not from 0 to 18446744073709551615; give one that is",
    ),
    (
        {"kind": "shuffle", "seed": 2**64},
        "seed 18446744073709551616: not from 0 to 18446744073709551615; give one that is",
    ),
    (
        {"kind": "gc"},
        "reference gc: no GC content; give one, or measure it from regions",
    ),
    ({"kind": "zeros", "gc": 0.4}, "gc 0.4: not used by the reference zeros; use the reference gc"),
    *(
        ({"kind": "gc", "gc": gc}, f"gc {gc:g}: not between 0 and 1; {FRACTION}")
        for gc in (0.0, 1.0, -0.1, 41.0, float("nan"))
    ),
]


@pytest.mark.parametrize(("arguments", "problem"), BAD)
def test_bad_arguments_are_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError) as error:
        parse(**arguments)
    assert error.value.problems == (problem,)


def test_own_references_are_the_same_for_all_and_zeros_at_n() -> None:
    array = np.random.default_rng(0).normal(size=(3, 5, 4))
    references = FixedReferences(array)
    assert (references.number, references.shared, references.kind) == (3, True, "own")
    assert np.array_equal(references.common(5), array.astype(np.float32))
    drawn = references.draw(batch("ACGTA", "NCGTA"))
    assert drawn.shape == (2, 3, 5, 4)
    assert np.array_equal(drawn[0], references.common(5))
    assert not drawn[1, :, 0].any()
    assert np.array_equal(drawn[1, :, 1:], references.common(5)[:, 1:])
    assert FixedReferences(array[0]).common(5).shape == (1, 5, 4)
    with pytest.raises(InputError, match="references of 5 bases: the sequences have 4; give ref"):
        references.draw(batch("ACGT"))


def test_references_are_read_from_arrays_and_fasta(tmp_path: Path) -> None:
    rows = one_hot(batch("ACGTN", "TTTTT"))
    np.save(tmp_path / "many.npy", rows)
    np.save(tmp_path / "one.npy", rows[0].astype(np.float64))
    (tmp_path / "many.fa").write_text(">a\nACG\nTN\n>b\nttttt\n")
    for name, expected in (("many.npy", rows), ("one.npy", rows[:1]), ("many.fa", rows)):
        for length in (5, None):
            read = parse(str(tmp_path / name), length=length)
            assert isinstance(read, FixedReferences)
            assert np.array_equal(read.array, expected)
            assert read.array.dtype == np.float32


BAD_ARRAYS = [
    (np.zeros((5, 3)), "references of shape (5, 3): neither (L, 4) nor (R, L, 4); give rows in"),
    (np.zeros(4), "references of shape (4,): neither (L, 4) nor (R, L, 4); give rows in the"),
    (np.zeros((0, 5, 4)), "references of shape (0, 5, 4): neither (L, 4) nor (R, L, 4); give"),
    (np.zeros((7, 4)), "references of 7 bases: the sequences have 5; give references of the same"),
    (np.full((5, 4), np.nan), "references, row (0,): not a finite number; give finite ones"),
    (np.full((5, 4), "A"), "references of type <U1: not real numbers; give float32"),
    (np.full((5, 4), 1j), "references of type complex128: not real numbers; give float32"),
    (np.full((5, 4), None), "no .npy file of numbers; save one with numpy.save"),
]


@pytest.mark.parametrize(("array", "problem"), BAD_ARRAYS)
def test_bad_arrays_are_refused_with_their_file(
    array: NDArray[np.generic], problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(InputError) as error:
        from_file(path, 5)
    (line,) = error.value.problems
    assert line.startswith(f"{path}: {problem}")


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (
            ">a\nACGTA\n>b\nACGT\n>c\nA\n",
            ["record b has 4 bases; give 5", "record c has 1 bases; give 5"],
        ),
        (">a\nACGTE\n", None),
        ("ACGTA\n", None),
    ],
)
def test_bad_fasta_is_refused_with_its_records(
    content: str, problems: list[str] | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.fa"
    path.write_text(content)
    with pytest.raises(InputError) as error:
        from_file(path, 5)
    if problems is not None:
        assert error.value.problems == tuple(f"{path}: {problem}" for problem in problems)
    assert all(problem.startswith(str(path)) for problem in error.value.problems)


def header(text: str) -> bytes:
    """Return a `.npy` file of that header and eight numbers."""
    data = text.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data + bytes(64)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(" * 5000, ""),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (10, 10000000000000, 4)}\n",
         " (it is shorter than its header says)"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (9, 4)}\n",
         " (it is shorter than its header says)"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999, 4)}\n", None),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 4)}\n", None),
        ("{'descr': 'O', 'fortran_order': False, 'shape': (2, 4)}\n", ""),
        ("{'descr': '<f99999', 'fortran_order': False, 'shape': (2, 4)}\n", ""),
        ("{1: 2}\n", ""),
        ("'", ""),
        ("\x00", ""),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_hostile_header_is_an_error_with_its_place(
    text: str, why: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(header(text))
    for read in (lambda: from_file(path, None), lambda: read_array(path)):
        with pytest.raises(InputError) as error:
            read()
        (line,) = error.value.problems
        assert line.startswith(f"{path}: no .npy file of numbers")
        if why is not None:
            assert line == f"{path}: no .npy file of numbers{why}; save one with numpy.save"


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.npy: cannot be read \(No such file or directory\)"):
        from_file(tmp_path / "none.npy", 5)
