"""Imports point down only: the face, the wings below it, and who may know whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "langchain_cf_gemini"
FILES = {path.relative_to(PACKAGE): path for path in sorted(PACKAGE.rglob("*.py"))}

# A wing, and what of this package it may import.
MAY_IMPORT = {
    "_langchain": {"_langchain", "_gemini", "_cloudflare", "_http", "exceptions"}
    | {"gateway"},
    "_cloudflare": {"_cloudflare", "_http", "exceptions", "gateway"},
    "_gemini": {"_gemini", "exceptions"},
    "_http": {"_http", "exceptions"},
    "emulator": {"emulator"},
    "exceptions": {"exceptions"},
}
HTTP_CLIENTS = {"httpx", "httpx2", "httpcore", "httpcore2"}
WITHOUT_HTTP = {"_gemini", "_langchain", "emulator"}
WITHOUT_LANGCHAIN = {"_http", "emulator"}
# What only some programs use may be imported where it is used; the doors are lazy.
LATE = ("langchain_core.tools", ".structured_output", ".emulator", ".cost_callback")
DOORS = {"__init__.py", "__main__.py", "pytest_plugin.py"}


def _imports(tree: ast.AST) -> Iterator[str]:
    """Modules that are imported here, at once or later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _wing(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


def _late(tree: ast.AST) -> Iterator[str]:
    """What is imported inside of functions and need not be."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for function in (n for n in ast.walk(tree) if isinstance(n, functions)):
        for name in _imports(function):
            ours = name.split(".")[0] in ("langchain_cf_gemini", "langchain_core")
            if ours and not any(late in name for late in LATE):
                yield f"{function.name}: {name}"


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(FILES[path].read_text("utf-8"))


def _may_not(path: Path, name: str) -> bool:
    wing = _wing(path)
    root, _, rest = name.partition(".")
    if root == "langchain_cf_gemini" and wing in MAY_IMPORT:
        return rest.split(".")[0] not in MAY_IMPORT[wing]
    is_client = root in HTTP_CLIENTS and wing in WITHOUT_HTTP
    return is_client or (root == "langchain_core" and wing in WITHOUT_LANGCHAIN)


def test_imports_point_down() -> None:
    imports = [(str(path), name) for path in FILES for name in _imports(_tree(path))]
    assert len(imports) > 500
    assert [each for each in imports if _may_not(Path(each[0]), each[1])] == []


def test_imports_stand_at_the_top() -> None:
    inside = [path for path in FILES if path.name not in DOORS]
    assert {str(path): late for path in inside if (late := [*_late(_tree(path))])} == {}


def _is_named_well(path: Path) -> bool:
    """One underscore at a wing's door, none inside; each file says what it is."""
    name, is_inside = path.name, len(path.parts) > 1
    if {"utils", "helpers", "common", "misc"} & set(path.stem.split("_")):
        return False
    if name.startswith("_") and name not in (*DOORS, "_version.py"):
        return is_inside and _wing(path) == "emulator"
    return bool(ast.get_docstring(_tree(path)))


def test_names_and_doors() -> None:
    assert [str(path) for path in FILES if not _is_named_well(path)] == []


def test_nothing_imports_the_emulator() -> None:
    """But the command line, which starts it."""
    for path in FILES:
        if _wing(path) not in ("emulator", "_cli"):
            assert not any(".emulator" in name for name in _imports(_tree(path))), path
