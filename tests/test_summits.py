"""What windows are laid around, and that it is counted and shown."""

from pathlib import Path

import pytest

from seqlift.errors import InputError
from seqlift.inputs.windows import Framing
from seqlift.pipeline.workload import Workload
from seqlift.tracks.score_summary import windows_placed

NEGATIVE = "chr1\t10\t50\t.\t.\t.\t.\t.\t.\t3\n"
EIGHT = Framing(8)
PLAIN = "chr1\t10\t50\n"
NONE = "chr1\t10\t50\tp\t0\t+\t1\t1\t1\t-1\n"


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    path = tmp_path / "g.fa"
    path.write_text(">chr1\n" + "ACGTT" * 20 + "\n")
    return path


def placed(
    bed: str, genome: Path, framing: Framing = EIGHT, summits: str = "auto"
) -> tuple[list[int], str]:
    """Return where the windows of BED text begin, and what a summary says of them."""
    path = genome.with_name("r.bed")
    path.write_text(bed)
    with Workload(str(path), str(genome), summits=summits) as workload:
        starts = [row.window.start for row in workload.read(framing)]
        return starts, windows_placed(workload.survey(framing).facts)


def test_dots_in_columns_7_to_9_do_not_hide_a_summit(genome: Path) -> None:
    assert placed(NEGATIVE * 2, genome) == ([9, 9], "2 around summits, 0 around centres")


def test_windows_around_centres_are_counted_by_the_reason(genome: Path) -> None:
    assert placed(NEGATIVE + PLAIN * 2 + NONE, genome) == (
        [9, 26, 26, 26],
        "1 around summits, 3 around centres (2 with fewer than 10 columns, 1 with -1 in column 10)",
    )
    assert placed(NEGATIVE, genome, summits="centre") == (
        [26],
        "0 around summits, 1 around centres (1 by --summit centre)",
    )


def test_tiles_and_regions_as_they_are_lie_around_no_summit(genome: Path) -> None:
    short = "chr1\t10\t18\t.\t.\t.\t.\t.\t.\t3\n"
    starts, told = placed(NEGATIVE + short, genome, Framing(8, 8))
    assert (len(starts), starts[-1]) == (6, 9)
    assert told == "1 around summits, 5 around centres (5 that are tiles of a region)"
    told = placed(NEGATIVE, genome, Framing(None))[1]
    assert told == "0 around summits, 1 around centres (1 that are their regions)"


def test_sequences_have_no_summits_to_ask_for(genome: Path) -> None:
    with Workload(str(genome), None) as workload:
        told = windows_placed(workload.survey(Framing(8)).facts)
    assert told == "0 around summits, 1 around centres (1 of FASTA sequences)"
    with pytest.raises(InputError) as error:
        Workload(str(genome), None, summits="column")
    assert str(error.value) == (
        f"{genome}: sequences in FASTA have no columns; leave out --summit column"
    )


def test_a_shard_counts_the_windows_of_all_shards() -> None:
    facts = {"windows_around_summits": 3, "windows_around_centres": 0, "shard": "1-of-2"}
    assert windows_placed(facts) == "3 around summits, 0 around centres, in all shards"
    assert windows_placed({}) == ""
    assert windows_placed({**facts, "windows_around_centres": "three"}) == ""
