"""What strangers' files may be: bombs, damaged models and data sets; and what comes of them.

The tests do it with few, the programs of `benchmarks/hardening` with many.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bombs import mutated_picture
from clipstr.data.lmdb import DATA_FILE, LmdbDataset, write_lmdb
from clipstr.errors import ClipstrError, ImageError
from clipstr.imaging import load_image
from clipstr.models import CONFIG_FILE, DECODER_FILE, ENCODER_FILE, ModelConfig
from clipstr.processors import peak_memory
from clipstr.reader import Reader
from clipstr.student.storage import WEIGHTS_FILE
from clipstr.training import open_reader
from configs import signed
from formats.make import bars
from tables import png, words
from toy import spelled

WORD, BARS = "badge", "ab"  # what the toy and the trained model are given
SLOWEST = 2.0  # seconds of a processor for a picture
MOST_MEMORY = 1 << 30  # bytes
MOST_DEATHS = 20  # of processes, after which no more are begun


def mutated(content: bytes, chance: random.Random) -> bytes:
    """``content`` with some bytes changed, cut out, doubled, or its end cut off."""
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(damaged) or 1)
        way = chance.random()
        if way < 0.6 and damaged:
            damaged[place] = chance.randrange(256)
        elif way < 0.75:
            del damaged[place : place + chance.randint(1, 16)]
        elif way < 0.9:
            damaged[place:place] = damaged[place : place + chance.randint(1, 16)]
        else:
            del damaged[place:]
    return bytes(damaged)


def mutated_folders(
    exported: Path, trained: Path, folder: Path, count: int, seed: int
) -> Iterator[tuple[str, Path]]:
    """``count`` copies of the models in ``folder``, one by one, each with one file damaged; its name.

    In half of them the config vouches for what is damaged, itself too, as a stranger's would.
    """
    kinds = ((exported, CONFIG_FILE), (exported, ENCODER_FILE), (exported, DECODER_FILE))
    kinds += ((trained, CONFIG_FILE), (trained, WEIGHTS_FILE))
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        model, name = kinds[number % len(kinds)]
        copy = folder / "model"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(model, copy)
        (copy / name).write_bytes(mutated((copy / name).read_bytes(), chance))
        if chance.random() < 0.5 and _vouch(copy, name):
            yield f"{name}, vouched for", copy
        else:
            yield name, copy


def _vouch(folder: Path, name: str) -> bool:
    """Whether the config in ``folder`` could be made to say that the changed file ``name`` is right."""
    if name != CONFIG_FILE:
        config = ModelConfig.load(folder)
        config.with_files(folder, list(config.files)).save(folder)
        return True
    try:
        values = signed(json.loads((folder / name).read_bytes()))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False
    (folder / name).write_text(json.dumps(values))
    return True


def _reads(folder: Path) -> str:
    try:
        config = ModelConfig.load(folder)
        # As `clipstr read` and `clipstr evaluate` would do it.
        toy = ENCODER_FILE in config.files
        reader = Reader(folder, threads=1, second_looks=False) if toy else open_reader(folder)
        text = reader.read(spelled(WORD) if toy else bars(BARS)).text
    except ClipstrError as error:
        return type(error).__name__
    except Exception as error:
        return f"ESCAPES {type(error).__name__}"
    return "right text" if text in (WORD, BARS) else "another text"


def _read_folders(exported: Path, trained: Path, folder: Path, count: int, seed: int, said: Any) -> None:
    for name, copy in mutated_folders(exported, trained, folder, count, seed):
        said.send((name, None))
        said.send((name, _reads(copy)))
    said.send(None)


def _read_pictures(count: int, seed: int, said: Any) -> None:
    """Opens and unpacks damaged pictures; what takes too long, or too much memory, is told as such."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff tells there of each that is damaged
    for number in range(count):
        kind, content = mutated_picture(number, seed)
        said.send((kind.partition(" ")[0], None))
        began = time.process_time()
        try:
            load_image(content)
            found = "a picture"
        except ImageError as error:
            found = type(error).__name__
        except Exception as error:
            found = f"ESCAPES {type(error).__name__}"
        if time.process_time() - began > SLOWEST:
            found = "HANGS"
        if peak_memory() > MOST_MEMORY:
            raise SystemExit(f"{kind} {number} of {seed} took too much memory")
        said.send((kind.partition(" ")[0], found))
    said.send(None)


def read_mutated_pictures(count: int, seed: int = 0) -> Counter[tuple[str, str]]:
    """What became of ``count`` damaged pictures: by their format and the outcome."""
    return outcomes(_read_pictures, count, seed)


def _read_cut(folder: Path, count: int, seed: int, said: Any) -> None:
    """Reads a data set that is cut at random places, everything in it, again and again."""
    chance = random.Random(seed)
    write_lmdb(folder / "whole", ((png(word) * 20, word) for word in words(120)))
    whole = (folder / "whole" / DATA_FILE).read_bytes()
    for number in range(count):
        cut = folder / f"cut{number}"
        cut.mkdir()
        size = chance.randrange(len(whole))
        (cut / DATA_FILE).write_bytes(whole[:size])
        said.send((size, None))
        data, found = LmdbDataset(cut), "all of it"
        try:
            for index in range(len(data)):
                data.image_bytes(index)
                data.label(index)
        except ClipstrError as error:
            found = type(error).__name__
        data.close()
        said.send((size, found))
        shutil.rmtree(cut)
    said.send(None)


def _hears(hears: Any, process: int, patience: float) -> bool:
    """Whether something is said within ``patience`` seconds, or more if the process had no processor in them.

    On a busy machine a process of little priority may stand still for minutes.
    """
    for _ in range(3):
        before = _ticks(process)
        if hears.poll(patience):
            return True
        if _ticks(process) - before > patience * os.sysconf("SC_CLK_TCK") / 10:
            return False
    return False


def _ticks(process: int) -> int:
    """The ticks of a processor that ``process`` has used; 0 where nobody says."""
    try:
        said = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(said[11]) + int(said[12])


def outcomes(work: Callable[..., None], *arguments: Any, patience: float = 600.0) -> Counter[tuple[str, str]]:
    """What became of all that ``work`` tried, in a process of its own, which may die or hang: that counts.

    ``work`` takes ``arguments``, how many to try, a seed and where to say what comes; each case is told
    twice, before and after. After a death the rest is tried with another seed; after `MOST_DEATHS` none is.
    """
    *given, count, seed = arguments
    context, found, done = multiprocessing.get_context("spawn"), Counter[tuple[str, str]](), 0
    deaths = 0
    while done < count and deaths < MOST_DEATHS:
        hears, said = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(*given, count - done, seed + done, said))
        process.start()
        said.close()
        case = ""
        while True:
            try:
                if not _hears(hears, process.pid, patience):
                    process.kill()
                    if not case:
                        raise RuntimeError("nothing could be tried: the process did not begin")
                    found[case, "HANGS"] += 1
                    deaths += 1
                    break
                message = hears.recv()
            except EOFError:
                process.join()
                if not case:
                    raise RuntimeError("nothing could be tried") from None
                found[case, f"DIES ({process.exitcode})"] += 1
                deaths += 1
                break
            if message is None:
                done = count
                break
            case, outcome = message if isinstance(message[0], str) else ("cut", message[1])
            if outcome is not None:
                found[case, outcome] += 1
                done += 1
        else:
            continue
        process.join()
        done = max(done, found.total())
    return found


def read_mutated_models(
    exported: Path, trained: Path, folder: Path, count: int, seed: int = 0
) -> Counter[tuple[str, str]]:
    """What became of ``count`` damaged copies of the toy and a trained model: by file and outcome."""
    return outcomes(_read_folders, exported, trained, folder, count, seed)


def read_cut_sets(folder: Path, count: int, seed: int = 0) -> Counter[tuple[str, str]]:
    """What became of ``count`` data sets cut at random places."""
    return outcomes(_read_cut, folder, count, seed)


def as_json(found: Counter[tuple[str, str]]) -> str:
    """The outcomes as a line of JSON."""
    return json.dumps({f"{case}: {outcome}": count for (case, outcome), count in sorted(found.items())})
