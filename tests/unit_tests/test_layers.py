"""Imports point down only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "langchain_cf_gemini"
NAME = "langchain_cf_gemini"

MODULES = sorted(PACKAGE.glob("*.py"))
EMULATOR = sorted((PACKAGE / "emulator").rglob("*.py"))

# Pure: no HTTP. The conversions, the wire's words and what decides about retries.
PURE = {
    "_blocks",
    "_candidates",
    "_citations",
    "_contents",
    "_draft",
    "_functions",
    "_gemini",
    "_generation",
    "_json_body",
    "_media",
    "_metadata",
    "_notes",
    "_openapi",
    "_partial_args",
    "_response_format",
    "_retry",
    "_schema",
    "_shapes",
    "_structured",
    "_tool_choice",
    "_tools",
    "_translator",
    "_turns",
}
# Where HTTP and Cloudflare end, LangChain has not begun.
WITHOUT_LANGCHAIN = {
    "_transport",
    "_network",
    "_cloudflare",
    "_json_body",
    "_gemini",
    "_retry",
    "_envelope",
}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _imports(tree: ast.AST) -> Iterator[str]:
    """Modules that are imported here, at once or later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


TREES = {path.stem: _tree(path) for path in MODULES}
IMPORTS = {name: set(_imports(tree)) for name, tree in TREES.items()}
EMULATED = {str(p.relative_to(PACKAGE)): set(_imports(_tree(p))) for p in EMULATOR}


def _roots(imports: set[str]) -> set[str]:
    return {name.split(".")[0] for name in imports}


def _siblings(imports: set[str]) -> set[str]:
    """The package's own modules among imports."""
    own = [name.split(".") for name in imports if name.startswith(NAME)]
    return {parts[1] for parts in own if len(parts) > 1}


def _offenders(names: set[str], forbidden: set[str]) -> dict[str, set[str]]:
    """Modules among these that import what they must not."""
    found = {
        name: (_roots(imports) | _siblings(imports)) & forbidden
        for name, imports in IMPORTS.items()
        if name in names
    }
    return {name: wrong for name, wrong in found.items() if wrong}


def test_the_tables_name_modules() -> None:
    assert set(IMPORTS) >= PURE | WITHOUT_LANGCHAIN


def test_pure_modules_import_no_http() -> None:
    http = {"httpx", "httpx_sse", "httpcore", "socket", "ssl"}
    assert _offenders(PURE, http) == {}


def test_transport_imports_no_langchain() -> None:
    assert _offenders(WITHOUT_LANGCHAIN, {"langchain_core"}) == {}


def test_the_vocabulary_imports_nothing_of_ours() -> None:
    assert not _siblings(IMPORTS["_gemini"])


def test_conversions_do_not_import_the_transport() -> None:
    below = {"_transport", "_clients", "_pools", "_fetch"}
    assert _offenders(PURE - {"_retry"}, below) == {}


def test_nothing_below_the_model_imports_the_model() -> None:
    above = {"__init__", "__main__", "chat_models"}
    for name, tree in TREES.items():
        first = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        modules = {node.module for node in first}
        assert name in above or f"{NAME}.chat_models" not in modules, name


def test_nothing_imports_the_emulator() -> None:
    # The command line starts it, when it is asked for.
    assert _offenders(set(IMPORTS) - {"__main__"}, {"emulator"}) == {}


def test_emulator_imports_no_conversion() -> None:
    """Otherwise the tests would prove only that we agree with ourselves."""
    for name, imports in EMULATED.items():
        assert _siblings(imports) <= {"_gemini", "emulator"}, name
        assert "langchain_core" not in _roots(imports), name


def test_no_module_is_named_after_nothing() -> None:
    for name in (*IMPORTS, *EMULATED):
        words = set(Path(name).stem.split("_"))
        assert not {"utils", "helpers", "common", "misc"} & words


def test_every_module_says_what_it_is() -> None:
    for path in (*MODULES, *EMULATOR):
        assert path.read_text("utf-8").startswith('"""'), path
