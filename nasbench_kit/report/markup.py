"""HTML put together from elements: whatever is not made here is text, and becomes no markup."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any, final


@final
class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Content = str | Html | None | Iterable[str | Html | None]
_VOID = ("input", "meta", "br")


def element(tag: str, *content: Content, **attributes: str | bool | int | None) -> Html:
    """An element with what is in it.

    Args:
        tag: Its name.
        content: Elements and texts; the latter are escaped, and None is left out.
        attributes: Their values are escaped; True stands alone, False and None are left out. Underscores stand for
            dashes, and one at the end for nothing: `class_="wide"`, `data_value="3"`.
    """
    words = [tag]
    for name, value in attributes.items():
        written = name.rstrip("_").replace("_", "-")
        if value is True:
            words.append(written)
        elif value is not False and value is not None:
            words.append(f'{written}="{escape(str(value))}"')
    head = f"<{' '.join(words)}>"
    return Html(head if tag in _VOID else f"{head}{joined(*content)}</{tag}>")


def joined(*content: Content) -> Html:
    """Elements and texts one after another."""
    flat: list[str] = []
    for one in content:
        if isinstance(one, str):
            flat.append(one if isinstance(one, Html) else escape(one))
        elif one is not None:
            flat.append(joined(*one))
    return Html("".join(flat))


def table(head: Iterable[Content], rows: Iterable[Iterable[Content]], *, caption: str, class_: str = "") -> Html:
    """A table whose cells know their column, so that a narrow screen can show a row as a card.

    Args:
        head: Of each column.
        rows: Their cells; the first heads the row.
        caption: What it shows.
        class_: For its looks.
    """
    names = [joined(one) for one in head]
    lines = []
    for first, *others in rows:
        cells = [element("th", first, scope="row")]
        cells += [
            Html(f'<td data-column="{name}">{joined(cell)}</td>') for name, cell in zip(names[1:], others, strict=True)
        ]
        lines.append(element("tr", cells))
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", [element("th", name, scope="col") for name in names])),
        element("tbody", lines),
        class_=class_ or None,
    )


def data_block(name: str, data: Any) -> Html:
    """Data that a script reads as JSON; no text in them can end the block or begin another one."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Html(f'<script type="application/json" id="{escape(name)}">{safe}</script>')
