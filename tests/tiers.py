"""Quick and full: `make test` runs small sizes, REENACT_TEST_FULL=1 those of the issue."""

from __future__ import annotations

import os

FULL = bool(os.environ.get("REENACT_TEST_FULL"))
