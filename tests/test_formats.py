"""Laws of files that are no model of Keras: each says what it is and how a model is made of it."""

import zipfile
from pathlib import Path

import pytest

from seqlift.errors import ModelError
from seqlift.models.load import load


def problem(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(path)
    (line,) = caught.value.problems
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


SAVED_MODEL = (
    "open it with the TensorFlow that saved it and write one file: "
    "tf.keras.models.load_model(folder, compile=False).save('model.h5')"
)
CHECKPOINT = (
    "build the model with the code that trained it, then model.load_weights(prefix) and "
    "model.save('model.h5')"
)
KERAS = "give the Keras model it was made from, saved with model.save()"
WEIGHTLESS = "an architecture without weights; give the weights as MODEL and this with --arch"
INDEX = b"\x00\x00\x01x" + bytes(40) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"

FILES = [
    ("m.h5", b"", "empty; copy or download it again"),
    (
        "m.h5",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:12",
        "a git-lfs pointer, not the model; run 'git lfs pull'",
    ),
    ("m.h5", b"<!DOCTYPE html><html>", "a web page, not the model; download the file itself"),
    ("m.h5", b"\n <html>", "a web page, not the model; download the file itself"),
    ("m.h5", b"\x1f\x8b\x08\x00", "compressed with gzip; decompress it first"),
    (
        "m.pkl",
        b"\x80\x04\x95\x00",
        "a Python pickle, which is never opened; save the model with model.save()",
    ),
    ("m.json", b'{"class_name": "Sequential"}', WEIGHTLESS),
    ("m.yaml", b"class_name: Sequential\nconfig: []\n", WEIGHTLESS),
    ("m.yaml", b"backend: tensorflow\nclass_name: Model\n", WEIGHTLESS),
    ("m.ckpt.index", INDEX, f"the index of a TensorFlow checkpoint; {CHECKPOINT}"),
    (
        "m.ckpt.data-00000-of-00001",
        b"\x00\x01\x02\x03",
        f"a part of a TensorFlow checkpoint; {CHECKPOINT}",
    ),
    (
        "checkpoint",
        b'model_checkpoint_path: "m.ckpt"\n',
        f"the list of a TensorFlow checkpoint, without weights; {CHECKPOINT}",
    ),
    (
        "saved_model.pb",
        b"\x08\x01\x12\xd2\x01",
        f"the graph of a TensorFlow SavedModel, which holds programs; {SAVED_MODEL}",
    ),
    ("m.pb", b"\n\x1b\n\x05x", f"a frozen TensorFlow graph, whose layers are lost; {KERAS}"),
    (
        "m.tflite",
        b"\x1c\x00\x00\x00TFL3\x14",
        f"a TensorFlow Lite model, whose layers are lost; {KERAS}",
    ),
    ("m.bin", b"\x08\x07\x12\x07pytorch", f"an ONNX model; {KERAS}"),
    ("m.onnx", b"\x10\x07", f"an ONNX model; {KERAS}"),
    ("m.pt", b"\x00\x00", f"a PyTorch file; {KERAS}"),
    (
        "m.h5",
        b"chr1\t5\t9\n",
        "neither an HDF5 file nor a .keras archive; give a model saved with model.save()",
    ),
]


@pytest.mark.parametrize(("name", "content", "message"), FILES)
def test_a_file_that_is_no_model_says_what_it_is(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert problem(path) == message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert problem(tmp_path / "none.h5") == "no such file; check the path of the model"


FOLDERS = [
    ([], "a folder, not a model; give the .keras or .h5 file in it"),
    (
        ["saved_model.pb", "variables"],
        f"a TensorFlow SavedModel folder, which holds programs; {SAVED_MODEL}",
    ),
    (
        ["checkpoint", "m.ckpt.index", "m.ckpt.data-00000-of-00001"],
        f"a folder of TensorFlow checkpoints; {CHECKPOINT}",
    ),
    (
        ["config.json", "metadata.json", "model.weights.h5"],
        (
            "an unpacked .keras archive; pack its files again: "
            "zip -j model.keras config.json metadata.json model.weights.h5"
        ),
    ),
]


@pytest.mark.parametrize(("names", "message"), FOLDERS)
def test_a_folder_says_how_to_convert_it(names: list[str], message: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"")
    assert problem(tmp_path) == message


ARCHIVES = [
    (["a.txt"], "a zip file, not a .keras archive; save it with model.save()"),
    (["x/data.pkl"], "a PyTorch file, not a .keras archive; save it with model.save()"),
    (["a.npy", "b.npy"], f"arrays of NumPy (.npz), not a model; {KERAS}"),
    (
        ["m/saved_model.pb", "m/variables/variables.index"],
        f"a packed TensorFlow SavedModel; unpack it, then {SAVED_MODEL}",
    ),
    (["config.json"], "has no model.weights.h5; save the model again with model.save()"),
]


@pytest.mark.parametrize(("names", "message"), ARCHIVES)
def test_another_archive_says_what_it_is(names: list[str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as members:
        for name in names:
            members.writestr(name, "{}")
    assert problem(path) == message
