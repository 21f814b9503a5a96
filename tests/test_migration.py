"""The run-book of those who come from the predecessor: each command in it is one that there is."""

from __future__ import annotations

import re

import pytest
import typer.main
from pydantic import BaseModel

from tests.support.paths import ROOT
from translink.admin.routes.openapi import OPERATIONS
from translink.admin.routes.requests import LegChange, ModeChange
from translink.cli import commands

DOCS = ROOT / "docs"
ROWS = [
    [cell.replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in (DOCS / "migration.md").read_text(encoding="utf-8").split("## ")[1].splitlines()
    if line.startswith("| ")
][1:]
BODIES: dict[str, type[BaseModel]] = {"/api/mode": ModeChange, "/api/legs/{leg}": LegChange}
SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "python").rglob("*.py"))
)


def commands_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def operation(method: str, path: str) -> str | None:
    """Its path in the table; None: there is none."""
    for known, template in OPERATIONS:
        if known == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return template
    return None


def test_it_has_a_line_for_each_job() -> None:
    assert len(ROWS) >= 10
    jobs = " ".join(row[0] for row in ROWS)
    for job in ("streaming on", "roll back", "restart", "watch it", "which mode"):
        assert job in jobs


@pytest.mark.parametrize("job", ROWS, ids=lambda row: row[0].strip())
def test_what_it_says_can_be_done(job: list[str]) -> None:
    known = typer.main.get_command(commands).commands  # type: ignore[attr-defined]
    for said in commands_in(job[2]):
        if words := re.match(r"translink (\w+)", said):
            assert words[1] in known
        method = "PATCH" if "PATCH" in said else "POST" if "POST" in said else "GET"
        for path in re.findall(r"(?:localhost:3020|^)(/[\w/]+)", said):
            template = operation(method, path)
            assert template is not None, said
            for body in re.findall(r"-d '([^']+)'", said):
                BODIES[template].model_validate_json(body)
        if said.startswith("-d '"):  # "as above"
            ModeChange.model_validate_json(said[4:-1])
    for said in commands_in(job[1]) + commands_in(job[2]):
        if pattern := re.match(r"grep (?:-E )?'?([^']+)'?", said):
            assert re.search(pattern[1], SOURCES), said
    for file in re.findall(r"\]\(([^)#]+)", job[2]):
        assert (DOCS / file).is_file()
