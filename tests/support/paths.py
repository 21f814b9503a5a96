"""Where the checkout is, and the reference material beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
"""Of the checkout."""
SHARED = ROOT.parent / "shared"
"""Recorded messages, official schemas, timed talks; never part of the repository."""
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared beside the checkout")
