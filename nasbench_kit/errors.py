"""Every error that nasbench_kit raises on purpose: one line that says what was got and what would be right."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


_LONGEST = 600  # characters of a message, whatever it quotes; what would be right stands at its end


def _shortened(line: str) -> str:
    half = (_LONGEST - len(" ... ")) // 2
    return line if len(line) <= _LONGEST else f"{line[:half]} ... {line[-half:]}"


def without_addresses(text: str) -> str:
    """Without where in memory an object is, as Python shows one: it says nothing, and is another one in each run."""
    import re  # an error may take its time; an import may not

    return re.sub(r"(?<=\w) at 0x[0-9a-fA-F]+(?=>)", "", text)


def words_of(error: BaseException) -> str:
    """What an error says; of an assertion without words, what is asserted."""
    said = str(error)
    if said or not isinstance(error, AssertionError):
        return said
    import linecache  # an error may take its time; an import may not
    import traceback

    for frame in traceback.extract_tb(error.__traceback__)[-1:]:
        first = frame.lineno or 0
        said = " ".join(linecache.getline(frame.filename, n) for n in range(first, (frame.end_lineno or first) + 1))
    return " ".join(said.split())


class NasbenchKitError(Exception):
    """Base of all errors of this package; `str(error)` is one line for people."""

    def __str__(self) -> str:  # KeyError, a base of some of ours, would quote the message
        said = without_addresses(str(self.args[0])) if self.args else ""
        line = _shortened(" ".join(_shortened(said).splitlines()))
        if line.isprintable():
            return line
        # a file's codes move no one's cursor
        return _shortened("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))


class UnknownNameError(NasbenchKitError, KeyError):
    """A benchmark, dataset, metric, operation or option that does not exist."""


class ArchitectureError(NasbenchKitError, ValueError):
    """Something that is not an architecture of the space."""


class NotRecordedError(NasbenchKitError, LookupError):
    """A value that was never measured: an epoch, a seed, an architecture outside the table."""


class SettingError(NasbenchKitError, ValueError):
    """An argument outside its range, or arguments that exclude each other."""


class DataError(NasbenchKitError, ValueError):
    """Results that cannot be opened or used: a table or a surrogate that is absent, damaged or foreign."""


class TableError(DataError):
    """A file that is not a table, is damaged, or is newer than this package; or data that cannot become one."""


class SurrogateError(DataError):
    """A folder that is no surrogate, is damaged, or newer than this package; or data that none can be fitted to."""


class ImportDataError(NasbenchKitError, ValueError):
    """A source file that is not what the importer expects."""


class StudyError(NasbenchKitError, OSError):
    """A study file that cannot be read, written or continued."""


class WorkerError(NasbenchKitError, RuntimeError):
    """A worker process that died: killed, or out of memory."""


class ProgramError(NasbenchKitError, RuntimeError):
    """A program that is an optimizer, and died, was silent, or said what is no answer."""


def check_generator(rng: object) -> None:
    """Refuse what is no random generator, such as a seed.

    Raises:
        SettingError: It cannot draw.
    """
    if not hasattr(rng, "random"):
        raise SettingError(f"rng={rng!r:.80}; a generator expected, such as numpy.random.default_rng(0)")


def listed(choices: Iterable[object], most: int = 20) -> str:
    """`a, b, c` for an error message, cut after `most` names."""
    names = [str(choice) for choice in choices]
    return ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")


def counted(n: int, what: str, several: str = "") -> str:
    """`1 run`, `1,200 runs`; `several` is a plural that has another ending."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {several or what + 's'}"


def unknown(what: str, got: object, choices: Iterable[str]) -> UnknownNameError:
    """The error for a name that is none of `choices`, with the nearest one where there is one."""
    import difflib  # an error may take its time; an import may not

    names = list(choices)
    alike = [name for name in names if name.lower() == str(got).lower()]
    near = alike or difflib.get_close_matches(str(got), names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose from {listed(names)}" if names else "there is none"
    return UnknownNameError(f"unknown {what} {got!r}; {hint}")
