"""Laws of the checksum that ends a score file."""

import hashlib
from pathlib import Path
from zlib import crc32

import h5py
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scores import made_batch, window

from seqlift.errors import InputError
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import CRC_MARK, MARK, OLD_MARK, SIZE, check_seal


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seal") / "a.h5"
    batch = made_batch([window("c", 3, 53)] * 4, length=50, sizes={"c": 100})
    with ScoreWriter(path, length=50, attributes={}) as writer:
        writer.write(batch)
    return path


def test_readers_of_hdf5_do_not_see_it(scores: Path) -> None:
    assert check_seal(scores)
    assert check_seal(scores, compiled=True)
    assert scores.read_bytes()[-SIZE:].startswith(MARK)
    with h5py.File(scores) as file:
        assert file["shap/seq"].shape == (4, 4, 50)


@settings(deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_noticed(scores: Path, data: st.DataObject) -> None:
    whole = bytearray(scores.read_bytes())
    place = data.draw(st.integers(0, len(whole) - SIZE - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    other = scores.with_name("other.h5")
    other.write_bytes(whole)
    for compiled in (False, True):
        with pytest.raises(
            InputError, match=r"other\.h5: the file is damaged \(its checksum is an"
        ):
            check_seal(other, compiled=compiled)


@pytest.mark.parametrize("mark", [OLD_MARK, CRC_MARK])
@pytest.mark.parametrize("flipped", [False, True])
def test_the_checksums_of_earlier_versions_are_compared_too(
    scores: Path, flipped: bool, mark: bytes
) -> None:
    content = bytearray(scores.read_bytes()[:-SIZE])
    digits = hashlib.sha256(content).hexdigest() if mark == OLD_MARK else f"{crc32(content):08x}"
    line = mark + digits.encode() + b"\n"
    content[100] ^= flipped
    old = scores.with_name("old.h5")
    old.write_bytes(content + line)
    if flipped:
        with pytest.raises(InputError, match="its checksum is another"):
            check_seal(old)
    else:
        assert check_seal(old)


def test_a_file_that_was_changed_on_purpose_is_taken_as_it_is(scores: Path) -> None:
    other = scores.with_name("changed.h5")
    other.write_bytes(scores.read_bytes())
    with h5py.File(other, "r+") as file:
        file.attrs["note"] = "mine" * 300
    assert MARK not in other.read_bytes()
    check_seal(other)
    with ScoreFile(other) as found:
        assert found.rows == 4


def test_what_is_no_score_file_is_none_of_its_business(tmp_path: Path) -> None:
    check_seal(tmp_path)
    check_seal(tmp_path / "missing")
    (tmp_path / "short").write_bytes(b"x")
    check_seal(tmp_path / "short")
