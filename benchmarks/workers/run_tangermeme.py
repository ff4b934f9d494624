"""tangermeme's `deep_lift_shap`, which bpnet-lite and others call with `hypothetical=True`."""

import protocol
import torch
import torch_model
from tangermeme.deep_lift_shap import deep_lift_shap


def prepare(options):
    """Return the run and its notes."""
    case = protocol.Case(options.folder)
    output, unit = case.output(case.targets[0])
    model = torch_model.Network(case.description, case.weights, output)
    sequences = torch.tensor(case.sequences).transpose(1, 2).contiguous()
    references = torch.tensor(case.references).transpose(2, 3).contiguous()
    shared = references[:1, 0]
    one_hot = case.fields["reference"] != "gc"  # other references have to come from a function

    def explain(number, pairs):
        return deep_lift_shap(
            model,
            sequences[:number],
            target=unit,
            batch_size=pairs,
            references=references[:number]
            if one_hot
            else lambda x, n: shared.expand(len(x), -1, -1)[:, None],
            n_shuffles=references.shape[1],
            hypothetical=case.hypothetical,
            device="cpu",
        )

    notes = torch_model.choose(case, explain)

    def run():
        return explain(len(sequences), notes["pairs"]).transpose(1, 2).numpy()[None]

    notes["versions"] = protocol.versions("tangermeme", "torch", "numpy")
    return run, notes


if __name__ == "__main__":
    protocol.serve(prepare)
