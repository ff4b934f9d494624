"""Put igv.js and its licence into the wheel, where npm can fetch them; the build goes on without.

The package is pinned by version, and its script by SHA-256. `SEQLIFT_BUILD_IGV=off` leaves it out.
"""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "igv@3.8.10"
SHA256 = "87b991ae2a720978172e269dd5127c495e56df5af31144dff19c83124e2f5744"
FILES = {"package/dist/igv.min.js": "igv.min.js", "package/LICENSE": "igv.LICENSE.txt"}
"""Files of the npm package, and their names in the wheel."""

FOLDER = "seqlift/browse/pages"
SECONDS = 60
"""How long npm may take, so that a build without a network is not held up."""


class IgvBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # its argument is never used
    """Adds the script of the genome browser to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the package; warn where it cannot be had."""
        self.folder = Path(tempfile.mkdtemp(prefix="seqlift-igv-"))
        if version == "editable" or os.environ.get("SEQLIFT_BUILD_IGV") == "off":
            return
        try:
            found = fetch(self.folder)
        except (OSError, ValueError, subprocess.SubprocessError, tarfile.TarError) as error:
            reason = str(error).splitlines()[0]
            self.app.display_warning(f"without igv.js, `seqlift browse` needs --igv: {reason}")
            return
        for path in found:
            build_data["force_include"][str(path)] = f"{FOLDER}/{path.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was fetched."""
        del version, build_data, artifact_path
        shutil.rmtree(self.folder, ignore_errors=True)


def fetch(folder: Path) -> list[Path]:
    """Fetch the files of the package into a folder. Raises ValueError for another script."""
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError("npm is not installed")
    subprocess.run(  # noqa: S603  # a fixed command
        [npm, "pack", PACKAGE, "--silent", "--fetch-retries=0", "--pack-destination", folder],
        cwd=folder, check=True, capture_output=True, timeout=SECONDS,
    )  # fmt: skip
    (archive,) = folder.glob("*.tgz")
    found = []
    with tarfile.open(archive) as packed:
        for source, name in FILES.items():
            member = packed.extractfile(source)
            if member is None:
                raise ValueError(f"{PACKAGE} has no {source}")
            (folder / name).write_bytes(member.read())
            found.append(folder / name)
    if hashlib.sha256(found[0].read_bytes()).hexdigest() != SHA256:
        raise ValueError(f"{PACKAGE} has another script than the one pinned")
    return found
