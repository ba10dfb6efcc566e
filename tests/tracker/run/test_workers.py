"""A stage in a warm worker does what its command does in a shell: the same files, log and exit status."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from morphseq_manifest.base import system
from morphseq_manifest.tracker.dvc.stages import Stage
from morphseq_manifest.tracker.run.engines import LocalEngine
from morphseq_manifest.tracker.run.plain_commands import PlainCommands
from morphseq_manifest.tracker.run.plain_commands import words_of as words_of_command
from morphseq_manifest.tracker.run.task import WORKER_LOST, Task, make_task, module_of
from tests.running import wait_until, words_of

pytestmark = pytest.mark.skipif(not system.FORKS, reason="elsewhere a module is started as any other command")

MODULES = {
    "ends_well": "print('out')\nimport sys\nprint('err', file=sys.stderr)\nprint('out again')",
    "ends_with_3": "import sys\nprint('before')\nsys.exit(3)",
    "ends_with_text": "raise SystemExit('what went wrong')",
    "ends_with_none": "raise SystemExit",
    "ends_with_minus_1": "raise SystemExit(-1)",
    "ends_with_true": "raise SystemExit(True)",
    "ends_hard": "import os\nprint('said', flush=True)\nprint('lost')\nos._exit(7)",
    "raises": "import inner\ninner.fail()",
    "raises_in_a_chain": "try:\n    {}['key']\nexcept KeyError as error:\n    raise ValueError('other') from error",
    "raises_in_many": "raise ExceptionGroup('some', [ValueError(1), OSError(2, 'no')])",
    "wrong_syntax": "def (:",
    "shows_itself": "import sys\nprint(__name__, __file__, sys.argv, sys.path[0], sys.modules['__main__'].__file__)\n"
    "print(__spec__.name, __package__, __builtins__ is not None, sys.stdout.encoding, sys.stdin.read())",
    "shows_where": "import os\nprint(os.getcwd(), *(os.environ[name] for name in ('DVC_ROOT', 'DVC_STAGE', 'GIVEN')))",
    "leaves_later": "import atexit\nprint('now')\natexit.register(print, 'later')\nraise SystemExit(4)",
    "warns": "import warnings\nwarnings.warn('old', DeprecationWarning)\nprint('after')",
    "says_odd_things": "import sys\nprint('é 日本', file=sys.stderr)\nprint('\\udcff', file=sys.stderr)\n"
    "print('\\udcff')",
    "has_a_thread": "import threading\nthreading.Timer(0.05, print, ['from a thread']).start()\nprint('main')",
    "has_processes": "import multiprocessing\ndef double(n): return 2 * n\nif __name__ == '__main__':\n"
    "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(double, [1, 2]))",
    "has_dataclass": "import dataclasses, pickle\n@dataclasses.dataclass\nclass A:\n    n: int\n"
    "print(pickle.loads(pickle.dumps(A(1))), A.__module__)",
    "closes_its_output": "import sys\nsys.stdout.close()\nsys.exit(5)",
    "writes_by_itself": "import os\nprint('first', flush=True)\nos.write(1, b'second\\n')\nos.system('echo third')",
    "is_killed": "import os, signal\nprint('before', flush=True)\nos.kill(os.getpid(), signal.SIGTERM)",
    "counts": "with open('count', 'a') as file:\n    file.write('x')",
    "kills_its_worker": "import os, signal, sys\nif 'now' in sys.argv: os.kill(os.getppid(), signal.SIGKILL)",
    "asks_for_main": "with open('imported', 'a') as file:\n    file.write(__name__ + ' ')\n"
    "if __name__ == '__main__':\n    print('main')",
    "package.inside": "from . import beside\nimport package.beside as again\n"
    "print(beside is again, __package__, __name__)",
    "package.__main__": "print('the package')",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modules")
    for name, text in {**MODULES, "inner": "def fail():\n    raise ValueError('inside')", "package.beside": ""}.items():
        path = folder / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n")
    return folder


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    found = LocalEngine()
    yield found
    found.close()
    os.environ["PATH"] = before


def warm(engine: LocalEngine, root: Path, *commands: str) -> tuple[int, str]:
    env = {"DVC_ROOT": str(root), "DVC_STAGE": "name@key", "GIVEN": "1"}
    task = Task(str(root), "name@key", list(commands), str(root / "log"), env, ["json", "no_such_module"])
    code = engine.perform(task).code
    return code, (root / "log").read_text(errors="surrogateescape")


def by_shell(root: Path, *commands: str) -> tuple[int, str]:
    env = os.environ | {"DVC_ROOT": str(root), "DVC_STAGE": "name@key", "GIVEN": "1"}
    with (root / "log").open("w") as log:
        for command in commands:
            shell = os.environ.get("SHELL") or "/bin/sh"
            code = subprocess.run(
                [shell, "-c", command], cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            ).returncode
            if code:
                break
    return code, (root / "log").read_text(errors="surrogateescape")


@pytest.mark.parametrize("module", [*MODULES, "package", "no_such_one"])
def test_a_module_does_in_a_warm_worker_what_it_does_in_a_shell(engine: LocalEngine, root: Path, module: str) -> None:
    command = f"python -m {module} 'a' b.c --model=x '20240418'"
    assert module_of(command) is not None
    expected = by_shell(root, command)
    # What the interpreter is called differs where it is started by another name.
    names = {f"{Path(sys.executable).parent}/{name}" for name in ("python", "python3", Path(sys.executable).name)}
    for _ in range(2):
        code, log = warm(engine, root, command)
        for name in sorted(names, key=len, reverse=True):
            log, expected = log.replace(name, "python"), (expected[0], expected[1].replace(name, "python"))
        assert (code, log) == expected or (module == "is_killed" and _ended_by_signal(*expected, code, log))


def _ended_by_signal(shell_code: int, shell_log: str, code: int, log: str) -> bool:
    """Whether both say SIGTERM: a shell that waits for its last command says so in its own words, others become it."""
    return shell_code == 128 + 15 and code == -15 and shell_log.startswith(log) and log == "before\n"


def test_only_a_module_that_asks_for_main_is_imported_before_it_is_run(root: Path) -> None:
    engine = LocalEngine()
    for name in ("count", "imported"):
        (root / name).unlink(missing_ok=True)
    for command in ("python -m counts", "python -m asks_for_main"):
        assert [warm(engine, root, command)[0] for _ in range(2)] == [0, 0]
    engine.close()
    assert (root / "count").read_text() == "xx"
    assert (root / "imported").read_text() == "asks_for_main __main__ __main__ ", (
        "once a worker, in the project's folder"
    )


@pytest.mark.parametrize(
    "commands",
    [
        ["echo \"$DVC_STAGE\" 'a  b' | tr a-z A-Z && exit 3"], ["false; echo go on"],
        ["echo one", "exit 4", "echo never"],
        ["echo one", "python -m ends_well", "echo $0 three"], ["python -m ends_with_3", "echo never"],
        ["python -m ends_well $GIVEN"], ["python  -m ends_well"], ["no_such_command"], ["kill -9 $$"], ["for"], [""],
        ["python -m shows_itself a* '*' \"$GIVEN\""], ["set -e; false; echo never"], ["cat"], ["ls no_such_file"],
        ["cat 'no such file' -"], ["/bin/echo 'a  b'  c,d +e %f @g=h"], ["touch 'a b'", "ls", "rm 'a b'"], ["./script"],
        ["printf %s a"], ["test a"], ["env -u HOME printenv DVC_STAGE PWD"], ["./not_to_be_run"], ["./no/such"],
        ["ends_well.py"],
    ],
)  # fmt: skip
def test_any_other_command_runs_as_in_a_shell(engine: LocalEngine, root: Path, commands: list[str]) -> None:
    for name, mode in {"script": 0o755, "not_to_be_run": 0o644}.items():
        (root / name).write_text("echo without a first line that says by what")
        (root / name).chmod(mode)
    assert warm(engine, root, *commands) == by_shell(root, *commands)


@pytest.mark.parametrize(
    "command",
    [
        "python -m a 'b c'", "python -m a $X", "python -m a ~", "python -m a b*", "python -m a; b", "python -m a > b",
        "python -m a | b", "python -m a &", "python -m a b\\ c", "python -m a `b`", "python -m a #b",
        "python -m a {b,c}",
        "X=1 python -m a", "python3 -m a", "python -u -m a", "python a.py", "python -m a b[1]", "python -m a !b",
        "python -m a \"b\"", "python -m  a", " python -m a", "python -m a ", "python -m a\nb", "python -m a 'b", "",
    ],
)  # fmt: skip
def test_what_a_shell_may_take_for_more_than_words_is_left_to_it(command: str) -> None:
    assert module_of(command) is None


@pytest.mark.parametrize(
    "command",
    [
        "cp a b &", "cp $A b", "cp a* b", "cp ~/a b", "cp a b; ls", "cp a b | cat", "cp a b > c", "cp {a,b} c",
        "cp a \\ b", "A=1 cp a b", "cp a b #c", "cp \"a\" b", "cp 'a", "(cp a b)", "cp `a` b", "cp a?  b", "cp [a] b",
        "!cp a b", "cp a\nb", "echo a", "true", "cd a", "exec cp a b", "time cp a b", "no_such_program a", " cp a b",
        "cp a b ", "'cp' a b", "",
    ],
)  # fmt: skip
def test_what_needs_a_shell_gets_one(command: str) -> None:
    assert words_of_command(command) is None


def test_what_needs_no_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not so if the shell would read a file first, or have a function of that name."""
    monkeypatch.setenv("SHELL", "/bin/bash")
    command = "cp -r 'a  $b' c/d.e_f-g:h,i%j+k@l=m"
    expected = ["cp", "-r", "a  $b", "c/d.e_f-g:h,i%j+k@l=m"]
    assert words_of_command(command) == expected
    for name, value in (("BASH_ENV", "a"), ("ENV", "a"), ("BASH_FUNC_cp%%", "() { :; }"), ("SHELL", "/bin/fish")):
        with monkeypatch.context() as inner:
            inner.setenv(name, value)
            assert words_of_command(command) is None, name
    assert words_of_command(command) == expected


def test_the_commands_of_a_stage_are_its_lines(tmp_path: Path) -> None:
    def commands(cmd: str | list[str]) -> list[str]:
        stage = Stage("a@b", "a", "b", cmd, [], {}, [], {"warm": ["torch"]}, False, False)
        task = make_task(stage, tmp_path, {"CUDA_VISIBLE_DEVICES": "1"})
        assert (task.warm, task.env["DVC_STAGE"], task.env["CUDA_VISIBLE_DEVICES"]) == (["torch"], "a@b", "1")
        assert task.log == str(tmp_path / ".dvc/tmp/morphseq/logs/a@b.log")
        return task.commands

    assert commands("one") == ["one"]
    assert commands("one\ntwo\n") == ["one", "two"]
    assert commands(["one\n", "two"]) == ["one\n", "two"]


def test_a_worker_that_is_lost_is_told_and_another_takes_its_place(engine: LocalEngine, root: Path) -> None:
    assert warm(engine, root, "python -m kills_its_worker now")[0] == WORKER_LOST.code
    assert warm(engine, root, "python -m ends_with_none") == (0, "")
    for worker in engine._idle:
        worker._process.kill()
        worker._process.wait()
    assert warm(engine, root, "python -m ends_with_none") == (0, "")


def test_nothing_is_run_once_the_engine_is_closed(root: Path) -> None:
    engine = LocalEngine()
    engine.close()
    (root / "log").write_text("before")
    assert warm(engine, root, "echo well") == (WORKER_LOST.code, "before")


def test_what_a_stage_leaves_running_ends_with_it(engine: LocalEngine, root: Path) -> None:
    code, log = warm(engine, root, "sleep 600 & echo $!")
    assert code == 0
    wait_until(lambda: words_of(log.strip())[:1] in ([], ["Z"], ["X"]), "for it to end")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_command_that_cannot_be_marked_is_ended(tmp_path: Path) -> None:
    plain = PlainCommands("token")
    plain.mark = Path("/dev/full")
    stage = Stage("one", "one", None, "sleep 600", [], {}, [], {}, False, False)
    task = make_task(stage, tmp_path, {}, {})
    Path(task.log).parent.mkdir(parents=True)
    performed = plain.perform(task)
    assert (performed.code, performed.trouble) == (1, "/dev/full: No space left on device")
    assert not [child for child in psutil.Process().children() if child.cwd() == str(tmp_path)]
