"""`show`: one architecture, drawn or in text."""

from __future__ import annotations

import click

from nasbench_kit.catalog import load
from nasbench_kit.cli.shared import check_picture, example, parse_arch, results_option
from nasbench_kit.errors import SettingError
from nasbench_kit.outputs import check_outputs
from nasbench_kit.spaces import Graph, space_from


@click.command(
    epilog=example(
        "nasbench-kit show 333132",
        "nasbench-kit show 9930 -o cell.png",
        "nasbench-kit show '(2, 2, 0, 2, 2, 3)' --form naslib -o cell.pdf",
        "nasbench-kit show 333132 --benchmark nasbench201/cifar10 -o cell.svg",
    )
)
@click.argument("arch")
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False), help="The picture to draw: PNG, PDF, SVG, ... by its end."
)
@click.option("--space", "space_name", help="Space of ARCH.  [default: nasbench201]")
@click.option("-b", "--benchmark", help="Take the space of this benchmark.")
@click.option("--form", help="Read ARCH as this text form of the space.")
@results_option
def show(
    arch: str, out: str | None, space_name: str | None, benchmark: str | None, form: str | None, results: str | None
) -> None:
    """Show the cells of an architecture as graphs: a picture, or a line of text for each node.

    ARCH is an architecture in any form that the space reads: the official string, the official index, ...
    """
    if space_name and benchmark:
        raise SettingError("--space and --benchmark exclude each other; give one")
    if results and not benchmark:
        raise SettingError("--from needs --benchmark: the benchmark to take from it")
    if out:
        check_picture(out)
    if benchmark:
        bench = load(benchmark, results=results)
        check_outputs(reads=[("--benchmark", bench.results.path)], writes=[("--out", out)])
        space = bench.space
    else:
        space = space_from(space_name or "nasbench201")
    cell = parse_arch(space, arch, form)
    if out:
        from nasbench_kit.plots import architecture_figure, save_figure

        save_figure(architecture_figure(space, cell), out)
        click.echo(out)
        return
    click.echo(space.format(cell))
    for name, graph in space.graphs(cell).items():
        click.echo(f"\n{name}")
        for line in _lines(graph):
            click.echo(f"  {line}")


def _lines(graph: Graph) -> list[str]:
    """A line per node: what it is and which nodes it reads, each through its operation.

    Where several nodes have the same label, as in cells with operations in nodes, they are numbered.
    """
    names = list(graph.nodes)
    if len(set(names)) < len(names):
        names = [str(node) for node in range(len(names))]
        heads = [f"{node:>2}  {label}" for node, label in enumerate(graph.nodes)]
    else:
        heads = names
    width = max(map(len, heads))
    lines = []
    for node, head in enumerate(heads):
        read = [(names[source], operation) for source, target, operation in graph.edges if target == node]
        texts = [f"{operation}({name})" if operation else name for name, operation in read]
        lines.append(f"{head:<{width}} <- {', '.join(texts)}" if texts else head)
    return lines
