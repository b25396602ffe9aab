"""Studies: many runs in one database file, resumable, filled by as many processes as there are."""

from nasbench_kit.study.configuration import Configuration, execute
from nasbench_kit.study.database import SCHEMA_VERSION, StoredRun, Study

__all__ = ["SCHEMA_VERSION", "Configuration", "StoredRun", "Study", "execute"]
