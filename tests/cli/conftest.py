import json
from importlib import import_module

import pytest
from click.testing import CliRunner

from nasbench_kit.cli import main


@pytest.fixture(scope="session")
def invoke():
    """What a command prints: on stdout, or, where it is to fail with `code`, the whole result."""

    def call(*arguments, code=0, **how):
        result = CliRunner().invoke(main, list(map(str, arguments)), **how)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert result.exit_code == code, result.output
        return result if code else result.stdout

    return call


@pytest.fixture(scope="session")
def invoke_json(invoke):
    """What a command prints with --json, which must be JSON in the strict sense."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return lambda *arguments: json.loads(invoke(*arguments, "--json"), parse_constant=refuse)


@pytest.fixture
def undrawn(monkeypatch):
    """Let `compare` draw no figure, which takes longer than a few runs."""
    monkeypatch.setattr(import_module("nasbench_kit.cli.compare"), "_draw", lambda made, pictures, **how: None)
