"""Files that are no study, are damaged, or were made to harm: one line each, and never a wrong number."""

import contextlib
import random
import sqlite3
import time
import tracemalloc
import zlib

import numpy as np
import pytest

from nasbench_kit.errors import StudyError
from nasbench_kit.study import SCHEMA_VERSION, Study, columns, database
from nasbench_kit.study.columns import Column, digest_of, digest_of_run


def one_line(error):
    return "\n" not in str(error.value) and len(str(error.value)) < 1_000 and str(error.value).isprintable()


def everything(path):
    """All that a study says, as far as it is not the place of the file."""
    with Study(path, create=False) as study:
        return {
            (key.identity, key.legend): (
                [
                    (run.run_seed, dict(run.versions), *(array.tobytes() for array in run.records))
                    for run in study.runs(key)
                ],
                study.failures(key),
            )
            for key in study.configurations()
        }


# ---- files that are no study ----


def make_foreign(path, *_):
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE runs (a)")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"no database at all " * 100), "is no study: file is not a database"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" * 200), "is no study: file is not a database"),
        (make_foreign, "is an SQLite file, but no study of nasbench_kit"),
        (lambda path: path.mkdir(), "cannot open study .*: it is no file"),
        (lambda path: path.symlink_to("/dev/zero"), "cannot open study .*: it is no file"),
    ],
    ids=["text", "HDF5", "foreign", "folder", "device"],
)
def test_a_file_that_is_no_study_is_an_error_in_one_line_and_is_not_changed(path, make, message):
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StudyError, match=message) as error:
        Study(path)
    assert one_line(error)
    assert str(path) in str(error.value)
    assert before is None or path.read_bytes() == before


def test_a_fifo_does_not_keep_anyone_waiting(path):
    import os

    os.mkfifo(path)
    with pytest.raises(StudyError, match="it is no file"):
        Study(path)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (SCHEMA_VERSION + 1, r"has study format 3; this nasbench_kit reads format 2: upgrade nasbench_kit"),
        (1, r"has study format 1; this nasbench_kit reads format 2: make its runs anew in another file"),
    ],
)
def test_another_format_is_refused_in_one_line(path, random_search, filled, sql, version, message):
    sql(filled(path, random_search, 1), f"PRAGMA user_version = {version}")
    with pytest.raises(StudyError, match=message) as error:
        Study(path)
    assert one_line(error)


def test_a_study_of_version_0_1_0_is_refused_in_one_line(path, sql):
    sql(path, "CREATE TABLE configurations (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE)")
    sql(path, "PRAGMA user_version = 1")
    sql(path, f"PRAGMA application_id = {0x4E42_4B31}")
    with pytest.raises(StudyError, match=r"has study format 1; .* make its runs anew in another file"):
        Study(path)


def test_a_truncated_study_is_an_error_and_is_not_called_safe(path, random_search, filled):
    whole = filled(path, random_search, 20).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StudyError, match=r"malformed|damaged") as error, Study(path) as study:
        list(study.runs(random_search))
    assert "safe" not in str(error.value)
    assert one_line(error)


def test_a_missing_study_is_an_error_if_it_must_not_be_made(path):
    with pytest.raises(StudyError, match=r"there is no study '.*study\.db'"):
        Study(path, create=False)
    assert not path.exists()


def test_an_empty_file_becomes_a_study_only_if_one_may_be_made(path, random_search, filled):
    path.touch()
    with pytest.raises(StudyError, match="is empty, no study"):
        Study(path, create=False)
    assert path.read_bytes() == b""
    assert len(everything(filled(path, random_search, 1))) == 1


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(StudyError, match=r"cannot open study '.*nowhere.*unable to open"):
        Study(tmp_path / "nowhere" / "study.db")


@pytest.mark.parametrize("name", ["", ":memory:", "a\0b"])
def test_a_name_of_no_file_is_refused(name):
    with pytest.raises(StudyError, match="is no file name"):
        Study(name)


@pytest.mark.parametrize("name", ["file:x?mode=memory", "file:x.db", "a?b#c%20d.db", "vfs=unix"])
def test_a_name_like_a_uri_is_the_name_of_a_file(tmp_path, monkeypatch, random_search, filled, name):
    monkeypatch.chdir(tmp_path)
    filled(name, random_search, 1)
    assert (tmp_path / name).stat().st_size > 0
    assert len(everything(name)) == 1


# ---- damage: digests ----


@pytest.fixture
def small(path, random_search, evolution):
    """A study of few runs, one of which failed."""
    with Study(path) as study:
        study.run([random_search, evolution], range(3), n_processes=1)
        with study._db.transaction():
            identity, failure = evolution.identity, "it did not work"
            digest = digest_of_run(identity, 7, '{"numpy": "1"}', 0, failure, ())
            study._db.write(
                "INSERT INTO runs (configuration, run_seed, versions, n_evaluations, failure, digest)"
                " VALUES (2, 7, ?, 0, ?, ?)",
                '{"numpy": "1"}',
                failure,
                digest,
            )
    return path


def test_no_flipped_bit_gives_other_runs(small, tmp_path):
    """Of the file, anywhere: what is read is as it was, or one line says that it is not."""
    whole, right = small.read_bytes(), everything(small)
    assert sum(len(runs) for runs, _ in right.values()) == 6
    rng, flipped = random.Random(0), tmp_path / "flipped.db"
    n_refused = 0
    for _ in range(500):
        bit = rng.randrange(8 * len(whole))
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        flipped.write_bytes(damaged)
        found, reason = None, ""
        try:
            found = everything(flipped)
        except StudyError as error:
            reason = str(error)
            n_refused += 1
        assert reason or found == right, f"bit {bit}"
        assert reason.isprintable(), f"bit {bit}"
        assert len(reason) < 1_000, f"bit {bit}"
    assert n_refused > 100  # the rest hit what is unused


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *[("configurations", name) for name in ("identity", "label", "defaults", "digest")],
        *[("runs", name) for name in ("run_seed", "versions", "n_evaluations", "failure", "digest", "configuration")],
        *[("columns", name) for name in ("name", "dtype", "shape", "data", "run")],
    ],
)
def test_no_changed_value_gives_other_runs(small, sql, table, column):
    """Values that would do as well, by their kind: another number, the same text with another letter."""
    (value,) = sql(small, f"SELECT {column} FROM {table} WHERE rowid = 2")[0]
    if isinstance(value, int):
        other = value + 10
    elif not value:
        other = "failed"
    else:
        i = len(value) // 2
        swapped = bytes([value[i] ^ 1]) if isinstance(value, bytes) else chr(ord(value[i]) ^ 1)
        other = value[:i] + swapped + value[i + 1 :]
    sql(small, f"UPDATE {table} SET {column} = ? WHERE rowid = 2", (other,))
    with pytest.raises(StudyError, match="is damaged") as error:
        everything(small)
    assert one_line(error)


def test_a_run_that_became_another_configurations_is_not_read(small, sql):
    sql(small, "UPDATE runs SET configuration = 2, run_seed = 1000 WHERE rowid = 1")
    with pytest.raises(StudyError, match=r"is damaged: run with seed 1000 .its digest does not match"):
        everything(small)


def test_a_damaged_run_is_named_and_the_others_are_readable(path, random_search, filled, sql):
    filled(path, random_search)
    sql(path, "UPDATE columns SET data = x'00' WHERE run = 2 AND name = 'value'")
    with Study(path) as study:
        with pytest.raises(StudyError, match=r"is damaged: run with seed 1 .its digest does not match"):
            list(study.runs(random_search))
        assert [run.run_seed for run in study.runs(random_search, [0, 2])] == [0, 2]


# ---- files made to harm: their digests are right ----


def sealed(path, table, row, sql, **values):
    """Change a row, and give it the digest that belongs to it."""
    for name, value in values.items():
        sql(path, f"UPDATE {table} SET {name} = ? WHERE rowid = ?", (value, row))
    identity, label, defaults = sql(path, "SELECT identity, label, defaults FROM configurations WHERE id = 1")[0]
    with contextlib.suppress(AttributeError, TypeError, UnicodeEncodeError):
        sql(path, "UPDATE configurations SET digest = ? WHERE id = 1", (digest_of(identity, label, defaults),))
    for run, *named in sql(path, "SELECT id, run_seed, versions, n_evaluations, failure FROM runs"):
        parts = sql(path, "SELECT name, dtype, shape, data FROM columns WHERE run = ?", (run,))
        with contextlib.suppress(AttributeError, TypeError, UnicodeEncodeError):
            digest = digest_of_run(identity, *named, map(Column._make, parts))
            sql(path, "UPDATE runs SET digest = ? WHERE id = ?", (digest, run))


DEEP = "[" * 100_000
ODD = {
    "no JSON": "{",
    "a list": "[]",
    "a number": "1",
    "deep": DEEP,
    "deep in a name": '{"a": ' + "[" * 30_000 + "]" * 30_000 + "}",
    "huge number": '{"benchmark": ' + "9" * 5_000 + "}",
    "infinite": '{"budget_s": 1e999}',
    "NaN": '{"benchmark": NaN}',
    "other names": '{"extra": "1"}',
    "wrong kinds": '{"benchmark": 1, "numpy": 1}',
    "escapes": '{"benchmark": "\\u001b[2J", "numpy": "\\u001b[2J"}',
    "long": '{"numpy": "' + "a" * 10_000_000 + '"}',
    "bytes": b"{}",
    "integer": 7,
    "lone surrogate": '{"numpy": "\\ud800"}',
}


@pytest.mark.parametrize(
    ("table", "column", "text"),
    [
        *[pytest.param("configurations", "identity", text, id=f"identity-{name}") for name, text in ODD.items()],
        *[
            pytest.param("runs", "versions", text, id=f"versions-{name}")
            for name, text in ODD.items()
            if name != "other names"  # which versions may have
        ],
    ],
)
def test_odd_json_is_refused_in_one_line(path, random_search, filled, sql, table, column, text):
    filled(path, random_search)
    sealed(path, table, 1, sql, **{column: text})
    with pytest.raises(StudyError, match="is damaged") as error:
        everything(path)
    assert one_line(error)
    if table == "runs":
        with pytest.raises(StudyError, match="is damaged") as error, Study(path) as study:
            study.run([random_search], range(4), n_processes=1)
        assert one_line(error)


def changed(identity, **what):
    import json

    return json.dumps(json.loads(identity) | what, sort_keys=True)


@pytest.mark.parametrize(
    "what",
    [
        {"settings": [1]},
        {"settings": None},
        {"rules": []},
        {"rules": {"n_evaluations": "many"}},
        {"rules": {"n_evaluations": 20, "costs": [1]}},
        {"rules": {"n_evaluations": 20, "costs": "cost_s"}},
        {"rules": {"n_evaluations": 20, "reported": ["a"]}},
        {"rules": {"n_evaluations": 20, "reported": [["a"], {}]}},
        {"rules": {"n_evaluations": 20, "n_workers": 1}},  # not as we write it
        {"rules": {"n_evaluations": 20.0}},
        {"rules": {"budget_s": 5}},
        {"rules": {"rule_of_later": 1}},
        {"rules": {"n_evaluations": [20]}},
        {"objectives": "ab"},
        {"objectives": [1]},
        {"constraints": {"a": 1}},
        {"constraints": []},
        {"optimizer": None},
        {"benchmark": ["a"]},
        {"results_sha256": "ab"},
        {"results_sha256": "g" * 64},
        {"extra": 1},
    ],
    ids=str,
)
def test_an_identity_that_we_would_not_write_is_refused(path, random_search, filled, sql, what):
    filled(path, random_search, 1)
    sealed(path, "configurations", 1, sql, identity=changed(random_search.identity, **what))
    with pytest.raises(StudyError, match="is damaged, or newer: a configuration is unreadable") as error:
        Study(path)
    assert one_line(error)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("configurations", "label", "\x1b[2Jhidden"),
        ("configurations", "label", "a" * 1_000_000),
        ("configurations", "label", b"bytes"),
        ("configurations", "defaults", "[]"),
        ("configurations", "id", "text"),
        ("runs", "failure", "\x1b[2J"),
        ("runs", "failure", b"bytes"),
        ("runs", "failure", 5),
        ("runs", "run_seed", "many"),
        ("runs", "run_seed", -1),
        ("runs", "n_evaluations", "many"),
        ("runs", "n_evaluations", -1),
        ("runs", "n_evaluations", 2**62),
        ("runs", "n_evaluations", 19),
        ("columns", "name", "\x1b[2J"),
        ("columns", "name", b"value"),
        ("columns", "dtype", "object"),
        ("columns", "dtype", "<U99999999"),
        ("columns", "dtype", ">f8"),
        ("columns", "shape", "{}"),
        ("columns", "shape", "[20.0, 6]"),
        ("columns", "shape", "[20, 6, 1]"),
        ("columns", "shape", "[20, -6]"),
        ("columns", "shape", "[true, 6]"),
        ("columns", "shape", "[20, 7]"),
        ("columns", "shape", "[20, " + "9" * 40 + "]"),
        ("columns", "shape", "[20, 768614336404564651]"),  # the product is 4 in 64 bits
        ("columns", "shape", "[" * 100_000),
        ("columns", "data", "text"),
        ("columns", "data", b""),
        ("columns", "data", b"no zlib"),
        ("columns", "data", zlib.compress(b"short")),
        ("columns", "data", zlib.compress(bytes(120)) + b"more"),
        ("columns", "data", zlib.compress(bytes(10_000_000), 9)),
    ],
    ids=lambda what: f"{what!s:.20}",
)
def test_an_odd_value_is_refused_in_one_line(path, random_search, filled, sql, table, column, value):
    filled(path, random_search, 1)  # row 1 of columns is `archs`
    try:
        sealed(path, table, 1, sql, **{column: value})
    except sqlite3.IntegrityError:  # SQLite itself refuses a number of a row that is none
        return
    with pytest.raises(StudyError, match="is damaged") as error:
        everything(path)
    assert one_line(error)


def replaced(path, sql, name, array):
    """Another content of a column of the first run; `failed`, which it lacks, takes the place of `optimizer_s`."""
    instead = {"name": name, "dtype": "|b1"} if name == "failed" else {}
    place = "optimizer_s" if name == "failed" else name
    sealed_row = sql(path, "SELECT rowid FROM columns WHERE run = 1 AND name = ?", (place,))[0][0]
    sealed(path, "columns", sealed_row, sql, data=zlib.compress(np.ascontiguousarray(array).tobytes()), **instead)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("finished_s", np.arange(20.0)[::-1], "finished_s does not rise"),
        ("finished_s", np.full(20, np.nan), "finished_s does not rise"),
        ("failed", np.full(20, 2, "u1"), "failed is not true or false"),
    ],
)
def test_columns_that_no_run_has_are_refused(path, evolution, filled, sql, name, array, message):
    replaced(filled(path, evolution, 1), sql, name, array)  # of several workers: when each finished is stored
    with pytest.raises(StudyError, match=f"is damaged: run with seed 0 .{message}"):
        everything(path)


def test_a_small_file_does_not_become_large_arrays(path, random_search, filled, sql):
    """4 MB that inflate to 4 GB."""
    filled(path, random_search, 1)
    n = 500_000_000
    row = sql(path, "SELECT rowid FROM columns WHERE run = 1 AND name = 'value'")[0][0]
    deflate = zlib.compressobj(9)
    zeros = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(64))
    bomb = zeros + b"\0" * 4_000_000
    for name, shape in (("value", f"[{n}]"), ("archs", f"[{n}, 6]"), ("finished_s", f"[{n}]")):
        sql(path, "UPDATE columns SET shape = ?, data = ? WHERE run = 1 AND name = ?", (shape, bomb, name))
    sql(path, "DELETE FROM columns WHERE name NOT IN ('value', 'archs', 'finished_s')")
    sealed(path, "runs", 1, sql, n_evaluations=n)
    assert row
    tracemalloc.start()
    with Study(path) as study, pytest.raises(StudyError, match=r"is damaged: run with seed 0 .* cannot hold"):
        list(study.runs(random_search))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


def test_a_run_of_very_many_columns_is_refused(path, random_search, filled, sql):
    filled(path, random_search, 1)
    sql(
        path,
        "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 2000)"
        " INSERT INTO columns SELECT 1, 'c' || x, '<f8', '[20]', x'00' FROM c",
    )
    sealed(path, "runs", 1, sql, n_evaluations=20)
    with pytest.raises(StudyError, match=r"is damaged: run with seed 0 .it is larger .* more than 1,000 columns"):
        everything(path)


HARMFUL = {
    "view": [
        "ALTER TABLE configurations RENAME TO other",
        "CREATE VIEW configurations AS WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
        " SELECT x AS id, 'a' AS identity, '' AS label, '{}' AS defaults, '' AS digest FROM c",
    ],
    "trigger": ["CREATE TRIGGER t BEFORE INSERT ON configurations BEGIN DELETE FROM runs; END"],
    "trigger on claims": ["CREATE TRIGGER t AFTER INSERT ON claims BEGIN DELETE FROM runs; END"],
    "another table": ["CREATE TABLE more (a)"],
    "virtual table": ["CREATE VIRTUAL TABLE more USING fts5 (a)"],
    "statistics": ["ANALYZE"],
    "index": ["CREATE INDEX i ON runs (abs(run_seed))"],
    "generated column": ["ALTER TABLE runs ADD COLUMN more AS (zeroblob(1000000000))"],
    "another column": ["ALTER TABLE runs ADD COLUMN more"],
    "a table less": ["DROP TABLE claims"],
    "other text": ["DROP TABLE claims", "CREATE TABLE claims (configuration, run_seed, host, pid, token, heartbeat)"],
    "escapes": ['CREATE TABLE "\x1b[2J" (a)'],
}


@pytest.mark.parametrize("statements", HARMFUL.values(), ids=HARMFUL)
def test_a_schema_that_is_not_ours_is_refused_and_nothing_of_it_is_executed(
    path, random_search, filled, sql, statements
):
    filled(path, random_search)
    for statement in statements:
        sql(path, statement)
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(StudyError, match=r"is no study: it holds the|its tables are not those") as error:
            Study(path, create=create)
        assert one_line(error)
    assert path.read_bytes() == before


def test_a_file_that_lists_tables_without_end_is_refused(path, random_search, filled):
    with contextlib.closing(sqlite3.connect(filled(path, random_search, 1))) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 20000)"
            " INSERT INTO sqlite_master SELECT 'table', 't' || x, 't' || x, 2, 'CREATE TABLE t' || x || ' (a)' FROM c"
        )
    with pytest.raises(StudyError) as error:
        Study(path)
    assert one_line(error)


def test_a_claim_made_to_keep_everybody_waiting_lapses(path, random_search, sql):
    with Study(path) as study:
        study.run([random_search], range(1), n_processes=1)
    for seed, host, pid, heartbeat in (
        (1, "elsewhere", 1, 1e300),
        (2, "elsewhere", 1, time.time() - 1_000),
        (3, b"odd", "odd", "odd"),
        (4, "elsewhere", 1, float("inf")),
    ):
        sql(path, "INSERT INTO claims VALUES (1, ?, ?, ?, '', ?)", (seed, host, pid, heartbeat))
    with Study(path) as study:
        assert study.run([random_search], range(6), n_processes=1) == (5, 1, 0)


# ---- the format ----


def test_a_column_that_is_absent_has_a_default_and_one_that_is_unknown_is_passed_over(path, random_search, filled, sql):
    before = everything(filled(path, random_search, 1))
    needed = ("archs", "value", "cost_s")
    sql(path, "UPDATE columns SET name = 'of_later' WHERE name = 'optimizer_s'")
    sql(path, f"DELETE FROM columns WHERE name NOT IN {(*needed, 'of_later')}")
    sealed(path, "runs", 1, sql, n_evaluations=20)
    with Study(path) as study:
        (run,) = study.runs(random_search)
    records = run.records
    assert records.trial.tolist() == list(range(20))
    assert (records.values == records.value[:, None]).all()
    assert not records.violation.any()
    assert not records.failed.any()
    assert set(records.seed.tolist()) == set(records.epoch.tolist()) == {-1}
    assert records.finished_s.tolist() == np.cumsum(records.cost_s).tolist()
    assert records.started_s.tolist() == [0, *records.finished_s[:-1]]
    assert records.value.tobytes() in before[random_search.identity, "random_search"][0][0]


@pytest.mark.parametrize("name", ["archs", "value", "finished_s"])
def test_a_run_without_what_has_no_default_is_refused(path, random_search, filled, sql, name):
    filled(path, random_search, 1)
    without = ("finished_s", "cost_s") if name == "finished_s" else (name, name)  # else it is the sum of the costs
    sql(path, "DELETE FROM columns WHERE name IN (?, ?)", without)
    sealed(path, "runs", 1, sql, n_evaluations=20)
    with pytest.raises(StudyError, match=f"is damaged: run with seed 0 .there is no {name}"):
        everything(path)


def test_a_run_that_compresses_too_well_to_be_believed_is_stored_so_that_it_is(random_search):
    from nasbench_kit.study import execute

    short = execute(random_search, 0)
    constant = type(short)(*(np.repeat(array[:1], 200_000, axis=0) for array in short))
    packed = columns.pack(constant)
    again = columns.unpack(packed, 200_000)
    assert all(np.array_equal(mine, other, equal_nan=True) for mine, other in zip(constant, again, strict=True))


def test_the_documented_schema_is_the_schema():
    from pathlib import Path

    page = Path(__file__).parents[2] / "docs" / "study-format.md"
    text = " ".join(page.read_text().split())
    for statement in database._SCHEMA.split(";"):
        assert " ".join(statement.split()) in text
    assert f"format {SCHEMA_VERSION}" in text
