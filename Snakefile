"""Scores every set of regions under every model and target, in shards, and makes what is asked for
of the scores: tracks, summaries, reports, motifs and their instances.

snakemake --cores 2 --configfile examples/config.yaml
"""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version, validate

min_version("9.0")


# the demonstration, scored where the configuration names no models
if not {"genome", "models", "regions"} & set(config):

    configfile: "examples/config.yaml"


def check_by_seqlift(files):
    """Have `seqlift check` name the lines of problems, where seqlift is installed next to Snakemake.

    Files are left to Snakemake: other rules may make them. A value of the command line has no line.
    """
    if not shutil.which("seqlift") or not workflow.is_main_process:
        return
    alone = len(files) == 1 and yaml.safe_load(Path(files[0]).read_text()) == config
    done = subprocess.run(
        ["seqlift", "check", "--no-files", "--quiet", files[0] if alone else "-"],
        input=None if alone else json.dumps(config, default=str),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise WorkflowError(done.stderr)


check_by_seqlift(workflow.configfiles)
validate(config, "seqlift/workflow/config.schema.yaml")


GENOME = [config["genome"]] if config["genome"] else []
KINDS = ("dinucleotide", "shuffle", "gc", "gc-each", "zeros", "uniform")


def targets_of(model):
    """The targets of a model by the ending that their files have: none where there is one."""
    asked = config["models"][model]["target"]
    asked = [asked] if isinstance(asked, str) else asked
    if len(asked) < 2:
        return {"": asked}
    endings = [f".{re.sub('[^A-Za-z0-9_-]+', '-', one)}" for one in asked]
    if len(set(endings)) < len(asked):
        raise WorkflowError(
            f"models: {model}: target: two have files of one name: {asked}"
        )
    return {ending: [one] for ending, one in zip(endings, asked)}


def files_of(model):
    """The files that a model is scored with, by the key of the configuration that names them."""
    own = config["models"][model]
    inputs = [value for value in own["inputs"].values() if str(value).endswith(".npy")]
    found = {"model": [own["file"]], "genome": GENOME, "inputs": inputs}
    found |= {"index": [f"{path}.fai" for path in GENOME]}
    found |= {key: [own[key]] for key in ("arch", "custom_objects") if own[key]}
    reference = own["reference"]
    return found | ({"reference": [reference]} if reference not in ("", *KINDS) else {})


def options_of(model, target, files=()):
    """What `seqlift score` gets besides the model and the regions, quoted for the shell.

    Files are named as configured, or as Snakemake has them at hand: they may be copies.
    """
    own = config["models"][model]
    here = dict(
        zip([str(one) for names in files_of(model).values() for one in names], files)
    )
    words = [word for one in targets_of(model)[target] for word in ("--target", one)]
    for key in ("arch", "custom_objects", "reference"):
        if own[key]:
            words += [f"--{key.replace('_', '-')}", here.get(own[key], own[key])]
    for name, value in own["inputs"].items():
        words += ["--input", f"{name}={here.get(value, value)}"]
    for layer, expression in own["recipes"].items():
        words += ["--recipe", f"{layer}={expression}"]
    words += [word for path in GENOME for word in ("--genome", here.get(path, path))]
    return " ".join([*map(shlex.quote, map(str, words)), own["options"]])


RESULTS = [
    f"{model}/{regions}{target}"
    for model in config["models"]
    for target in targets_of(model)
    for regions in config["regions"]
]


def length_of(scores):
    """Words that print the bases of a window: TF-MoDISco and Fi-NeMo expect another number."""
    return f"python -c \"import h5py, sys; print(h5py.File(sys.argv[1])['raw/seq'].shape[2])\" {shlex.quote(scores)}"


KINDS_OF_FILES = ["h5", "bw", "regions.bed", "summary.txt"]
KINDS_OF_FILES += ["report.html"] if config["report"] else []
KINDS_OF_FILES += ["modisco.h5"] if config["motifs"] else []
KINDS_OF_FILES += ["hits/hits.tsv"] if config["hits"] else []


if config["container"]:

    container: config["container"]


scattergather:
    shards=config["shards"],


wildcard_constraints:
    model="|".join(config["models"]),
    regions="|".join(map(re.escape, config["regions"])),
    target=f"(?:{'|'.join(re.escape(one) for model in config['models'] for one in targets_of(model))})",
    result="|".join(map(re.escape, RESULTS)),


localrules:
    all,
    index_genome,


rule all:
    input:
        expand("results/{result}.{kind}", result=RESULTS, kind=KINDS_OF_FILES),


rule index_genome:
    """An index made once, before jobs that start together could each make it."""
    input:
        "{genome}",
    output:
        "{genome}.fai",
    log:
        "results/logs/index/{genome}.log",
    wildcard_constraints:
        genome="|".join(map(re.escape, GENOME)) or "none",
    conda:
        "examples/environment.yaml"
    shell:
        "python -c 'import sys; from seqlift.inputs.genome import Genome; Genome(sys.argv[1])'"
        " {input:q} 2> {log:q}"


rule score:
    """One share of the regions; run again after it was ended, it goes on where it was.

    What an ended run of other settings has left is dropped.
    """
    input:
        unpack(lambda wildcards: files_of(wildcards.model)),
        regions=lambda wildcards: config["regions"][wildcards.regions],
    output:
        scores=temp("results/{model}/{regions}{target}.{scatteritem}.h5"),
        rows=temp("results/{model}/{regions}{target}.{scatteritem}.regions.bed"),
    log:
        "results/logs/{model}/{regions}{target}.{scatteritem}.log",
    benchmark:
        "results/logs/{model}/{regions}{target}.{scatteritem}.tsv"
    conda:
        "examples/environment.yaml"
    threads: config["threads"]
    resources:
        gpu=config["gpus_per_job"],
        mem_mb=config["mem_mb"],
        runtime=config["runtime"],
    params:
        prefix=lambda wildcards: "results/{model}/{regions}{target}".format(**wildcards),
        options=lambda wildcards, input: options_of(
            wildcards.model, wildcards.target, input
        ),
    shell:
        "seqlift score {input.model:q} {input.regions:q} -o {params.prefix:q}"
        " --shard {wildcards.scatteritem} --drop-stale-parts {params.options} 2> {log:q}"


rule merge:
    """The shards as one, to the byte what one run would have written."""
    input:
        gather.shards("results/{{model}}/{{regions}}{{target}}.{scatteritem}.h5"),
    output:
        scores="results/{model}/{regions}{target}.h5",
        rows="results/{model}/{regions}{target}.regions.bed",
        track=report("results/{model}/{regions}{target}.bw", category="tracks"),
    log:
        "results/logs/{model}/{regions}{target}.merge.log",
    conda:
        "examples/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=config["runtime"],
    params:
        prefix=lambda wildcards: "results/{model}/{regions}{target}".format(**wildcards),
        overlap=config["overlap"],
        # shards are removed when merged, and with them the record of their options
        scored_with=lambda wildcards: options_of(wildcards.model, wildcards.target),
    shell:
        "seqlift merge {input:q} -o {params.prefix:q} --overlap {params.overlap} 2> {log:q}"


rule summary:
    """What the scores are of, and whether they add up."""
    input:
        "results/{result}.h5",
    output:
        report("results/{result}.summary.txt", category="summaries"),
    log:
        "results/logs/{result}.summary.log",
    conda:
        "examples/environment.yaml"
    shell:
        "seqlift inspect {input:q} > {output:q} 2> {log:q}"


rule report:
    """One page to look at."""
    input:
        "results/{result}.h5",
    output:
        report("results/{result}.report.html", category="reports"),
    log:
        "results/logs/{result}.report.log",
    conda:
        "examples/environment.yaml"
    shell:
        "seqlift report {input:q} -o {output:q} 2> {log:q}"


rule motifs:
    """Motifs that TF-MoDISco finds in whole windows."""
    input:
        "results/{result}.h5",
    output:
        "results/{result}.modisco.h5",
    log:
        "results/logs/{result}.modisco.log",
    conda:
        "examples/motifs.yaml"
    threads: config["threads"]
    resources:
        mem_mb=config["mem_mb"],
        runtime=config["runtime"],
    params:
        seqlets=config["seqlets"],
        window=lambda wildcards, input: length_of(input[0]),
    shell:
        "{{ window=$({params.window}) && modisco motifs -i {input:q} -n {params.seqlets}"
        ' -w "$window" -o {output:q}; }} > {log:q} 2>&1'


rule hits:
    """Instances of these motifs, by Fi-NeMo."""
    input:
        scores="results/{result}.h5",
        rows="results/{result}.regions.bed",
        motifs="results/{result}.modisco.h5",
    output:
        regions=temp("results/{result}.hits.npz"),
        hits="results/{result}.hits/hits.tsv",
    log:
        "results/logs/{result}.hits.log",
    conda:
        "examples/motifs.yaml"
    threads: config["threads"]
    resources:
        mem_mb=config["mem_mb"],
        runtime=config["runtime"],
    params:
        folder=subpath(output.hits, parent=True),
        window=lambda wildcards, input: length_of(input[0]),
    shell:
        "{{ window=$({params.window}) && finemo extract-regions-chrombpnet-h5 -p {input.rows:q}"
        ' -c {input.scores:q} -o {output.regions:q} -w "$window" && finemo call-hits'
        " -r {output.regions:q} -m {input.motifs:q} -o {params.folder:q}; }} > {log:q} 2>&1"
