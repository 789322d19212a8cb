"""What `clipstr serve` bears: crops a second, latencies, what it does when too much comes, and its memory.

    python benchmarks/service.py [--data DIR] [--clients 32] [--seconds 20] [--soak 60] [--json FILE]
    python benchmarks/service.py --data DIR --soak 1800 --rate 5  # this load alone, 5 requests a second

Starts the service as a process of its own on a free port of 127.0.0.1, loads it from this process, and ends
it. Nothing is sent to another host, and every phase ends by its time. See README.md for what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clipstr.data import find_sources
from clipstr.models import DEFAULT_MODEL
from clipstr.reader import Reader

EXAMPLES = Path(__file__).parents[1] / "examples"
HOST = "127.0.0.1"
BATCH = 32
MOST_OPEN = 512  # requests on their way at once: beyond, the generator waits, and says so
WAIT = 40.0  # seconds for an answer
QUICK = 0.05  # seconds within which a refusal must come


@dataclass
class Phase:
    """What came back: seconds by kind of answer, and the crops that were read."""

    seconds: float = 0.0
    crops: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    read: list[float] = field(default_factory=list)  # seconds of answers 200
    refused: list[float] = field(default_factory=list)  # and of 429 and 503
    sent: int = 0
    late: int = 0  # requests that the generator could not send in time

    def figures(self) -> dict[str, object]:
        """Plain values for the report."""
        values: dict[str, object] = {
            "seconds": round(self.seconds, 2),
            "sent": self.sent,
            "late": self.late,
            "statuses": dict(sorted(self.statuses.items())),
            "crops_per_second": round(self.crops / self.seconds, 1) if self.seconds else 0,
        }
        if self.read:
            p50, p99 = share(self.read, 0.5), share(self.read, 0.99)
            values |= {"p50_ms": ms(p50), "p99_ms": ms(p99), "p99_over_p50": round(p99 / p50, 2)}
        if self.refused:
            quick = sum(seconds <= QUICK for seconds in self.refused) / len(self.refused)
            values |= {
                "refused_p50_ms": ms(share(self.refused, 0.5)),
                "refused_p99_ms": ms(share(self.refused, 0.99)),
                "refused_within_50_ms": round(quick, 4),
            }
        return values


def share(values: Sequence[float], part: float) -> float:
    """The value below which ``part`` of ``values`` lie."""
    return sorted(values)[min(int(part * len(values)), len(values) - 1)]


def ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


def request(body: bytes, path: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n"
    )
    return head.encode() + b"\r\n" + body


class Connection:
    """One connection to the service, opened anew when it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, message: bytes) -> tuple[str, bytes]:
        """The status and the body of the answer; "closed" if there was none.

        A connection that lay idle may be closed by the service while the message is on its way: nothing was
        taken then, and it goes through a new one, as any client does it.
        """
        idle = self._streams is not None
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(HOST, self._port)
            reader, writer = self._streams
            writer.write(message)
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT)).decode("latin-1").lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            body = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
            self.close()
            late = isinstance(error, asyncio.TimeoutError)
            again = idle and not late and not getattr(error, "partial", b"")
            return await self.ask(message) if again else ("closed", b"")
        if "connection: close" in head:
            self.close()
        return head.split(" ")[1], body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def one(connection: Connection, message: bytes, phase: Phase) -> None:
    """Sends ``message`` and notes what came of it."""
    begun = time.perf_counter()
    status, _ = await connection.ask(message)
    seconds = time.perf_counter() - begun
    phase.statuses[status] += 1
    if status == "200":
        phase.read.append(seconds)
        phase.crops += 1
    elif status in ("429", "503"):
        phase.refused.append(seconds)


async def closed_loop(port: int, messages: Sequence[bytes], clients: int, seconds: float) -> Phase:
    """``clients`` that each send the next request when the last was answered."""
    phase, end = Phase(), time.perf_counter() + seconds
    draw = random.Random(0)

    async def client() -> None:
        connection = Connection(port)
        while time.perf_counter() < end:
            phase.sent += 1
            await one(connection, draw.choice(messages), phase)
        connection.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    phase.seconds = time.perf_counter() - begun
    return phase


async def open_loop(port: int, messages: Sequence[bytes], rate: float, seconds: float) -> Phase:
    """Requests at random moments, ``rate`` a second whatever the answers do (a Poisson process)."""
    phase, draw = Phase(), random.Random(0)
    idle: list[Connection] = []
    tasks: set[asyncio.Task[None]] = set()

    async def send(message: bytes) -> None:
        connection = idle.pop() if idle else Connection(port)
        await one(connection, message, phase)
        idle.append(connection)

    begun = due = time.perf_counter()
    while due < begun + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if len(tasks) < MOST_OPEN:
            phase.sent += 1
            task = asyncio.create_task(send(draw.choice(messages)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        else:
            phase.late += 1
        due += draw.expovariate(rate)
    await asyncio.gather(*tasks)
    phase.seconds = time.perf_counter() - begun
    for connection in idle:
        connection.close()
    return phase


def bad_messages(crops: Sequence[bytes]) -> list[bytes]:
    """What a service must bear: no pictures, broken ones, options that are none, too much, cut heads."""
    draw = random.Random(1)
    broken = bytearray(crops[0])
    for _ in range(40):
        broken[draw.randrange(len(broken))] = draw.randrange(256)
    return [
        request(b"", "/v1/read"),
        request(b"no picture", "/v1/read"),
        request(bytes(broken), "/v1/read"),
        request(crops[0][:50], "/v1/read"),
        request(crops[0], "/v1/read?model=none"),
        request(crops[0], "/v1/read?allow=%00"),
        request(bytes(21 << 20), "/v1/read"),
        request(b'{"pictures": [1, null, "?"]}', "/v1/read").replace(b"image/png", b"application/json"),
        request(b"--x\r\nbroken", "/v1/read").replace(b"image/png", b"multipart/form-data; boundary=x"),
    ]


def memory(process: subprocess.Popen[str]) -> float:
    """MiB of the service that are in memory now."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def soak(
    port: int, process: subprocess.Popen[str], crops: Sequence[bytes], rate: float, seconds: float
) -> dict[str, object]:
    """Mixed load with bad input for ``seconds``: what came back, and the memory after each tenth."""
    good = [request(crop, "/v1/read") for crop in crops]
    messages = good * 3 + bad_messages(crops) * max(1, len(good) // 9)
    total, levels = Phase(), []
    for _ in range(10):
        part = await open_loop(port, messages, rate, seconds / 10)
        total.seconds += part.seconds
        total.sent += part.sent
        total.crops += part.crops
        total.statuses += part.statuses
        total.read += part.read
        total.refused += part.refused
        levels.append(round(memory(process), 1))
    late = statistics.mean(levels[7:]) / statistics.mean(levels[2:5]) - 1
    answered = sum(count for status, count in total.statuses.items() if status != "closed")
    return total.figures() | {
        "memory_mib": levels,
        "growth": round(late, 4),
        "unanswered": total.sent - answered,
    }


@contextmanager
def service(options: argparse.Namespace) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The service's port and process, ready; it must end well when it is told to."""
    command = [sys.executable, "-m", "clipstr", "serve", "--port", "0", "--threads", str(options.threads)]
    command += ["--no-scan", "--workers", str(options.workers), "--queue", str(options.queue)]
    command += ["--model", options.model]
    log = Path(options.log).open("w") if options.log else subprocess.DEVNULL  # noqa: SIM115
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        ready = json.loads(process.stderr.readline())
        port = int(ready["addresses"][0].rpartition(":")[2])
        # Somebody must read its log, or it would stand still when the pipe is full.
        reading = subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)
        yield port, process
        process.send_signal(signal.SIGTERM)
        if process.wait(60) != 0:
            raise SystemExit(f"the service ended with status {process.returncode}")
        reading.wait(10)
    finally:
        process.kill()


def own_rate(reader: Reader, crops: Sequence[bytes], seconds: float) -> float:
    """Crops a second of the reader itself, from encoded pictures, in full batches."""
    draw, count = random.Random(0), 0
    begun = time.perf_counter()
    while time.perf_counter() < begun + seconds:
        batch = [draw.choice(crops) for _ in range(BATCH)]
        count += len(list(reader.stream(batch, first_batch=BATCH)))
    return count / (time.perf_counter() - begun)


def measured(options: argparse.Namespace, crops: Sequence[bytes], looks: bool) -> dict[str, object]:
    """All phases with second looks or without."""
    reader = Reader(options.model, threads=options.threads or None, batch_size=BATCH, second_looks=looks)
    own_rate(reader, crops, 1)
    path = "/v1/read" if looks else "/v1/read?second_looks=no"
    messages = [request(crop, path) for crop in crops]
    with service(options) as (port, process):
        asyncio.run(closed_loop(port, messages, options.clients, 2))  # warm
        # In turns, so that whatever else the machine does slows both alike.
        own, through = [], []
        for _ in range(3):
            own.append(own_rate(reader, crops, options.seconds / 3))
            through.append(asyncio.run(closed_loop(port, messages, options.clients, options.seconds / 3)))
        capacity = statistics.mean(phase.crops / phase.seconds for phase in through)
        below = asyncio.run(open_loop(port, messages, 0.6 * capacity, options.seconds))
        before = memory(process)
        above = asyncio.run(open_loop(port, messages, 2 * capacity, options.seconds))
        report = {
            "second_looks": looks,
            "reader_crops_per_second": round(statistics.mean(own), 1),
            "http_crops_per_second": round(capacity, 1),
            "ratio": round(capacity / statistics.mean(own), 3),
            "at_clients": through[-1].figures(),
            "below_saturation": below.figures(),
            "at_twice_the_load": above.figures()
            | {"memory_mib": [round(before, 1), round(memory(process), 1)]},
        }
        if options.soak and looks:
            report["soak"] = asyncio.run(soak(port, process, crops, 0.5 * capacity, options.soak))
    return report


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="LMDB data sets whose crops are sent; else the examples")
    parser.add_argument("--count", type=int, default=256, help="crops to take of them")
    parser.add_argument("--clients", type=int, default=32, choices=range(1, 257), metavar="1-256")
    parser.add_argument("--seconds", type=float, default=20, help="of each phase")
    parser.add_argument(
        "--soak", type=float, default=0, help="seconds of mixed load with bad input at the end"
    )
    parser.add_argument(
        "--rate", type=float, help="requests a second of --soak, and nothing else is measured"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--queue", type=int, default=256)
    parser.add_argument("--log", help="a file for the service's log")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the service is ended, too
    if options.data:
        places = [(source, index) for source in find_sources(options.data) for index in range(len(source))]
        random.Random(0).shuffle(places)
        crops = [source.image_bytes(index) for source, index in places[: options.count]]
    else:
        crops = [path.read_bytes() for path in sorted(EXAMPLES.glob("*.png"))]
    report: dict[str, object] = {
        "load_average": os.getloadavg()[0],
        "model": options.model,
        "crops": len(crops),
    }
    if options.rate is None:
        report["runs"] = [measured(options, crops, looks) for looks in (False, True)]
    else:
        with service(options) as (port, process):
            report["soak"] = asyncio.run(soak(port, process, crops, options.rate, options.soak))
    text = json.dumps(report, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
