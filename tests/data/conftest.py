"""Scripts of `data/` are imported as they import each other when they run: from their own folder."""

import sys
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "data"
sys.path.insert(0, str(DATA))
