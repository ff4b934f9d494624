"""Order the calls of a network's layers, and find the outputs used of each call.

Knows plans only.
"""

from collections import deque
from collections.abc import Iterator, Mapping

from seqlift.errors import ModelError
from seqlift.models.plans.plan import Call, NetworkPlan, refs


def calls_in_order(plan: NetworkPlan) -> Iterator[tuple[str, int, Call]]:
    """Yield every call of every layer, by the layer's name and the call's number, none too early.

    Layers are taken in the file's order, calls of a layer in theirs. One that needs a tensor which
    is not made yet is taken up again when it is: a layer used twice may need another in between.
    Raises `ModelError` where calls wait for each other, or for nothing in the file.
    """
    made = {(layer.name, 0) for layer in plan.layers if layer.class_name == "InputLayer"}
    left = {layer.name: deque(enumerate(layer.calls)) for layer in plan.layers}
    waiting: dict[tuple[str, int], list[str]] = {}
    names = deque(left)
    while names:
        name = names.popleft()
        while left[name]:
            number, call = left[name][0]
            needed = ((ref.layer, ref.call) for ref in refs([call.args, call.kwargs]))
            missing = next((place for place in needed if place not in made), None)
            if missing is not None:
                waiting.setdefault(missing, []).append(name)
                break
            left[name].popleft()
            yield name, number, call
            made.add((name, number))
            # One pass however long the chain: only layers that wait for this call come up again.
            names.extendleft(reversed(waiting.pop((name, number), ())))
    stuck = sorted(name for name, calls in left.items() if calls)
    if stuck:
        raise ModelError(
            f"the layers {', '.join(stuck)} wait for layers that are not in the file, or for each "
            "other; the file is damaged: save the model again"
        )


def wanted_outputs(plan: NetworkPlan) -> Mapping[tuple[str, int], int]:
    """Count how many outputs of each call of a layer the network uses, at least."""
    calls = [[call.args, call.kwargs] for layer in plan.layers for call in layer.calls]
    wanted: dict[tuple[str, int], int] = {}
    for ref in refs([calls, plan.outputs]):
        place = ref.layer, ref.call
        wanted[place] = max(wanted.get(place, 0), ref.tensor + 1)
    return wanted
