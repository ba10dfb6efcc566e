"""Fingerprints of code: the same for code that does the same, whatever its docstrings, comments, layout and messages.

Modules are read, never imported: what a module imports is found in its syntax tree, inside functions too, and followed
within its own package and within COVERED, the library's rooms that results pass through. Only an import of a name made
while the code runs goes unseen.
"""

import ast
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, NamedTuple

from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.base.small_files import read_small

# Of the library: ids, params, manifests, columns. What else stages import of it decides no byte of theirs.
COVERED = "morphseq_manifest.cohort"
# What does nothing: that a name is read or set follows from where it stands, and u"" is "".
_SILENT = {"ctx", "kind"}
# Functions that only tell people something, and those that do so for a block: their arguments are messages.
_TELLING, _SHOWING = {"note", "echo"}, {"watching"}
# What click shows of a command.
_SHOWN = {"help", "short_help", "epilog", "metavar"}
# Of a column, its name, type and source decide what is written; the rest describes it, and so do these keywords.
_COLUMN, _DECIDING = "Column", 3
_SHOWN |= {"meaning", "unit", "blank"}
# Functions that take texts for the messages of errors, and the end of the names of such texts.
_EXPLAINING, _REMEDY = {"read_bytes", "read_text", "unreadable", "checked"}, "REMEDY"


class Import(NamedTuple):
    """A dotted name that a module imports: in `from a import b`, `a` is surely a module, `a.b` only perhaps."""

    name: str
    line: int
    surely: bool


class Module(NamedTuple):
    """What is kept of a module: its fingerprint and its imports."""

    fingerprint: str
    imports: list[Import]


def read_module(source: bytes, package: str = "") -> Module:
    """The fingerprint and the imports of a module of `package`.

    Raises SyntaxError or ValueError for what is no Python, ImportError if an import leaves the top package.
    """
    tree = ast.parse(source)
    text: list[str] = []
    _dump(tree, text)
    return Module(hash_bytes("".join(text).encode("ascii")), [*_imports(tree, package)])


def _dump(value: Any, text: list[str]) -> None:
    """Append a syntax tree as ASCII text.

    `ast.dump` writes other text in other versions of Python (fields are added; empty ones are left out since 3.13),
    and `repr` of a string depends on the version's table of characters.
    """
    if isinstance(value, ast.AST):
        text.append(f"{type(value).__name__}(")
        for name, field in _fields(value):
            text.append(f"{name}=")
            _dump(field, text)
        text.append(")")
    elif isinstance(value, list):
        text.append("[")
        for item in value:
            _dump(item, text)
        text.append("]")
    else:
        text.append(f"{value!a},")


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """The fields of a node that decide what it does: not what an exception, a progress bar or a help text says."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        yield "exc", node.exc.func
        if node.cause:
            yield "cause", node.cause
        return
    if isinstance(node, ast.Call) and _called(node) in _SHOWING | _EXPLAINING:
        yield "func", node.func
        if _called(node) in _EXPLAINING:
            yield "args", [argument for argument in node.args if not _is_text(argument)]
            yield from [("keywords", node.keywords)] if node.keywords else []
        return
    if isinstance(node, ast.Call) and _called(node) == _COLUMN:
        yield "args", node.args[:_DECIDING]
        yield "keywords", [*_essential(node.keywords)]
        return
    for name, value in ast.iter_fields(node):
        field = [*_essential(value)] if isinstance(value, list) else value
        if isinstance(node, ast.JoinedStr):
            # Some versions of Python end a format such as {x:{width}{kind}} with an empty string.
            field = [part for part in value if not (isinstance(part, ast.Constant) and part.value == "")]
        if name not in _SILENT and field is not None and field != []:
            yield name, field


def _essential(items: Iterable[Any]) -> Iterator[Any]:
    """The items without those that do nothing: docstrings, `...`, `pass`, messages, and what only type checkers read.

    Annotations stay: those of a struct or a named tuple are behaviour.
    """
    for item in items:
        match item:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                continue
            case ast.Expr(value=ast.Call() as call) if _called(call) in _TELLING:
                continue
            case ast.Assign(targets=[ast.Name(id=name)]) if name.endswith(_REMEDY):
                continue
            case ast.keyword(arg=str(name)) if name in _SHOWN:
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from _essential(item.orelse)
            case _:
                yield item


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _called(call: ast.Call) -> str | None:
    """The name of the function that is called, without what it is an attribute of."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def _imports(node: ast.AST, package: str) -> Iterator[Import]:
    """The imports in a syntax tree, relative ones made absolute."""
    match node:
        case ast.Import():
            yield from (Import(alias.name, node.lineno, True) for alias in node.names)
        case ast.ImportFrom():
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield Import(base, node.lineno, True)
            yield from (Import(f"{base}.{alias.name}", node.lineno, False) for alias in node.names)
    for _, field in _fields(node):
        for child in field if isinstance(field, list) else [field]:
            if isinstance(child, ast.AST):
                yield from _imports(child, package)


class Code:
    """The modules in the folders `roots`, as Python finds them there; each is read once, however many import it."""

    def __init__(self, *roots: Path) -> None:
        self._roots = roots
        self._modules: dict[str, Module] = {}

    def fingerprints(self, start: str, name: str) -> dict[str, str]:
        """By module, the fingerprints of `start`, as `python -m` runs it, and of all it imports that is to be followed.

        `name` is for messages. Raises UnreadableError if a module is missing or no Python.
        """
        module_run = f"{start}.__main__" if _is_package(self._find(start)) else start
        if self._find(module_run) is None:
            raise UnreadableError(
                f"{name} runs `python -m {start}`, but there is no {self._expected(module_run)}. "
                "Restore that file, or correct the command"
            )
        return self._closure(module_run)

    def _closure(self, start: str) -> dict[str, str]:
        top = start.partition(".")[0]
        found: dict[str, str] = {}
        waiting = [start]
        while waiting:
            name = waiting.pop()
            path = self._find(name)
            if path and name not in found and _is_of(name, top, COVERED):
                module = self._read(name, path)
                found[name] = module.fingerprint
                # Importing a.b runs a/__init__.py first.
                waiting += [name.rpartition(".")[0], *(item.name for item in module.imports)]
        return dict(sorted(found.items()))

    def _read(self, name: str, path: Path) -> Module:
        if name not in self._modules:
            package = name if _is_package(path) else name.rpartition(".")[0]
            try:
                module = read_module(read_small(path), package)
            except OSError as error:
                raise UnreadableError(f"{path}: can't be read ({error.strerror}). Restore its permissions") from error
            except (SyntaxError, ValueError, ImportError) as error:
                line = getattr(error, "lineno", None)
                where = f", line {line}" if line else ""
                raise UnreadableError(
                    f"{path}{where}: can't be read as Python: {getattr(error, 'msg', error)}. Correct it"
                ) from error
            self._check(name, path, module)
            self._modules[name] = module
        return self._modules[name]

    def _check(self, name: str, path: Path, module: Module) -> None:
        """Raise UnreadableError if a module that is surely imported from the same package is not there."""
        for item in module.imports:
            ours = item.surely and _is_of(item.name, name.partition(".")[0])
            if ours and self._find(item.name) is None and not self._is_folder(item.name):
                raise UnreadableError(
                    f"{path}, line {item.line}: imports {item.name}, but there is no {self._expected(item.name)}. "
                    "Restore that file, or correct the import"
                )

    def _is_folder(self, name: str) -> bool:
        return any(root.joinpath(*name.split(".")).is_dir() for root in self._roots)

    def _expected(self, name: str) -> Path:
        return _file(self._roots[0], name)

    def _find(self, name: str) -> Path | None:
        """The file of a module; a package comes before a module of the same name, as in Python."""
        if not name:
            return None
        packages = ((root.joinpath(*name.split("."), "__init__.py"), _file(root, name)) for root in self._roots)
        return next((path for paths in packages for path in paths if path.is_file()), None)


def _file(root: Path, name: str) -> Path:
    folder = root.joinpath(*name.split("."))
    return folder.with_name(f"{folder.name}.py")


def _is_of(name: str, *packages: str) -> bool:
    """Whether a module is one of these packages, or in one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _is_package(path: Path | None) -> bool:
    return path is not None and path.name == "__init__.py"
