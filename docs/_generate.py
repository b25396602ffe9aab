"""The pages of the site that are made from the package: of all that has a name, in the words of the commands.

`pages` gives their text: nothing is drawn for it, and Sphinx is not needed. `write` writes them into `docs/reference`,
which is not committed.
"""

from __future__ import annotations

import ast
import csv
import inspect
import json
import os
import re
import sys
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import numpy as np
from click.testing import CliRunner

import nasbench_kit
from nasbench_kit.catalog import list_results
from nasbench_kit.cli import main
from nasbench_kit.cli.info import described_protocol
from nasbench_kit.cli.settings import described_optimizer
from nasbench_kit.importers import KINDS as IMPORTERS
from nasbench_kit.optimizers import GROUPS, OPTIMIZERS
from nasbench_kit.plots import architecture_figure, save_figure
from nasbench_kit.protocols import PROTOCOLS
from nasbench_kit.spaces import SPACES, Space, space_from
from nasbench_kit.spaces.base import how_many

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
MADE = "reference"  # the folder of what is made

_OWN_MODULES = (
    "analysis.landscape",
    "analysis.external",
    "analysis.iohprofiler",
    "importers.described",
    "plots.landscape",
    "predictors.agreement",
    "predictors.splits",
    "study.clusters",
)
_NO_MODULES = ("compat",)  # what it documents is in the modules below it


def pages() -> dict[str, str]:
    """Path in the folder of this module -> text, of each page that is made."""
    made: dict[str, str] = {}
    for chapter in (_optimizers, _protocols, _spaces, _importers, _results, _commands, _modules, _notebooks, _others):
        made |= chapter()
    return {f"{MADE}/{path}": text for path, text in made.items()}


def write() -> None:
    """Write what is made, but for what is there already: Sphinx reads again what is newer than it was."""
    made = pages()
    for old in (DOCS / MADE).rglob("*.md"):
        if old.relative_to(DOCS).as_posix() not in made:
            old.unlink()
    for path, text in made.items():
        file = DOCS / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    _draw_spaces()
    _write_pictures()


def with_links(text: str, document: str) -> str:
    """A document of the repository whose links to other documents lead to their pages.

    Args:
        text: What stands in it.
        document: Its path in the repository.
    """

    def led(match: re.Match[str]) -> str:
        target = os.path.normpath(os.path.join(os.path.dirname(document), match[2]))
        page = _page_of(target)
        if page is None:
            raise ValueError(f"{document} links to {match[2]}, which is no page of the site")
        said = "[]" if match[1].endswith(".md]") else match[1]  # the title, for the name of a file
        return f"{said}({page}{match[3] or ''})"

    return re.sub(r"(?<!!)(\[[^\[\]]*\])\((?!\w+:|/)([^)#\s]+)(#[^)]*)?\)", led, text)


def _page_of(document: str) -> str | None:
    """Where a document of the repository stands in the site."""
    folder, _, name = document.rpartition("/")
    if document.startswith("docs/"):
        return "/" + document.removeprefix("docs/")
    if document == "surrogates/README.md":
        return f"/{MADE}/surrogates.md"
    if folder == "notebooks":
        return f"/{MADE}/notebooks/{Path(name).stem}.md"
    if folder == "data":
        return f"/{MADE}/results/{name}"
    return f"/{MADE}/{name.lower()}" if document in ("CHANGELOG.md", "CONTRIBUTING.md") else None


# ---- what the registries name ----


def _optimizers() -> Iterator[tuple[str, str]]:
    listed = []
    for group, names in GROUPS.items():
        rows = []
        for name in names:
            found = described_optimizer(name)
            rows.append((f"[`{name}`](optimizers/{name}.md)", found["does"]))
            made = OPTIMIZERS[name]
            settings = [(f"`{one['name']}`", f"`{one['default']!r}`", one["meaning"]) for one in found["settings"]]
            yield (
                f"optimizers/{name}.md",
                _joined(
                    f"# `{name}`",
                    _plain(found["does"]),
                    _table(
                        ("", ""),
                        [
                            ("group", found["group"]),
                            ("source", found["source"]),
                            ("needs", ", ".join(found["needs"]) or "nothing but values"),
                            ("class", f"`nasbench_kit.optimizers.{made.__name__}`"),
                        ],
                    ),
                    _rest(import_module(made.__module__)),
                    _about(made),
                    "## Settings" if settings else "It has no settings.",
                    _table(("setting", "default", "meaning"), settings),
                    "## On the command line",
                    f"```text\nnasbench-kit compare -o random_search -o {name}\n```",
                ),
            )
        listed.append((group, _table(("optimizer", "what it does"), rows)))
    yield (
        "optimizers.md",
        _joined(
            "# Optimizers",
            "Each by the name that `-o` and `nbk.compare` take. Optimizers of other libraries are asked for by a"
            " prefix, such as `optuna:TPESampler`.",
            *(part for group, rows in listed for part in (f"## {group.capitalize()}", rows)),
            _hidden(f"optimizers/{name}" for names in GROUPS.values() for name in names),
        ),
    )


_PUBLISHED = ("benchmark", "optimizer", "reported by", "value", "sd", "version", "source")


def _protocols() -> Iterator[tuple[str, str]]:
    published: dict[str, list[tuple[str, ...]]] = {}
    with (ROOT / "nasbench_kit" / "protocols" / "published.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            of = tuple(
                row[name] or "" for name in ("benchmark", "optimizer", "what", "value", "sd", "version", "source")
            )
            published.setdefault(row["protocol"], []).append(of)
    rows = []
    for name in PROTOCOLS:
        found = described_protocol(name)
        rows.append((f"[`{name}`](protocols/{name}.md)", found["title"]))
        same, numbers = _apart(_PUBLISHED, published.get(name, []))
        yield (
            f"protocols/{name}.md",
            _joined(
                f"# `{name}`",
                f"{found['title']}.",
                _table(
                    ("", ""),
                    [
                        ("source", found["source"]),
                        ("runs", f"{found['n_runs']} of each optimizer on each benchmark"),
                        *(
                            (what, found[key])
                            for what, key in (("data", "data"), ("follows", "approximates"))
                            if found[key]
                        ),
                        *(("differs", sentence) for sentence in found["differences"]),
                    ],
                ),
                f"```text\nnasbench-kit compare --protocol {name}\n```",
                "## Rules",
                _table(
                    ("benchmark", "rules"),
                    [
                        (
                            f"`{benchmark}`",
                            "; ".join(f"{rule}: {_said(value)}" for rule, value in rules.items() if value),
                        )
                        for benchmark, rules in found["setups"].items()
                    ],
                ),
                "## Optimizers" if found["optimizers"] else "",
                _table(
                    ("name, for `-o`", "optimizer", "settings"),
                    [
                        (label, f"[`{one['optimizer']}`](../optimizers/{one['optimizer']}.md)", _said(one["settings"]))
                        for label, one in found["optimizers"].items()
                    ],
                ),
                "## Published numbers" if numbers else "",
                _table(("", ""), same),
                _table(*numbers) if numbers else "",
            ),
        )
    yield (
        "protocols.md",
        _joined(
            "# Protocols",
            "What each is for, and how claims are checked: [](/protocols.md).",
            _table(("protocol", "what it is"), rows),
            _hidden(f"protocols/{name}" for name in PROTOCOLS),
        ),
    )


def _spaces() -> Iterator[tuple[str, str]]:
    rows = []
    for name in SPACES:
        space = space_from(name)
        rows.append((f"[`{name}`](spaces/{name}.md)", _counted(space), _first(import_module(type(space).__module__))))
        decisions = [(f"`{one.name}`", ", ".join(one.choices), "yes" * one.ordered) for one in space.decisions]
        yield (
            f"spaces/{name}.md",
            _joined(
                f"# `{name}`",
                _first(import_module(type(space).__module__)),
                _rest(import_module(type(space).__module__)),
                _about(type(space)),
                f"Architectures: {_counted(space)}. Each has {len(space.decisions)} decisions.",
                f"![An architecture of {name}, drawn at random]({name}.svg)" if _example(space) else "",
                "## Text forms",
                _table(("form", "example"), [(f"`{form}`", f"`{one.example}`") for form, one in space.forms.items()]),
                "## Decisions",
                _table(("decision", "choices", "ordered"), _few(decisions)),
            ),
        )
    yield (
        "spaces.md",
        _joined(
            "# Search spaces",
            "What an architecture is: its decisions, its text forms, its neighbors, when two are the same.",
            _table(("space", "architectures", "what it is"), rows),
            _hidden(f"spaces/{name}" for name in SPACES),
        ),
    )


def _counted(space: Space) -> str:
    """How many architectures a space has, and how many tuples of choices where these are more."""
    tuples = how_many(space.size)
    if space.n_keys is None:
        return f"{tuples}, isomorphic ones counted apart"
    if space.n_classes is not None:
        return f"{how_many(space.n_keys)} ({how_many(space.n_classes)} of them different)"
    return how_many(space.n_keys) if space.n_keys == space.size else f"{how_many(space.n_keys)} of {tuples} tuples"


def _importers() -> Iterator[tuple[str, str]]:
    for name, files in IMPORTERS.items():
        yield (
            f"importers/{name}.md",
            _joined(
                f"# `{name}`",
                _plain(f"{files[0].upper()}{files[1:]}."),
                f"```text\nnasbench-kit import FILE --kind {name}\n```",
                "(The kind is told from the content; `--kind` is for files that look like several.)",
                _with_addresses(inspect.getdoc(import_module(f"nasbench_kit.importers.{name}")) or ""),
            ),
        )
    yield (
        "importers.md",
        _joined(
            "# Importers",
            "Files of releases, and of your own, become tables; nothing in them is executed. What is to be known of"
            " each release, and what reading costs at most: [](/official-releases.md).",
            _table(
                ("kind", "files"), [(f"[`{name}`](importers/{name}.md)", files) for name, files in IMPORTERS.items()]
            ),
            _hidden(f"importers/{name}" for name in IMPORTERS),
        ),
    )


def _results() -> Iterator[tuple[str, str]]:
    shipped = [name for name, path in list_results().items() if Path(path).is_relative_to(ROOT)]
    rows = []
    for name in shipped:
        found = _info(name)
        title = found["about"].get("title") or name
        rows.append((f"[`{name}`](results/{name}.md)", found["kind"], title))
        datasheet = ROOT / "data" / f"{name}.md"
        if found["kind"] == "table":
            head = with_links(datasheet.read_text(encoding="utf-8"), f"data/{name}.md")
        else:
            head = f"# {title}: `{name}`"
        card = "\n".join(line for line in _run("info", name).splitlines() if not re.match(r"  (file|folder) ", line))
        yield (
            f"results/{name}.md",
            _joined(
                head, f"## The card: `nasbench-kit info {name}`", f"```{{code-block}} text\n:class: card\n\n{card}\n```"
            ),
        )
    archive = "data/reference_runs.md"
    yield "results/reference_runs.md", with_links((ROOT / archive).read_text(encoding="utf-8"), archive)
    yield (
        "results.md",
        _joined(
            "# Tables and surrogates",
            "What comes with the package: what was measured, or predicts it, each with its datasheet or card.",
            _table(("name", "kind", "what it is"), rows),
            "Beside them there is an [archive of reference runs](results/reference_runs.md), and how"
            " [surrogates are made again](surrogates.md).",
            _hidden([*(f"results/{name}" for name in shipped), "results/reference_runs", "surrogates"]),
        ),
    )


# ---- commands ----


def _commands() -> Iterator[tuple[str, str]]:
    rows = []
    for name, command in main.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {}
        rows.append((f"[`nasbench-kit {name}`](cli/{name}.md)", _sentence(command)))
        parts = [f"# `nasbench-kit {name}`", *_command(name, command)]
        for other, one in inner.items():
            parts += [f"## `nasbench-kit {name} {other}`", *_command(f"{name} {other}", one)]
        yield f"cli/{name}.md", _joined(*parts)
    yield (
        "cli.md",
        _joined(
            "# Command line",
            "Errors are one line on stderr, with exit code 2. Each command says the same by `--help`.",
            _table(("command", "what it does"), rows),
            _hidden(f"cli/{name}" for name in main.commands),
        ),
    )


def _command(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"nasbench-kit {name}")
    yield "```text\n" + " ".join([context.command_path, *command.collect_usage_pieces(context)]) + "\n```"
    yield _with_addresses(inspect.cleandoc(command.help or "").replace("\b\n", ""))
    options = []
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            options.append((f"`{record[0]}`", record[1]))
    yield _table(("option", "meaning"), options)
    examples = [line.strip() for line in (command.epilog or "").splitlines()[2:]]
    if examples:
        yield "```text\n" + "\n".join(examples) + "\n```"


def _sentence(command: click.Command) -> str:
    return " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())


# ---- the API ----


def _modules() -> Iterator[tuple[str, str]]:
    there: dict[int, str] = {}  # an object -> where it is documented: in one place
    names = sorted({*nasbench_kit._MODULES, *_OWN_MODULES} - {*_NO_MODULES})
    compat = ROOT / "nasbench_kit" / "compat"
    names += [f"compat.{file.stem}" for file in sorted(compat.glob("*.py")) if _is_public(f"compat.{file.stem}")]
    rows = []
    adapters = []
    for file in sorted((ROOT / "nasbench_kit" / "adapters").glob("*.py")):
        name = f"adapters.{file.stem}"
        if file.stem not in ("__init__", "queries"):  # the latter is what all of them share
            said, kinds = _as_written(file)
            adapters.append((f"[`{name}`](api/{name}.md)", said.partition("\n")[0]))
            directives = [f"{kind}:: nasbench_kit.{name}.{one}" for one, kind in sorted(kinds.items())]
            parts = [_directive(one) for one in directives]
            yield f"api/{name}.md", _joined(f"# `nasbench_kit.{name}`", _with_addresses(said), *parts)
    for name in names:
        module = import_module(f"nasbench_kit.{name}")
        parts = [f"# `nasbench_kit.{name}`", _with_addresses(inspect.getdoc(module) or "")]
        rows.append((f"[`{name}`](api/{name}.md)", _first(module)))
        if name == "adapters":
            rows += adapters
            parts += [_table(("module", "what it holds"), [(row[0].replace("api/", ""), row[1]) for row in adapters])]
            parts += ["How each is used: [](/adapters.md)."]
        left_out = {*_optimizer_names()} if name == "optimizers" else set()
        for attribute in sorted({*_exported(module)} - left_out, key=lambda one: (not one[0].isupper(), one.lower())):
            thing = getattr(module, attribute)
            where = f"nasbench_kit.{name}.{attribute}"
            if not (inspect.isclass(thing) or inspect.isroutine(thing)):
                parts.append(_datum(where, _home_of(attribute, thing, module), thing))
            elif id(thing) in there:
                parts.append(f"`{attribute}`: see {{py:obj}}`{there[id(thing)]}`.")
            else:
                there[id(thing)] = where
                parts.append(_directive(f"{'autoclass' if inspect.isclass(thing) else 'autofunction'}:: {where}"))
        if left_out:
            parts.append("Each optimizer has a [page of its own](../optimizers.md).")
        yield f"api/{name}.md", _joined(*parts)
    top = [
        (f"`nbk.{name}`", f"{{py:obj}}`{there[id(getattr(nasbench_kit, name))]}`")
        for name in nasbench_kit.__all__
        if id(getattr(nasbench_kit, name)) in there
    ]
    yield (
        "api.md",
        _joined(
            "# Python",
            "`import nasbench_kit as nbk` gives these, which most scripts need no more than:",
            _table(("name", "is"), top),
            "And there are the modules; what one does not list may change without notice.",
            _table(("module", "what it holds"), rows),
            _hidden(row[0].partition("(")[2].removesuffix(".md)") for row in rows),
        ),
    )


def _directive(said: str) -> str:
    """What Sphinx is to take from the package."""
    members = "\n   :members:" * said.startswith("autoclass")
    return f"```{{eval-rst}}\n.. {said}{members}\n```"


def _as_written(file: Path) -> tuple[str, dict[str, str]]:
    """What a module says of itself, and name -> directive of what is public in it; its library may be absent."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = {ast.ClassDef: "autoclass", ast.FunctionDef: "autofunction"}
    there = {one.name: kinds[type(one)] for one in tree.body if isinstance(one, ast.ClassDef | ast.FunctionDef)}
    for one in tree.body:
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name) and one.targets[0].id == "__all__":
            there = {name: there[name] for name in ast.literal_eval(one.value)}
    return ast.get_docstring(tree) or "", {name: kind for name, kind in there.items() if not name.startswith("_")}


def _datum(where: str, home: ModuleType, thing: object) -> str:
    """A constant or an alias: with what is written below it, or else its value and what is written beside it."""
    attribute = where.rpartition(".")[2]
    source, said = inspect.getsource(home), ""
    body = ast.parse(source).body
    for one, below in pairwise([*body, None]):
        if attribute not in _assigned(one):
            continue
        line = source.splitlines()[one.lineno - 1]
        if isinstance(below, ast.Expr) or "#:" in line or source.splitlines()[one.lineno - 2].startswith("#:"):
            return _directive(f"autodata:: {home.__name__}.{attribute}\n   :no-value:")
        said = line.partition("  # ")[2]
    value = repr(thing)
    shown = f"\n   :value: {value}" * (len(value) <= 200)
    return _directive(f"py:data:: {where}{shown}\n\n   {said[:1].upper()}{said[1:]}{'.' * bool(said)}")


def _assigned(one: ast.stmt | None) -> set[str]:
    """The names that a statement gives something to."""
    targets = one.targets if isinstance(one, ast.Assign) else [one.target] if isinstance(one, ast.AnnAssign) else []
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def _is_public(name: str) -> bool:
    return not name.endswith("__init__") and hasattr(import_module(f"nasbench_kit.{name}"), "__all__")


def _exported(module: Any) -> Iterable[str]:
    """What a module says is public; of one that does not say it, what is defined in it."""
    if hasattr(module, "__all__"):
        return module.__all__
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", "") == module.__name__ and callable(thing)
    ]


def _optimizer_names() -> Iterator[str]:
    yield from (made for names in GROUPS.values() for made in names.values())


def _home_of(attribute: str, thing: object, module: ModuleType) -> ModuleType:
    """The module in which something without a name of its own is defined, and said what it is."""
    below = (one for name, one in sorted(sys.modules.items()) if name.startswith(f"{module.__name__}."))
    for one in (module, *below):
        if vars(one).get(attribute) is thing and any(
            attribute in _assigned(statement) for statement in ast.parse(inspect.getsource(one)).body
        ):
            return one
    return module


# ---- documents that stand elsewhere in the repository ----


def _notebooks() -> Iterator[tuple[str, str]]:
    files = sorted((ROOT / "notebooks").glob("*.ipynb"))
    rows = []
    for file in files:
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        text = _joined(*(part for number, cell in enumerate(cells) for part in _cell(cell, f"{file.stem}_{number}")))
        rows.append((f"[`{file.stem}`](notebooks/{file.stem}.md)", re.search(r"^# (.*)$", text, re.MULTILINE)[1]))
        yield f"notebooks/{file.stem}.md", with_links(text, f"notebooks/{file.name}")
    yield (
        "notebooks.md",
        _joined(
            "# Notebooks",
            "They are files of the repository, and are shown here with what they printed and drew.",
            _table(("notebook", "what it shows"), rows),
            _hidden(f"notebooks/{file.stem}" for file in files),
        ),
    )


def _cell(cell: Mapping[str, Any], name: str) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for number, output in enumerate(cell["outputs"]):
        data = output.get("data", {})
        if output["output_type"] == "stream":
            yield "```text\n" + "".join(output["text"]).rstrip() + "\n```"
        elif "image/png" in data:
            yield f"![What the cell above draws]({name}_{number}.png)"
        elif "text/plain" in data:
            yield "```text\n" + "".join(data["text/plain"]) + "\n```"


def _write_pictures() -> None:
    """The pictures that notebooks drew, beside their pages."""
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        for at, cell in enumerate(json.loads(file.read_text(encoding="utf-8"))["cells"]):
            for number, output in enumerate(cell.get("outputs", ())):
                if "image/png" in output.get("data", {}):
                    picture = DOCS / MADE / "notebooks" / f"{file.stem}_{at}_{number}.png"
                    picture.write_bytes(b64decode(output["data"]["image/png"]))


def _others() -> Iterator[tuple[str, str]]:
    for document, page in (
        ("CHANGELOG.md", "changelog.md"),
        ("CONTRIBUTING.md", "contributing.md"),
        ("surrogates/README.md", "surrogates.md"),
    ):
        yield page, with_links((ROOT / document).read_text(encoding="utf-8"), document)


# ---- pictures of spaces ----


def _example(space: Space) -> Any:
    """An architecture to draw, always the same; None of a space whose architectures are no graphs."""
    arch = space.sample(np.random.default_rng(5))
    return arch if space.graphs(arch) else None


def _draw_spaces() -> None:
    for name in SPACES:
        space, picture = space_from(name), DOCS / MADE / "spaces" / f"{name}.svg"
        if not picture.exists() and _example(space):
            save_figure(architecture_figure(space, _example(space)), picture)


# ---- text ----


def _run(*arguments: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    if done.exit_code:
        raise RuntimeError(done.output)
    return done.stdout


def _info(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_run("info", name, "--json"))
    return found


def _joined(*parts: str) -> str:
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, without the columns in which nothing stands."""
    if not rows:
        return ""
    kept = [i for i in range(len(head)) if any(str(row[i]) for row in rows)]
    lines = [[line[i] for i in kept] for line in (head, ["---"] * len(head), *rows)]
    return "\n".join("| " + " | ".join(map(_in_a_cell, line)) + " |" for line in lines)


def _apart(
    head: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[tuple[str, str]], tuple[Sequence[str], Sequence[Sequence[str]]] | None]:
    """What is the same in all rows, said once; and the table of the rest."""
    if len(rows) < 2:
        return [], (head, rows) if rows else None
    same = [i for i in range(len(head)) if len({row[i] for row in rows}) == 1]
    rest = [[line[i] for i in range(len(head)) if i not in same] for line in (head, *rows)]
    return [(head[i], rows[0][i]) for i in same if rows[0][i]], (rest[0], rest[1:])


def _in_a_cell(text: object) -> str:
    return _plain(_with_addresses(" ".join(str(text).split()))).replace("|", "\\|")


def _plain(text: str) -> str:
    """The text with its asterisks as such, as in names of files; those within backquotes are."""
    return "".join(part if i % 2 else part.replace("*", "\\*") for i, part in enumerate(re.split(r"(`[^`]*`)", text)))


_MOST_ROWS = 40


def _few(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return rows if len(rows) <= _MOST_ROWS else [*rows[:_MOST_ROWS], ("...", f"{len(rows):,} in all", "")]


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_said(inner)}" for key, inner in value.items() if inner != {})
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    return f"{value:,.10g}" if isinstance(value, float) else str(value)


def _hidden(entries: Iterable[str]) -> str:
    return "```{toctree}\n:hidden:\n\n" + "\n".join(entries) + "\n```"


def _first(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _rest(documented: object) -> str:
    """A docstring without its first line."""
    return _with_addresses((inspect.getdoc(documented) or "").partition("\n")[2].strip("\n"))


def _about(made: object) -> str:
    """What a docstring says between its first line and the arguments."""
    return re.split(r"^Args:$", _rest(made), maxsplit=1, flags=re.MULTILINE)[0]


def _with_addresses(text: str) -> str:
    """The text with its addresses, and the pages that it names by their files, as links."""
    text = re.sub(r"`?\bdocs/([\w/-]+\.md)`?", r"[](/\1)", text)
    return re.sub(r"(?<![<(`])https?://[^\s,;)>`]*[^\s,;)>`.:]", r"<\g<0>>", text)
