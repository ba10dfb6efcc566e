"""Debian's Grid Engine, of one machine. Its settings, books and spool are in one folder, put over Debian's."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.systems.starting import HOST, NotHadError, called, said, wait

PACKAGES = ("gridengine-master", "gridengine-exec", "gridengine-client")
PROGRAMS = ("sge_qmaster", "sge_execd", "qsub")
_ROOT, _SPOOL, _ADMIN = Path("/var/lib/gridengine"), Path("/var/spool/gridengine"), "sgeadmin"
_PLACES = (_ROOT / "default", _SPOOL, Path("/run/gridengine"))
_SHARE = Path("/usr/share/gridengine")
_SLOTS = 4
_NONE = "NONE"
_EXECUTION_HOST = {
    "hostname": HOST, "load_scaling": _NONE, "complex_values": _NONE, "user_lists": _NONE, "xuser_lists": _NONE,
    "projects": _NONE, "xprojects": _NONE, "usage_scaling": _NONE, "report_variables": _NONE,
}  # fmt: skip
_ENVIRONMENT = {
    "pe_name": "smp", "slots": "99", "user_lists": _NONE, "xuser_lists": _NONE, "start_proc_args": _NONE,
    "stop_proc_args": _NONE, "allocation_rule": "$pe_slots", "control_slaves": "FALSE", "job_is_first_task": "TRUE",
    "urgency_slots": "min", "accounting_summary": "FALSE", "qsort_args": _NONE,
}  # fmt: skip
# Jobs begin at once; root may submit them; its default is a user of 1000 or more.
_SCHEDULER = {"schedule_interval": "0:0:2", "flush_submit_sec": "1", "flush_finish_sec": "1"}
_GLOBAL = {"min_uid": "0", "min_gid": "0"}
_QUEUE = {
    "qname": "all.q", "hostlist": "@allhosts", "slots": str(_SLOTS), "pe_list": "smp", "shell": "/bin/bash",
    "shell_start_mode": "unix_behavior", "load_thresholds": _NONE,
}  # fmt: skip


def begin(folder: Path) -> dict[str, str]:
    """Start its programs; the variables by which others find it. Raises NotHadError."""
    environment = {"SGE_ROOT": str(_ROOT), "SGE_CELL": "default"}
    _make_cell(folder)
    called("sge_qmaster")
    wait(lambda: bool(said("qconf", "-sm", environment=os.environ)), "sge_qmaster does not answer")
    _configure(folder)
    called("sge_execd")
    return environment


def answers(environment: Mapping[str, str]) -> bool:
    """Whether a job runs."""
    words = ["qsub", "-sync", "y", "-b", "y", "-o", os.devnull, "-e", os.devnull, "true"]
    return "exited with exit code 0" in said(*words, environment=environment)


def _make_cell(folder: Path) -> None:
    """A cell in which nothing has been submitted."""
    folder.chmod(0o755)
    for number, place in enumerate(_PLACES):
        own = folder / str(number)
        own.mkdir()
        place.mkdir(parents=True, exist_ok=True)
        called("mount", "--bind", str(own), str(place))
    for made in (_ROOT / "default/common", _SPOOL / "qmaster/job_scripts", _SPOOL / "spooldb", _SPOOL / "execd"):
        made.mkdir(parents=True)
    (_ROOT / "default/common/bootstrap").write_text((_SHARE / "default-bootstrap").read_text())
    (_ROOT / "default/common/act_qmaster").write_text(f"{HOST}\n")
    for place in _PLACES:
        called("chown", "--recursive", f"{_ADMIN}:", str(place))
    script = f"{_SHARE}/scripts/init_cluster {_ROOT} default {_SPOOL}/spooldb {_ADMIN}"
    called("su", "--shell", "/bin/sh", "--command", script, _ADMIN)


def _configure(folder: Path) -> None:
    """One machine, one queue, one parallel environment, all allowed."""
    called("qconf", "-ah", HOST)
    called("qconf", "-as", HOST)
    _put(folder, "-Ae", _EXECUTION_HOST)
    _put(folder, "-Ahgrp", {"group_name": "@allhosts", "hostlist": HOST})
    _put(folder, "-Ap", _ENVIRONMENT)
    _put(folder, "-Msconf", _SCHEDULER, known="-ssconf")
    _put(folder, "-Mconf", _GLOBAL, known="-sconf")
    _put(folder, "-Aq", _QUEUE, known="-sq")


def _put(folder: Path, option: str, values: Mapping[str, str], known: str = "") -> None:
    """Give Grid Engine settings, of what it has by itself (`known`) those that are to be others."""
    before = _settings(said("qconf", known, environment=os.environ)) if known else {}
    if known and not before:
        raise NotHadError(f"qconf {known} does not answer")
    path = folder / "global"  # by this name it knows the settings of all hosts
    path.write_text("".join(f"{name} {value}\n" for name, value in {**before, **values}.items()))
    called("qconf", option, str(path))


def _settings(text: str) -> dict[str, str]:
    joined = text.replace("\\\n", " ")
    pairs = [line.split(None, 1) for line in joined.splitlines() if not line.startswith("#")]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
