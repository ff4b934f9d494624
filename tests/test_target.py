import keras
import numpy as np
import pytest
from nets import eager, graph_of, inputs_for

from seqlift.errors import ModelError
from seqlift.explain.target import Target, parse_targets, targets
from seqlift.explain.target_heads import head_of
from seqlift.explain.tasks import task_of


def functional(*outputs: tuple[str, int], activation: str | None = None) -> keras.Model:
    """Return a model with a Dense output of each name and number of units."""
    given = keras.Input((6, 4), name="dna")
    flat = keras.layers.Flatten()(given)
    dense = keras.layers.Dense
    return keras.Model(given, [dense(n, activation, name=name)(flat) for name, n in outputs])


Models = dict[str, keras.Model]


@pytest.fixture(scope="module")
def models() -> Models:
    given = keras.Input((30, 4), name="dna")
    flat = keras.layers.Flatten()(given)
    dense = keras.layers.Dense
    tracks = keras.layers.Conv1D(2, 3, name="heads")(given)
    logits = dense(3, name="logits")(flat)
    loose = keras.Input((None, 4))
    splice = keras.layers.Conv1D(3, 1, activation="softmax", name="splice")
    square, other = keras.Input((9, 4, 1)), keras.Input((30, 4))
    head = keras.Sequential([keras.Input((30, 4)), keras.layers.Flatten(), dense(1)], name="head")
    return {
        "one": functional(("score", 1)),
        "tasks": functional(("tasks", 3)),
        "many": functional(("tasks", 919)),
        "pair": functional(("a", 2), ("b", 1)),
        "two": functional(("tasks", 3), ("strength", 1)),
        "wide": functional(("tasks", 919), ("aux", 2)),
        "bpnet": functional(("profile_logits", 100), ("logcount", 1)),
        "counts": functional(("counts", 2), ("profile", 1)),
        "clash": functional(("counts", 1), ("other_profile", 50)),
        "tracks": keras.Model(given, [tracks, dense(2, name="total")(flat)]),
        "lonely": keras.Model(given, tracks),
        "softmax": keras.Model(given, keras.layers.Softmax(name="classes")(logits)),
        "sequential": keras.Sequential(
            [
                keras.Input((5, 4)),
                keras.layers.Flatten(),
                dense(1, name="dense_1"),
                keras.layers.Activation("sigmoid", name="activation_1"),
            ]
        ),
        "heads": functional(
            ("profile_Oct4", 50), ("profile_Sox2", 50), ("counts_Oct4", 2), ("counts_Sox2", 1)
        ),
        "human": keras.Model(
            given,
            [
                layer(given)
                for layer in (
                    keras.layers.Conv1D(5, 1, activation="softplus", name="human"),
                    keras.layers.Conv1D(3, 1, activation="softplus", name="mouse"),
                )
            ],
        ),
        "splice": keras.Model(given, splice(given)),
        "pieces": keras.Model(
            given, [keras.layers.Conv1D(5, 1, name="human")(given), splice(given)]
        ),
        "open": keras.Model(loose, keras.layers.Conv1D(2, 1, name="main")(loose)),
        "number": keras.Model(given, keras.layers.Reshape((), name="number")(dense(1)(flat))),
        "classes": functional(("kinds", 30), ("size", 1), activation="softmax"),
        "rates": functional(("profile", 30), ("counts", 1), activation="softplus"),
        "mean": keras.Model(given, keras.layers.Reshape((1, 1), name="mean")(dense(1)(flat))),
        "map": keras.Model(square, keras.layers.Conv2D(1, 1, name="map")(square)),
        "shared": keras.Model([given, other], [head(given), head(other)]),
    }


GOOD = [
    ("one", [], [("score", 0, None, "unit")]),
    ("one", ["score"], [("score", 0, None, "unit")]),
    ("one", ["score:0"], [("score", 0, None, "unit")]),
    ("one", ["0"], [("score", 0, None, "unit")]),
    ("one", ["all"], [("score", 0, None, "unit")]),
    ("tasks", ["tasks:1"], [("tasks:1", 0, 1, "unit")]),
    ("tasks", ["2"], [("tasks:2", 0, 2, "unit")]),
    ("tasks", ["0:2", "0"], [("tasks:2", 0, 2, "unit"), ("tasks:0", 0, 0, "unit")]),
    ("tasks", ["all"], [(f"tasks:{i}", 0, i, "unit") for i in range(3)]),
    ("two", ["strength"], [("strength", 1, None, "unit")]),
    ("two", ["1:0"], [("strength", 1, None, "unit")]),
    ("pair", ["all"], [("a:0", 0, 0, "unit"), ("a:1", 0, 1, "unit"), ("b", 1, None, "unit")]),
    ("bpnet", ["counts"], [("counts", 1, None, "counts")]),
    ("bpnet", ["profile"], [("profile", 0, None, "profile")]),
    ("bpnet", ["profile-complete"], [("profile-complete", 0, None, "profile-complete")]),
    ("bpnet", ["all"], [("counts", 1, None, "counts"), ("profile", 0, None, "profile")]),
    ("bpnet", ["profile_logits:99"], [("profile_logits:99", 0, 99, "unit")]),
    ("counts", ["counts"], [("counts", 0, None, "counts")]),
    ("counts", ["counts:1"], [("counts:1", 0, 1, "unit")]),
    ("counts", ["profile"], [("profile", 1, None, "unit")]),
    ("clash", ["counts"], [("counts", 0, None, "counts")]),
    ("clash", ["profile"], [("profile", 1, None, "profile")]),
    ("wide", ["profile"], [("profile", 0, None, "profile")]),
    ("wide", ["tasks:918"], [("tasks:918", 0, 918, "unit")]),
    ("tracks", ["profile"], [("profile", 0, None, "profile")]),
    ("tracks", ["counts"], [("counts", 1, None, "counts")]),
    ("tracks", ["total:1"], [("total:1", 1, 1, "unit")]),
    ("lonely", ["profile"], [("profile", 0, None, "profile")]),
    ("softmax", ["classes:1"], [("classes:1", 0, 1, "unit")]),
    ("softmax", ["logits:2"], [("logits:2", 0, 2, "unit")]),
    ("sequential", [], [("activation_1", 0, None, "unit")]),
    ("sequential", ["dense_1"], [("dense_1", 0, None, "unit")]),
]


def box(name: str, *spans: tuple[int, int], output: int = 0) -> tuple:
    return name, output, None, "unit", spans


GOOD += [
    ("splice", ["0:20:1"], [box("splice:20:1", (20, 21), (1, 2))]),
    ("splice", ["splice:20:1"], [box("splice:20:1", (20, 21), (1, 2))]),
    ("splice", ["20:1"], [box("splice:20:1", (20, 21), (1, 2))]),
    ("splice", ["0:2"], [box("splice:0:2", (0, 1), (2, 3))]),
    ("human", ["human:4-10:2"], [box("human:4-10:2", (4, 10), (2, 3))]),
    ("human", ["1:0-30:0-3"], [box("mouse:0-30:0-3", (0, 30), (0, 3), output=1)]),
    ("human", ["human:4-5:2"], [box("human:4:2", (4, 5), (2, 3))]),
    ("open", ["main:5000:1"], [box("main:5000:1", (5000, 5001), (1, 2))]),
    ("map", ["map:8:0-4:0"], [box("map:8:0-4:0", (8, 9), (0, 4), (0, 1))]),
    ("tracks", ["heads:0:1"], [box("heads:0:1", (0, 1), (1, 2))]),
    ("tasks", ["tasks:1-3"], [box("tasks:1-3", (1, 3))]),
    ("tasks", ["0-2"], [box("tasks:0-2", (0, 2))]),
    ("tasks", ["tasks:1-2"], [("tasks:1", 0, 1, "unit")]),
    ("number", [], [("number", 0, None, "unit")]),
    ("number", ["number"], [("number", 0, None, "unit")]),
    ("mean", [], [box("mean:0:0", (0, 1), (0, 1))]),
    ("mean", ["mean"], [box("mean:0:0", (0, 1), (0, 1))]),
    ("mean", ["0:0"], [box("mean:0:0", (0, 1), (0, 1))]),
    ("heads", ["profile:Sox2"], [("profile:Sox2", 1, None, "profile")]),
    ("heads", ["counts:Oct4"], [("counts:Oct4", 2, None, "counts")]),
    ("heads", ["profile-complete:Oct4"], [("profile-complete:Oct4", 0, None, "profile-complete")]),
    ("heads", ["counts:profile_Oct4"], [("counts:profile_Oct4", 0, None, "counts")]),
    ("heads", ["profile_Oct4:7"], [("profile_Oct4:7", 0, 7, "unit")]),
    (
        "heads",
        ["all"],
        [
            ("counts:Oct4", 2, None, "counts"),
            ("counts:Sox2", 3, None, "counts"),
            ("profile:Oct4", 0, None, "profile"),
            ("profile:Sox2", 1, None, "profile"),
        ],
    ),
]


@pytest.mark.parametrize(("name", "requests", "expected"), GOOD)
def test_a_request_names_one_scalar(
    models: Models, name: str, requests: list[str], expected: list[tuple]
) -> None:
    assert parse_targets(requests, models[name]) == tuple(Target(*fields) for fields in expected)


NONE = "the model has no profile and count outputs"
ASK = "it has no logits; ask for one of its units"
SAY = "say NAME:POSITION:TRACK, each a number or a range A-B, which is summed"
CHOOSE = "the model has several targets; choose with --target from: "

BAD = [
    ("tasks", [], CHOOSE + "tasks:0, tasks:1, tasks:2"),
    ("two", [], CHOOSE + "tasks:0, tasks:1, tasks:2, strength"),
    ("many", [], CHOOSE + "tasks:0 to tasks:918"),
    (
        "bpnet",
        [],
        CHOOSE
        + "counts, profile, profile-complete, profile_logits:0 to profile_logits:99, logcount",
    ),
    ("map", [], CHOOSE + "map:0:0:0 to map:8:3:0"),
    (
        "splice",
        ["splice"],
        f"output 'splice' has the shape (30, 3); {SAY}",
    ),
    ("splice", ["0:30:1"], "output 'splice' has the positions 0 to 29; ask for one"),
    ("splice", ["0:2:1-4"], "output 'splice' has the tracks 0 to 2; ask for one"),
    ("splice", ["0:5-5:1"], "the range 5-5 is empty; A-B goes from A up to, and not including, B"),
    ("splice", ["splice:1:x"], "'x' is not a whole number; say NAME:POSITION:TRACK"),
    (
        "splice",
        ["profile"],
        f"{NONE} (splice (30, 3)); 'splice' ends in softmax over tracks, so {ASK}",
    ),
    ("pieces", ["human"], f"output 'human' has the shape (30, 5); {SAY}"),
    ("tracks", ["heads"], f"output 'heads' has the shape (28, 2); {SAY}, or ask for 'profile'"),
    (
        "human",
        ["profile:human"],
        f"{NONE} (human (30, 5)); 'human' ends in softplus, so {ASK}",
    ),
    (
        "heads",
        ["profile"],
        "the model has several; choose from: profile:Oct4, profile:Sox2",
    ),
    ("heads", ["profile:Nanog"], "the model has no output 'profile'; did you mean 'profile_Sox2'?"),
    ("tasks", ["tasks"], "output 'tasks' has 3 units; say which: tasks:0, tasks:1, tasks:2"),
    ("tasks", ["tasks:3"], "output 'tasks' has the units 0 to 2; ask for one"),
    ("tasks", ["3"], "output 'tasks' has the units 0 to 2; ask for one"),
    ("one", ["score:1"], "output 'score' has the unit 0 only; ask for one"),
    ("tasks", ["tasks:-1"], "'-1' is not a whole number; say NAME:INDEX"),
    ("tasks", ["tasks:"], "'' is not a whole number; say NAME:INDEX"),
    ("tasks", ["taks:1"], "the model has no output 'taks'; did you mean 'tasks'?"),
    ("two", ["qqq"], "the model has no output 'qqq'; it has tasks, strength"),
    ("two", ["1"], "the model has no output '1'; it has tasks, strength"),
    ("two", ["2:0"], "the model has no output '2'; it has tasks, strength"),
    ("two", [""], "the model has no output ''; it has tasks, strength"),
    (
        "tasks",
        ["counts"],
        "the model has no profile and count outputs (tasks (3,)); ask for one of its units",
    ),
    (
        "lonely",
        ["counts"],
        "the model has no profile and count outputs (heads (28, 2)); ask for one of its units",
    ),
    (
        "map",
        ["all"],
        "no output is a vector of units (map (9, 4, 1)); ask for map:0:0:0 to map:8:3:0",
    ),
    (
        "tracks",
        ["heads:0"],
        f"output 'heads' has the shape (28, 2); {SAY}",
    ),
    ("shared", ["head"], "several outputs have this name; say 0:INDEX or 1:INDEX"),
    ("tasks", ["tasks:1", "0:1"], "already asked for as 'tasks:1'; leave one out"),
    ("sequential", ["dense_1", "0:0"], "already asked for as 'dense_1'; leave one out"),
]


@pytest.mark.parametrize(("name", "requests", "message"), BAD)
def test_a_request_for_what_is_not_there_says_what_is(
    models: Models, name: str, requests: list[str], message: str
) -> None:
    with pytest.raises(ModelError) as caught:
        parse_targets(requests, models[name])
    place = f"target {requests[-1]!r}: " if requests else ""
    (problem,) = caught.value.problems
    assert problem == place + message


def test_all_bad_requests_are_listed_at_once(models: Models) -> None:
    with pytest.raises(ModelError) as caught:
        parse_targets(["x", "tasks:1", "y:0"], models["tasks"])
    assert caught.value.problems == (
        "target 'x': the model has no output 'x'; it has tasks",
        "target 'y:0': the model has no output 'y'; it has tasks",
    )


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("one", ["score"]),
        ("two", ["tasks:0", "tasks:1", "tasks:2", "strength"]),
        ("many", ["tasks:0 to tasks:918"]),
        (
            "bpnet",
            [
                "counts",
                "profile",
                "profile-complete",
                "profile_logits:0 to profile_logits:99",
                "logcount",
            ],
        ),
        (
            "tracks",
            [
                "counts",
                "profile",
                "profile-complete",
                "heads:0:0 to heads:27:1",
                "total:0",
                "total:1",
            ],
        ),
        ("lonely", ["profile", "profile-complete", "heads:0:0 to heads:27:1"]),
        ("map", ["map:0:0:0 to map:8:3:0"]),
        ("splice", ["splice:0:0 to splice:29:2"]),
        ("human", ["human:0:0 to human:29:4", "mouse:0:0 to mouse:29:2"]),
        ("open", ["profile", "profile-complete", "main:0:0 to main:any:1"]),
        ("number", ["number"]),
        ("mean", ["mean:0:0"]),
        ("classes", ["kinds:0 to kinds:29", "size"]),
        ("rates", ["counts", "profile:0 to profile:29"]),
        (
            "heads",
            [
                "counts:Oct4",
                "counts:Sox2",
                "profile:Oct4",
                "profile:Sox2",
                "profile-complete:Oct4",
                "profile-complete:Sox2",
                "profile_Oct4:0 to profile_Oct4:49",
                "profile_Sox2:0 to profile_Sox2:49",
                "counts_Oct4:0",
                "counts_Oct4:1",
                "counts_Sox2",
            ],
        ),
        ("softmax", ["classes:0", "classes:1", "classes:2"]),
        (
            "wide",
            ["counts", "profile", "profile-complete", "tasks:0 to tasks:918", "aux:0", "aux:1"],
        ),
    ],
)
def test_a_model_lists_what_can_be_asked(models: Models, name: str, offered: list[str]) -> None:
    assert targets(models[name]) == offered


@pytest.mark.parametrize(
    "name", ["one", "two", "bpnet", "tracks", "lonely", "softmax", "clash", "splice", "heads"]
)
def test_everything_listed_can_be_asked(models: Models, name: str) -> None:
    for line in targets(models[name]):
        for request in line.split(" to "):
            assert parse_targets([request], models[name])


def test_a_task_is_what_the_name_of_a_head_has_beside_its_kind() -> None:
    for name, task in {
        "profile_Oct4": "Oct4",
        "Oct4/logits_profile": "Oct4",
        "my_task_counts": "my_task",
        "Sox2.profile.fwd": "Sox2_fwd",
        "Nanog_logcounts": "Nanog",
        "logits_profile_predictions": "",
        "profiler": "",
    }.items():
        words = ("counts", "logcounts") if "counts" in name else ("profile",)
        assert task_of(name, words) == task


def test_outputs_that_share_a_layer_are_told_apart_by_number(models: Models) -> None:
    assert parse_targets(["1:0"], models["shared"]) == (Target("1:0", 1, None, "unit"),)


def test_outputs_of_one_name_are_told_apart_by_number() -> None:
    layer = keras.layers.Dense(1, name="task")
    given = keras.Input((3,))
    model = keras.Model(given, [layer(given), layer(keras.layers.ReLU()(given))])
    assert targets(model) == ["0:0", "1:0"]
    assert [(t.name, t.output) for t in parse_targets(["all"], model)] == [("0:0", 0), ("1:0", 1)]
    assert [t.name for t in parse_targets(["1:0"], model)] == ["1:0"]
    wide = keras.layers.Dense(2, name="tasks")
    model = keras.Model(given, [wide(given), wide(keras.layers.ReLU()(given))])
    assert [t.name for t in parse_targets(["all"], model)] == ["0:0", "0:1", "1:0", "1:1"]


def test_an_output_without_an_axis_is_one_unit() -> None:
    given = keras.Input((6, 4))
    one = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Flatten()(given))
    scalar = keras.Model(given, keras.layers.Reshape((), name="risk")(one))
    assert targets(scalar) == ["risk"]
    for request in ([], ["risk"], ["0"], ["risk:0"], ["all"]):
        assert parse_targets(request, scalar) == (Target("risk", 0, None, "unit"),)
    x, x0 = inputs_for((6, 4), 3, 2)
    (target,) = parse_targets([], scalar)
    for pre_activation in (True, False):
        ours, same = (
            eager(graph, head_of(target, graph, pre_activation=pre_activation, centred=True), x, x0)
            for graph in (graph_of(scalar), graph_of(keras.Model(given, one)))
        )
        np.testing.assert_allclose(ours.contributions, same.contributions, atol=1e-6)
        np.testing.assert_allclose(ours.prediction, same.prediction, atol=1e-6)
        np.testing.assert_allclose(ours.residual, 0.0, atol=1e-6)
