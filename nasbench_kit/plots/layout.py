"""Where the nodes, edges and edge labels of a drawn graph go: in layers, from left to right.

The steps are those of Sugiyama, Tagawa and Toda 1981 (https://doi.org/10.1109/TSMC.1981.4308636): layers by the longest
path, an order in each layer with few crossings, then heights. An edge that passes layers, and the label of an edge, are
placed as nodes are, so that nothing lies on anything else. The unit of length is the font size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from random import Random
from typing import NamedTuple

from nasbench_kit.spaces import Graph

Point = tuple[float, float]

ROW = 1.0  # height of a line of text
PADDING = (0.6, 0.42)  # from the text of a node to its border
_LABEL_PADDING = (0.35, 0.2)
_GAP = 0.75  # between what lies above each other
_SLOT = 0.3  # height that an edge takes where it passes
_MARGIN = 1.2  # between layers, for edges to bend and arrowheads to show
_SLOPE = 0.25  # more of it per height that an edge climbs there, up to _STEEPEST
_STEEPEST = 8.0
_PORT = 0.45  # between the edges that meet at a node
_HEAD = 0.6  # an arrow is straight for so long before it ends
_STIFF = 4.0  # how much more long edges want to be straight than short ones short
_ROUNDS = 100
_SWEEPS = 12
_STARTS = 8
_WIDEST = 75.0  # a chain that is wider is folded


class Box(NamedTuple):
    """A text with the room around it."""

    text: str
    x: float  #: center
    y: float
    width: float
    height: float


class Curve(NamedTuple):
    """An edge: smooth through its points, level at each of them."""

    points: tuple[Point, ...]
    label: Box | None


class Layout(NamedTuple):
    """A graph laid out; (0, 0) is the lower left corner of its frame."""

    nodes: tuple[Box, ...]  #: in the order of `graph.nodes`
    edges: tuple[Curve, ...]  #: in the order of `graph.edges`
    width: float
    height: float


class _Item(NamedTuple):
    """What takes room in a layer: a node, the label of an edge, or the passing of an edge."""

    layer: int
    width: float
    height: float


def lay_out(graph: Graph, width_of: Callable[[str], float]) -> Layout:
    """Place a graph.

    Args:
        graph: Without cycles.
        width_of: The width of a line of text, in font sizes.
    """
    if graph == Graph.chain(graph.nodes):
        sizes = [_size(text, width_of, PADDING) for text in graph.nodes]
        if sum(width + _HEAD + _MARGIN for width, _ in sizes) > _WIDEST:
            return _folded_chain(graph, sizes)
    labeled = any(label for *_, label in graph.edges)
    layers = [layer * (2 if labeled else 1) for layer in _longest_paths(graph)]
    items = [_Item(layer, *_size(text, width_of, PADDING)) for layer, text in zip(layers, graph.nodes, strict=True)]
    for node, item in enumerate(items):  # high enough for all its edges
        n_edges = max(sum(edge[side] == node for edge in graph.edges) for side in (0, 1))
        items[node] = item._replace(height=max(item.height, _PORT * (n_edges + 1)))
    chains = []  # of each edge: its ends, and what stands for it in the layers between
    labels_at: list[int | None] = []
    for source, target, label in graph.edges:
        between = range(layers[source] + 1, layers[target])
        middle = _label_layer(between, labeled) if label else None
        passed = []
        labels_at.append(None)
        for layer in between:
            if layer == middle:
                labels_at[-1] = len(items)
            passed.append(len(items))
            size = _size(label, width_of, _LABEL_PADDING) if layer == middle else (0.0, _SLOT)
            items.append(_Item(layer, *size))
        chains.append((source, *passed, target))
    pairs = [pair for chain in chains for pair in pairwise(chain)]
    order = _order([item.layer for item in items], pairs)
    heights = _heights(items, order, chains, [(0.0, 0.0)] * len(chains))
    ports = _ports(items, chains, heights)
    heights = _heights(items, order, chains, ports)
    low = min(y - item.height / 2 for y, item in zip(heights, items, strict=True)) - _GAP / 2
    high = max(y + item.height / 2 for y, item in zip(heights, items, strict=True)) + _GAP / 2
    bounds = _bounds(items, order, pairs, heights)

    def box(i: int, text: str) -> Box:
        left, right = bounds[items[i].layer]
        # the first nodes stand on top
        return Box(text, (left + right) / 2, high - heights[i], items[i].width, items[i].height)

    nodes = tuple(box(i, text) for i, text in enumerate(graph.nodes))
    widest = [max((items[i].width for i in layer), default=0.0) for layer in order]
    edges = []
    for chain, (leave, meet), (*_, label), at in zip(chains, ports, graph.edges, labels_at, strict=True):
        start, end = nodes[chain[0]], nodes[chain[-1]]
        y = start.y - leave
        points = [(start.x + start.width / 2, y)]
        if start.width < widest[layers[chain[0]]]:
            points.append((bounds[layers[chain[0]]][1], y))
        for i in chain[1:-1]:  # bend between layers, pass them straight
            points += [(x, high - heights[i]) for x in sorted(set(bounds[items[i].layer]))]
        y = end.y - meet
        points += [(bounds[layers[chain[-1]]][0] - _HEAD, y), (end.x - end.width / 2, y)]
        edges.append(Curve(tuple(points), None if at is None else box(at, label)))
    return Layout(nodes, tuple(edges), bounds[-1][1] + _MARGIN / 2, high - low)


def _folded_chain(graph: Graph, sizes: Sequence[tuple[float, float]]) -> Layout:
    """Rows from left to right and from right to left in turn, each below the one before."""
    across, up = (max(lengths) for lengths in zip(*sizes, strict=True))
    across, up = across + _HEAD + _MARGIN, up + _HEAD + _MARGIN
    n_rows = -(-len(sizes) // max(2, int(_WIDEST / across)))
    n_columns = -(-len(sizes) // n_rows)
    nodes, edges = [], []
    for i, (text, size) in enumerate(zip(graph.nodes, sizes, strict=True)):
        row, column = divmod(i, n_columns)
        column = column if row % 2 == 0 else n_columns - 1 - column
        nodes.append(Box(text, (column + 0.5) * across, (n_rows - row - 0.5) * up, *size))
    for a, b in pairwise(nodes):
        right, down = (b.x > a.x) - (b.x < a.x), (b.y > a.y) - (b.y < a.y)
        start = (a.x + right * a.width / 2, a.y + down * a.height / 2)
        edges.append(Curve((start, (b.x - right * b.width / 2, b.y - down * b.height / 2)), None))
    return Layout(tuple(nodes), tuple(edges), n_columns * across, n_rows * up)


def _longest_paths(graph: Graph) -> list[int]:
    """The layer of each node: as far left as its predecessors allow; those without any, just before who reads them."""
    layers = [0] * len(graph.nodes)
    for source, target, _ in sorted(graph.edges):
        layers[target] = max(layers[target], layers[source] + 1)
    reads: dict[int, list[int]] = {}
    for source, target, _ in graph.edges:
        reads.setdefault(source, []).append(target)
    targets = {target for _, target, _ in graph.edges}
    for node in set(range(1, len(layers))) - targets:
        layers[node] = max(0, min((layers[target] for target in reads.get(node, ())), default=1) - 1)
    if len(layers) > 1 and len(layers) - 1 not in targets:
        layers[-1] = max(layers) + 1  # the output, which nothing reaches
    return layers


def _label_layer(between: range, labeled: bool) -> int | None:
    """The layer of labels (they alternate with those of nodes) in the middle of an edge."""
    layers = [layer for layer in between if layer % 2] if labeled else list(between)
    return layers[(len(layers) - 1) // 2] if layers else None


def _size(text: str, width_of: Callable[[str], float], padding: Point) -> tuple[float, float]:
    lines = text.split("\n")
    width, height = max(map(width_of, lines)), ROW * len(lines) + 0.15 * (len(lines) - 1)
    return max(width, ROW) + 2 * padding[0], height + 2 * padding[1]


# ---- order ----


def _order(layer_of: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The items of each layer from top to bottom, with few crossings."""
    layers: list[list[int]] = [[] for _ in range(max(layer_of) + 1)]
    for i, layer in enumerate(layer_of):
        layers[layer].append(i)
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for a, b in pairs:
        after.setdefault(a, []).append(b)
        before.setdefault(b, []).append(a)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, after)
    random = Random(0)  # noqa: S311 (the same picture every time)
    for sweep in range(_SWEEPS * _STARTS):
        if sweep and sweep % _SWEEPS == 0:  # again from elsewhere
            for shuffled in layers:
                random.shuffle(shuffled)
        forward = sweep % 2 == 0
        near = before if forward else after
        for n in range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1):
            other = {i: k for k, i in enumerate(layers[n - 1 if forward else n + 1])}
            layers[n] = _sifted(layers[n] if sweep % 4 < 2 else layers[n][::-1], near, other)
        crossings = _crossings(layers, after)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
        if not fewest:
            break
    return best


def _sifted(layer: list[int], near: dict[int, list[int]], other: dict[int, int]) -> list[int]:
    """By the mean of the neighbors in the next layer; then each item where it crosses the fewest edges of the others.

    Source: Matuszewski, Schoenfeld and Molitor 1999, https://doi.org/10.1007/3-540-46648-7_22: sifting.
    """
    ends = {i: sorted(other[j] for j in near.get(i, ())) for i in layer}
    order = sorted(layer, key=lambda i: sum(ends[i]) / len(ends[i]) if ends[i] else len(other) / 2)
    cost = {(a, b): sum(x > y for x in ends[a] for y in ends[b]) for a in layer for b in layer if a != b}
    for i in layer:
        at = order.index(i)
        others = order[:at] + order[at + 1 :]
        gains = [0, *accumulate(cost[j, i] - cost[i, j] for j in others)]  # crossings with i in front of the k-th other
        k = min(range(len(gains)), key=lambda k: (gains[k], abs(k - at)))
        order = [*others[:k], i, *others[k:]]
    return order


def _crossings(layers: Sequence[Sequence[int]], after: dict[int, list[int]]) -> int:
    crossings = 0
    for layer, following in pairwise(layers):
        place = {i: k for k, i in enumerate(following)}
        ends = [(k, place[j]) for k, i in enumerate(layer) for j in after.get(i, ())]
        crossings += sum((a - c) * (b - d) < 0 for n, (a, b) in enumerate(ends) for c, d in ends[:n])
    return crossings


# ---- coordinates ----


def _heights(
    items: Sequence[_Item],
    order: Sequence[Sequence[int]],
    chains: Sequence[Sequence[int]],
    ports: Sequence[tuple[float, float]],
) -> list[float]:
    """The height of each item: near those it is joined with, in the order of its layer, and apart from the others.

    Args:
        items: What to place.
        order: Those of each layer, in order.
        chains: The items along each edge.
        ports: Where each edge leaves and meets its nodes, relative to their centers.
    """
    near: dict[int, list[tuple[int, float, float]]] = {}  # item -> another, how much higher it wants to be, weight
    for chain, (leave, meet) in zip(chains, ports, strict=True):
        for n, (a, b) in enumerate(pairwise(chain)):
            begins, ends = n == 0, n == len(chain) - 2
            higher = leave * begins - meet * ends
            weight = 1.0 if begins and ends else _STIFF if begins or ends else _STIFF**2
            near.setdefault(a, []).append((b, -higher, weight))
            near.setdefault(b, []).append((a, higher, weight))
    heights = [0.0] * len(items)
    for sweep in range(_ROUNDS):
        for layer in order if sweep % 2 == 0 else order[::-1]:
            wished, weights = [], []
            for i in layer:
                joined = near.get(i, [(i, 0.0, 1.0)])
                weights.append(sum(weight for *_, weight in joined))
                wished.append(sum(weight * (heights[j] + higher) for j, higher, weight in joined) / weights[-1])
            for i, y in zip(layer, _apart(layer, items, wished, weights), strict=True):
                heights[i] = y
    return heights


def _apart(
    layer: Sequence[int], items: Sequence[_Item], wished: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """The heights closest to those wished for (least squares) at which nothing overlaps: pooling adjacent violators."""
    offsets = [0.0] * bool(layer)
    for low, high in pairwise(layer):
        gap = _GAP if items[low].width or items[high].width else _GAP / 2
        offsets.append(offsets[-1] + (items[low].height + items[high].height) / 2 + gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, number of members
    for y, offset, own in zip(wished, offsets, weights, strict=True):
        mean, weight, n = y - offset, own, 1
        while pools and pools[-1][0] > mean:
            other, heavy, m = pools.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, n = weight + heavy, n + m
        pools.append((mean, weight, n))
    means = (mean for mean, _, n in pools for _ in range(n))
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _bounds(
    items: Sequence[_Item],
    order: Sequence[Sequence[int]],
    pairs: Sequence[tuple[int, int]],
    heights: Sequence[float],
) -> list[Point]:
    """Where each layer begins and ends from left to right; the steeper the edges between two, the farther apart."""
    climbs = [0.0] * len(order)
    for a, b in pairs:
        climbs[items[a].layer] = max(climbs[items[a].layer], min(abs(heights[a] - heights[b]), _STEEPEST))
    bounds = []
    left = _MARGIN / 2
    for layer, climb in zip(order, climbs, strict=True):
        right = left + max((items[i].width for i in layer), default=0.0)
        bounds.append((left, right))
        left = right + _HEAD + _MARGIN + _SLOPE * climb
    return bounds


def _ports(
    items: Sequence[_Item], chains: Sequence[tuple[int, ...]], heights: Sequence[float]
) -> list[tuple[float, float]]:
    """Where each edge leaves its source and meets its target, relative to their centers: in the order they come."""
    ports = [[0.0, 0.0] for _ in chains]
    for side, beside in ((0, 1), (-1, -2)):
        ends: dict[int, list[tuple[float, int]]] = {}
        for number, chain in enumerate(chains):
            ends.setdefault(chain[side], []).append((heights[chain[beside]], number))
        for node, edges in ends.items():
            room = items[node].height - 2 * _PORT
            step = min(room / max(len(edges) - 1, 1), 1.5 * _PORT)
            for k, (_, number) in enumerate(sorted(edges)):
                ports[number][side] = (k - (len(edges) - 1) / 2) * step
    return [(leave, meet) for leave, meet in ports]
