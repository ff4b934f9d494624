import pytest

from seqlift.pipeline.fact_table import FACTS, USUAL, Fact, answering, fact_of
from seqlift.pipeline.facts import changes

EVERY_FACT = pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)


@EVERY_FACT
def test_a_path_may_differ_wherever_its_file_is_known_by_its_bytes(fact: Fact) -> None:
    if fact.path:
        assert fact.continued
        assert fact.shards
        assert fact.models
        assert fact.targets


@EVERY_FACT
def test_what_differs_between_files_is_not_taken_from_the_first_of_them(fact: Fact) -> None:
    assert (fact.whole == "all") <= fact.shards
    assert (fact.mean == "all") <= fact.models
    assert fact.path or not (fact.shards and fact.whole == "first")
    assert fact.path or not (fact.models and fact.mean == "first")


def test_a_fact_without_a_row_may_differ_nowhere() -> None:
    assert fact_of("seed") == USUAL
    assert not any((USUAL.continued, USUAL.shards, USUAL.models, USUAL.targets, USUAL.path))


def test_a_reference_may_differ_where_it_is_the_path_of_a_file() -> None:
    for question in ("continued", "shards", "models", "targets", "path"):
        assert "reference" not in answering(question, {"reference": "zeros"})
        assert "reference" in answering(question, {"reference": "r.npy", "reference_sha256": "0"})


def test_a_change_is_named_by_what_it_is_of() -> None:
    assert changes({"windows_sha256": "1", "seed": 0}, {"windows_sha256": "2", "seed": 4}) == [
        "windows_sha256 (of the bases of all windows) was 1 and is 2",
        "seed was 0 and is 4",
    ]
