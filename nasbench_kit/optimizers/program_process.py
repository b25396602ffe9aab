"""A program that is talked to line by line, and that never outlives who talks to it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from time import monotonic
from typing import IO, NoReturn, final

from nasbench_kit import jobs
from nasbench_kit.errors import ProgramError
from nasbench_kit.messages import LONGEST, shown

_READ = 1 << 16  # bytes at a time
_MOST_READ = 32  # times, of what a program wrote before it was ended
_KEPT = 1 << 12  # bytes of what it wrote last on stderr
_MOST_SHOWN = 160  # characters of its last line there
_LOOK_S = 0.2  # between looks at whether it is still there
_GRACE_S = 1.0  # from the end of its input until it is killed, or from the end of its output to its exit code
_READABLE = select.POLLIN | select.POLLHUP if hasattr(select, "POLLIN") else 0  # which Windows lacks


@final
class ProgramProcess:
    """A program, and all processes that it starts: a group, ended together.

    Whatever it writes on stderr is read and forgotten but for the end, so it never waits for a reader there; nor on
    stdout, while its answer is waited for. Only one line is read ahead.

    Args:
        name: What errors call it.
        words: The program and its arguments. No shell reads them.
        timeout_s: Seconds that an answer may take.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, name: str, words: Sequence[str], timeout_s: float) -> None:
        self._name, self._timeout_s = name, timeout_s
        self._owner, self._is_over, self._is_group_ended = os.getpid(), False, False
        self._pipes: list[IO[bytes]] = []
        self._to_write, self._output, self._errors = bytearray(), bytearray(), b""
        with jobs.uninterrupted(), jobs.endings:  # or nobody would know of it
            self._process = subprocess.Popen(  # noqa: S603 (what the user named)
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={
                    **os.environ,
                    **jobs.ONE_THREAD,
                },  # as in the workers of a pool: sums depend on it
                start_new_session=True,
            )
            jobs.ending.add(self.kill)
        self._pipes = [_open(pipe) for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)]
        self._poll = select.poll()
        for pipe in self._pipes[1:]:
            self._poll.register(pipe, _READABLE)
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)

    def say(self, line: bytes) -> None:
        """Let it read a line, now or before its next answer."""
        self._to_write += line

    def answer(self, expected: str) -> bytes:
        """The next line that it writes.

        Args:
            expected: What it may be, for errors.

        Raises:
            ProgramError: It ended, was silent for too long, or writes a line without end. It is ended then.
        """
        try:
            return self._next_line(monotonic() + self._timeout_s, expected)
        except BaseException:
            self.kill()
            raise

    def _next_line(self, deadline: float, expected: str) -> bytes:
        begin = 0  # of what was not looked at
        while (end := self._output.find(b"\n", begin)) < 0:
            begin = len(self._output)
            if begin > LONGEST:
                got = f"wrote a line of more than {LONGEST:,} bytes, {shown(bytes(self._output[:_READ]))}"
                self.refuse(got, expected)
            if not self._pipes[1].closed:
                self._exchange(deadline, expected)
            elif begin:
                end = begin  # a last line that is not ended
                break
            else:
                self.refuse(self._ended(), expected)
        line = bytes(self._output[:end])
        del self._output[: end + 1]
        return line

    def _exchange(self, deadline: float, expected: str) -> None:
        """Write what can be written, and read what is there; wait for either."""
        self._write()
        left = max(0.0, deadline - monotonic())
        has_ended = self._process.poll() is not None  # then all that it wrote is there to be read
        if has_ended:
            self._end_group()
        ready = self._poll.poll(0 if has_ended else min(left, _LOOK_S) * 1_000)
        if not any(number == self._number(1) for number, _ in ready):
            if has_ended:  # a child of it may hold its output open
                self._close(1)
            elif not left:
                self.refuse(f"said nothing for {self._timeout_s:g} s (timeout_s)", expected)
        for number, _ in ready:
            if number == self._number(1):
                self._output += self._read(1)
            elif number == self._number(2):
                self._read_errors()

    def _number(self, i: int) -> int:
        return -1 if self._pipes[i].closed else self._pipes[i].fileno()

    def _write(self) -> None:
        pipe = self._pipes[0]
        if not self._to_write or pipe.closed:
            return
        try:
            written = pipe.write(self._to_write) or 0  # None: it does not read now
        except BrokenPipeError:
            self._close(0)
            return
        del self._to_write[:written]
        if self._to_write:
            self._poll.register(pipe, select.POLLOUT)
        else:
            with contextlib.suppress(KeyError):
                self._poll.unregister(pipe)

    def _read(self, i: int) -> bytes:
        found = self._pipes[i].read(_READ)
        if found == b"":
            self._close(i)
        return found or b""  # None: there is nothing now

    def _read_errors(self) -> None:
        if not self._pipes[2].closed:
            self._errors = (self._errors + self._read(2))[-_KEPT:]

    def _close(self, i: int) -> None:
        pipe = self._pipes[i]
        if not pipe.closed:
            with contextlib.suppress(KeyError):
                self._poll.unregister(pipe)
            pipe.close()

    def _ended(self) -> str:
        try:
            code = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return "closed its output"
        named = {each.value: each.name for each in signal.Signals}
        return f"ended with exit code {code}" if code >= 0 else f"was ended by {named.get(-code, f'signal {-code}')}"

    def refuse(self, got: str, expected: str) -> NoReturn:
        """End it, and say what it did, what would be right, and what it said last on stderr.

        Raises:
            ProgramError: Always.
        """
        self.kill()
        lines = self._errors.decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        said = f"; its stderr ends with {last[-_MOST_SHOWN:]!r}" if last else ""
        raise ProgramError(f"{self._name} {got}; {expected} expected{said}")

    # ---- the end ----

    def close(self) -> None:
        """Let it read what it was told and come to an end; then end it, and all that it started."""
        if not self._is_over and os.getpid() == self._owner:
            deadline = monotonic() + _GRACE_S
            with contextlib.suppress(ProgramError, OSError):
                while not self._pipes[1].closed and monotonic() < deadline:
                    self._write()
                    if not self._to_write:
                        self._close(0)
                    self._exchange(deadline, "")
                    self._output.clear()  # it is not asked any more
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0.0, deadline - monotonic()))
        self.kill()

    def kill(self) -> None:
        """End it, and all that it started, at once. What it wrote on stderr before is read."""
        if self._is_over or os.getpid() != self._owner:  # a forked child has a copy of this, and no program
            return
        with jobs.endings:
            self._is_over = True
            self._end_group()
        self._process.wait()
        for _ in range(_MOST_READ):
            self._read_errors()
        for i in range(len(self._pipes)):
            self._close(i)
        jobs.ending.discard(self.kill)

    def _end_group(self) -> None:
        """Once, and no later than it is known that the program has ended: its number may become another's then."""
        with jobs.endings:
            if not self._is_group_ended:
                self._is_group_ended = True
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
