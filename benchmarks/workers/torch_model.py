"""The network of a description in PyTorch, as (B, 4, L) in and one output's units out."""

import os

import protocol
import torch


class Network(torch.nn.Module):
    """The layers that one output needs; every ReLU and pooling is a module of its own.

    What a flattening reads is kept channel by channel, as users of PyTorch have it, and the weights
    of the dense layer after it are put in that order.
    """

    def __init__(self, description, weights, output):
        """Build the layers with their weights."""
        super().__init__()
        self.layers, self.output = needed(description, output), output
        self.own, self.relus = torch.nn.ModuleDict(), torch.nn.ModuleDict()
        channels, flat = {"sequence": 4}, set()
        for layer in self.layers:
            name, of = layer["name"], layer["of"][0]
            channels[name] = layer.get("units", channels[of])
            if layer["kind"] in ("conv", "dense"):
                kernel = torch.tensor(weights[name + "/kernel"])
                bias = torch.tensor(weights[name + "/bias"])
                if of in flat:
                    kernel = kernel.reshape(-1, channels[of], kernel.shape[-1]).transpose(0, 1)
                    kernel = kernel.reshape(-1, kernel.shape[-1])
                self.own[name] = with_weights(layer, kernel, bias)
                if layer["relu"]:
                    self.relus[name] = torch.nn.ReLU()
            elif layer["kind"] == "maxpool":
                self.own[name] = torch.nn.MaxPool1d(layer["size"])
            elif layer["kind"] == "flatten":
                flat.add(name)
        self.eval()

    def forward(self, x):
        """Return the units of the output, (B, units)."""
        made = {"sequence": x}
        for layer in self.layers:
            name, kind, source = layer["name"], layer["kind"], made[layer["of"][0]]
            if name in self.own:
                value = self.own[name](source)
            elif kind == "crop":
                value = source[:, :, layer["size"] : -layer["size"]]
            elif kind == "add":
                value = source + made[layer["of"][1]]
            else:
                value = source.mean(dim=2) if kind == "average" else source.flatten(1)
            made[name] = self.relus[name](value) if name in self.relus else value
        return made[self.output]


def needed(description, output):
    """Return the layers that an output depends on, in order."""
    wanted, chosen = {output}, []
    for layer in reversed(description["layers"]):
        if layer["name"] in wanted:
            chosen.append(layer)
            wanted.update(layer["of"])
    return chosen[::-1]


def with_weights(layer, kernel, bias):
    """Return a convolution or dense layer with weights in the layout of Keras."""
    if layer["kind"] == "dense":
        module = torch.nn.Linear(*kernel.shape)
        module.weight.data = kernel.T.contiguous()
    else:
        size, channels, units = kernel.shape
        module = torch.nn.Conv1d(
            channels, units, size, dilation=layer["dilation"], padding=layer["padding"]
        )
        module.weight.data = kernel.permute(2, 1, 0).contiguous()
    module.bias.data = bias
    return module


def choose(case, explain):
    """Return the fastest batch size, and set the fastest number of threads: all cores, or one.

    `explain` takes a number of sequences and a batch size. One thread can be the faster where the
    work of a layer is small or something else is running.
    """
    sizes = case.sizes(protocol.PAIRS)
    number = case.first(max(sizes))

    def trial(choice):
        pairs, threads = choice
        torch.set_num_threads(threads)
        explain(number, pairs)
        return number

    cores = os.cpu_count()
    _, threads = protocol.fastest([(sizes[-1], n) for n in sorted({1, cores})], trial)
    pairs, _ = protocol.fastest([(size, threads) for size in sizes], trial)
    torch.set_num_threads(threads)
    return {"pairs": pairs, "threads": threads}
