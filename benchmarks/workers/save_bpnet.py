"""Writes the network of a case's folder as a model file, by the Keras of chrombpnet."""

import sys

import keras_model
import protocol
import tensorflow as tf

if __name__ == "__main__":
    case = protocol.Case(sys.argv[1])
    keras_model.build(tf.keras, case.description, case.weights).save(sys.argv[2])
