"""The network of a description in whatever Keras the environment has: 2.2, that of TF, or 3."""


def build(keras, description, weights):
    """Return the model of the module `keras` or `tensorflow.keras`."""
    made = {"sequence": keras.layers.Input((description["length"], 4), name="sequence")}
    for layer in description["layers"]:
        inputs = [made[name] for name in layer["of"]]
        made[layer["name"]] = layer_of(keras.layers, layer)(
            inputs if len(inputs) > 1 else inputs[0]
        )
    outputs = [made[name] for name in description["outputs"]]
    model = keras.models.Model(made["sequence"], outputs if len(outputs) > 1 else outputs[0])
    for layer in model.layers:
        if layer.name + "/kernel" in weights:
            layer.set_weights([weights[layer.name + "/kernel"], weights[layer.name + "/bias"]])
    return model


def layer_of(layers, layer):
    """Return the layer of Keras for one layer of a description."""
    name, kind = layer["name"], layer["kind"]
    activation = "relu" if layer.get("relu") else "linear"
    if kind == "conv":
        return layers.Conv1D(
            layer["units"],
            layer["size"],
            dilation_rate=layer["dilation"],
            padding=layer["padding"],
            activation=activation,
            name=name,
        )
    if kind == "dense":
        return layers.Dense(layer["units"], activation=activation, name=name)
    if kind == "crop":
        return layers.Cropping1D(layer["size"], name=name)
    if kind == "maxpool":
        return layers.MaxPooling1D(layer["size"], name=name)
    plain = {
        "add": layers.Add,
        "average": layers.GlobalAveragePooling1D,
        "flatten": layers.Flatten,
    }
    return plain[kind](name=name)
