"""Files that are bad each in one way: models, regions, sequences, references."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from commands import LENGTH, averaging, make_inputs, one_task, save
from keras import layers

from seqlift.inputs.genome import Genome

MANY_ROWS = 40  # enough text for a compressed file to be cut in its middle

TEXTS = {
    "good.bed": "chr1\t5\t50\n",
    "gap.bed": "gap\t5\t50\n",
    "unknown.bed": "chr1\t5\t50\n1\t5\t50\nCHR2\t5\t50\n",
    "past.bed": "chr1\t400\t431\n",
    "backwards.bed": "chr1\t50\t50\nchr1\t60\t50\n",
    "letters.bed": "chr1\tfive\t50\n",
    "gff.bed": "chr1\tens\tgene\t5\t50\t.\t+\t.\tID=1\n",
    "negative.bed": "chr1\t-5\t50\n",
    "strand.bed": "chr1\t5\t50\tp\t0\tplus\n",
    "summit.bed": "chr1\t5\t50\tp\t0\t+\t1\t1\t1\t45\n",
    "comments.bed": "# nothing\n\ntrack name=x\n",
    "empty.bed": "",
    "header.bed": "chrom\tstart\tend\nchr1\t5\t50\n",
    "columns.bed": "chr1\t5\nchr1:5-50\n",
    "several.bed": "chr1\t9\t5\nchr9\t1\t2\nchr1\t1\t2\nchr2\t0\t701\nchr1\tx\t2\n",
    "hundreds.bed": "chr1\t9\t5\n" * 120,
    "foreign.bed": "chr1\t0\t20\nchr1\t40\t45\nchr1\t75\t80\nchr1\t95\t100\n",
    "ragged.bed": "chr1\t5\t25\nchr1\t30\t60\n",
    "rows.regions.bed": "chr1\t5\t50\n",
    "ragged.fa": ">chr1\nACGTACGT\nACG\nACGTACGT\n",
    "empty.fa": "",
    "prose.fa": "hello\nworld\n",
    "twice.fa": ">chr1\nACGT\n>chr1\nACGT\n",
    "headers.fa": ">chr1\n>chr2\n",
    "foreign.fa": f">chr1\n{'ACGT' * 10}\n{'ACGXACGTACGTAC!TACGT' * 2}\n{'ACGT' * 10}\n",
    "protein.fa": ">p1\nXKV\n",
    "adenine.fa": f">random\n{'ACGTTGCATC' * 5}\n>adenine\n{'A' * 50}\n",
    "hole.fa": ">a\nACGTACGT\n>b\n>c\nACGTACGT\n",
    "lengths.fa": f">a\n{'A' * 50}\n>b\n{'A' * 49}\n",
    "page.h5": "<!DOCTYPE html><html>404</html>",
    "pointer.h5": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "prose.h5": "weights\n",
    "empty.h5": "",
    "prose.json": "model = 3\n",
    "taken.h5": "mine",
    "taken.bw": "mine",
}

REFERENCES = {
    "channels.npy": np.zeros((LENGTH, 3)),
    "length.npy": np.zeros((60, 4)),
    "short.npy": np.zeros((20, 4)),
    "nan.npy": np.full((LENGTH, 4), np.nan),
    "objects.npy": np.array([{}], dtype=object),
}


def lstm() -> keras.Model:
    stack = [
        keras.Input((LENGTH, 4)),
        layers.Reshape((2, LENGTH // 2, 4)),
        layers.ConvLSTM1D(3, 2, name="memory"),
        layers.Flatten(),
        layers.Dense(1),
    ]
    return keras.Sequential(stack)


def two_inputs() -> keras.Model:
    dna, age = keras.Input((LENGTH, 4), name="dna"), keras.Input((3,), name="age")
    joined = layers.Concatenate()([layers.Flatten()(dna), age])
    return keras.Model([dna, age], layers.Dense(1)(joined), name="pair")


def five_letters() -> keras.Model:
    return keras.Sequential([keras.Input((LENGTH, 5)), layers.Flatten(), layers.Dense(1)])


def endless() -> keras.Model:
    """Return a model whose output overflows for sequences that begin with 20 times A."""
    given = keras.Input((LENGTH, 4))
    count = layers.Conv1D(1, 20, use_bias=False, name="count")(layers.Cropping1D((0, 30))(given))
    value = layers.Activation("exponential")(layers.Flatten()(count))
    return keras.Model(given, layers.Dense(1, name="out")(value))


def inserted(record: dict[str, Any]) -> dict[str, Any]:
    """Return the architecture of a model with one more layer, which is never made."""
    architecture: dict[str, Any] = json.loads(one_task().to_json())
    architecture["config"]["layers"].insert(1, record)
    return architecture


LAMBDA = {
    "class_name": "Lambda",
    "module": "keras.layers",
    "registered_name": None,
    "config": {
        "name": "double",
        "function": {"class_name": "__lambda__", "config": {"code": "4wEA"}},
    },
}
CUSTOM = {
    "class_name": "Attend",
    "module": "mylab.layers",
    "registered_name": "mylab>Attend",
    "config": {"name": "attend"},
}


def make_models(folder: Path) -> None:
    """Leave model files that are bad each in its own way."""
    model = keras.models.load_model(folder / "one.keras")
    model.save(folder / "whole.h5")
    model.save_weights(folder / "only.weights.h5")
    (folder / "one.json").write_text(model.to_json())
    (folder / "other.json").write_text(averaging().to_json())
    swishy = json.loads(model.to_json())
    swishy["config"]["layers"][1]["config"]["activation"] = "swishy"
    records = {"lambda": inserted(LAMBDA), "custom": inserted(CUSTOM), "swishy": swishy}
    for name, record in records.items():
        rearranged(folder / "one.keras", folder / f"{name}.keras", record)
    for name, build in (("lstm", lstm), ("two", two_inputs), ("five", five_letters)):
        save(build(), folder / f"{name}.keras")
    overflowing = endless()
    kernel = np.zeros((20, 4, 1))
    kernel[:, 0] = 5.0  # 20 times A: exp(100), beyond float32
    overflowing.get_layer("count").set_weights([kernel])
    overflowing.save(folder / "endless.keras")
    (folder / "cut.h5").write_bytes((folder / "whole.h5").read_bytes()[:6000])
    (folder / "cut.keras").write_bytes((folder / "one.keras").read_bytes()[:3000])


def rearranged(source: Path, path: Path, architecture: dict[str, Any]) -> None:
    """Write a copy of a .keras archive with another architecture."""
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(path, "w") as changed:
        for name in whole.namelist():
            text = json.dumps(architecture) if name == "config.json" else whole.read(name)
            changed.writestr(name, text)


def make_kitchen(folder: Path) -> Path:
    """Return a folder of good files and of files that are bad each in one way.

    FASTA files that can be indexed have their indexes.
    """
    make_inputs(folder)
    make_models(folder)
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    for name, array in REFERENCES.items():
        np.save(folder / name, array)
    text = (folder / "peaks.narrowPeak").read_bytes() * MANY_ROWS
    compressed = gzip.compress(text)
    (folder / "cut.bed.gz").write_bytes(compressed[: len(compressed) // 2])
    (folder / "binary.bed").write_bytes(bytes(range(256)))
    (folder / "latin.bed").write_bytes(b"chr1\t5\t50\tp\xe9ak\n")
    (folder / "genome.fa.gz").write_bytes(gzip.compress((folder / "genome.fa").read_bytes()))
    (folder / "folder").mkdir()
    (folder / "direct.h5").mkdir()
    for name in ("foreign.fa", "protein.fa", "hole.fa", "lengths.fa", "adenine.fa"):
        Genome(folder / name).close()
    return folder
