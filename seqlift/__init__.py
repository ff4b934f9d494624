"""Which bases made the model say that? Batched DeepLIFT for Keras models of DNA sequence."""

__version__ = "0.1.0"
