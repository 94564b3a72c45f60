"""Install what `make worker` needs: Pyodide from npm, wheels for it, this package.

Wheels of other platforms cannot be resolved by pip, so requirements.txt names them all.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
PYODIDE = HERE / "node_modules" / "pyodide"
INSTALLED = PROJECT / ".worker"
SITE = INSTALLED / "site"
PACKAGE = INSTALLED / "package"

_REQUIREMENTS = HERE / "requirements.txt"
_PLATFORM = ("pyemscripten_2026_0_wasm32", "cp", "3.14", ("cp314", "abi3", "none"))
_OLDEST_NODE = 20
_PYYAML = "pyyaml==6.0.4"  # has no wheel for Pyodide, and needs none: pure from source


def main() -> None:
    """Install what is missing."""
    _check_tools()
    _npm()
    _wheels()
    _package()


def _check_tools() -> None:
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        _end(f"{' and '.join(missing)} not found: install Node.js {_OLDEST_NODE}")
    told = _run("node", "--version")
    if int(re.findall(r"\d+", told)[0]) < _OLDEST_NODE:
        _end(f"node is {told.strip()}: install Node.js {_OLDEST_NODE} or later")


def _npm() -> None:
    _run(
        "npm",
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        cwd=HERE,
    )
    if not PYODIDE.is_dir():
        _end(f"npm did not install pyodide into {PYODIDE}")


def _wheels() -> None:
    """Install requirements.txt, unless it is what was installed last."""
    platform, implementation, version, abis = _PLATFORM
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    stamp = INSTALLED / "requirements.sha256"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(SITE, ignore_errors=True)
    foreign = ["--only-binary=:all:", "--implementation", implementation]
    foreign += ["--python-version", version, "--platform", platform]
    foreign += [f"--abi={abi}" for abi in abis]
    _pip("install", *foreign, "--requirement", str(_REQUIREMENTS), target=SITE)
    _pip("install", "--no-binary=pyyaml", _PYYAML, target=SITE)
    stamp.write_text(wanted)


def _package() -> None:
    shutil.rmtree(PACKAGE, ignore_errors=True)
    _pip("install", str(PROJECT), target=PACKAGE)


def _pip(command: str, *arguments: str, target: Path) -> None:
    options = ["--quiet", "--no-deps", "--disable-pip-version-check"]
    python = [sys.executable, "-m", "pip", command, *options]
    _run(*python, "--target", str(target), *arguments)


def _run(*command: str, cwd: Path = PROJECT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        _end(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _end(why: str) -> None:
    sys.exit(f"make worker cannot run: {why}")


if __name__ == "__main__":
    main()
