"""What Lambda layers and TensorFlow nodes of a model file compute, read as data, never run.

Three ways lead to an expression: text that the user gives (`language`), the bytecode of a Lambda
(`bytecode`) and the nodes of tf.keras (`nodes`). One leads from it to a model (`evaluate`).
"""
