"""Tells what failed when it fails, not only in the end: a run that is cut off has then said it."""

from __future__ import annotations

import pytest


class Aloud:
    """A plugin of the process that reports (with workers: not theirs)."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)  # after the letter that stands for it
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A line with its name and the first line of why."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and isinstance(reporter, pytest.TerminalReporter):
            reporter.write_line(f"\nFAILED {report.nodeid} - {_why(report)}")


def _why(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(getattr(crash, "message", None) or report.longrepr or "no reason")
    return text.strip().splitlines()[0][:200]
