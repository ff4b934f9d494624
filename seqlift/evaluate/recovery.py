"""Motif recovery: whether scores lie on the motifs that are known, and of the right task.

Measures of the experiment in Shrikumar, Greenside and Kundaje 2017 (arXiv:1704.02685, section 4.2).
Knows arrays and instances of motifs.
"""

import numpy as np

from seqlift.evaluate.explained import Explained, Instance, Measured, alone
from seqlift.evaluate.ranks import Marked, auprc, auroc
from seqlift.evaluate.subject import Array


def recovery(explained: Explained) -> Measured:
    """Compare scores inside the motifs of a target with those outside.

    `false-negatives` counts instances whose scores sum to 0 or less. The areas and the share are of
    sequences that have a motif.
    """
    shape = explained.shape
    areas, counts = np.full((3, *shape), np.nan), np.full((2, *shape), np.nan)
    known = explained.compared.sequences.sum(axis=-1) == 1.0
    for t, target in enumerate(explained.targets):
        for n in range(shape[1]):
            track, which = explained.scored.tracks[t, n], known[n]
            own = instances_of(explained, target, n)
            if own:
                inside = covered(own, len(track))
                base = (track[which], inside[which])
                areas[:, t, n] = auroc(*base), auprc(*base), share(track, inside)
            whole = [one for one in own if one.whole]
            if whole:
                missed = sum(instance_score(track, one) <= 0.0 for one in whole)
                counts[:, t, n] = missed, len(whole)
    return {
        "motif-auroc": alone(areas[0]),
        "motif-auprc": alone(areas[1]),
        "motif-share": alone(areas[2]),
        "false-negatives": (counts[0], counts[1]),
    }


def off_task(explained: Explained) -> Measured:
    """Compare the sizes of the scores of instances for other tasks with those for their own.

    sum over instances of the mean over other tasks of |score|, over the sum of |score|, for the
    targets that have a motif of their own.
    """
    found = np.full((2, *explained.shape), np.nan)
    tracks, targets = explained.scored.tracks, explained.targets
    for t, target in enumerate(targets):
        name = explained.motifs.get(target)
        others = [u for u, other in enumerate(targets) if explained.motifs.get(other, name) != name]
        for n in range(explained.shape[1] if name and others else 0):
            own = [one for one in instances_of(explained, target, n) if one.whole]
            sizes = np.abs([[instance_score(track, one) for one in own] for track in tracks[:, n]])
            if own:
                found[:, t, n] = sizes[others].mean(axis=0).sum(), sizes[t].sum()
    return {"off-task": (found[0], found[1])}


def instances_of(explained: Explained, target: str, n: int) -> list[Instance]:
    name = explained.motifs.get(target)
    return [one for one in explained.compared.instances[n] if name in (None, one.name)]


def covered(instances: list[Instance], length: int) -> Marked:
    inside = np.zeros(length, bool)
    for one in instances:
        inside[max(one.start, 0) : max(one.end, 0)] = True
    return inside


def instance_score(track: Array, instance: Instance) -> float:
    return float(track[instance.start : instance.end].sum())


def share(track: Array, inside: Marked) -> float:
    sizes = np.abs(track)
    return float(sizes[inside].sum() / sizes.sum()) if sizes.any() else np.nan
