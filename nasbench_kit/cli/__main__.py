"""`python -m nasbench_kit.cli`: the command line without its script."""

from nasbench_kit.cli import main

main()
