"""captum's `DeepLift` on batches of pairs, with hypothetical contributions of its multipliers."""

import protocol
import torch
import torch_model
from captum.attr import DeepLift


def hypothetical(multipliers, inputs, baselines):
    """Compute what each base would contribute if it stood there, of each pair."""
    return tuple(
        m - (m * reference).sum(dim=1, keepdim=True)
        for m, reference in zip(multipliers, baselines, strict=True)
    )


def prepare(options):
    """Return the run and its notes."""
    case = protocol.Case(options.folder)
    output, unit = case.output(case.targets[0])
    explainer = DeepLift(torch_model.Network(case.description, case.weights, output))
    sequences = torch.tensor(case.sequences).transpose(1, 2).contiguous()
    references = torch.tensor(case.references).transpose(2, 3).contiguous()
    number = references.shape[1]

    def explain(count, pairs):
        repeated = references[:count].flatten(0, 1)
        parts = []
        for start in range(0, count * number, pairs):
            rows = torch.arange(start, min(start + pairs, count * number))
            scores = explainer.attribute(
                sequences[rows // number],
                repeated[rows],
                target=unit,
                custom_attribution_func=hypothetical,
            )
            parts.append(scores.detach())
        mean = torch.cat(parts).reshape(count, number, *sequences.shape[1:]).mean(dim=1)
        return mean if case.hypothetical else mean * sequences[:count]

    notes = torch_model.choose(case, explain)

    def run():
        return explain(len(sequences), notes["pairs"]).transpose(1, 2).numpy()[None]

    notes["versions"] = protocol.versions("captum", "torch", "numpy")
    return run, notes


if __name__ == "__main__":
    protocol.serve(prepare)
