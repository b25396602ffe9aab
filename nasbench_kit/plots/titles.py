"""How benchmarks and optimizers are called in figures: as in their publications, not as in code."""

from __future__ import annotations

import re

#: Names of results -> how their publications call them.
_RESULTS = {
    "nasbench101": "NAS-Bench-101",
    "nasbench201": "NAS-Bench-201",
    "nasbench201_mnist1d": "NAS-Bench-201 cells",
    "nasbench201_surrogate": "NAS-Bench-201 (surrogate)",
    "nasbench301": "NAS-Bench-301",
    "nas_bench_asr": "NAS-Bench-ASR",
    "nas_bench_graph": "NAS-Bench-Graph",
    "nas_bench_macro": "NAS-Bench-Macro",
    "nas_bench_mr": "NAS-Bench-MR",
    "nas_bench_nlp": "NAS-Bench-NLP",
    "natsbench_tss": "NATS-Bench, topology",
    "natsbench_sss": "NATS-Bench, size",
}
_DATASETS = {
    "arxiv": "ogbn-arXiv",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "citeseer": "CiteSeer",
    "computers": "Amazon Computers",
    "cora": "Cora",
    "cs": "Coauthor CS",
    "imagenet16-120": "ImageNet16-120",
    "mnist1d": "MNIST-1D",
    "photo": "Amazon Photo",
    "physics": "Coauthor Physics",
    "proteins": "ogbn-proteins",
    "ptb": "Penn Treebank",
    "pubmed": "PubMed",
    "timit": "TIMIT",
    "wikitext2": "WikiText-2",
}
#: Optimizers whose names are no words, or begin with a large letter.
_OPTIMIZERS = {
    "asha": "ASHA",
    "async_hyperband": "asynchronous Hyperband",
    "bananas": "BANANAS",
    "bohb": "BOHB",
    "darts": "DARTS",
    "dehb": "DEHB",
    "drnas": "DrNAS",
    "ehvi": "EHVI",
    "eic": "EIC",
    "gaea": "GAEA",
    "gp_bo": "GP-BO",
    "graf_search": "GRAF search",
    "hyper_tune": "Hyper-Tune",
    "hyperband": "Hyperband",
    "mo_asha": "MO-ASHA",
    "mo_regularized_evolution": "multi-objective regularized evolution",
    "mobster": "MOBSTER",
    "nas_bowl": "NAS-BOWL",
    "npenas": "NPENAS",
    "nsga2": "NSGA-II",
    "parego": "ParEGO",
    "pasha": "PASHA",
    "reinforce": "REINFORCE",
    "sync_mobster": "synchronous MOBSTER",
    "tpe": "TPE",
}
#: Prefixes of optimizers of other libraries.
_LIBRARIES = {
    "dehb": "its authors",
    "hebo": "HEBO",
    "neps": "NePS",
    "nevergrad": "Nevergrad",
    "optuna": "Optuna",
    "pymoo": "pymoo",
    "skopt": "scikit-optimize",
    "smac": "SMAC3",
    "syne_tune": "Syne Tune",
}
_MOST_LETTERS = 32  # of a title that results have
_CODE = re.compile(r"(?:(\w+(?:\.\w+)*):)?(\w+)(?: \((.*)\))?", re.DOTALL)


def benchmark_title(name: str, about: str = "") -> str:
    """`NAS-Bench-201, CIFAR-10` for nasbench201/cifar10.

    Args:
        name: Of a benchmark, `results/dataset`, maybe with rules in brackets behind; anything else stays as it is.
        about: The title of its results, as their `about` says: what stands before a colon is taken for results that
            are not well-known.
    """
    head, bracket, rules = name.partition(" (")
    results, slash, dataset = head.partition("/")
    if not slash:
        return name
    own = about.partition(":")[0].strip()
    said = _RESULTS.get(results) or (own if 0 < len(own) <= _MOST_LETTERS else results)
    base, dash, number = dataset.rpartition("-")
    if dataset not in _DATASETS and dash and base in _DATASETS and number.isdecimal():
        where = f"{_DATASETS[base]} ({number})"  # one of several sizes of a dataset
    else:
        where = _DATASETS.get(dataset, dataset)
    shown = said if where == "default" else f"{said}, {where}"
    return shown + (f"\n({rules}" if bracket else "")


def optimizer_title(label: str) -> str:
    """`random search (n 5, rate 0.1)` for random_search (n=5, rate=0.1), and the class of one's own.

    `TPESampler (Optuna)` for what another library names.
    A label that is no name of code stays as it is.
    """
    found = _CODE.fullmatch(label)
    if found is None:
        return label.strip() or label
    module, name, settings = found.groups()
    library = _LIBRARIES.get(module)
    words = name if library else _OPTIMIZERS.get(name) or name.replace("_", " ").strip() or name
    said = re.sub(r"(?<=\w)=", " ", settings or "").replace("_", " ")
    behind = "; ".join(filter(None, (library, said)))
    return f"{words} ({behind})" if behind else words


def metric_title(name: str) -> str:
    """`validation accuracy` for val accuracy, as metrics are shown."""
    return re.sub(r"^val\b", "validation", name)
