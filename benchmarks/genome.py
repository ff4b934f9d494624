"""A random genome with regions on it, in the files that commands read."""

from pathlib import Path

import numpy as np

CHROMOSOMES = 10
SPACING = 4000  # more than a window, so that every region is scored alone
LINE = 60
WIDTH = 500


def write_genome(place: Path, regions: int, *, seed: int = 1) -> None:
    """Write genome.fa, chrom.sizes and peaks.narrowPeak with its summits in the middle."""
    rng = np.random.default_rng(seed)
    with (
        (place / "genome.fa").open("w") as fasta,
        (place / "chrom.sizes").open("w") as sizes,
        (place / "peaks.narrowPeak").open("w") as peaks,
    ):
        for number in range(CHROMOSOMES):
            chrom = f"chr{number + 1}"
            own = len(range(number, regions, CHROMOSOMES))
            length = (own + 1) * SPACING
            fasta.write(record(chrom, length, rng))
            sizes.write(f"{chrom}\t{length}\n")
            for k in range(own):
                start = (k + 1) * SPACING - WIDTH // 2
                named = f"{chrom}\t{start}\t{start + WIDTH}\tpeak_{number}_{k}"
                peaks.write(f"{named}\t0\t.\t0\t0\t0\t{WIDTH // 2}\n")


def record(name: str, length: int, rng: np.random.Generator) -> str:
    """Return a FASTA record of random bases."""
    bases = rng.choice(np.frombuffer(b"ACGT", dtype=np.uint8), length).tobytes().decode()
    lines = [bases[start : start + LINE] for start in range(0, length, LINE)]
    return f">{name}\n" + "\n".join(lines) + "\n"
