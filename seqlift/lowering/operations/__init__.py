"""Operations of `keras.ops` that stand in a model by themselves, without a layer.

A function per operation, which takes the operation, the place and its arguments: tensors as
`Tensor`, anything else as it is. An axis of an operation counts the batch axis; an operation that
would mix the rows of a batch is refused, as a score would then depend on its neighbours.
"""
