"""The two trees of a bigWig: chromosomes by name, and blocks of data by place.

Format: Kent et al. 2010, https://doi.org/10.1093/bioinformatics/btq351, supplementary tables 8 to
17; numbers are little-endian. Knows bytes; knows no files.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHROM_MAGIC, INDEX_MAGIC = 0x78CA8C91, 0x2468ACE0
CHILDREN = 256
"""Children of a node, at most."""

NODE = struct.Struct("<BBH")
"""Whether a node is a leaf, nothing, and how many children it has."""

SPAN = [("chrom", "<u4"), ("start", "<u4"), ("last_chrom", "<u4"), ("end", "<u4")]
BLOCK = np.dtype([*SPAN, ("offset", "<u8"), ("size", "<u8")])
"""A block of data: where it begins and ends on the genome, where it lies in the file, its bytes."""

_SPAN_NODE = np.dtype([*SPAN, ("offset", "<u8")])

Rows = NDArray[Any]


def chromosome_tree(sizes: Mapping[str, int], *, offset: int) -> bytes:
    """Make the tree of chromosomes, numbered in the order of `sizes`; it lies at `offset`.

    Its names are sorted, as readers search them.
    """
    names = [name.encode() for name in sizes]
    key = f"S{max(map(len, names))}"
    leaves = np.empty(len(names), np.dtype([("key", key), ("number", "<u4"), ("size", "<u4")]))
    leaves["key"], leaves["number"] = names, np.arange(len(names))
    leaves["size"] = list(sizes.values())
    leaves.sort(order="key")

    def above(level: Rows) -> Rows:
        nodes = np.empty(-(-len(level) // CHILDREN), np.dtype([("key", key), ("offset", "<u8")]))
        nodes["key"] = level["key"][::CHILDREN]
        return nodes

    width = leaves.dtype["key"].itemsize
    header = struct.pack("<IIIIQQ", CHROM_MAGIC, CHILDREN, width, 8, len(names), 0)
    return header + _nodes(leaves, above, offset=offset + len(header))


def block_index(blocks: Rows, *, offset: int) -> bytes:
    """Make the tree of blocks (`BLOCK`), which lie in the order of the genome, for `offset`."""

    def above(level: Rows) -> Rows:
        nodes = np.empty(-(-len(level) // CHILDREN), _SPAN_NODE)
        lasts = np.minimum(np.arange(1, len(nodes) + 1) * CHILDREN, len(level)) - 1
        for name in ("chrom", "start"):
            nodes[name] = level[name][::CHILDREN]
        for name in ("last_chrom", "end"):
            nodes[name] = level[name][lasts]
        return nodes

    first, last = blocks[0], blocks[-1]
    whole = (first["chrom"], first["start"], last["last_chrom"], last["end"])
    header = struct.pack(
        "<IIQIIIIQII", INDEX_MAGIC, CHILDREN, len(blocks), *map(int, whole), offset, 1, 0
    )
    return header + _nodes(blocks, above, offset=offset + len(header))


def _nodes(leaves: Rows, above: Callable[[Rows], Rows], *, offset: int) -> bytes:
    """Write the nodes of a tree, level by level from the root, which lies at `offset`."""
    levels = [leaves]
    while len(levels[0]) > CHILDREN:
        levels.insert(0, above(levels[0]))
    parts = []
    for level, below in zip(levels, [*levels[1:], None], strict=True):
        firsts = range(0, len(level), CHILDREN)
        offset += NODE.size * len(firsts) + level.nbytes
        if below is not None:  # all of its nodes but the last are full
            full = NODE.size + CHILDREN * below.itemsize
            level["offset"] = offset + full * np.arange(len(level))
        for first in firsts:
            children = level[first : first + CHILDREN]
            parts += [NODE.pack(below is None, 0, len(children)), children.tobytes()]
    return b"".join(parts)
