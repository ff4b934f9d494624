"""Where the tests find real inputs and reference numbers, and how the backends are set up."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

if os.environ.get("KERAS_BACKEND") == "jax":  # before the first array is made
    import jax

    jax.config.update("jax_enable_x64", True)

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SEQLIFT_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of published models and reference numbers, or skip the test."""
    if not (SHARED / "oracle").is_dir():
        pytest.skip("reference numbers are not on this machine; set SEQLIFT_SHARED to their folder")
    return SHARED


@pytest.fixture(scope="session")
def real(shared: Path) -> Path:
    """Return the folder of models, genomes and regions that others published."""
    return shared / "real"


@pytest.fixture(scope="session")
def oracle(shared: Path) -> Path:
    """Return the folder of scores computed by the original implementations."""
    return shared / "oracle"
