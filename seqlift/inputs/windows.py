"""The windows that regions are scored in: one around the centre, or several along a long region.

Knows intervals; knows nothing of files, genomes or models but the length they take.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from seqlift.intervals import Region, Window


@dataclass(frozen=True, slots=True)
class Framing:
    """How regions become windows.

    Attributes
    ----------
    length
        Bases of each window, None for the regions as they are.
    stride
        Bases between the centres of the tiles of a region longer than `length`; None for one
        window whatever the region's length.
    clipped
        Whether regions no longer than `length` are tiled, too, and so give no scores to what is
        around them.
    """

    length: int | None
    stride: int | None = None
    clipped: bool = False

    def why_centred(self, region: Region) -> str:
        """Say why the windows of a region are not laid around its summit, "" where they are."""
        if self.length is None:
            return "that are their regions"
        if self._is_tiled(region):
            return "that are tiles of a region"
        return "" if region.summit >= 0 else region.no_summit or "without a summit"

    def _is_tiled(self, region: Region) -> bool:
        if self.length is None or self.stride is None:
            return False
        return self.clipped or region.end - region.start > self.length

    def windows(self, region: Region) -> Iterator[Window]:
        """Yield the windows of a region.

        One has [centre - length // 2, centre - length // 2 + length): of an odd length the middle
        base is the centre. Tiles are such windows around the centres of stretches of `stride`
        bases, the first of which begins where the region does: no base is further than half a
        stride from the centre of a tile, and all have bases around them to be scored in.
        """
        if self.length is None:
            yield Window(region, region.start, region.end, region.start, region.end)
        elif self.stride is None or not self._is_tiled(region):
            start = region.centre - self.length // 2
            yield Window(region, start, start + self.length, start, start + self.length)
        else:
            for left in range(region.start, region.end, self.stride):
                # the last stretch may be shorter
                centre = (left + min(left + self.stride, region.end)) // 2
                start = centre - self.length // 2
                # Tiles reach out of their region for context; only its own bases go to the track.
                yield Window(region, start, start + self.length, region.start, region.end)
