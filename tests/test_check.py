"""Models that the framework itself cannot compute are refused in one line."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from nets import graph_of

from seqlift.errors import DeviceError, ModelError
from seqlift.lowering.check import check_forward, reason_of

DILATED = "Current CPU implementations do not yet support dilation rates larger than 1"

TRACED = f"""Graph execution error:

Detected at node net/up/conv_transpose defined at (most recent call last):
  File "model.py", line 9, in <module>

{DILATED}.
\t [[{{{{node net/up/conv_transpose}}}}]] [Op:__inference_one_step_91]"""

CALLED = """Exception encountered when calling Dense.call().

\x1b[1mno kernel for this device\x1b[0m

Arguments received by Dense.call():
  x=1"""

STEP = "{{function_node __wrapped__GatherV2_device_/CPU:0}} indices[0] = 1 is not in [0, 1) [Op:G]"

REASONS = [
    (
        tf.errors.InvalidArgumentError(None, None, TRACED),
        f"{DILATED} (at net/up/conv_transpose)",
    ),
    (ValueError(CALLED), "no kernel for this device"),
    (tf.errors.InvalidArgumentError(None, None, STEP), "indices[0] = 1 is not in [0, 1)"),
    (RuntimeError("no kernel.\nmore"), "no kernel"),
    (RuntimeError(), "RuntimeError"),
]


@pytest.mark.parametrize(("problem", "reason"), REASONS)
def test_the_reason_of_a_framework_is_one_line(problem: Exception, reason: str) -> None:
    assert reason_of(problem) == reason


def small() -> keras.Model:
    return keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(1)], name="net")


def test_a_model_that_the_framework_cannot_compute_is_refused_in_one_line() -> None:
    looked_up = [keras.Input((6, 4)), layers.Embedding(1, 2, name="look"), layers.Flatten()]
    with pytest.raises(ModelError) as caught:
        check_forward(graph_of(small()), keras.Sequential(looked_up, name="net"))
    (line,) = caught.value.problems
    backend = keras.backend.backend()
    assert line.startswith(
        f"model net: {backend} cannot compute its predictions on this device: indices["
    )
    assert line.endswith("; give another --device, or rebuild the model without that layer")
    assert "\n" not in line


def test_memory_that_four_sequences_fill_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any, **_options: Any) -> np.ndarray:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    model = small()
    graph = graph_of(model)
    monkeypatch.setattr(model, "call", full)
    with pytest.raises(DeviceError, match="the device's memory does not hold four sequences"):
        check_forward(graph, model)
