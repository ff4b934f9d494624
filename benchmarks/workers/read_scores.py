"""Writes the hypothetical contributions of one of chrombpnet's score files as `.npy`.

Its compression needs its own reader.
"""

import sys

import deepdish
import numpy as np

if __name__ == "__main__":
    np.save(sys.argv[2], deepdish.io.load(sys.argv[1], "/shap/seq"))
