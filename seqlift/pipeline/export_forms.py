"""Names of the forms that a score file can be exported to."""

from typing import Literal

ExportForm = Literal["modisco-npz", "bpnet-h5", "anndata", "bedgraph", "npz"]
