"""Snakemake wrapper for `seqlift score`."""

import shlex

from snakemake.shell import shell

extra = snakemake.params.get("extra", "")
shard = snakemake.params.get("shard", "")
genome = snakemake.input.get("genome")
genome = f"-g {shlex.quote(genome)}" if genome else ""
prefix = snakemake.output.scores.removesuffix(".h5")
if shard:
    prefix = prefix.removesuffix(f".{shard}")
    extra = f"{extra} --shard {shard}"
log = snakemake.log_fmt_shell(stdout=True, stderr=True)

shell(
    "seqlift score {snakemake.input.model:q} {snakemake.input.regions:q} {genome}"
    " -o {prefix:q} {extra} {log}"
)
