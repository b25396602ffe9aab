"""What objects show in a notebook."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def html_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, above: str = "", below: Iterable[str] = ()
) -> str:
    """A table in HTML, with a line above and small ones below; all is text, none of it markup."""
    from html import escape  # after the first answer: it takes as long as that

    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    table = f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
    notes = "<br>".join(map(escape, below))
    return f"{escape(above)}{table}" + f"<p><small>{notes}</small></p>" * bool(notes)
