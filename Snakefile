"""Scores every set of regions under every model, in shards: a score file, a track and a summary.

snakemake --cores 2 --configfile examples/config.yaml
"""

from snakemake.utils import min_version, validate

min_version("9.0")


# the demonstration, scored where the configuration names no models
if not {"genome", "models", "regions"} & set(config):

    configfile: "examples/config.yaml"


validate(config, "examples/config.schema.yaml")


if config["container"]:

    container: config["container"]


scattergather:
    shards=config["shards"],


wildcard_constraints:
    model="|".join(config["models"]),
    regions="|".join(config["regions"]),


localrules:
    all,
    index_genome,


rule all:
    input:
        expand(
            "results/{model}/{regions}.{kind}",
            model=config["models"],
            regions=config["regions"],
            kind=["h5", "bw", "regions.bed", "summary.txt"],
        ),


rule index_genome:
    """An index made once, before jobs that start together could each make it."""
    input:
        config["genome"],
    output:
        config["genome"] + ".fai",
    log:
        "results/logs/index_genome.log",
    conda:
        "examples/environment.yaml"
    shell:
        "python -c 'import sys; from seqlift.inputs.genome import Genome; Genome(sys.argv[1])'"
        " {input:q} 2> {log:q}"


rule score:
    """One share of the regions; run again after it was ended, it goes on where it was."""
    input:
        model=lambda wildcards: config["models"][wildcards.model]["file"],
        regions=lambda wildcards: config["regions"][wildcards.regions],
        genome=config["genome"],
        index=config["genome"] + ".fai",
    output:
        scores=temp("results/{model}/{regions}.{scatteritem}.h5"),
        rows=temp("results/{model}/{regions}.{scatteritem}.regions.bed"),
    log:
        "results/logs/{model}/{regions}.{scatteritem}.log",
    benchmark:
        "results/logs/{model}/{regions}.{scatteritem}.tsv"
    conda:
        "examples/environment.yaml"
    threads: config["threads"]
    resources:
        gpu=config["gpus_per_job"],
        mem_mb=config["mem_mb"],
        runtime=config["runtime"],
    params:
        prefix=lambda wildcards: f"results/{wildcards.model}/{wildcards.regions}",
        options=lambda wildcards: config["models"][wildcards.model].get("options", ""),
    shell:
        "seqlift score {input.model:q} {input.regions:q} -g {input.genome:q}"
        " -o {params.prefix:q} --shard {wildcards.scatteritem} {params.options} 2> {log:q}"


rule merge:
    """The shards as one, to the byte what one run would have written."""
    input:
        gather.shards("results/{{model}}/{{regions}}.{scatteritem}.h5"),
    output:
        scores="results/{model}/{regions}.h5",
        rows="results/{model}/{regions}.regions.bed",
        track=report("results/{model}/{regions}.bw", category="tracks"),
    log:
        "results/logs/{model}/{regions}.merge.log",
    conda:
        "examples/environment.yaml"
    resources:
        mem_mb=2000,
        runtime=config["runtime"],
    params:
        prefix=lambda wildcards: f"results/{wildcards.model}/{wildcards.regions}",
        overlap=config["overlap"],
    shell:
        "seqlift merge {input:q} -o {params.prefix:q} --overlap {params.overlap} 2> {log:q}"


rule summary:
    """What the scores are of, and whether they add up."""
    input:
        "results/{model}/{regions}.h5",
    output:
        report("results/{model}/{regions}.summary.txt", category="summaries"),
    log:
        "results/logs/{model}/{regions}.summary.log",
    conda:
        "examples/environment.yaml"
    shell:
        "seqlift inspect {input:q} > {output:q} 2> {log:q}"
