"""What the capacity row carried, for the rows after it.

Not in that row's own module: pytest loads the rows under other names than `import` does, so a row that
imports another has a second copy of it, in which nothing was ever carried.
"""

from __future__ import annotations

carried: list[int] = []
"""Calls of each step that kept every condition, in this run."""
