"""Runs the suite against a wheel, with the lowest or the newest versions, under every odd condition at once.

python benchmarks/hardening/matrix.py --python 3.10 --resolution lowest-direct --work DIR [-- ...]

The wheel is built and installed with the extra "dev" into an environment of its own (by uv); the tests run in
a copy of the checkout whose path has spaces and letters beyond ASCII and which is read-only, without a
home, in the C locale, and with --optimised under `python -O`. Pytest makes asserts to plain statements, so
that those of the tests are kept there; that it does so is seen to first. What is built stays in DIR for
the next time. What stands behind -- is for pytest.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


def call(*command: object, **options: object) -> None:
    print("$", *command, flush=True)
    subprocess.run(list(map(str, command)), check=True, **options)  # type: ignore[call-overload]


def wheel_in(work: Path) -> Path:
    """The wheel of this checkout, built twice: both must be the same to the bit."""
    built = []
    for name in ("wheel", "once-more"):
        shutil.rmtree(work / name, ignore_errors=True)
        call("uv", "build", "--quiet", "--wheel", "--out-dir", work / name, ROOT)
        built += (work / name).glob("*.whl")
    first, second = (hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in built)
    if first != second:
        raise SystemExit(f"the wheel differs when it is built twice: {first}, {second}")
    print(f"{built[0].name}, built twice: {first}", flush=True)
    return built[0]


def environment_in(work: Path, python: str, resolution: str, wheel: Path) -> Path:
    """The Python of an environment with the wheel and all that it may need, in versions by ``resolution``."""
    home = work / f"{python}-{resolution}"
    if not home.exists():
        call("uv", "venv", "--quiet", "--python", python, home)
    installed = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = ("uv", "pip", "install", "--quiet", "--python", installed, "--resolution", resolution)
    call(*install, "--reinstall-package", "clipstr", f"clipstr[dev] @ {wheel.as_uri()}")
    frozen = subprocess.run(
        ["uv", "pip", "freeze", "--python", str(installed)], check=True, capture_output=True, text=True
    )
    (work / f"{home.name}.txt").write_text(frozen.stdout)
    return installed


def copy_in(work: Path) -> Path:
    """A copy of what is tracked, in a place with an odd name, with the shared data beside it."""
    place = work / "ein Ort, 20 % größer \u65e5" / "clip str"
    if place.exists():
        for path in (place, *place.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(place)
    tracked = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], check=True, capture_output=True)
    for name in filter(None, os.fsdecode(tracked.stdout).split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    if SHARED.exists() and not (place.parent / "shared").exists():
        (place.parent / "shared").symlink_to(SHARED.resolve())
    for path in (*place.rglob("*"), place):
        path.chmod(0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444)
    return place


def read_only(place: Path, command: list[str]) -> list[str]:
    """``command`` with ``place`` mounted so that not even root can write there, where that can be done."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'
    mounted = ["unshare", "--mount", "sh", "-c", script, str(place)]
    can = shutil.which("unshare") and subprocess.run([*mounted, "true"], capture_output=True).returncode == 0
    if not can and hasattr(os, "geteuid") and os.geteuid() == 0:
        print("the checkout cannot be mounted read-only here, and root may write anywhere", flush=True)
    return [*mounted, *command] if can else command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", default=f"{sys.version_info.major}.{sys.version_info.minor}")
    parser.add_argument("--resolution", choices=["lowest-direct", "highest"], default="highest")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--optimised", action="store_true", help="under python -O")
    parser.add_argument("pytest", nargs="*", help="what pytest is told beside")
    options = parser.parse_args()
    work = options.work.resolve()
    python = environment_in(work, options.python, options.resolution, wheel_in(work))
    place = copy_in(work)
    kept = {
        name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
    }
    strict = {"LC_ALL": "C", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**kept, **strict, "PATH": f"{python.parent}{os.pathsep}{kept['PATH']}"}
    started = [str(python), *(["-O"] if options.optimised else []), "-m", "pytest", "-p", "no:cacheprovider"]
    canary = work / "test_canary.py"
    canary.write_text(
        "import sys\nimport clipstr\n\n"
        "def test_the_wheel_is_tested_and_an_assert_is_kept():\n"
        "    assert clipstr.__file__.startswith(sys.prefix)\n"
        "    assert 'kept' == ''\n"
    )
    told = subprocess.run([*started, str(canary)], cwd=work, env=environment, capture_output=True, text=True)
    if told.returncode != 1 or "assert 'kept' == ''" not in told.stdout:
        raise SystemExit(f"asserts are not kept, or it is not the wheel that is tested:\n{told.stdout}")
    run = read_only(place, [*started, "-rs", *options.pytest])
    raise SystemExit(subprocess.run(run, cwd=place, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
