"""Recognise files that are not Keras models, and say how to convert them.

Each kind of file that is mistaken for a model has a sentence; it is recognised by its contents, and
by its name only where these do not decide. Opens nothing but the first and last bytes.
"""

import re
from pathlib import Path

CONVERT_SAVED_MODEL = (
    "open it with the TensorFlow that saved it and write one file: "
    "tf.keras.models.load_model(folder, compile=False).save('model.h5')"
)
CONVERT_CHECKPOINT = (
    "build the model with the code that trained it, then model.load_weights(prefix) and "
    "model.save('model.h5')"
)
OTHER_PROGRAM = "give the Keras model it was made from, saved with model.save()"

STARTS = (
    (rb"\s*version https://git-lfs", "a git-lfs pointer, not the model; run 'git lfs pull'"),
    (rb"\x1f\x8b", "compressed with gzip; decompress it first"),
    (
        rb"\x80",
        "a Python pickle, which is never opened; save the model with model.save()",
    ),  # the opcode PROTO
    (rb"\s*<", "a web page, not the model; download the file itself"),
    (
        rb"\s*\{",
        "an architecture without weights; give the weights as MODEL and this with --arch",
    ),
    (
        rb"\s*(backend|class_name|config|keras_version): ",
        "an architecture without weights; give the weights as MODEL and this with --arch",
    ),
    (
        rb"\s*model_checkpoint_path: ",
        f"the list of a TensorFlow checkpoint, without weights; {CONVERT_CHECKPOINT}",
    ),
    # its FlatBuffers identifier
    (rb"....TFL3", f"a TensorFlow Lite model, whose layers are lost; {OTHER_PROGRAM}"),
    (
        rb"\x08\x01\x12",
        f"the graph of a TensorFlow SavedModel, which holds programs; {CONVERT_SAVED_MODEL}",
    ),
    (rb"\x08[\x02-\x20][\x12\x1a\x22\x32\x3a\x42]", f"an ONNX model; {OTHER_PROGRAM}"),
)
"""Starts of files that are mistaken for models, as patterns, with their descriptions."""

CHECKPOINT_END = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
"""The last bytes of a `.ckpt.index`: the magic number of LevelDB's tables."""

BY_NAME = (
    (r"\.ckpt(\.index)?$", f"a TensorFlow checkpoint; {CONVERT_CHECKPOINT}"),
    (r"\.data-\d{5}-of-\d{5}$", f"a part of a TensorFlow checkpoint; {CONVERT_CHECKPOINT}"),
    (
        r"\.(pb|pbtxt)$",
        f"a frozen TensorFlow graph, whose layers are lost; {OTHER_PROGRAM}",
    ),
    (r"\.onnx$", f"an ONNX model; {OTHER_PROGRAM}"),
    (r"\.(pt|pth|ckpt)$", f"a PyTorch file; {OTHER_PROGRAM}"),
)
"""Names of files whose contents could be anything, with their descriptions."""

NEITHER_FORMAT = "neither an HDF5 file nor a .keras archive; give a model saved with model.save()"


def of_file(path: Path, start: bytes) -> str:
    """Describe the file at `path`, that starts with `start`, and the remedy."""
    if not start:
        return "empty; copy or download it again"
    for pattern, sentence in STARTS:
        if re.match(pattern, start, re.DOTALL):
            return sentence
    if _end(path) == CHECKPOINT_END:
        return f"the index of a TensorFlow checkpoint; {CONVERT_CHECKPOINT}"
    for ending, sentence in BY_NAME:  # last: a name says less than contents
        if re.search(ending, path.name):
            return sentence
    return NEITHER_FORMAT


def of_folder(path: Path) -> str:
    """Describe the folder at `path`, and the remedy."""
    names = {entry.name for entry in path.iterdir()}
    if names & {"saved_model.pb", "keras_metadata.pb"}:
        return f"a TensorFlow SavedModel folder, which holds programs; {CONVERT_SAVED_MODEL}"
    if "checkpoint" in names or any(name.endswith(".index") for name in names):
        return f"a folder of TensorFlow checkpoints; {CONVERT_CHECKPOINT}"
    if {"config.json", "model.weights.h5"} <= names:
        return (
            "an unpacked .keras archive; pack its files again: "
            "zip -j model.keras config.json metadata.json model.weights.h5"
        )
    return "a folder, not a model; give the .keras or .h5 file in it"


def of_archive(names: list[str]) -> str | None:
    """Describe a zip file with members of these names, None if it is a `.keras` archive."""
    if "config.json" in names:
        return None
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch file, not a .keras archive; save it with model.save()"
    if any(name.endswith("saved_model.pb") for name in names):
        return f"a packed TensorFlow SavedModel; unpack it, then {CONVERT_SAVED_MODEL}"
    if all(name.endswith(".npy") for name in names):
        return f"arrays of NumPy (.npz), not a model; {OTHER_PROGRAM}"
    return "a zip file, not a .keras archive; save it with model.save()"


def _end(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(CHECKPOINT_END), 0))  # a file may be shorter
        return file.read(len(CHECKPOINT_END))
