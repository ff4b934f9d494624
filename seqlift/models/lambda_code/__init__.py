"""The functions of Lambda layers, read from the bytecode in a model file; none is ever run.

`lambdas.lambda_expression` is all that others use.
"""
