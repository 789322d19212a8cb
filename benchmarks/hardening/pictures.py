"""How quickly bombs of every format are refused, and what comes of damaged pictures.

python benchmarks/hardening/pictures.py --pictures 100000
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))


def main() -> None:
    from bombs import bombs, cost_of_pdf, laughing_pdf, packed_pdf, seconds_to_refuse
    from hardening import as_json, read_mutated_pictures

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bad = 0
    for kind, content in bombs().items():
        refused, seconds = seconds_to_refuse(content)
        bad += refused != "ImageTooLargeError" or seconds >= 0.05
        print(f"{kind:20} {len(content):>8} bytes  {refused:20} {1000 * seconds:6.2f} ms")
    for kind, content in {"PDF that laughs": laughing_pdf(), "PDF that is packed": packed_pdf(2048)}.items():
        refused, seconds, megabytes = cost_of_pdf(content)
        bad += refused != "ImageTooLargeError" or megabytes > 1200
        print(f"{kind:20} {len(content):>8} bytes  {refused:20} {seconds:6.2f} s, {megabytes:.0f} MB")
    began = time.monotonic()
    found = read_mutated_pictures(options.pictures, options.seed)
    print(as_json(found))
    wrong = ("DIES", "HANGS", "ESCAPES")
    bad += sum(count for (_, outcome), count in found.items() if outcome.startswith(wrong))
    print(f"{found.total()} damaged pictures, {time.monotonic() - began:.0f} s: {bad} were not borne")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
