"""Studies: many runs in one database file, resumable, filled by as many processes as there are."""

from nasbench_kit.study.building import defaults_of
from nasbench_kit.study.configuration import Configuration
from nasbench_kit.study.database import SCHEMA_VERSION
from nasbench_kit.study.recorded import RecordedRun, Recording, read_recording, recorded_in_words
from nasbench_kit.study.running import execute, open_same
from nasbench_kit.study.study import RunCounts, StoredRun, Study
from nasbench_kit.study.versions import versions_of

__all__ = [
    "SCHEMA_VERSION",
    "Configuration",
    "RecordedRun",
    "Recording",
    "RunCounts",
    "StoredRun",
    "Study",
    "defaults_of",
    "execute",
    "open_same",
    "read_recording",
    "recorded_in_words",
    "versions_of",
]
