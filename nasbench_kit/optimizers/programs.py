"""Optimizers in any language: a program that speaks JSON lines, `cmd:./program`. `docs/programs.md` is the protocol."""

from __future__ import annotations

import os
import shlex
import shutil
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, final

from nasbench_kit import messages
from nasbench_kit.errors import NasbenchKitError, SettingError, UnknownNameError
from nasbench_kit.messages import PROTOCOL, number, numbers
from nasbench_kit.optimizers.base import Outcome, Task, Trial, check_number, check_start
from nasbench_kit.optimizers.program_process import ProgramProcess

if TYPE_CHECKING:
    import numpy as np

_READY = f'{{"ready": {PROTOCOL}}}'
_TRIAL = '{"arch": [...]}, {"wait": true} or {"end": true}'


@final
@dataclass(frozen=True)
class Command:
    """The searches by a program, made as those of a class are.

    Args:
        name: `cmd:` and what a user would type, `cmd:./mine --x 3`. No shell reads it: quotes keep words together, and
            nothing else is special.

    Raises:
        UnknownNameError: It names no program.
    """

    name: str

    def __post_init__(self) -> None:
        if not self.words:
            raise UnknownNameError(f"{self.name!r} names no program; cmd:./mine, or cmd:awk -f mine.awk, expected")

    def __call__(
        self, task: Task, rng: np.random.Generator, *, timeout_s: float = 60.0, **settings: Any
    ) -> ProgramSearch:
        """Start the program.

        Args:
            task: What to search.
            rng: Source of all randomness.
            timeout_s: Seconds of real time that an answer of the program may take.
            settings: Of the program, which is told them.

        Raises:
            UnknownNameError: There is no such program.
            SettingError: It cannot be started, or `settings` be told.
            ProgramError: It does not say that it is ready.
        """
        return ProgramSearch(self, task, rng, timeout_s, settings)

    @cached_property
    def words(self) -> list[str]:
        """The program and its arguments."""
        try:
            return shlex.split(self.name.partition(":")[2])
        except ValueError as error:
            raise UnknownNameError(f"{self.name!r} is no command: {error}") from None

    @property
    def program(self) -> str:
        """Where the program lies: by its path from the working directory, or, of a name alone, on PATH.

        Raises:
            UnknownNameError: It lies nowhere, or may not be executed.
        """
        word = self.words[0]
        found = shutil.which(word)
        if found is not None:
            return found
        if os.path.isfile(word):
            reason = f"chmod +x {word}" if os.sep in word else f"cmd:./{word} is the one in the working directory"
            raise UnknownNameError(f"{self.name!r}: {word!r} cannot be executed; {reason}")
        where = f"no program at {os.path.abspath(word)!r}" if os.sep in word else f"no program {word!r} on PATH"
        raise UnknownNameError(f"{self.name!r}: {where}; a path from the working directory, or a name, expected")

    @property
    def file(self) -> str:
        """The file that is one's own: the program, or what an installed one, such as awk, is given first."""
        program, *arguments = self.words
        given = [] if os.sep in program else [each for each in arguments if os.path.isfile(each)]
        return given[0] if given else shutil.which(program) or ""


@final
class ProgramSearch:
    """A search by a program. It runs from here until the search is forgotten, has failed, or Python ends.

    Args:
        command: Which program.
        task: What to search.
        rng: Source of all randomness: of a seed for the program, and of what it asks us to draw.
        timeout_s: As of `Command`.
        settings: As of `Command`.
    """

    def __init__(
        self,
        command: Command,
        task: Task,
        rng: np.random.Generator,
        timeout_s: float,
        settings: Mapping[str, Any],
    ) -> None:
        check_start(task, rng)
        check_number("a number of seconds above 0", lambda s: 0 < s < 1e6, timeout_s=timeout_s)
        if os.name == "nt":
            raise SettingError(f"{command.name!r}: programs as optimizers need a POSIX system, such as Linux or macOS")
        self._name, self._task, self._rng = command.name, task, rng
        self._has_ended = False
        begin = self._begin(settings)
        program = command.program
        try:
            self._process = ProgramProcess(self._name, [program, *command.words[1:]], timeout_s)
        except OSError as error:
            raise SettingError(f"{self._name!r} cannot be started: {error.strerror or error}") from None
        weakref.finalize(self, self._process.close)
        self._process.say(begin)
        ready = self._message(_READY)
        if ready != {"ready": PROTOCOL}:
            self._refuse(ready, _READY)

    def _begin(self, settings: Mapping[str, Any]) -> bytes:
        task = self._task
        begin = {
            "protocol": PROTOCOL,
            **messages.described(task.space),
            "epochs": task.epochs,
            "objectives": task.objectives,
            "constraints": task.constraints,
            "n_workers": task.n_workers,
            "columns": task.columns,
            "seed": int(self._rng.integers(2**31)),
            "settings": settings,
        }
        try:
            return messages.write({"task": begin})
        except (TypeError, ValueError, RecursionError):
            raise SettingError(f"settings={settings!r:.80} of {self._name} cannot be told: they are no JSON") from None

    def ask(self) -> Trial | None:
        """What the program wants trained; before it says so, it may ask what is to be known without training."""
        if self._has_ended:
            return None
        self._process.say(b'{"ask": true}\n')
        while True:
            message = self._message(_TRIAL)
            try:
                found = messages.answer(self._task.space, self._rng, message) or self._known(message)
                trial = None if found else self._trial(message)
            except NasbenchKitError as error:
                self._refuse(message, f"{_TRIAL} ({error})")
            if not found:
                return trial
            self._process.say(messages.write(found))

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """What became of a trial; the program reads it before its next answer."""
        arch, epoch, training = trial
        told = {
            "arch": list(arch),
            "epoch": outcome.epoch if epoch is None else epoch,
            "training": training,
            "failed": number(outcome.value) is None,
            "value": number(outcome.value),
            "values": numbers(outcome.values),
            "cost_s": number(outcome.cost_s),
            "violations": numbers(outcome.violations),
        }
        self._process.say(messages.write({"tell": told}))

    def _message(self, expected: str) -> dict[str, Any]:
        line = self._process.answer(expected)
        try:
            message = messages.read(line)
        except SettingError:
            self._process.refuse(f"said {messages.shown(line)}", expected)
        if "error" in message:
            self._process.refuse(f"gave up: {message['error']!s:.200}", expected)
        return message

    def _refuse(self, message: Mapping[str, Any], expected: str) -> NoReturn:
        self._process.refuse(f"said {messages.shown(messages.write(message))}", expected)

    def _known(self, message: Mapping[str, Any]) -> dict[str, Any] | None:
        """What is known without training, where that was asked for."""
        if "values" not in message:
            return None
        messages.check_members(message, "values", "archs")
        if self._task.known is None:
            raise SettingError("nothing is known without training")
        archs = self._task.space.parse_many(message.get("archs"))
        return {"values": numbers(self._task.known(str(message["values"]), archs).tolist())}

    def _trial(self, message: Mapping[str, Any]) -> Trial | None:
        for kind in ("wait", "end"):
            if message == {kind: True}:
                self._has_ended = kind == "end"
                return None
        if "arch" not in message:
            raise SettingError("it begins with none of these")
        messages.check_members(message, "arch", "epoch", "training")
        epoch, training = message.get("epoch"), message.get("training")
        if not (epoch is None or (type(epoch) is int and epoch in self._task.epochs)):
            raise SettingError(f"epoch {epoch!r:.40} is none of the task's: {list(self._task.epochs)!r:.80}")
        if not (training is None or type(training) is int):
            raise SettingError(f"training {training!r:.40}; an integer of the program's own, or null, expected")
        return Trial(self._task.space.parse(message["arch"]), epoch, training)
