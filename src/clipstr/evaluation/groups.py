"""Means over several data sets, each named so that nobody mixes it with another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clipstr.data.benchmarks import SIX_SETS, Benchmark, benchmark_of
from clipstr.evaluation.results import Evaluation, SetResult, Summary, error_of, joined_bins, summarise
from clipstr.metrics import Interval, wilson_interval

__all__ = ["Group", "arrivals", "benchmark_for", "groups"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Some data sets that a mean is taken over: the field's six in one of their selections, or all."""

    name: str
    sets: tuple[SetResult, ...]

    @property
    def count(self) -> int:
        """How many words were compared."""
        return sum(result.count for result in self.sets)

    @property
    def weighted(self) -> Summary:
        """The means over the words."""
        return summarise(self.sets, weighted=True)

    @property
    def unweighted(self) -> Summary:
        """The means over the sets."""
        return summarise(self.sets, weighted=False)

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the accuracy over the words."""
        return wilson_interval(sum(result.right for result in self.sets), self.count)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error over the words, 0 to 1."""
        return error_of(joined_bins(self.sets))


def groups(evaluation: Evaluation) -> list[Group]:
    """What ``evaluation`` has means of: each selection of the six sets that is whole, then all sets."""
    by_name = {benchmark.name: result for result, benchmark in _known(evaluation.sets)}
    whole = [
        Group(name=name, sets=tuple(by_name[wanted] for wanted in members))
        for name, members in SIX_SETS.items()
        if all(wanted in by_name for wanted in members)
    ]
    compared = evaluation.compared_sets
    number = f"all {len(compared)} sets" if len(compared) != 1 else "the one set"
    return [*whole, Group(name=number, sets=compared)]


def benchmark_for(result: SetResult) -> Benchmark | None:
    """The benchmark that a set is by its name, whatever its count."""
    return benchmark_of(result.name, result.samples)


def arrivals(evaluation: Evaluation) -> list[str]:
    """What the counts of the sets tell: which differ from the field's, and which are counted twice."""
    lines = []
    for result in evaluation.sets:
        known = benchmark_for(result)
        if known is not None and known.words not in (result.samples, result.count):
            lines.append(
                f"{result.name}: {result.samples:,} samples here, {known.words:,} in the field's set: "
                "it is another selection, whose figures are not to be compared with published ones."
            )
    present = [benchmark.name for _, benchmark in _known(evaluation.sets)]
    for name in sorted({name for name in present if present.count(name) > 1}):
        lines.append(f"{name} is here more than once: the mean over all sets counts it as often.")
    for family in ("IC13", "IC15"):
        both = sorted(name for name in set(present) if name.startswith(family))
        if len(both) > 1:
            lines.append(f"{' and '.join(both)} share words: the mean over all sets counts those twice.")
    return lines


def _known(sets: Sequence[SetResult]) -> Iterator[tuple[SetResult, Benchmark]]:
    """The sets that are a benchmark by name and count."""
    for result in sets:
        benchmark = benchmark_for(result)
        if benchmark is not None and benchmark.words in (result.samples, result.count):
            yield result, benchmark
