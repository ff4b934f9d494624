"""The wrapper that is shown for a model of another input can be pasted, run and scored."""

import re
import shlex
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from commands import command
from keras import layers
from nets import randomise, sequences

from seqlift.explain import wrapper_code
from seqlift.explain.explainer import Explainer
from seqlift.inputs.onehot import one_hot
from seqlift.models.load import load

LENGTH = 12
X = one_hot(sequences(3, LENGTH), np.float32)
FIVE = np.concatenate([X, np.zeros((3, LENGTH, 1), np.float32)], axis=-1)

INPUTS: dict[tuple[int | None, ...], Any] = {
    (LENGTH, 5): FIVE,
    (5, LENGTH): FIVE.swapaxes(1, 2),
    (None, 5): FIVE,
    (None, 1, 1, 4): X.reshape(3, LENGTH, 1, 1, 4),
    (4 * LENGTH,): X.reshape(3, -1),
    (LENGTH, 4, 1, 1): X.reshape(3, LENGTH, 4, 1, 1),
    (1, 1, 4, LENGTH): X.swapaxes(1, 2).reshape(3, 1, 1, 4, LENGTH),
}


def model_of(extents: tuple[int | None, ...]) -> keras.Model:
    """Return a model of an input of that shape."""
    given = keras.Input(extents)
    wide = layers.Dense(3, activation="relu")(given)
    axes = [axis for axis, extent in enumerate(extents, start=1) if extent is None]
    flat = keras.ops.mean(wide, axis=axes) if axes else wide
    model = keras.Model(given, layers.Dense(1)(layers.Flatten()(flat)))
    randomise(model)
    return model


def pasted(line: str) -> None:
    """Run the Python program of a shell command."""
    program, option, code = shlex.split(line)
    assert (program, option) == ("python", "-c")
    exec(code, {})


@pytest.mark.parametrize("extents", INPUTS)
def test_the_wrapper_makes_a_model_of_bases(
    extents: tuple[int | None, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = model_of(extents)
    model.save(tmp_path / "it's mine.keras")
    line = wrapper_code.command(Path("it's mine.keras"), None, extents)
    assert line is not None
    pasted(line)
    wrapped = load(tmp_path / "it's mine.bases.keras").model
    assert wrapped.input_shape == (None, None if None in extents else LENGTH, 4)
    np.testing.assert_allclose(wrapped(X), model(INPUTS[extents]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("extents", [(LENGTH, 3), (LENGTH, 7, 4), (None,), (13,)])
def test_no_wrapper_is_made_up_where_shapes_do_not_say_it(extents: tuple[int | None, ...]) -> None:
    assert wrapper_code.command(Path("m.h5"), None, extents) is None


@pytest.mark.filterwarnings("ignore")
def test_the_wrapper_that_inspect_shows_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = model_of((LENGTH, 5))
    model.save("five.h5")
    ran = command("inspect", "five.h5")
    assert ran.code == 0
    found = re.search(r"takes these: if the channels are A C G T and unknown, (.+)", ran.out)
    assert found is not None, ran.out
    pasted(found[1])
    result = Explainer("five.bases.keras", rule="rescale")(X, np.zeros((LENGTH, 4)))
    np.testing.assert_allclose(result.prediction, model(FIVE)[:, 0], rtol=1e-5)
    assert np.abs(result.residual).max() < 1e-5
