"""What is wrong, and the messages about it: cases with their exit codes and exact lines.

A case is what follows ``seqlift score``, in the folder of `bad_files`; each of its problems is one
line, here without the program's name before it.
"""

import re

BASE = "averaging.keras good.bed -g genome.fa"
REBUILD = "rebuild the model with layers of keras.layers and save it again"
ZERO_BASED = "give 0-based half-open coordinates"
TO_JSON = "give the architecture as written by model.to_json()"
USAGE = (
    "Usage: seqlift score [OPTIONS] MODEL REGIONS\nTry 'seqlift score --help' for help.\n\nError: "
)

Line = str | re.Pattern[str]


def of(*lines: Line, code: int) -> tuple[int, tuple[Line, ...]]:
    return code, lines


MODEL_FILES = {
    "absent.h5 good.bed": of("absent.h5: no such file; check the path of the model", code=3),
    "good.bed good.bed": of(
        "good.bed: neither an HDF5 file nor a .keras archive; give a model saved with model.save()",
        code=3,
    ),
    "empty.h5 good.bed": of("empty.h5: empty; copy or download it again", code=3),
    "cut.h5 good.bed": of(
        re.compile(
            r"cut\.h5: damaged or incomplete HDF5 \(.*truncated file.*\); copy or download it again"
        ),
        code=3,
    ),
    "cut.keras good.bed": of(
        "cut.keras: damaged or incomplete .keras archive (File is not a zip file); copy or download"
        " it again",
        code=3,
    ),
    "page.h5 good.bed": of("page.h5: a web page, not the model; download the file itself", code=3),
    "pointer.h5 good.bed": of(
        "pointer.h5: a git-lfs pointer, not the model; run 'git lfs pull'", code=3
    ),
    "folder good.bed": of(
        "folder: a folder, not a model; give the .keras or .h5 file in it", code=3
    ),
    "only.weights.h5 good.bed": of(
        "only.weights.h5: weights without an architecture; give the architecture with"
        " --arch model.json",
        code=3,
    ),
    "only.weights.h5 good.bed --arch absent.json": of(
        "absent.json: no such file; check the path of the architecture", code=3
    ),
    "only.weights.h5 good.bed --arch prose.json": of(
        f"prose.json: neither JSON nor YAML of a Keras model; {TO_JSON}", code=3
    ),
    "only.weights.h5 good.bed --arch other.json": of(
        re.compile(
            r"only\.weights\.h5: its weights do not fit its architecture: .*<Conv1D name=scan,.*"
            r" must match\. variable\.shape=\(7, 4, 5\), Received: value\.shape=\(7, 4, 6\);"
            " save the model again"
        ),
        code=3,
    ),
    "whole.h5 good.bed --arch other.json": of(
        *(
            f"whole.h5: there are weights for layer {name!r}, which the architecture does not have;"
            " these are the weights of another model"
            for name in ("combine", "hidden")
        ),
        code=3,
    ),
    "one.keras good.bed --arch one.json": of(
        "one.keras: holds its own architecture; leave out --arch one.json", code=3
    ),
    "lambda.keras good.bed": of(
        "lambda.keras: layer 'double' is a Lambda: code in a model file is never run;"
        " it holds bytes that are not code of Python 3.6 to 3.13: give --recipe"
        " 'double=EXPRESSION'",
        code=3,
    ),
    "custom.keras good.bed": of(
        "custom.keras: layer 'attend' is of the class 'mylab>Attend' of mylab.layers, whose code is"
        f" not in the file; give its code with --custom-objects FILE.py, or {REBUILD}",
        code=3,
    ),
    "swishy.keras good.bed": of(
        "swishy.keras: layer 'scan' (Conv1D) has the activation 'swishy', which is not one of"
        f" Keras; give its code with --custom-objects FILE.py, or {REBUILD}",
        code=3,
    ),
    "lstm.keras good.bed": of(
        re.compile(r"layer '?memory'? \(ConvLSTM1D\):? has no lowering yet; replace it .*"), code=3
    ),
    "two.keras good.bed": of(
        "model pair: it has 2 inputs: dna (50, 4), age (3); give all but the sequence by --input"
        " NAME=zeros, NAME=NUMBER or NAME=FILE.npy",
        code=3,
    ),
    "five.keras good.bed": of(
        re.compile(
            r"five\.keras: its input is \(50, 5\), not one-hot bases \(length, 4\) in the order"
            r" A C G T, nor \(4, length\), nor either with an axis of 1; build a model around"
            r" it that takes these: if the channels are A C G T and unknown, python -c"
            r" '.*five\.keras.*'"
        ),
        code=3,
    ),
}

TARGETS = {
    "three.keras": (
        "the model has several targets; choose with --target from: tasks:0, tasks:1, tasks:2"
    ),
    "profile.keras": (
        "the model has several targets; choose with --target from: counts, profile,"
        " profile-complete, logits_profile:0 to logits_profile:19, logcounts"
    ),
    "three.keras -t task": (
        "target 'task': the model has no output 'task'; did you mean 'tasks'?"
    ),
    "three.keras -t tasks": (
        "target 'tasks': output 'tasks' has 3 units; say which: tasks:0, tasks:1, tasks:2"
    ),
    "three.keras -t tasks:3": (
        "target 'tasks:3': output 'tasks' has the units 0 to 2; ask for one"
    ),
    "three.keras -t tasks:-1": (
        "target 'tasks:-1': '-1' is not a whole number; say NAME:INDEX"
    ),
    "three.keras -t tasks:0 -t 0": (
        "target '0': already asked for as 'tasks:0'; leave one out"
    ),
    "three.keras -t profile": (
        "target 'profile': the model has no profile and count outputs (tasks (3,)); ask for one of"
        " its units"
    ),
    "three.keras -t 7 -t counts": (
        "target '7': output 'tasks' has the units 0 to 2; ask for one\n"
        "target 'counts': the model has no profile and count outputs (tasks (3,)); ask for one of"
        " its units"
    ),
}  # fmt: skip

BED = {
    "absent.bed": "absent.bed: no such file; check the path",
    "folder": "folder: this is a folder; give BED, narrowPeak or FASTA as text",
    "whole.h5": "whole.h5: this is an HDF5 file; give BED, narrowPeak or FASTA as text",
    "binary.bed": "binary.bed: this is a binary file; give BED, narrowPeak or FASTA as text",
    "cut.bed.gz": "cut.bed.gz: the compressed file is cut short; copy or download it again",
    "latin.bed": "latin.bed:1: byte 0xe9 is not UTF-8 text; save the file as UTF-8",
    "comments.bed": (
        "comments.bed: no regions in it; give at least one line of chrom, start and end"
    ),
    "empty.bed": "empty.bed: no regions in it; give at least one line of chrom, start and end",
    "-": "standard input: no regions in it; give at least one line of chrom, start and end",
    "unknown.bed": (
        "unknown.bed:2: chromosome 1 is not in the genome; did you mean chr1?\n"
        "unknown.bed:3: chromosome CHR2 is not in the genome; did you mean chr2?"
    ),
    "past.bed": (
        "past.bed:1: end 431 is past the end of chr1 (430); take regions and genome from the same"
        " assembly"
    ),
    "backwards.bed": (
        f"backwards.bed:1: end 50 is not after start 50; {ZERO_BASED}\n"
        f"backwards.bed:2: end 50 is not after start 60; {ZERO_BASED}"
    ),
    "letters.bed": f"letters.bed:1: start 'five' is not a whole number; {ZERO_BASED}",
    "gff.bed": (
        "gff.bed:1: this is a GFF or GTF line, not BED; give chrom, start - 1 and end (its columns"
        " 1, 4 and 5) as columns 1 to 3"
    ),
    "negative.bed": f"negative.bed:1: start -5 is negative; {ZERO_BASED}",
    "strand.bed": (
        "strand.bed:1: strand 'plus' is none of + - . ?; keep columns 1 to 3 only if column 6 is"
        " something else"
    ),
    "summit.bed": (
        "summit.bed:1: summit 45 is outside the region of 45 bases; give its distance from start,"
        " -1 for none, or --summit centre"
    ),
    "header.bed": (
        "header.bed:1: 'chrom start end' is a header, not a region; start the line with '#'"
    ),
    "columns.bed": (
        "columns.bed:1: 'chr1 5' has 2 columns; give chrom, start and end, separated by tabs\n"
        "columns.bed:2: 'chr1:5-50' is not BED; give chrom, start - 1 and end in three columns"
    ),
    "several.bed": (
        f"several.bed:1: end 5 is not after start 9; {ZERO_BASED}\n"
        "several.bed:2: chromosome chr9 is not in the genome; it has chr2, chr1, gap and 1 more\n"
        "several.bed:4: end 701 is past the end of chr2 (700); take regions and genome from the"
        " same assembly\n"
        f"several.bed:5: start 'x' is not a whole number; {ZERO_BASED}"
    ),
    "hundreds.bed": "".join(
        f"hundreds.bed:{line}: end 5 is not after start 9; {ZERO_BASED}\n" for line in range(1, 51)
    )
    + "and 70 more problems",
}

LETTERS = "is not a nucleotide letter; use A, C, G, T, and N where the base is not known"
GENOMES = {
    "good.bed": (
        "good.bed: regions need a genome; give its FASTA with -g, or set SEQLIFT_GENOME"
    ),
    "good.bed -g absent.fa": "absent.fa: no such file; check the path",
    "good.bed -g folder": (
        "folder: this is a folder, not a file; give FASTA, plain or compressed by bgzip"
    ),
    "good.bed -g genome.fa.gz": (
        "genome.fa.gz: compressed by gzip, which cannot be read from the middle; gunzip it, and"
        " compress it with bgzip if it is to stay small"
    ),
    "good.bed -g pointer.h5": (
        "pointer.h5: this is a Git LFS pointer; fetch its content with git lfs pull"
    ),
    "good.bed -g empty.fa": (
        "empty.fa: no sequences in it; give FASTA, plain or compressed by bgzip"
    ),
    "good.bed -g prose.fa": (
        "prose.fa:1: this is not FASTA, it does not begin with '>'; give FASTA, plain or compressed"
        " by bgzip"
    ),
    "good.bed -g headers.fa": (
        "headers.fa: no bases in it; give sequences under its '>' lines"
    ),
    "good.bed -g twice.fa": "twice.fa:3: record chr1 again, as on line 1; give each its own name",
    "good.bed -g ragged.fa": (
        "ragged.fa:3: this line of record chr1 is shorter than the first and not the last; fold it"
        " again, for example with seqkit seq -w 60"
    ),
    "foreign.bed -g foreign.fa": (
        f"foreign.fa: 'X' at base 43 of chr1 (counted from 0) {LETTERS}\n"
        f"foreign.fa: '!' at base 54 of chr1 (counted from 0) {LETTERS}\n"
        f"foreign.fa: '!' at base 74 of chr1 (counted from 0) {LETTERS}"
    ),
    "protein.fa": f"protein.fa: 'X' at base 0 of p1 (counted from 0) {LETTERS}",
    "hole.fa": "hole.fa: record b has no bases; remove it",
}  # fmt: skip

ARGUMENTS = {
    f"{BASE} -r gc --gc 2": (
        "gc 2: not between 0 and 1; give a fraction such as 0.41, or use the reference gc-each"
    ),
    f"{BASE} --gc 0.4": "gc 0.4: not used by the reference dinucleotide; use the reference gc",
    f"{BASE} -r dinucleotid": (
        "reference dinucleotid: no such kind, and no such file; did you mean dinucleotide?"
    ),
    f"{BASE} -r channels.npy": (
        "channels.npy: references of shape (50, 3): neither (L, 4) nor (R, L, 4); give rows in the"
        " order A C G T"
    ),
    f"{BASE} -r length.npy": (
        "length.npy: references of 60 bases: the sequences have 50; give references of the same"
        " length"
    ),
    f"{BASE} -r nan.npy": "nan.npy: references, row (0,): not a finite number; give finite ones",
    f"{BASE} -r objects.npy": (
        "objects.npy: no .npy file of numbers; save one with numpy.save"
    ),
    f"{BASE} -r lengths.fa": "lengths.fa: record b has 49 bases; give 50",
    "averaging.keras gap.bed -g genome.fa -r gc": (
        "regions: all bases are N, so their GC content is unknown; give --gc"
    ),
    "open.keras ragged.bed -g genome.fa -r short.npy": (
        "short.npy: references of 20 bases: the sequences have 30; give references of the same"
        " length"
    ),
    "open.keras peaks.narrowPeak -g genome.fa": (
        "peaks.narrowPeak:5: too few bases (1): layer first (Conv1D) reads 1 positions, too few"
        " for one of its windows; give longer regions, or --length"
    ),
    "open.keras good.bed -g genome.fa --length 10": (
        "--length 10: too few bases (10): layer second (Conv1D) reads 4 positions, too few for"
        " one of its windows; give longer regions, or --length"
    ),
    f"{BASE} --length 60": "--length 60: the model takes 50 bases; leave it out",
}  # fmt: skip

USAGES = {
    f"{BASE} --rule deeplift": (
        "Invalid value for '--rule': 'deeplift' is not one of genomics, rescale,"
        " revealcancel, deconvnet, gradient, guided-backprop, guided-backprop-rescale,"
        " integrated-gradients."
    ),
    f"{BASE} --rule-for first=genomics": (
        "Invalid value for '--rule-for': 'first=genomics' is not LAYER=RULE with one of rescale,"
        " revealcancel, deconvnet, gradient, guided-backprop, guided-backprop-rescale"
    ),
    f"{BASE} --max-rule loser": (
        "Invalid value for '--max-rule': 'loser' is not one of 'complete', 'winner'."
    ),
    f"{BASE} --references 0": (
        "Invalid value for '-n' / '--references': 0 is not in the range x>=1."
    ),
    f"{BASE} --gc half": "Invalid value for '--gc': 'half' is not a valid float.",
    f"{BASE} --seed -1": (
        "Invalid value for '--seed': -1 is not in the range 0<=x<=18446744073709551615."
    ),
    f"{BASE} --seed today": "Invalid value for '--seed': 'today' is not a valid integer range.",
    f"{BASE} --length 0": "Invalid value for '--length': 0 is not in the range x>=1.",
    f"{BASE} --batch-size 0": (
        "Invalid value for '-b' / '--batch-size': 0 is not in the range x>=1."
    ),
    f"{BASE} --tolerance -1": (
        "Invalid value for '--tolerance': '-1' is not a finite number above 0"
    ),
    f"{BASE} --tolerance nan": (
        "Invalid value for '--tolerance': 'nan' is not a finite number above 0"
    ),
    f"{BASE} --tolerance inf": (
        "Invalid value for '--tolerance': 'inf' is not a finite number above 0"
    ),
    f"{BASE} --dtype int8": (
        "Invalid value for '--dtype': 'int8' is not one of 'float32', 'float16'."
    ),
    f"{BASE} --precision half": (
        "Invalid value for '--precision': 'half' is not one of 'float32', 'tf32', 'bfloat16',"
        " 'float64'."
    ),
    f"{BASE} --device tpu": (
        "Invalid value for '--device': 'tpu' is not auto, cpu, gpu or gpu:INDEX"
    ),
    f"{BASE} --nonsense": "No such option '--nonsense'. Did you mean '--seed'?",
    "averaging.keras": "Missing argument 'REGIONS'.",
    "": "Missing argument 'MODEL'.",
}  # fmt: skip

OUTPUTS = {
    "-o absent/x": "absent/x.regions.bed: the folder absent does not exist; make it first",
    "-o good.bed/x": "good.bed/x.regions.bed: the folder good.bed does not exist; make it first",
    "-o folder": (
        "folder: a folder, not a prefix; give the first part of a name too, such as"
        " -o folder/scores"
    ),
    "-o folder/": (
        "folder/: a folder, not a prefix; give the first part of a name too, such as"
        " -o folder/scores"
    ),
    f"-o {'x' * 228}": (
        f"{'x' * 228}.regions.bed: a name of 240 bytes, and 239 is the most; give a shorter prefix"
        " with -o"
    ),
    f"-o {'x' * 300}": (
        f"{'x' * 300}.regions.bed: a name of 312 bytes, and 239 is the most; give a shorter prefix"
        " with -o"
    ),
    "-o direct --force": "direct.h5: a folder has this name; give another prefix with -o",
    "-o taken": (
        "taken.h5: already exists, and it is not a score file, or was changed since it was written;"
        " give --force to replace it, or another -o\n"
        "taken.bw: already exists, and there is no complete taken.h5 to compare it with;"
        " give --force to replace it, or another -o"
    ),
}  # fmt: skip

INPUTS_AS_OUTPUTS = {
    "averaging.keras rows.regions.bed -g genome.fa -o rows": "rows.regions.bed",
    "whole.h5 good.bed -g genome.fa -o whole": "whole.h5",
    "whole.h5 good.bed -g genome.fa -o folder/../whole": "folder/../whole.h5",
}

NO_GPU = re.compile(
    r"--device gpu: no GPU can be used: .+; install jax\[cuda12\] or give --device cpu"
)

CASES: dict[str, tuple[int, tuple[Line, ...]]] = {
    **{f"{words} -g genome.fa": result for words, result in MODEL_FILES.items()},
    **{
        f"{words} good.bed -g genome.fa": of(*lines.split("\n"), code=3)
        for words, lines in TARGETS.items()
    },
    **{
        f"averaging.keras {words} -g genome.fa": of(*lines.split("\n"), code=2)
        for words, lines in BED.items()
    },
    **{
        f"averaging.keras {words}": of(*lines.split("\n"), code=2)
        for words, lines in GENOMES.items()
    },
    **{words: of(line, code=2) for words, line in ARGUMENTS.items()},
    **{f"{BASE} {words}": of(*lines.split("\n"), code=5) for words, lines in OUTPUTS.items()},
    **{
        f"{words} --force": of(
            f"{name}: this run reads that file; give another prefix with -o", code=5
        )
        for words, name in INPUTS_AS_OUTPUTS.items()
    },
    "endless.keras adenine.fa": of(
        "adenine.fa: record adenine: the model's output out is not finite for this sequence; check"
        " its weights with `seqlift inspect`",
        code=6,
    ),
}

INSPECTED = {
    "absent.h5": of("absent.h5: no such file; check the path of the model", code=3),
    "page.h5": of("page.h5: a web page, not the model; download the file itself", code=3),
    "lambda.keras": MODEL_FILES["lambda.keras good.bed"],
    "other.h5": of(
        "other.h5: HDF5, but not a score file of seqlift (no format_version); give the .h5 file"
        " that `seqlift score` wrote",
        code=2,
    ),
}
