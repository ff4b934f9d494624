"""The picture of the README: how many times longer each rival takes, of what `run.py` has stored.

`python benchmarks/figure.py`.
"""

import json
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from cases import CASES
from report import ratios
from run import FOLDER, OURS

PICTURE = Path(__file__).resolve().parent / "speed.png"
COLOURS = {
    "tangermeme": "#4477aa",
    "captum": "#66ccee",
    "chrombpnet": "#ee6677",
    "deeplift": "#ccbb44",
}
LABELS = {
    "bpnet-64-counts": "BPNet-64, counts",
    "bpnet-64-counts-profile": "BPNet-64, counts and profile",
    "bpnet-64-counts-gc": "BPNet-64, counts, gc reference",
    "bpnet-512-counts": "BPNet-512, counts",
    "bpnet-512-counts-profile": "BPNet-512, counts and profile",
    "basset": "Basset",
    "deepstarr": "DeepSTARR",
    "two-dense": "two dense layers, RevealCancel",
}


def bars(folder: Path) -> list[tuple[str, str, float]]:
    """Return case, rival and median ratio, in the order in which they are drawn.

    A rival that computes other numbers is left out.
    """
    found = []
    for case in CASES:
        file = folder / "numbers" / f"{case.name}.json"
        result = json.loads(file.read_text())
        for name in COLOURS:
            if name in result["seconds"] and name not in result["disagree"]:
                ratio = median(ratios(result["seconds"][name], result["seconds"][OURS]))
                found.append((case.name, name, ratio))
    return found


def draw(found: list[tuple[str, str, float]], path: Path) -> None:
    """Draw a bar for each case and rival, cases apart from each other."""
    figure, axes = plt.subplots(figsize=(8, 5.4), layout="constrained")
    place, last, ticks = 0.0, "", {}
    for case, name, ratio in found:
        place += 1.0 if case == last else 1.7
        axes.barh(place, ratio, color=COLOURS[name], height=0.9)
        axes.text(ratio + 0.1, place, f"{ratio:.1f}", va="center", fontsize=8)
        ticks.setdefault(case, []).append(place)
        last = case
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_yticks([sum(p) / len(p) for p in ticks.values()], [LABELS[case] for case in ticks])
    axes.invert_yaxis()
    axes.set_xlabel("times as long as seqlift (the line), on two cores")
    axes.spines[["top", "right"]].set_visible(False)
    drawn = [name for name in COLOURS if any(name == rival for _, rival, _ in found)]
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLOURS[name]) for name in drawn]
    axes.legend(handles, drawn, frameon=False, loc="upper right")
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    draw(bars(FOLDER), PICTURE)
