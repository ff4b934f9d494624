"""Laws of compressed bytes: every reader of zlib reads them, and scores come out smaller."""

import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seqlift.tracks.deflate import STORED_MOST, compressed, compressed_pieces
from seqlift.tracks.huffman import LONGEST
from seqlift.tracks.planes import adler32

SIZES = (0, 1, 2, 3, 4, 5, 255, STORED_MOST - 1, STORED_MOST, STORED_MOST + 1, 2 * STORED_MOST)


def drawn(number: int, kind: str) -> bytes:
    random = np.random.default_rng(number)
    if kind == "equal":
        return bytes(number)
    if kind == "random":
        return random.bytes(number)
    return np.minimum(random.geometric(0.3, number), 255).astype(np.uint8).tobytes()


@pytest.mark.parametrize("kind", ["equal", "random", "skewed"])
@pytest.mark.parametrize("number", SIZES)
def test_zlib_reads_what_was_compressed(number: int, kind: str) -> None:
    data = drawn(number, kind)
    assert zlib.decompress(compressed(data)) == data


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=600))
def test_any_bytes_come_back(data: bytes) -> None:
    assert zlib.decompress(compressed(data)) == data


@pytest.mark.parametrize("kind", [np.int8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("number", [0, 1, 7, 5000])
def test_planes_are_those_of_the_shuffle_filter(kind: type, number: int) -> None:
    values = np.random.default_rng(1).normal(size=number).astype(kind)
    planes = values.view(np.uint8).reshape(-1, values.itemsize).T
    assert zlib.decompress(compressed(values, planes=True)) == planes.tobytes()


@pytest.mark.parametrize("numbers", [[0], [5000], [9000, 1, 0, 3, 70_000, 4096]])
def test_pieces_are_compressed_as_each_alone(numbers: list[int]) -> None:
    pieces = [drawn(number, "skewed") for number in numbers]
    made, ends = compressed_pieces(b"".join(pieces), numbers)
    assert made.tobytes() == b"".join(map(compressed, pieces))
    assert ends.tolist() == np.cumsum([len(compressed(piece)) for piece in pieces]).tolist()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("share", [0, 0.001, 0.02, 0.25, 0.49, 0.51])
@pytest.mark.parametrize("ends", [False, True])
def test_numbers_among_zeros_come_back(share: float, ends: bool, kind: type) -> None:
    random = np.random.default_rng(6)
    values = np.where(random.random(20_001) < share, random.normal(size=20_001), 0).astype(kind)
    values[random.random(len(values)) < share / 9] = 2.0  # of which some bytes are 0
    values[[0, -1]] = ends
    planes = values.view(np.uint8).reshape(-1, values.itemsize).T.tobytes()
    made = compressed(values, planes=True)
    assert zlib.decompress(made) == planes
    rows = len(values)
    alone = [compressed(planes[at : at + rows]) for at in range(0, len(planes), rows)]
    assert abs(len(made) - sum(map(len, alone))) <= 8 * len(alone)  # the same codes


@pytest.mark.parametrize("number", [0, 1, 4095, 4096, 4097, 200_000])
@pytest.mark.parametrize("byte", [None, 255])
def test_the_checksum_is_that_of_zlib(number: int, byte: int | None) -> None:
    data = drawn(number, "random") if byte is None else bytes([byte]) * number
    assert adler32(memoryview(data)) == zlib.adler32(data)
    assert adler32(memoryview(data), 12345) == zlib.adler32(data, 12345)


def test_codes_that_would_be_too_long_are_shortened() -> None:
    counts = [1, 1]
    while len(counts) < LONGEST + 10:  # Fibonacci's numbers make the longest codes there are
        counts.append(counts[-1] + counts[-2])
    data = b"".join(bytes([byte]) * count for byte, count in enumerate(counts))
    assert zlib.decompress(compressed(data)) == data
    assert len(compressed(data)) < len(data) * 2.63 / 8 + 200  # the golden ratio squared, in bits


def scores() -> NDArray[np.float32]:
    random = np.random.default_rng(2)
    sizes = np.exp(random.normal(size=(3, 1, 2114)))
    return np.asarray(random.normal(size=(3, 4, 2114)) * sizes, np.float32)


def test_scores_are_smaller_than_zlib_makes_them() -> None:
    hypothetical = scores()
    observed = np.random.default_rng(3).integers(0, 4, (3, 1, 2114)) == np.arange(4)[:, None]
    for values in (hypothetical, np.where(observed, hypothetical, 0), observed.astype(np.int8)):
        planes = values.reshape(-1).view(np.uint8).reshape(-1, values.itemsize).T.tobytes()
        assert len(compressed(values, planes=True)) < len(zlib.compress(planes, 1))


def test_what_codes_do_not_shorten_is_stored() -> None:
    data = np.random.default_rng(4).bytes(100_000)
    assert len(compressed(data)) < len(data) + 50


def test_numbers_with_one_plane_that_codes_shorten_are_shortened() -> None:
    values = np.random.default_rng(5).normal(size=25_000).astype(np.float32)
    assert len(compressed(values.tobytes())) < 0.96 * values.nbytes


def test_bytes_do_not_depend_on_the_thread() -> None:
    values = scores()
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda _: compressed(values, planes=True), range(20)))
    assert made == {compressed(values, planes=True)}


def test_bytes_are_the_same_for_ever() -> None:
    made = compressed(np.arange(5000, dtype=np.float32) ** 2, planes=True)
    assert f"{zlib.crc32(made):08x}" == "778f7875"


def test_other_readers_read_it(tmp_path: Path) -> None:
    values = scores()
    with h5py.File(tmp_path / "x.h5", "w") as file:
        settings_of = {"chunks": values.shape, "compression": "gzip", "shuffle": True}
        dataset = file.create_dataset("x", values.shape, np.float32, **settings_of)
        dataset.id.write_direct_chunk((0, 0, 0), compressed(values, planes=True))
    with h5py.File(tmp_path / "x.h5") as file:
        assert np.array_equal(file["x"][:], values)
    data = values.tobytes()
    raw = compressed(data)[2:-4]
    header, end = gzip.compress(b"")[:10], zlib.crc32(data).to_bytes(4, "little")
    assert gzip.decompress(header + raw + end + len(data).to_bytes(4, "little")) == data
