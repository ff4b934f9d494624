"""Laws of damaged model files: one clear line for each fault, with the file and the remedy."""

import re
from pathlib import Path

import pytest
from bad_models import DAMAGED, model

from seqlift.errors import ModelError
from seqlift.models.load import load


def test_the_file_that_is_damaged_below_was_good(tmp_path: Path) -> None:
    path, _ = model(tmp_path)
    assert load(path).model.output_shape == (None, 2)


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_gives_its_line(case: str, tmp_path: Path) -> None:
    make, expected = DAMAGED[case]
    path, arch = make(tmp_path)
    with pytest.raises(ModelError) as caught:
        load(path, arch=arch)
    for line, wanted in zip(caught.value.problems, expected, strict=True):
        pattern = re.escape(f"{path}: {wanted}").replace(re.escape("(...)"), r"\(.+\)")
        assert re.fullmatch(pattern, line), line
