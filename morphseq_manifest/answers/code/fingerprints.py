"""Fingerprints of code: the same for code that does the same, whatever its docstrings, comments and layout.

Modules are read, never imported: what a module imports of its own package is found in its syntax tree, inside
functions too. Only an import of a name made while the code runs goes unseen.
"""

import ast
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, NamedTuple

from morphseq_manifest.base.errors import UnreadableError
from morphseq_manifest.base.hashing import hash_bytes

# What says nothing: that a name is read or set follows from where it stands, and u"" is "".
_SILENT = {"ctx", "kind"}


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

    Raises SyntaxError or ValueError for what is no Python, ImportError where an import leaves the top package.
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
    """The fields of a node that say something."""
    for name, value in ast.iter_fields(node):
        field = [*_essential(value)] if isinstance(value, list) else value
        if isinstance(node, ast.JoinedStr):
            # Some versions of Python end a format such as {x:{width}{kind}} with an empty string.
            field = [part for part in value if not (isinstance(part, ast.Constant) and part.value == "")]
        if name not in _SILENT and field is not None and field != []:
            yield name, field


def _essential(items: Iterable[Any]) -> Iterator[Any]:
    """The items without statements that do nothing: docstrings, `...`, `pass`, and what only type checkers read.

    Annotations stay: those of a struct or a named tuple are behaviour.
    """
    for item in items:
        match item:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from _essential(item.orelse)
            case _:
                yield item


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
    """The modules in a folder, each read once, however many others import it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._modules: dict[str, Module] = {}

    def fingerprints(self, start: str, name: str) -> dict[str, str]:
        """By module, the fingerprints of `start`, as `python -m` runs it, and of all it imports of its package.

        `name` is for messages. Raises UnreadableError where a module is missing or no Python.
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
            if path and name not in found and name.partition(".")[0] == top:
                module = self._read(name, path)
                found[name] = module.fingerprint
                # Importing a.b runs a/__init__.py first.
                waiting += [name.rpartition(".")[0], *(item.name for item in module.imports)]
        return dict(sorted(found.items()))

    def _read(self, name: str, path: Path) -> Module:
        if name not in self._modules:
            package = name if _is_package(path) else name.rpartition(".")[0]
            try:
                module = read_module(path.read_bytes(), package)
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
        """Raise UnreadableError where a module that is surely imported from the same package is not there."""
        for item in module.imports:
            ours = item.surely and item.name.partition(".")[0] == name.partition(".")[0]
            if ours and self._find(item.name) is None and not self._folder(item.name).is_dir():
                raise UnreadableError(
                    f"{path}, line {item.line}: imports {item.name}, but there is no {self._expected(item.name)}. "
                    "Restore that file, or correct the import"
                )

    def _folder(self, name: str) -> Path:
        return self._root.joinpath(*name.split("."))

    def _expected(self, name: str) -> Path:
        folder = self._folder(name)
        return folder.with_name(f"{folder.name}.py")

    def _find(self, name: str) -> Path | None:
        """The file of a module; a package comes before a module of the same name, as in Python."""
        paths = (self._folder(name) / "__init__.py", self._expected(name)) if name else ()
        return next((path for path in paths if path.is_file()), None)


def _is_package(path: Path | None) -> bool:
    return path is not None and path.name == "__init__.py"
