"""Laws of the windows that regions are scored in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlift.inputs.windows import Framing
from seqlift.intervals import Region, Window


@pytest.mark.parametrize(
    ("length", "start", "end"), [(4, 13, 17), (5, 13, 18), (1, 15, 16), (40, -5, 35)]
)
def test_window_is_half_its_length_left_of_the_centre(length: int, start: int, end: int) -> None:
    region = Region("chr1", 10, 20)
    assert list(Framing(length).windows(region)) == [Window(region, start, end, start, end)]


def test_window_without_a_length_is_the_region() -> None:
    region = Region("chr1", 10, 21, summit=3)
    assert list(Framing(None).windows(region)) == [Window(region, 10, 21, 10, 21)]


@given(st.integers(0, 10**9), st.integers(1, 10**5), st.integers(1, 10**4))
def test_window_has_the_length_asked_for_and_holds_the_centre(
    start: int, size: int, length: int
) -> None:
    region = Region("chr1", start, start + size)
    (found,) = Framing(length).windows(region)
    assert found.end - found.start == length
    assert found.start <= region.centre < found.end


@given(st.integers(0, 10**6), st.integers(1, 3000), st.integers(1, 300), st.data())
def test_no_base_of_a_tiled_region_is_further_than_half_a_stride_from_a_centre(
    start: int, size: int, length: int, data: st.DataObject
) -> None:
    stride = data.draw(
        st.integers(max(1, size // 50), length) if size // 50 < length else st.just(length)
    )
    region = Region("chr1", start, start + size)
    tiles = list(Framing(length, stride).windows(region))
    assert all(tile.end - tile.start == length for tile in tiles)
    if size <= length:
        assert tiles == list(Framing(length).windows(region))
        return
    centres = [tile.start + length // 2 for tile in tiles]
    for base in {start, start + size - 1, start + size // 3, start + size // 2}:
        assert min(abs(base - centre) for centre in centres) <= (stride + 1) // 2
        assert any(tile.start <= base < tile.end for tile in tiles)
    assert all((tile.first, tile.last) == (start, start + size) for tile in tiles)
    assert len(tiles) == -(-size // stride)
