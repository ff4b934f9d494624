"""A second DeepLIFT, in NumPy and float64, that the engine is held to.

It shares no code with the package it tests and knows of Keras only what a model object says of
itself: its layers, their settings and weights. Every layer is written out from its definition as
few operations, each of which keeps its inputs on the sequence and on the reference and hands
multipliers back. Nothing is fast, nothing is compiled, and no quotient of small differences is
taken: each nonlinearity has the exact slope between two points in closed form.

`parts` the two parts of a difference, `functions` the nonlinearities, `linear` and `nonlinear` the
operations, `tape` a computation and its way back, `layers`, `windows`, `mixing` and `recurrent` the
layers, `network` a whole model, `scores` what a user gets.
"""
