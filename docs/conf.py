"""The documentation site: `just docs` builds it into `build/site`, with warnings as errors."""

from __future__ import annotations

import inspect
import re
import sys
from html import escape, unescape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import _gallery
import _generate
from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx import addnodes
from sphinx.util.inspect import signature, stringify_signature

from nasbench_kit import __version__

project = "nasbench_kit"
author = "The nasbench_kit authors"
copyright = author  # noqa: A001 - the name is that of Sphinx
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_*"]
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!nasbench_kit\.).*"),  # other libraries' names, and annotations as they are written
    (r"py:.*", r"nasbench_kit(\.\w+){3,}"),  # what no module says is public
]

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_mock_imports = [  # libraries of the adapters that are not installed
    name
    for file in (_generate.ROOT / "nasbench_kit" / "adapters").glob("*.py")
    for name in re.findall(r"""^\w+: Any = require\("(\w+)""", file.read_text(encoding="utf-8"), re.MULTILINE)
    if find_spec(name) is None
]
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "code"
python_maximum_signature_line_length = 200

html_theme = "furo"
html_title = f"nasbench_kit {release}"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = html_domain_indices = smartquotes = False
copybutton_exclude = ".linenos, .gp, .go"


def read(app: Any, page: str, source: list[str]) -> None:
    """Links to documents elsewhere in the repository lead to their pages."""
    if not page.startswith(_generate.MADE):
        source[0] = _generate.with_links(source[0], f"docs/{page}.md")


def escaped(app: Any, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Our docstrings are plain text with `code`: nothing else in them is markup."""
    for i, line in enumerate(lines):
        parts = re.split(r"(`[^`]*`|<https?:[^>]*>)", line)
        lines[i] = "".join(
            part if j % 2 else re.sub(r"([*|])|(?<=\w)(_)(?!\w)", r"\\\1\2", part) for j, part in enumerate(parts)
        )


_COLON = "\N{INVISIBLE SEPARATOR}"  # stands for a colon while Napoleon reads


def whole(app: Any, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Hide the colons of what is said of an attribute: Napoleon takes the words before one for a type."""
    if what in ("data", "attribute", "property") and lines:
        lines[0] = lines[0].replace(":", _COLON)


def whole_again(app: Any, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Give the colons back."""
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def shown(app: Any, what: str, name: str, thing: object, options: object, said: str | None, returned: object) -> Any:
    """A signature that can be read: of a class without its library, its own; `...` for a default that is made anew."""
    if what == "class" and said and said.startswith("(*args: ") and "__init__" in vars(thing):
        said = stringify_signature(signature(thing.__init__, bound_method=True), unqualified_typehints=True)
    return (said.replace("<factory>", "..."), returned) if said else None


_MOST_UNBROKEN = 31  # letters of code that stand in one line


def marked(app: Any, doctree: nodes.document) -> None:
    """Mark code that is not to be broken, and cells that are not to be narrow, for the style sheet."""
    for code in doctree.findall(nodes.literal):
        code["classes"] += ["short"] * (len(code.astext()) <= _MOST_UNBROKEN)
    for cell in doctree.findall(nodes.entry):
        holds_long_code = any("short" not in code["classes"] for code in cell.findall(nodes.literal))
        cell["classes"] += ["long"] if len(cell.astext()) > 60 else ["middling"] * holds_long_code


def skipped(app: Any, what: str, name: str, thing: object, skip: bool, options: object) -> bool | None:
    """Leave out fields that say no more than that they are fields, and what other libraries put into our classes."""
    is_bare = re.match(r"Alias for field number \d+", getattr(thing, "__doc__", None) or "")
    is_theirs = inspect.isroutine(thing) and (getattr(thing, "__module__", None) or "").startswith(
        ("matplotlib", "sklearn")
    )
    return True if is_bare or is_theirs else None


def with_short_contents(app: Any, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """The contents beside a page: of all chapters the sections, of the page's own section what is in it.

    Sphinx would resolve the whole tree for each page, which takes as long as all else together.
    """
    titles, within = app.env.titles, app.env.toctree_includes

    def item(one: str, level: int) -> str:
        is_current = page == one or page in within.get(one, ())
        inner = "".join(item(other, level + 1) for other in within.get(one, ())) if is_current else ""
        kind = f"{'current ' * (page == one)}reference internal"
        link = app.builder.get_relative_uri(page, one) or "#"
        return (
            f'<li class="toctree-l{level}{" current" * is_current}">'
            f'<a class="{kind}" href="{link}">{escape(titles[one].astext())}</a>'
            f"{f'<ul>{inner}</ul>' * bool(inner)}</li>"
        )

    def contents(**how: object) -> str:
        return "".join(
            '<p class="caption" role="heading" aria-level="2">'
            f'<span class="caption-text">{escape(chapter["caption"])}</span></p>'
            f"<ul>{''.join(item(one, 1) for _, one in chapter['entries'])}</ul>"
            for chapter in app.env.get_doctree("index").findall(addnodes.toctree)
        )

    context["toctree"] = contents
    if "body" in context:
        context["body"] = re.sub(r"<pre>(.*?)</pre>", reachable, context["body"], flags=re.DOTALL)


_MOST_LETTERS = 84  # in a line of code that needs no scrolling


def reachable(match: re.Match[str]) -> str:
    """Code that is scrolled can be reached by the keyboard."""
    letters = unescape(re.sub("<[^>]*>", "", match[1]))
    is_wide = max(map(len, letters.splitlines()), default=0) > _MOST_LETTERS
    return f"<pre{' tabindex=0' * is_wide}>{match[1]}</pre>"


def setup(app: Any) -> None:
    """What is made from the package, and how its docstrings are read."""
    _generate.write()
    _gallery.write()
    for language in ("csv", "jq"):  # which Pygments does not know
        app.add_lexer(language, TextLexer)
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", whole, priority=400)  # before Napoleon
    app.connect("autodoc-process-docstring", escaped)
    app.connect("autodoc-process-docstring", whole_again, priority=600)
    app.connect("autodoc-process-signature", shown)
    app.connect("doctree-read", marked)
    app.connect("autodoc-skip-member", skipped)
    app.connect("html-page-context", with_short_contents, priority=400)  # before the theme reads them
