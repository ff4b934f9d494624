"""Recurrent layers, in small models."""

from typing import Any

from keras import layers

SHORT, SHORTEST = (4, 4), (3, 4)


def ended(tensor: Any) -> Any:
    """Return a few nonlinear units of a tensor of any rank."""
    return layers.Dense(3, activation="tanh")(layers.Flatten()(tensor))


def last_states(tensor: Any) -> Any:
    """Compute a second LSTM that starts from an LSTM's last states."""
    _, h, c = layers.LSTM(3, return_state=True)(tensor)
    return ended(layers.LSTM(3)(tensor, initial_state=[h, c]))


def states_of_both_directions(tensor: Any) -> Any:
    both = layers.Bidirectional(layers.GRU(3, return_state=True, return_sequences=True))
    found = both(tensor)
    return ended(layers.Concatenate()([layers.Flatten()(one) for one in found]))


def stacked_cells(tensor: Any) -> Any:
    cells = [layers.LSTMCell(3), layers.GRUCell(2), layers.SimpleRNNCell(4)]
    return ended(layers.RNN(cells, return_sequences=True)(tensor))


def shared_by_two_parts(tensor: Any) -> Any:
    memory = layers.SimpleRNN(3)
    parts = [layers.Cropping1D(crops)(tensor) for crops in ((0, 1), (1, 0))]
    return ended(layers.Subtract()([memory(part) for part in parts]))


def convolved(text: str) -> tuple[Any, tuple[int, ...]]:
    def body(tensor: Any) -> Any:
        return ended(eval(text, vars(layers))(layers.Conv1D(3, 2, activation="relu")(tensor)))

    return body, SHORTEST


RECURRENT = {
    text: convolved(text)
    for text in (
        "SimpleRNN(3)",
        "SimpleRNN(3, return_sequences=True, use_bias=False, activation='relu')",
        "GRU(3)",
        "GRU(3, reset_after=False, return_sequences=True)",
        "GRU(3, use_bias=False, go_backwards=True)",
        "LSTM(3)",
        "LSTM(3, return_sequences=True, go_backwards=True)",
        "LSTM(3, use_bias=False, recurrent_activation='hard_sigmoid', activation='softsign')",
        "Bidirectional(SimpleRNN(3))",
        "Bidirectional(LSTM(3, return_sequences=True))",
        "Bidirectional(SimpleRNN(3, return_sequences=True), merge_mode='sum')",
        "Bidirectional(SimpleRNN(3), merge_mode='mul')",
        "Bidirectional(SimpleRNN(3), merge_mode='ave')",
    )
} | {
    body.__name__: (body, SHORT)
    for body in (last_states, states_of_both_directions, stacked_cells, shared_by_two_parts)
}
