import pytest

from seqlift.attribution.registry import method_label
from seqlift.tracks.made_by import made_by


@pytest.mark.parametrize(
    ("facts", "named", "label"),
    [
        ({"method": "deeplift", "rule": "genomics"}, ("deeplift", "genomics"), "deeplift"),
        ({"method": "deeplift", "rule": "own"}, ("deeplift", "own"), "deeplift:rule=own"),
        ({"method": "ism", "rule": "ism"}, ("ism", ""), "ism"),
        ({"method": "ism", "rule": "none"}, ("ism", ""), "ism"),
        ({"method": "deeplift"}, ("deeplift", ""), "deeplift"),
        ({}, ("scores", ""), "scores"),
    ],
)
def test_a_file_is_named_by_its_method_and_rule(
    facts: dict[str, str], named: tuple[str, str], label: str
) -> None:
    assert made_by(facts, unnamed="scores") == named
    assert method_label(*named) == label
