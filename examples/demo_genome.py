"""The demonstration genome: simulated peaks set between plain stretches of three chromosomes.

Knows where the peaks lie and the text of the files that hold them. Knows nothing of how a sequence
is simulated (`simulated_peaks`) and nothing of networks; needs NumPy only. The genome is the same
at every call, its files the same to the byte.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from simulated_peaks import (
    BACKGROUND,
    CLASSES,
    MOTIFS,
    SEQUENCE_LENGTH,
    Codes,
    Instance,
    choices,
    simulate,
    stream,
    whole_numbers,
)

GENOME_SEED = 0
PEAKS_PER_CHROMOSOME = {"chrDemo1": 80, "chrDemo2": 68, "chrDemo3": 52}
SMALLEST_GAP, GAP_SPREAD = 300, 500
MASK_EVERY, MASK_LENGTH = 2500, 250
LINE_LENGTH = 60  # bases, in the FASTA file


@dataclass(frozen=True)
class Peak:
    """One peak of the genome; its instances have coordinates of the chromosome."""

    chrom: str
    start: int
    name: str
    instances: tuple[Instance, ...]

    @property
    def end(self) -> int:
        """Find the position after the last base."""
        return self.start + SEQUENCE_LENGTH


@dataclass(frozen=True)
class DemoGenome:
    """Chromosomes as text (lower case where soft-masked) and the peaks in them, in file order."""

    chromosomes: dict[str, str]
    peaks: tuple[Peak, ...]


def make_genome() -> DemoGenome:
    """Make the demonstration genome: the same at every call, each class of peak equally often."""
    rng = stream(GENOME_SEED)
    number = sum(PEAKS_PER_CHROMOSOME.values())
    planted = np.array(CLASSES)[np.argsort(rng.random(number)) % len(CLASSES)]
    simulated = list(zip(*simulate(planted, rng), strict=True))
    chromosomes: dict[str, str] = {}
    peaks: list[Peak] = []
    for chrom, count in PEAKS_PER_CHROMOSOME.items():
        pieces, position = [_plain(rng)], 0
        for codes, instances in simulated[len(peaks) : len(peaks) + count]:
            position += len(pieces[-1])
            peaks.append(_peak(chrom, position, f"peak{len(peaks) + 1:03d}", instances))
            position += SEQUENCE_LENGTH
            pieces += [codes, _plain(rng)]
        chromosomes[chrom] = _soft_masked(np.concatenate(pieces), rng)
    return DemoGenome(chromosomes, tuple(peaks))


def _plain(rng: np.random.Generator) -> Codes:
    """Draw background bases with nothing planted, to stand between two peaks."""
    length = SMALLEST_GAP + int(whole_numbers(1, GAP_SPREAD, rng)[0])
    return choices(BACKGROUND, length, rng)


def _peak(chrom: str, start: int, name: str, instances: tuple[Instance, ...]) -> Peak:
    """Move a peak and its instances to the chromosome, and name it by its motifs."""
    counts = [(m.name, sum(i.motif is m for i in instances)) for m in MOTIFS]
    planted = "_".join(f"{motif}x{count}" for motif, count in counts if count) or "none"
    moved = tuple(Instance(i.motif, start + i.start, i.strand, i.bits) for i in instances)
    return Peak(chrom, start, f"{name}_{planted}", moved)


def _soft_masked(codes: Codes, rng: np.random.Generator) -> str:
    """Write the bases as text, with about one tenth of them in lower case, as in real genomes."""
    bases = np.frombuffer(b"ACGT", dtype=np.uint8)[codes]
    for start in whole_numbers(len(codes) // MASK_EVERY, len(codes) - MASK_LENGTH, rng):
        bases[start : start + MASK_LENGTH] |= 0x20  # this bit alone is what makes ASCII lower case
    return bases.tobytes().decode()


def genome_files(genome: DemoGenome) -> dict[str, str]:
    """Write the text of every file of the genome, by its name.

    demo.fa and demo.fa.fai: the sequence and its samtools index. demo.narrowPeak: the peaks, summit
    in the middle, signalValue the number of planted instances. demo.motifs.bed: the planted
    instances (BED6), score 1000 x log-odds / the motif's largest log-odds.
    """
    fasta, index = "", ""
    for chrom, sequence in genome.chromosomes.items():
        fasta += f">{chrom}\n"
        index += f"{chrom}\t{len(sequence)}\t{len(fasta)}\t{LINE_LENGTH}\t{LINE_LENGTH + 1}\n"
        lines = range(0, len(sequence), LINE_LENGTH)
        fasta += "".join(f"{sequence[i : i + LINE_LENGTH]}\n" for i in lines)
    return {
        "demo.fa": fasta,
        "demo.fa.fai": index,
        "demo.narrowPeak": "".join(_narrow_peak_line(peak) for peak in genome.peaks),
        "demo.motifs.bed": "".join(
            _motif_line(peak.chrom, instance)
            for peak in genome.peaks
            for instance in peak.instances
        ),
    }


def _narrow_peak_line(peak: Peak) -> str:
    """List the ten columns of a peak; p and q values are -1, which means none."""
    columns = (peak.chrom, peak.start, peak.end, peak.name, 1000, ".", len(peak.instances), -1, -1)
    return "\t".join(map(str, (*columns, SEQUENCE_LENGTH // 2))) + "\n"


def _motif_line(chrom: str, instance: Instance) -> str:
    """List the six columns of a planted instance."""
    score = round(1000 * instance.bits / instance.motif.log_odds.max(axis=1).sum())
    columns = (chrom, instance.start, instance.end, instance.motif.name, score, instance.strand)
    return "\t".join(map(str, columns)) + "\n"


def write_genome(folder: Path) -> None:
    """Write the files of the genome into the folder, made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in genome_files(make_genome()).items():
        (folder / name).write_text(text, encoding="ascii", newline="\n")
