"""Laws of rebuilding: what a Lambda or a node of tf.keras computes, a model of operations does."""

import base64
import json
import marshal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from nets import randomise
from node_records import Record, X, predicted, record_of

from seqlift.errors import ModelError
from seqlift.explain.explainer import Explainer
from seqlift.models import build, records
from seqlift.models.load import load
from seqlift.models.refused import RefusedLayersError, refusal_lines
from seqlift.models.safety import Refusal

pytestmark = pytest.mark.usefixtures("step_by_step")


def lambda_record(name: str, function: Callable[..., Any], inbound: list[Any]) -> Record:
    """Return a Lambda as Keras 2 wrote it."""
    code = base64.b64encode(marshal.dumps(function.__code__)).decode()
    config = {"name": name, "function": [code, None, None], "function_type": "lambda"}
    return {"class_name": "Lambda", "config": config, "name": name, "inbound_nodes": inbound}


tf: Any = None  # a name in the functions below, none of which is ever called


def test_a_lambda_called_on_several_shapes_is_rebuilt_for_each() -> None:
    double = lambda_record("double", lambda x: x * 2, [[["x", 0, 0, {}]], [["cut", 0, 0, {}]]])
    cut = lambda_record("cut", lambda x: x[:, 1:3], [[["x", 0, 0, {}]]])
    record = record_of([double, cut], ["double"])
    record["config"]["output_layers"].append(["double", 1, 0])
    whole, part = predicted(record)
    np.testing.assert_array_equal(whole, X * 2)
    np.testing.assert_array_equal(part, X[:, 1:3] * 2)


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_saved_model_with_lambdas_predicts_as_before(ending: str, tmp_path: Path) -> None:
    factor = 3.0

    def block() -> keras.Model:
        given = keras.Input((8, 4))
        return keras.Model(given, layers.Conv1D(4, 3, padding="same")(given))

    model = keras.Sequential(
        [
            keras.Input((8, 4)),
            layers.Lambda(lambda x, shift=1.0: keras.ops.tanh(x / factor) + shift),
            block(),
            block(),
            layers.Lambda(lambda x: keras.ops.logsumexp(x, axis=1, keepdims=True), name="lse"),
            layers.Dense(2),
        ]
    )
    expected = model.predict(X, verbose=0)
    model.save(tmp_path / f"model{ending}")
    found = load(tmp_path / f"model{ending}").model
    np.testing.assert_array_equal(found.predict(X, verbose=0), expected)
    assert found.get_layer("lse").count_params() == 0


def test_lambdas_of_python_3_6_in_a_published_model_are_read(real: Path) -> None:
    """Two of framepool: the mask of bases that are there, and the average over it."""
    import h5py

    with h5py.File(real / "framepool" / "utr_model_50.h5") as file:
        written = json.loads(file.attrs["model_config"])["config"]["layers"]
    by_name = {layer["name"]: layer for layer in written}
    mask = {**by_name["compute_pad_mask"], "inbound_nodes": [[["x", 0, 0, {}]]]}
    pool = {
        **by_name["pool_avg_frame_conv"],
        "inbound_nodes": [[["x", 0, 0, {}], ["compute_pad_mask", 0, 0, {}]]],
    }
    (found,) = predicted(record_of([mask, pool], ["pool_avg_frame_conv"]))
    total = X.sum(2, keepdims=True)
    np.testing.assert_allclose(found, X.sum(1) / total.sum(1), rtol=1e-4)


UNREADABLE = lambda_record("odd", lambda x: tf.py_function(x), [[["x", 0, 0, {}]]])


def test_a_recipe_says_what_a_lambda_computes() -> None:
    record = record_of([UNREADABLE], ["odd"])
    (found,) = predicted(record, recipes={"odd": "logsumexp(x, axis=-1)[:, None] * 2"})
    np.testing.assert_allclose(found, np.log(np.exp(X).sum(-1))[:, None] * 2, rtol=1e-5)


def test_a_recipe_goes_before_what_is_read() -> None:
    record = record_of([lambda_record("double", lambda x: x * 2, [[["x", 0, 0, {}]]])], ["double"])
    (found,) = predicted(record, recipes={"double": "x * 3"})
    np.testing.assert_allclose(found, X * 3)


EXAMPLE = "give an expression of x, such as --recipe 'odd=logsumexp(x, axis=-1, keepdims=True)'"
REFUSED: list[tuple[Mapping[str, str], str]] = [
    (
        {},
        (
            "layer 'odd' is a Lambda: code in a model file is never run; it calls "
            "tf.py_function, which has no recipe: give --recipe 'odd=EXPRESSION'"
        ),
    ),
    (
        {"od": "x"},
        (
            "no layer is named 'od', for which there is a recipe; layers that a recipe may be for: "
            "odd; check the name"
        ),
    ),
    (
        {"odd": "x +"},
        f"layer 'odd': the recipe 'x +' is not an expression (invalid syntax); {EXAMPLE}",
    ),
    (
        {"odd": "exec('x')"},
        (
            "layer 'odd': the recipe \"exec('x')\" calls exec, which has no recipe; did you mean "
            f"exp?; {EXAMPLE}"
        ),
    ),
    (
        {"odd": "mean(x)"},
        (
            "layer 'odd' (Lambda) calls mean with axis=None, which works across the sequences of a "
            "batch, on which a score must not depend; say what it computes for each sequence with "
            "--recipe 'odd=EXPRESSION'"
        ),
    ),
    (
        {"odd": "x[1]"},
        (
            "layer 'odd' (Lambda) takes [1], which works across the sequences of a batch, on which "
            "a score must not depend; say what it computes for each sequence with --recipe "
            "'odd=EXPRESSION'"
        ),
    ),
    (
        {"odd": "3"},
        (
            "layer 'odd' (Lambda) gives 3, which is not a tensor; say what it computes for each "
            "sequence with --recipe 'odd=EXPRESSION'"
        ),
    ),
]


@pytest.mark.parametrize(("recipes", "problem"), REFUSED)
def test_a_recipe_that_cannot_be_used_is_refused(recipes: Mapping[str, str], problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        predicted(record_of([UNREADABLE], ["odd"]), recipes=recipes)
    assert caught.value.problems == (problem,)


def test_a_recipe_reaches_a_lambda_in_a_sequential_model(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((8, 4)), layers.Lambda(lambda x: abs(sum([x])), name="odd"), layers.Dense(1)]
    )
    expected = model.predict(X, verbose=0)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match="calls sum, which has no recipe"):
        load(tmp_path / "model.keras")
    found = load(tmp_path / "model.keras", recipes={"odd": "abs(x)"}).model
    np.testing.assert_array_equal(found.predict(X, verbose=0), expected)


def test_a_recipe_that_gives_too_few_tensors_is_told_so() -> None:
    cut = lambda_record("cut", lambda x: x[:, 1:3], [[["odd", 0, 1, {}]]])
    record = record_of([UNREADABLE, cut], ["cut"])
    with pytest.raises(ModelError) as caught:
        predicted(record, recipes={"odd": "x * 2"})
    assert caught.value.problems == (
        (
            "layer 'odd' (Lambda) gives 1 of the 2 tensors that the model uses; let the recipe "
            "give 2, as in 'x * 2, x + 1'"
        ),
    )
    (found,) = predicted(record, recipes={"odd": "x * 2, x + 1"})
    np.testing.assert_allclose(found, X[:, 1:3] + 1)


def chain_of(names: Sequence[str], function: Callable[..., Any]) -> dict[str, Any]:
    """Return the record of a model with a Lambda of each name, one after the other."""
    before = ["x", *names]
    return record_of(
        [
            lambda_record(name, function, [[[previous, 0, 0, {}]]])
            for name, previous in zip(names, before, strict=False)
        ],
        [names[-1]],
    )


MANY = ("lambda_1", "lambda_2", "lambda_3", "lambda_4", "lambda_5", "lambda_6", "lambda_10")


def test_layers_refused_for_one_cause_are_one_line() -> None:
    with pytest.raises(RefusedLayersError) as caught:
        predicted(chain_of(MANY, lambda x: tf.py_function(x)))
    assert caught.value.problems == (
        (
            "layers 'lambda_1', 'lambda_2', 'lambda_3', 'lambda_4', 'lambda_5' and 2 more: each is "
            "a Lambda: code in a model file is never run; it calls tf.py_function, "
            "which has no recipe: give --recipe 'lambda_*=EXPRESSION'"
        ),
    )
    assert caught.value.layers["lambda_10"].startswith("layer 'lambda_10' is a Lambda: code in")


def refusal(name: str, recipe_for: str | None = None) -> Refusal:
    return Refusal(name, " is odd: give", recipe_for)


@pytest.mark.parametrize(
    ("refusals", "end"),
    [
        ([refusal("a"), refusal("b")], "layers 'a', 'b': each is odd: give"),
        ([refusal("a1", "a1"), refusal("a2", "a2")], "give --recipe 'a*=EXPRESSION'"),
        ([refusal("a", "w"), refusal("b", "w")], "give --recipe 'w=EXPRESSION'"),
        ([refusal("a", "a"), refusal("b", "b")], "--recipe 'LAYER=EXPRESSION' for each"),
        (
            [refusal("a1", "a1"), refusal("a2", "a2"), Refusal("a3", " is another", "a3")],
            "--recipe 'LAYER=EXPRESSION' for each",
        ),
    ],
)
def test_the_recipe_for_several_layers_is_for_no_other(refusals: list[Refusal], end: str) -> None:
    assert refusal_lines(refusals)[0].endswith(end)


def test_a_recipe_for_a_pattern_is_for_all_layers_that_are_refused() -> None:
    record = chain_of(MANY, lambda x: tf.py_function(x))
    layers_of = record["config"]["layers"]
    double = lambda_record("lambda_2", lambda x: x * 2, [[["lambda_1", 0, 0, {}]]])
    layers_of[[one["name"] for one in layers_of].index("lambda_2")] = double
    (found,) = predicted(record, recipes={"lambda_*": "x + 1", "lambda_10": "x * 3"})
    np.testing.assert_allclose(found, ((X + 1) * 2 + 4) * 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("recipes", "problem"),
    [
        ({"nothing*": "x"}, "no layer that needs a recipe has a name like 'nothing*'; check"),
        ({"lambda*": "x", "*": "x"}, "layer 'lambda_1' has two recipes, 'lambda*' and '*'; leave"),
    ],
)
def test_a_pattern_that_fits_nothing_or_twice_is_refused(
    recipes: Mapping[str, str], problem: str
) -> None:
    with pytest.raises(ModelError) as caught:
        predicted(chain_of(MANY[:1], lambda x: tf.py_function(x)), recipes=recipes)
    assert caught.value.problems[0].startswith(problem)


def test_a_relu_with_settings_in_a_recipe_has_the_scores_of_the_layer() -> None:
    written = "K.relu(x, alpha=0.1, max_value=0.5, threshold=0.2)[:, 1:]"
    recipes = {"odd": f"concatenate([K.zeros((x.shape[0], 1, 4)), {written}], axis=1)"}
    odd = build.build(
        records.plan_network(record_of([UNREADABLE], ["odd"]), generation=2), recipes=recipes
    )
    relu = layers.ReLU(max_value=0.5, negative_slope=0.1, threshold=0.2)
    padded = [layers.Cropping1D((1, 0)), layers.ZeroPadding1D((1, 0))]
    found = []
    for middle in ([odd], [relu, *padded]):
        ends = [layers.Conv1D(4, 3, padding="same"), layers.Flatten(), layers.Dense(1)]
        model = keras.Sequential([keras.Input((8, 4)), ends[0], *middle, *ends[1:]])
        randomise(model)
        one_hot = np.eye(4, dtype=np.float32)[np.arange(16).reshape(2, 8) % 4]
        found.append(Explainer(model, rule="rescale")(one_hot, np.zeros((8, 4))))
    np.testing.assert_allclose(found[0].contributions, found[1].contributions, atol=1e-6)
    assert np.abs(found[0].residual).max() < 1e-6


def test_what_a_lambda_in_a_wrapper_computes_is_said_of_the_wrapper() -> None:
    inner = lambda_record("inner", lambda x: x * 2, [])
    wrapper = {
        "class_name": "TimeDistributed",
        "config": {"name": "each", "layer": inner},
        "name": "each",
        "inbound_nodes": [[["x", 0, 0, {}]]],
    }
    record = record_of([wrapper], ["each"])
    with pytest.raises(ModelError) as caught:
        predicted(record)
    assert caught.value.problems == (
        (
            "layer 'inner' is a Lambda: code in a model file is never run; it is "
            "inside 'each' (TimeDistributed): give --recipe 'each=EXPRESSION'"
        ),
    )
    (found,) = predicted(record, recipes={"each": "x * 2"})
    np.testing.assert_allclose(found, X * 2)
