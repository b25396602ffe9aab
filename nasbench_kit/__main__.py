"""The command: `nasbench-kit`, or `python -m nasbench_kit`."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

DEBUG = "NASBENCH_KIT_DEBUG"  # the environment variable that shows where a fault of ours is
_MOST_LETTERS = 300


def run() -> None:
    """Run the command; whatever happens, from its first import to its last word, ends in one line."""
    try:
        _prepare()
        from nasbench_kit.cli import main  # takes a while: Ctrl-C may come here

        main(prog_name="nasbench-kit")
    except KeyboardInterrupt:
        _end("stopped", 130)
    except SystemExit:
        _flush()
        raise
    except Exception as error:  # Group knows those that are to be expected; these come while importing, or are faults
        if DEBUG in os.environ:
            raise
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:_MOST_LETTERS]}"
        _end(reason if isinstance(error, OSError | ImportError) else f"{reason}; {DEBUG}=1 shows where", 2)


def _prepare() -> None:
    os.environ["MPLBACKEND"] = "agg"  # a notebook's, or a mistyped one, is of no use here
    for stream in _streams():  # a terminal may know ASCII alone
        stream.reconfigure(errors="backslashreplace")
    import signal  # Ctrl-C is minded by now

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _be_terminated)


def _be_terminated(number: int, _: object) -> None:
    """End as anything else does that is terminated, but for the programs that were started: these end first."""
    import signal

    if jobs := sys.modules.get("nasbench_kit.jobs"):
        jobs.end_programs()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _end(reason: str, code: int) -> None:
    print(f"error: {reason}", file=sys.stderr)
    _flush()
    sys.exit(code)


def _flush() -> None:
    """What could not be written, to a full disk or a closed pipe, is not tried again when Python ends."""
    for stream in _streams():
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _streams() -> list[TextIOWrapper]:
    return [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, TextIOWrapper)]  # None where closed


if __name__ == "__main__":
    if not sys.flags.safe_path:  # `python -m` looks for every module in the working directory first
        sys.path.append(sys.path.pop(0))
    run()
