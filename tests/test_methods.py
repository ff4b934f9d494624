"""Methods other than DeepLIFT, against numbers of other implementations and float64 formulas."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from keras import layers
from nets import Array, chain, graph_of, largest, made, pairs, random_head, sequences

import seqlift
from seqlift.attribution import registry
from seqlift.attribution.engine import Engine
from seqlift.attribution.method import Backward
from seqlift.attribution.methods import lrp_gamma
from seqlift.attribution.propagation.rule import One, Row, flatten_pairs, only
from seqlift.attribution.registry import chosen_method, method_named, methods, options_of, rules
from seqlift.attribution.rules.rescale import RULE as RESCALE
from seqlift.attribution.rules.rescale import transposed
from seqlift.errors import InputError, ModelError
from seqlift.inputs.onehot import one_hot
from seqlift.network.primitives.base import Weighted
from seqlift.network.primitives.convolution import Convolution

pytestmark = pytest.mark.usefixtures("step_by_step")

SUMS_TO = {
    "deeplift": "difference",
    "lrp-epsilon": "output",
    "lrp-alpha-beta": "output",
    "lrp-gamma": "output",
    "lrp-composite": "output",
    "deep-taylor": "output",
    "shapley": "difference",
}

UNSIGNED = {"sensitivity", "saliency", "grad-cam", "grad-cam++"}


def explained(oracle: Path, case: str, method: str, **options: Any) -> tuple[Any, list[Any]]:
    """Score all tasks of a case in float64; give its numbers and a result for each task."""
    with np.load(oracle / f"{case}.npz") as file:
        numbers = dict(file)
    targets = [str(k) for k in range(numbers["pred"].shape[1])]
    explain = seqlift.Explainer(
        oracle / f"{case}.h5", targets, method=method, method_options=options, precision="float64"
    )
    return numbers, list(explain(numbers["x"], "zeros").values())


@pytest.mark.parametrize("case", ["c01_conv_maxpool_dense_sigmoid", "c03_conv_avgpool_softmax"])
@pytest.mark.parametrize(
    ("key", "method", "options"),
    [
        ("eps1e-9", "lrp-epsilon", {"epsilon": 1e-9}),
        ("a1b0", "lrp-alpha-beta", {"alpha": 1.0, "beta": 0.0}),
        ("a2b1", "lrp-alpha-beta", {"alpha": 2.0, "beta": 1.0}),
    ],
)
def test_relevance_is_that_of_the_formulas(
    oracle: Path, case: str, key: str, method: str, options: dict[str, float]
) -> None:
    with np.load(oracle / f"{case}_lrp.npz") as file:
        theirs = file[key]
    _, ours = explained(oracle, case, method, **options)
    for task, result in enumerate(ours):
        assert largest(result.contributions, theirs[task]) <= 1e-6 * np.abs(theirs[task]).max()


@pytest.mark.usefixtures("all_at_once")
@pytest.mark.parametrize(
    "case", ["c01_conv_maxpool_dense_sigmoid", "c02_conv_bn_gap_multitask",
             "c03_conv_avgpool_softmax", "c05_dense_tanh_sigmoid_hidden"]
)  # fmt: skip
def test_smoothgrad_is_the_mean_gradient_over_copies_with_the_same_noise(
    oracle: Path, case: str
) -> None:
    with np.load(oracle / f"{case}_torch.npz") as file:
        noise, theirs = file["smoothgrad_noise"], file["smoothgrad50"]
    if "softmax" in case:  # a logit less the mean over classes, which the original leaves in
        theirs = theirs - theirs.mean(axis=0)
    _, ours = explained(oracle, case, "smoothgrad", noise=noise)
    for task, result in enumerate(ours):
        assert largest(result.multipliers, theirs[task]) <= 1e-6


def convolutional(bias: bool = True) -> Any:
    """Make the layers of a small network of ReLUs, with or without biases."""
    return [
        layers.Conv1D(5, 7, activation="relu", use_bias=bias),
        layers.AveragePooling1D(3),
        layers.Conv1D(4, 3, activation="relu", use_bias=bias),
        layers.GlobalAveragePooling1D(),
        layers.Dense(6, activation="relu", use_bias=bias),
        layers.Dense(2, use_bias=bias),
    ]


LEAKY = {"deep-taylor", "lrp-composite"}  # a convolution of negative weights may get no share


@pytest.mark.parametrize(
    "name", [name for name in methods() if SUMS_TO.get(name) == "output" and name not in LEAKY]
)
def test_relevance_of_a_network_without_biases_sums_to_the_output(name: str) -> None:
    graph = graph_of(made(chain(lambda: convolutional(bias=False)), (40, 4)))
    engine = Engine(
        graph, [random_head(graph)], method_named(name, {}), dtype="float64", fused=False
    )
    x, x0 = pairs(3, 1, 40)
    (result,) = engine.explain(x, np.zeros_like(x0))
    assert np.abs(result.prediction).min() > 1e-3
    np.testing.assert_allclose(
        result.contributions.sum(axis=(1, 2)), result.prediction, rtol=1e-4, atol=1e-5
    )


def enlarged(values: Array, gamma: float) -> Array:
    return values + gamma * np.maximum(values, 0.0)


def relevance_in_numpy(model: Any, x: Array, head: Array, gamma: float) -> Array:
    """Share the output of one sequence (L, 4) out by LRP-gamma, value by value, to its bases."""
    kernel, bias, inner, inner_bias, outer, outer_bias = (
        np.asarray(weight) for weight in model.get_weights()
    )
    taps = len(kernel)
    steps = len(x) - taps + 1
    first = np.array([np.einsum("tc,tck->k", x[i : i + taps], kernel) for i in range(steps)])
    first = np.maximum(first + bias, 0.0)
    pooled = np.array([first[3 * i : 3 * i + 3].max(axis=0) for i in range(steps // 3)])
    flat = pooled.ravel()
    hidden = np.maximum(flat @ inner + inner_bias, 0.0)

    def through(values: Array, weights: Array, biases: Array, relevance: Array) -> Array:
        terms = values[:, None] * enlarged(weights, gamma)
        totals = terms.sum(axis=0) + enlarged(biases, gamma)
        return np.asarray((terms * relevance / totals).sum(axis=1))

    relevance = head * (hidden @ outer + outer_bias)
    relevance = through(hidden, outer, outer_bias, relevance)
    relevance = through(flat, inner, inner_bias, relevance).reshape(pooled.shape)
    found = np.zeros_like(x)
    for i, k in np.ndindex(*pooled.shape):
        at = 3 * i + int(first[3 * i : 3 * i + 3, k].argmax())
        window = x[at : at + taps].ravel()
        share = through(window, kernel[..., k].reshape(-1, 1), bias[k : k + 1], relevance[i, k])
        found[at : at + taps] += share.reshape(taps, -1)
    return found


@pytest.mark.parametrize("gamma", [0.0, 0.25, 2.0])
def test_relevance_by_enlarged_positive_weights_is_that_of_the_formula(gamma: float) -> None:
    model = made(
        chain(
            lambda: [
                layers.Conv1D(5, 7, activation="relu"),
                layers.MaxPooling1D(3),
                layers.Flatten(),
                layers.Dense(6, activation="relu"),
                layers.Dense(2),
            ]
        ),
        (40, 4),
    )
    graph = graph_of(model)
    head, method = random_head(graph), method_named("lrp-gamma", {"gamma": gamma})
    x, x0 = pairs(3, 1, 40)
    engine = Engine(graph, [head], method, dtype="float64", fused=False)
    ours = engine.explain(x, np.zeros_like(x0))[0].contributions
    theirs = np.array([relevance_in_numpy(model, row, head.weights, gamma) for row in x])
    assert np.abs(theirs).max() > 1e-2
    assert largest(ours, theirs) <= 1e-12 * np.abs(theirs).max()


def test_enlarged_weights_of_float32_are_those_of_float64() -> None:
    kernel = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)
    exact = kernel.astype(np.float64)
    weights = lrp_gamma.enlarged(Convolution(kernel, kernel[0, 0], (1,), (1,), ((0, 0),)), 0.3)
    assert np.array_equal(weights.kernel, exact + 0.3 * np.maximum(exact, 0.0))
    assert np.array_equal(weights.bias, (exact + 0.3 * np.maximum(exact, 0.0))[0, 0])


def test_relevance_sees_batch_normalisation_as_part_of_the_layer_before_it() -> None:
    def normalised() -> Any:
        return [layers.Conv1D(5, 7), layers.BatchNormalization(), *convolutional()[2:]]

    model = made(chain(normalised), (40, 4))
    conv, norm = model.layers[1:3]
    plain = made(chain(lambda: [layers.Conv1D(5, 7), *convolutional()[2:]]), (40, 4))
    gamma, beta, mean, variance = (np.asarray(v) for v in norm.get_weights())
    factor = gamma / np.sqrt(variance + norm.epsilon)
    kernel, bias = conv.get_weights()
    plain.set_weights([kernel * factor, (bias - mean) * factor + beta, *model.get_weights()[6:]])
    x, x0 = pairs(3, 1, 40)
    found = []
    for network in (model, plain):
        graph = graph_of(network)
        method = method_named("lrp-alpha-beta", {"alpha": 2, "beta": 1})
        engine = Engine(graph, [random_head(graph)], method, dtype="float64", fused=False)
        found.append(engine.explain(x, np.zeros_like(x0))[0].contributions)
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)


def test_relevance_is_refused_where_it_is_not_defined_with_the_name_of_the_layer() -> None:
    bent = made(chain(lambda: [layers.Conv1D(3, 5, activation="gelu", name="bent"),
                               layers.Flatten(), layers.Dense(1)]), (20, 4))  # fmt: skip
    graph = graph_of(bent)
    with pytest.raises(ModelError, match="layer bent: relevance propagation is not defined for"):
        Engine(graph, [random_head(graph)], method_named("lrp-epsilon", {}))


def test_a_method_without_references_gives_the_same_scores_with_any() -> None:
    model = made(chain(convolutional), (40, 4))
    explain = seqlift.Explainer(model, "0:1", method="lrp-epsilon", precision="float64")
    x = one_hot(sequences(3, 40))
    alike = [explain(x, kind) for kind in ("zeros", "dinucleotide", "gc")]
    assert alike[0].reference_prediction.shape == (3, 1)
    for other in alike[1:]:
        assert np.array_equal(alike[0].contributions, other.contributions)


def test_noise_depends_on_the_sequence_alone() -> None:
    model = made(chain(convolutional), (40, 4))
    options = {"samples": 4, "noise": 0.3}
    explain = seqlift.Explainer(
        model, "0:1", method="smoothgrad", method_options=options, precision="float64"
    )
    codes = sequences(5, 40)
    whole = explain(one_hot(codes), "zeros")
    again = explain(one_hot(codes[[3, 1]]), "zeros")
    assert np.array_equal(again.multipliers, whole.multipliers[[3, 1]])
    (coded,) = explain.explain(codes, np.full((1, 40), 4, np.uint8)).values()
    assert np.array_equal(coded.multipliers, whole.multipliers)
    sharp = seqlift.Explainer(model, "0:1", method="gradient", precision="float64")
    assert largest(sharp(one_hot(codes), "zeros").multipliers, whole.multipliers) > 1e-3


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("lrp", {}, "method 'lrp': give one of deeplift, cam, deconvnet, "),
        (
            "deeplift",
            {"rule_for": "a=rescale"},
            "option rule_for: not settable as text; use --rule",
        ),
        ("gradient", {"max_rule": "last"}, "max_rule 'last': give one of complete, winner"),
        ("lrp-epsilon", {"gamma": 1}, "method lrp-epsilon: no option 'gamma'; its options are ep"),
        ("lrp-epsilon", {"epsilon": "small"}, "method lrp-epsilon, option epsilon: 'small' is not"),
        ("lrp-epsilon", {"epsilon": "0"}, "epsilon 0.0: not above 0; give a small positive number"),
        ("lrp-alpha-beta", {"alpha": "2"}, "alpha 2, beta 0: give alpha = 1 + beta, beta 0 or mo"),
        ("lrp-gamma", {"gamma": "-1"}, "gamma -1: not 0 or more; give a number such as 0.25"),
        ("deep-taylor", {"input": "z"}, "input 'z': give one of zb, w2, z+"),
        ("deep-taylor", {"pool": "mean"}, "pool 'mean': give one of proportional, winner"),
        ("lrp-composite", {"input": "box"}, "input 'box': give one of zb, w2, z+"),
        ("lrp-composite", {"alpha": "3"}, "alpha 3, beta 0: give alpha = 1 + beta, beta 0 or mo"),
        ("grad-cam", {"spread": "even"}, "spread 'even': give one of field, nearest"),
        ("ism", {"positions": "9-3"}, "positions '9-3': not a stretch; give START-END, as in 900"),
        ("occlusion", {"width": "0"}, "width 0: fewer than one base; give 1 or more"),
        ("occlusion", {"stride": "2"}, "stride 2: leaves bases out; give at most the width, 1"),
        ("shapley", {"orders": "-1"}, "orders -1, seed 0: negative; give 0 or more"),
        (
            "smoothgrad",
            {"samples": "many"},
            "option samples: 'many' is not a whole number; give one",
        ),
        ("smoothgrad", {"samples": "0"}, "samples 0: fewer than one; give 1 or more"),
        ("expected-gradients", {"samples": "0"}, "samples 0: fewer than one; give 1 or more"),
        ("expected-gradients", {"seed": "-1"}, "seed -1: negative; give 0 or more"),
        ("smoothgrad", {"substituted": "2"}, "substituted 2: not a fraction; give one from 0 to 1"),
        (
            "gradient",
            {"corrected": "maybe"},
            "option corrected: 'maybe' is neither yes nor no; give",
        ),
        ("integrated-gradients", {"steps": 0}, "steps 0: fewer than one point; give 1 or more"),
    ],
)
def test_what_a_method_cannot_be_made_of_is_said(
    name: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        method_named(name, options)
    assert said in str(caught.value)


def test_options_of_deeplift_are_refused_for_other_methods() -> None:
    with pytest.raises(InputError, match="--rule: method lrp-epsilon has no such option"):
        chosen_method("lrp-epsilon", {}, rule="rescale")


@pytest.mark.parametrize(
    ("method", "option", "value"),
    [("ism", "positions", "10-20"), *((f"{n}cam", "layer", "x") for n in ("", "grad-"))],
)
def test_options_with_a_field_of_their_own_are_those_of_the_method(
    method: str, option: str, value: str
) -> None:
    made = chosen_method(method, {}, **{option: value})
    assert made == chosen_method(method, {option: value}) != chosen_method(method, {})
    assert made == chosen_method(method, {option: value}, **{option: value})
    assert chosen_method(method, {}, **{option: None}) == chosen_method(method, {})
    with pytest.raises(InputError, match=f"--method-option {option}={value}: not 1-2; leave one"):
        chosen_method(method, {option: value}, **{option: "1-2"})
    with pytest.raises(InputError, match=f"--{option}: method deeplift has no such option"):
        chosen_method("deeplift", {}, **{option: value})


def test_every_rule_and_method_has_a_line_of_help_and_keeps_its_name() -> None:
    for name, line in methods().items():
        assert method_named(name, {}).name == name
        assert method_named(name, {}).sums_to == SUMS_TO.get(name, "nothing")
        assert method_named(name, {}).signed == (name not in UNSIGNED)
        assert line.endswith(".")
        assert len(line) < 100
    assert list(rules())[:3] == ["genomics", "rescale", "revealcancel"]


PARTS = ("# ", "## When to use it", "## When not", "## What it sums to")


def test_every_method_has_a_page_that_says_when_to_use_it_and_what_it_sums_to() -> None:
    pages = {path.stem: path.read_text() for path in (ROOT / "docs/methods").glob("*.md")}
    assert set(pages) == set(methods())
    for name, text in pages.items():
        lines = text.splitlines()
        assert f"`--method {name}`" in lines
        assert [part for part in PARTS if not any(line.startswith(part) for line in lines)] == []
        for option in options_of(name):
            assert f"| `{option}` |" in text


def test_the_page_of_a_method_has_its_picture_which_is_small() -> None:
    folder = ROOT / "docs/methods"
    assert {path.stem for path in folder.glob("figures/*.png")} == set(methods())
    for path in folder.glob("figures/*.png"):
        page = (folder / f"{path.stem}.md").read_text()
        assert f"(figures/{path.name.replace('+', '%2B')})" in page
        assert path.stat().st_size < 40_000


def doubled(node: Any) -> Any:
    """Propagate twice what a kernel's transpose gives."""
    back = transposed(node)
    return lambda multiplier: tuple(One(2.0 * only(m)) for m in back(multiplier))


OWN = """
import seqlift
from seqlift.attribution.method import Backward
from seqlift.attribution.propagation.rule import One, only
from seqlift.attribution.rules.rescale import RULE as RESCALE, transposed
from seqlift.network.primitives.base import Weighted


def doubled(node):
    back = transposed(node)
    return lambda multiplier: tuple(One(2.0 * only(m)) for m in back(multiplier))


RULE = seqlift.register(RESCALE.but("doubled", {Weighted: doubled}, sums_to="nothing"))


@seqlift.register
def doubled_weights(*, times: int = 1):
    "Rescale, each kernel counted twice."
    return Backward("doubled-weights", RULE, sums_to="nothing")
"""


def test_a_users_file_may_register_rules_and_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_OWN_RULES", {})  # names do not outlive this test
    monkeypatch.setattr(registry, "_OWN_METHODS", {})
    model = made(chain(convolutional), (40, 4))
    model.save(tmp_path / "m.keras")
    (tmp_path / "own.py").write_text(OWN)
    x = one_hot(sequences(2, 40))

    def scored(**options: Any) -> Array:
        explain = seqlift.Explainer(
            tmp_path / "m.keras", "0:1", custom_objects=tmp_path / "own.py", precision="float64",
            **options,
        )  # fmt: skip
        found: Array = explain(x, "zeros").contributions
        return found

    plain = scored(rule="rescale")
    assert largest(scored(rule="doubled"), 2.0**4 * plain) <= 1e-12 * 16
    assert largest(scored(method="doubled-weights"), 2.0**4 * plain) <= 1e-12 * 16
    assert "doubled-weights" in methods()
    assert methods()["doubled-weights"] == "Rescale, each kernel counted twice."


def test_names_of_seqlifts_own_cannot_be_taken() -> None:
    with pytest.raises(InputError, match="rescale: seqlift has a rule of this name; give yours"):
        seqlift.register(RESCALE)


def test_a_row_is_worked_out_once_for_all_heads() -> None:
    calls = []

    def counted(node: Any) -> Any:
        calls.append(node)
        return transposed(node)

    rule = RESCALE.but("counted", {Weighted: Row(counted)})
    graph = graph_of(made(chain(convolutional), (40, 4)))
    heads = [random_head(graph), random_head(graph)]
    engine = Engine(graph, heads, Backward("counted", rule), dtype="float64", fused=False)
    x, x0 = pairs(2, 2, 40)
    engine.explain_own(x, x0)
    assert len(calls) == 4
    assert flatten_pairs(calls[0].y).shape[0] == 2
