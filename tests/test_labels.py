"""Texts of rows held as numbers: the texts that were put in, and few bytes for each row."""

import numpy as np

from seqlift.tracks.labels import Labels

WORDS = ["chr2", "chr1", "chr2", "", "chrX", "chr1", "chr2"]


def test_labels_are_the_texts_of_rows_however_they_were_put_together() -> None:
    for labels in (
        Labels.of([WORDS]),
        Labels.of([WORDS[:3], [], WORDS[3:]]),
        Labels.joined([Labels.of([WORDS[:4]]), Labels.of([]), Labels.of([WORDS[4:]])]),
    ):
        assert [*labels] == WORDS
        assert len(labels) == len(WORDS)
        assert [labels[row] for row in range(len(WORDS))] == WORDS
        assert labels.names == ("chr2", "chr1", "", "chrX")
        assert labels.equal("chr1").tolist() == [word == "chr1" for word in WORDS]
        assert not labels.equal("chr3").any()
        assert labels.matched({"chr1": 5, "": 7}).tolist() == [-1, 5, -1, 7, -1, 5, -1]


def test_counts_have_the_commonest_first_then_the_earliest() -> None:
    counts = Labels.joined([Labels(("gone",), np.empty(0, np.int32)), Labels.of([WORDS])]).counts()
    assert [*counts.items()] == [("chr2", 3), ("chr1", 2), ("", 1), ("chrX", 1)]


def test_a_row_takes_four_bytes() -> None:
    labels = Labels.of(["a chromosome of a long name"] * 1000 for _ in range(10))
    assert (labels.numbers.nbytes, len(labels.names)) == (40_000, 1)


def test_no_rows_are_no_labels() -> None:
    none = Labels.joined([Labels.of([]), Labels.of([[]])])
    assert ([*none], len(none), none.counts()) == ([], 0, {})
