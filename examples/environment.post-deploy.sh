# Installs seqlift in the environment of environment.yaml: this checkout, which is the working folder
# of Snakemake, or what SEQLIFT_PACKAGE names: a wheel, or the folder of a checkout elsewhere.
set -e
source=${SEQLIFT_PACKAGE:-.}
[ -f "$source" ] || [ -f "$source/pyproject.toml" ] || {
    echo "$source: no wheel and no checkout of seqlift; set SEQLIFT_PACKAGE to one" >&2
    exit 1
}
pip install --no-cache-dir "$source"
