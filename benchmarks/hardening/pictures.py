"""How quickly bombs of every format are refused by their header.

python benchmarks/hardening/pictures.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))


def main() -> None:
    from hardening import bombs, seconds_to_refuse

    slow = 0
    for kind, content in bombs().items():
        refused, seconds = seconds_to_refuse(content)
        slow += refused != "ImageTooLargeError" or seconds >= 0.05
        print(f"{kind:20} {len(content):>8} bytes  {refused:20} {1000 * seconds:6.2f} ms")
    raise SystemExit(1 if slow else 0)


if __name__ == "__main__":
    main()
