"""A queueing system in one file, for tests: it answers as the commands of SLURM and Grid Engine do.

As which, its name on the path says. Jobs are processes of this machine, one after the other as they come. All it knows
lies in the folder FAKE_QUEUE, where a test may put:

hold      while it is there, jobs wait
refuse    what sbatch or qsub says to every job
busy      so many calls that are not answered, one a line
lose      the numbers of the submissions (from 1) whose jobs are cancelled as they begin, one a line
calls     (written) the words of each call, a line each
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ["FAKE_QUEUE"])


def main() -> None:
    name, words = Path(sys.argv[0]).name, sys.argv[1:]
    if name == "supervise":
        return supervise(Path(words[0]))
    with (HOME / "calls").open("a") as calls:
        calls.write(" ".join([name, *words]) + "\n")
    if take_line("busy"):
        sys.exit(f"{name}: error: Unable to contact slurm controller (connect failure): try again")
    commands = {"sbatch": submit, "qsub": submit, "squeue": squeue, "qstat": qstat, "scancel": cancel, "qdel": cancel,
                "sacct": nothing, "qacct": qacct}  # fmt: skip
    return commands[name](words)


def take_line(name: str) -> str | None:
    """The first line of a file, which it then lacks."""
    try:
        first, *rest = (HOME / name).read_text().splitlines()
    except (FileNotFoundError, ValueError):
        return None
    (HOME / name).write_text("".join(f"{line}\n" for line in rest))
    return first


def submit(words: list[str]) -> None:
    if (HOME / "refuse").exists():
        sys.exit((HOME / "refuse").read_text())
    text, script = " ".join(words), sys.stdin.read()
    is_sge = Path(sys.argv[0]).name == "qsub"
    array = re.search(r"-t 1-(\d+)" if is_sge else r"--array=0-(\d+)", text)
    log = re.search(r"-o (\S+)" if is_sge else r"--output=(\S+)", text)
    number = len(list(HOME.glob("job-*"))) + 1
    while True:
        try:
            (HOME / f"job-{number}").mkdir()
            break
        except FileExistsError:
            number += 1
    tasks = range(1, int(array[1]) + 1) if array and is_sge else range(int(array[1]) + 1) if array else [None]
    for task in tasks:
        name = f"{number}" if task is None else f"{number}.{task}" if is_sge else f"{number}_{task}"
        folder = HOME / f"job-{number}" / name
        folder.mkdir()
        (folder / "script").write_text(script)
        (folder / "log").write_text(
            log[1].replace("$TASK_ID", str(task)).replace("%a", str(task)) if log else "/dev/null"
        )
        (folder / "task").write_text("" if task is None else str(task))
        (folder / "number").write_text(str(number))
        start = [sys.executable, "-S", "-E", str(HOME / "bin/supervise"), str(folder)]
        subprocess.Popen(start, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)  # fmt: skip
    print(number)


def supervise(folder: Path) -> None:
    """Run a job to its end, and note that."""
    while (HOME / "hold").exists():
        time.sleep(0.01)
    number, task = (folder / "number").read_text(), (folder / "task").read_text()
    lost = (HOME / "lose").read_text().split() if (HOME / "lose").exists() else []
    if (folder / "end").exists() or number in lost:
        end(folder, "CANCELLED")
        return
    environment = os.environ | {"SLURM_JOB_ID": number, "SLURM_ARRAY_TASK_ID": task, "SGE_TASK_ID": task}
    with (Path((folder / "log").read_text())).open("wb") as log:
        job = subprocess.Popen(["/bin/bash", folder / "script"], env=environment, stdout=log, stderr=log)
        (folder / "pid").write_text(str(job.pid))
        end(folder, "COMPLETED" if job.wait() == 0 else "FAILED")


def end(folder: Path, word: str) -> None:
    if not (folder / "end").exists():
        (folder / "end").write_text(word)


def jobs() -> list[tuple[str, str]]:
    """Each job, and its state as SLURM has it."""
    found = []
    for folder in sorted(HOME.glob("job-*/*")):
        state = (folder / "end").read_text() if (folder / "end").exists() else ""
        found.append((folder.name, state or ("RUNNING" if (folder / "pid").exists() else "PENDING")))
    return found


def squeue(_: list[str]) -> None:
    for name, state in jobs():
        print(f"{name}|{state}|{'Resources' if state == 'PENDING' else 'None'}")


def qstat(_: list[str]) -> None:
    states = {"RUNNING": "r", "PENDING": "qw"}
    print(
        "job-ID  prior   name       user         state submit/start at     queue          slots ja-task-ID\n" + "-" * 80
    )
    for name, state in jobs():
        number, _, task = name.partition(".")
        if state in states:
            queue = "all.q@host" if state == "RUNNING" else ""
            print(f"{number:>7} 0.55500 name user {states[state]:>8} 11/26/2026 10:00:00 {queue:>20} 1 {task}")


def qacct(words: list[str]) -> None:
    name = ".".join([words[words.index("-j") + 1], *words[words.index("-t") + 1 :]] if "-t" in words else words[1:2])
    state = dict(jobs()).get(name)
    if state not in {"COMPLETED", "FAILED"}:
        sys.exit(f"error: job id {name} not found")
    print(f"jobnumber {name}\nfailed       0\nexit_status  {int(state == 'FAILED')}")


def cancel(words: list[str]) -> None:
    names = words
    if Path(sys.argv[0]).name == "qdel":
        names = [f"{words[0]}.{words[2]}" if "-t" in words else words[0]]
    for folder in (found for name in names for found in HOME.glob(f"job-*/{name}")):
        end(folder, "CANCELLED")
        if (folder / "pid").exists():
            for number in (signal.SIGTERM, signal.SIGKILL):
                kill(int((folder / "pid").read_text()), number)


def kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
        if number == signal.SIGTERM:
            time.sleep(0.1)
    except ProcessLookupError:
        return


def nothing(_: list[str]) -> None:
    sys.exit("Slurm accounting storage is disabled")


if __name__ == "__main__":
    main()
