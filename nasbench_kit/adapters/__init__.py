"""Our benchmarks as the problems of other libraries: a module per library, which is imported with it."""
