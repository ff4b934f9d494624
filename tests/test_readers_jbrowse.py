"""JBrowse 2 takes the configuration that `seqlift browse --export` writes.

By its own model of a configuration, run by node without a screen: ``pytest -m readers``.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from drawn_scores import files_to_browse
from reader_environments import folder_of_readers, node_folder

from seqlift.pipeline.browsing import export_page

pytestmark = pytest.mark.readers

OPEN = """
const { JSDOM } = require('jsdom')
const dom = new JSDOM('<!doctype html><body></body>', { url: 'http://localhost/' })
const own = ['navigator', 'location']
for (const name of Object.getOwnPropertyNames(dom.window)) {
  if (name in globalThis && !own.includes(name)) continue
  const value = dom.window[name]
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
}
const { createViewState } = require('@jbrowse/react-linear-genome-view')
const { assemblies, tracks, defaultSession } =
  JSON.parse(require('fs').readFileSync(process.argv[1]))
const [view] = defaultSession.views
const state = createViewState({ assembly: assemblies[0], tracks, location: view.init.loc })
console.log(JSON.stringify({
  assembly: state.assemblyManager.assemblies.map((one) => one.name),
  tracks: view.init.tracks.map((id) => {
    const one = state.session.tracks.find((track) => track.trackId === id)
    return [one.type, one.adapter.type, one.displays.length > 0]
  }),
}))
process.exit(0)
"""


@pytest.fixture(scope="module")
def jbrowse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return node_folder(folder_of_readers(tmp_path_factory.mktemp("readers")), "jbrowse")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Export a page of a score file with annotations."""
    files_to_browse(tmp_path)
    marks = (str(tmp_path / "marks.bed"),)
    options = {"genome": None, "igv": None, "assembly": "toy", "url": None, "force": False}
    export_page([str(tmp_path / "one.h5")], str(tmp_path / "site"), annotations=marks, **options)
    return tmp_path / "site" / "jbrowse.json"


def opened(jbrowse: Path, config: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(shutil.which("node")), "-e", OPEN, str(config)],
        cwd=jbrowse, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_jbrowse_knows_every_track_of_a_configuration(jbrowse: Path, config: Path) -> None:
    done = opened(jbrowse, config)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "assembly": ["toy"],
        "tracks": [
            ["QuantitativeTrack", "BigWigAdapter", True],
            ["FeatureTrack", "BedAdapter", True],
            ["FeatureTrack", "BedAdapter", True],
        ],
    }


def test_jbrowse_refuses_an_adapter_that_it_does_not_have(jbrowse: Path, config: Path) -> None:
    config.write_text(config.read_text().replace("BigWigAdapter", "BigWigAdaptor"))
    assert opened(jbrowse, config).returncode != 0
