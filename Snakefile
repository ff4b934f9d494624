"""Scores every set of regions under every model: one score file, track and log for each pair.

snakemake --cores 2 --configfile examples/config.yaml
"""


configfile: "examples/config.yaml"


rule all:
    input:
        expand(
            "results/{model}/{regions}.{kind}",
            model=config["models"],
            regions=config["regions"],
            kind=["h5", "bw"],
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
        "faidx --no-output {input:q} 2> {log:q}"


rule score:
    input:
        model=lambda wildcards: config["models"][wildcards.model],
        regions=lambda wildcards: config["regions"][wildcards.regions],
        genome=config["genome"],
        index=config["genome"] + ".fai",
    output:
        scores="results/{model}/{regions}.h5",
        rows="results/{model}/{regions}.regions.bed",
        track=report("results/{model}/{regions}.bw", category="tracks"),
    log:
        "results/logs/{model}/{regions}.log",
    conda:
        "examples/environment.yaml"
    threads: 2
    resources:
        gpu=config["gpus_per_job"],
    params:
        prefix=lambda wildcards, output: output.track.removesuffix(".bw"),
        options=config["options"],
    shell:
        "seqlift score {input.model:q} {input.regions:q} -g {input.genome:q}"
        " -o {params.prefix:q} --force {params.options} 2> {log:q}"
