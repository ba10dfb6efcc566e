"""A queueing system for tests, put first on the path: see queue_program.py."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.running import wait_until

_PROGRAM = Path(__file__).with_name("queue_program.py")
_NAMES = ("sbatch", "squeue", "sacct", "scancel", "qsub", "qstat", "qacct", "qdel", "supervise")


class Queue:
    """One that runs in the folder `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "bin").mkdir(parents=True)
        text = _PROGRAM.read_text(encoding="utf-8")
        for name in _NAMES:
            path = home / "bin" / name
            path.write_text(f"#!{sys.executable} -SE\n{text}", encoding="utf-8")
            path.chmod(0o755)

    @contextmanager
    def there(self) -> Iterator[None]:
        """In this block it is the one on the path; afterwards its jobs are ended."""
        before = dict(os.environ)
        os.environ |= {"PATH": f"{self.home / 'bin'}{os.pathsep}{before['PATH']}", "FAKE_QUEUE": str(self.home)}
        try:
            yield
        finally:
            self.cancel(*self.jobs())
            self.release()
            os.environ.clear()
            os.environ.update(before)

    def calls(self, name: str) -> list[str]:
        """The calls of a command, each as one text."""
        path = self.home / "calls"
        return [line for line in (path.read_text().splitlines() if path.exists() else ()) if line.split()[0] == name]

    def jobs(self) -> list[str]:
        """All jobs there have been."""
        return sorted(folder.name for folder in self.home.glob("job-*/*"))

    def running(self) -> list[str]:
        """The jobs that run."""
        return sorted(path.parent.name for path in self.home.glob("job-*/*/pid") if not (path.parent / "end").exists())

    def cancel(self, *names: str) -> None:
        """Cancel jobs, as somebody else would."""
        if names:
            import subprocess

            subprocess.run(
                [self.home / "bin/scancel", *names], check=True, env=os.environ | {"FAKE_QUEUE": str(self.home)}
            )

    def hold(self) -> None:
        """Let no job begin."""
        (self.home / "hold").touch()

    def release(self) -> None:
        """Let jobs begin again."""
        (self.home / "hold").unlink(missing_ok=True)

    def wait_for(self, count: int) -> None:
        """Wait until so many jobs run."""
        wait_until(lambda: len(self.running()) >= count, f"for {count} jobs to run")
