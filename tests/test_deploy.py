"""What is in `deploy/`, held against the programs and schemas that read it."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT

UNIT = ROOT / "deploy" / "translink.service"
MOST_EXPOSED = 2.0
"""Of 10, as `systemd-analyze security` counts."""


def test_the_unit_drains_on_stop_and_notifies() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)
    assert "time-sync.target" in unit["Unit"]["After"].split()
    service = unit["Service"]
    assert (service["Type"], service["KillSignal"], service["KillMode"]) == (
        "notify",
        "SIGUSR1",
        "mixed",
    )
    assert float(service["WatchdogSec"]) > 0
    limit = re.search(r"TRANSLINK_DRAIN__LIMIT=(\d+)", UNIT.read_text())
    assert limit is not None
    assert float(service["TimeoutStopSec"]) > float(limit[1]) + 10, "10 s: drain_timeout"


def test_systemd_finds_the_unit_well_guarded() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT CHECKED: no systemd-analyze here (apt-get install systemd)")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("NOT CHECKED: this systemd-analyze has no --offline (systemd 250 has)")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED, done.stdout
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    unknown = [line for line in checked.stderr.splitlines() if "Unknown" in line]
    assert not unknown, "directives that systemd passes over"


def manifests() -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="NOT CHECKED: pip install kubernetes-validate")
    return [
        document
        for path in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    ]


def test_the_manifests_keep_to_the_published_schemas_of_kubernetes() -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason="NOT CHECKED: pip install kubernetes-validate"
    )
    kinds = []
    for manifest in manifests():
        validator.validate(manifest, validator.latest_version(), strict=True)
        kinds.append(manifest["kind"])
    assert sorted(kinds) == ["Deployment", "PodDisruptionBudget"]


def test_a_pod_may_take_as_long_as_its_drain() -> None:
    (deployment,) = (each for each in manifests() if each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    limit = next(
        float(each["value"])
        for each in container["env"]
        if each["name"] == "TRANSLINK_DRAIN__LIMIT"
    )
    assert pod["terminationGracePeriodSeconds"] > limit + 10, "10 s: drain_timeout"
    assert container["lifecycle"]["preStop"]["exec"]["command"][:2] == ["translink", "drain"]
    assert pod["hostNetwork"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    # What runs is the same that the budget is for.
    (budget,) = (each for each in manifests() if each["kind"] == "PodDisruptionBudget")
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]


def test_the_image_is_built_from_what_is_there_and_runs_without_a_shell() -> None:
    steps = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", steps, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists(), name
    last = steps[steps.rindex("\nFROM ") :]
    (user,) = re.findall(r"^USER (.+)$", last, re.MULTILINE)
    assert user == "12345:12345"
    # A volume that is mounted there takes the owner: root's could not be written.
    assert "\nRUN install -d -m 700 -o 12345 -g 12345 /var/lib/translink\n" in last
    for word in ("ENTRYPOINT", "CMD"):
        (command,) = re.findall(rf"^{word} (.+)$", last, re.MULTILINE)
        assert json.loads(command), "the exec form: no shell"
    (probe,) = re.findall(r"^HEALTHCHECK .*CMD (.+)$", last, re.MULTILINE)
    assert json.loads(probe) == ["translink", "health"]
    assert "STOPSIGNAL SIGUSR1" in last


def test_an_image_with_the_local_engines_has_the_programs_that_they_start() -> None:
    steps = (ROOT / "Dockerfile").read_text()
    last = steps[steps.rindex("\nFROM ") :]
    assert "\nARG EXTRAS=\n" in last, "an ARG ends with its stage"
    (programs,) = re.findall(r"\*,offline,\*\) echo ([^;]+) ;;", last)
    machine = (ROOT / "tools" / "machine").read_text()
    (demo,) = re.findall(r"demo \| test\)\n(.+?);;", machine, re.DOTALL)
    needed = re.findall(r"want_(?:program|file) \S+ (\S+)", demo)
    assert len(needed) >= 4
    assert set(programs.split()) == set(needed)


def test_no_log_of_a_container_grows_without_end() -> None:
    yaml = pytest.importorskip("yaml", reason="NOT CHECKED: pip install kubernetes-validate")
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name, service in services.items():
        logging = service.get("logging", {})
        assert logging.get("driver") == "local", name
        assert logging["options"].keys() == {"max-size", "max-file"}, name
    said = (ROOT / "docs" / "operate.md").read_text()
    run = re.findall(r"^docker run (?:.*\\\n)*.*", said, re.MULTILINE)
    assert run
    assert all("--log-driver local" in line for line in run)


def test_compose_mounts_what_is_there() -> None:
    yaml = pytest.importorskip("yaml", reason="NOT CHECKED: pip install kubernetes-validate")
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services.keys() == {"translink", "prometheus", "grafana"}
    users_own = {"./translink.toml"}
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in users_own or Path(ROOT, source).exists(), source
    assert services["translink"]["read_only"]
