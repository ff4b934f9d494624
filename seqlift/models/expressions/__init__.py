"""Expressions: the computation of Lambda layers and TensorFlow nodes, read as data, never run.

Three ways lead to an expression: text from the user (`language`), the bytecode of a Lambda
(`bytecode`) and the nodes of tf.keras (`nodes`). One leads from it to a model (`evaluate`).
"""
