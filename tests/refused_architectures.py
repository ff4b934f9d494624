"""Whole model files with one thing in their architecture that cannot be, and the line for each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad_models import SAVE_AGAIN, Edit, Paths, model, of_layer, with_setting
from old_files import layer

DAMAGED = f"the file is damaged: {SAVE_AGAIN}"
BUILT = f"the file is damaged or of an unknown Keras: {SAVE_AGAIN}"
SETTINGS = "mend its settings in the model and save it again"
LARGEST = 1 << 31


def of_network(**changes: Any) -> Callable[[Path], Paths]:
    """Make what writes a model file with these entries of the network's record changed."""
    return lambda folder: model(folder, lambda written: written["config"].update(changes))


def before_score(class_name: str, **settings: Any) -> Callable[[Path], Paths]:
    """Make what writes a model file with a layer `extra` between convolution and flattening."""

    def edit(written: Any) -> None:
        extra = layer(class_name, name="extra", **settings)
        extra |= {"name": "extra", "inbound_nodes": [[["conv", 0, 0, {}]]]}
        written["config"]["layers"].insert(2, extra)
        written["config"]["layers"][3]["inbound_nodes"] = [[["extra", 0, 0, {}]]]

    return lambda folder: model(folder, edit)


def as_class(class_name: Any) -> Edit:
    return lambda item: item.update(class_name=class_name)


REFUSED: dict[str, tuple[Callable[[Path], Paths], str]] = {
    "a class that is a number": (
        of_layer("flat", as_class(3)),
        f"a layer has the class name 3, which is not a name; {DAMAGED}",
    ),
    "a class of control characters": (
        of_layer("flat", as_class("Flat\x1b[31m")),
        f"a layer has the class name 'Flat\\x1b[31m', which is not a name; {DAMAGED}",
    ),
    "a module that is a number": (
        of_layer("flat", lambda item: item.update(registered_name=3)),
        f"a layer has the registered name 3, which is not a name; {DAMAGED}",
    ),
    "a network named by a mapping": (
        of_network(name={"a": 1}),
        (
            "the architecture is damaged (ValueError: a layer has the name {'a': 1}, which is"
            f" not text); {SAVE_AGAIN} with model.save()"
        ),
    ),
    "a network named by two lines": (
        of_network(name="one\ntwo"),
        f"a layer has the name 'one\\ntwo', which is not a name; {DAMAGED}",
    ),
    "no layers": (of_network(layers=[]), f"the network 'small' has no layers; {DAMAGED}"),
    "no inputs": (of_network(input_layers=[]), f"the network 'small' has no inputs; {DAMAGED}"),
    "no outputs": (of_network(output_layers=[]), f"the network 'small' has no outputs; {DAMAGED}"),
    "an input in the middle": (
        of_network(input_layers=[["conv", 0, 0]]),
        f"the network 'small' has the input 'conv', which is not an InputLayer; {DAMAGED}",
    ),
    "filters that are a word": (
        with_setting("conv", "filters", "many"),
        (
            "layer 'conv' (Conv1D) cannot be built: '<=' not supported between instances of 'str' "
            f"and 'int'; {BUILT}"
        ),
    ),
    "an input of a tera": (
        with_setting("dna", "batch_input_shape", [None, 10**12, 4]),
        (
            f"layer 'dna' (InputLayer) has the number {10**12} in its shape, more than {LARGEST}; "
            f"{SETTINGS}"
        ),
    ),
    "an input of four giga": (
        with_setting("dna", "batch_input_shape", [None, 10**9, 4]),
        (
            f"layer 'dna' (InputLayer) gives the shape ({10**9}, 4), {4 * 10**9} values for each "
            f"sequence and more than {LARGEST}; {SETTINGS}"
        ),
    ),
    "padding beyond all memory": (
        before_score("ZeroPadding1D", padding=[10**12, 1]),
        (
            f"layer 'extra' (ZeroPadding1D) has the number {10**12} in its padding, more than "
            f"{LARGEST}; {SETTINGS}"
        ),
    ),
    "a repetition beyond all memory": (
        before_score("UpSampling1D", size=2**31 - 1),
        (
            f"layer 'extra' (UpSampling1D) gives the shape ({4 * (2**31 - 1)}, 3), "
            f"{12 * (2**31 - 1)} values for each sequence and more than {LARGEST}; {SETTINGS}"
        ),
    ),
    "weights beyond all memory": (
        before_score("Dense", units=10**9),
        (
            f"layer 'extra' (Dense) cannot be built: its weights of the shape (3, {10**9}) would "
            f"have {3 * 10**9} values, more than {LARGEST}; {BUILT}"
        ),
    ),
}
"""Case -> what makes its file, and its line."""
