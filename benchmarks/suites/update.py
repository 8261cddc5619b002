"""What one update of a metric costs, beside one read of the scores and beside other libraries.

All variants of one size take turns in one process. Each is a `tf.function` whose arguments are the
tensors, traced with static shapes; other frameworks update as they do.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections

from benchmarks import peers
from benchmarks.records import Row
from benchmarks.samples import Samples, difference
from benchmarks.suites import Context
from benchmarks.timing import CONTROL, Timed, compared, interleaved, milliseconds
from benchmarks.updates import batches, expected, subjects
from benchmarks.updates.batches import Batch
from benchmarks.updates.subjects import FLOOR, OURS, Subject, Tensors
from dist_f1.inspection.operations import count_operations

# What is measured of the sizes that the config lists under that name.
_KINDS: dict[str, dict[str, Any]] = {
    "sizes": {"task": "argmax"},
    "bfloat16": {"task": "argmax", "dtype": "bfloat16"},
    "weighted": {"task": "argmax", "weighted": True},
    "thresholds": {"task": "ids"},
    "multilabel": {"task": "indicators"},
}
# Calls of a peer that are tried before it takes turns with the others.
_TRIES = 2


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Row]:
    """Yields a row for each variant of each size."""
    for kind, options in _KINDS.items():
        for shape in config.get(kind, ()):
            batch = batches.make(shape=shape, seed=context.seed, **options)
            yield from _all_variants(batch, config, context)
            # Graphs refer to themselves, and to gigabytes of scores.
            gc.collect()


def _all_variants(
    batch: Batch, config: ml_collections.ConfigDict, context: Context
) -> Iterator[Row]:
    tensors = Tensors(batch, context.devices[0])
    variants = [subjects.floor(tensors), *subjects.ours(tensors)]
    offers = peers.offers(tensors) if config.get("peers", True) else {}
    yield from measure(batch, variants, _tried(offers, tensors, config), config, context)


def measure(
    batch: Batch,
    variants: Sequence[Subject],
    tried: Mapping[str, Subject | Row],
    config: Mapping[str, Any],
    context: Context,
) -> Iterator[Row]:
    """Times variants and the peers that can take part in turn, and compares what they count.

    Args:
        batch: what is counted.
        variants: the first is the baseline.
        tried: peers by name; a `Row` says why one does not take part.
        config: of the suite.
        context: of the run.
    """
    case = {**batch.describe(), "device": context.device_label}
    peers_ready = [peer for peer in tried.values() if isinstance(peer, Subject)]
    taking_part = [*variants, *peers_ready]
    steps = config["steps"]
    context.progress.task(f"update {batch.task} {batch.rows:,} x {batch.classes:,}", steps)
    timed = interleaved(
        {subject.name: subject.update for subject in taking_part} | {CONTROL: variants[0].update},
        steps=steps,
        seed=context.seed,
        progress=context.progress.step,
        budget_seconds=config.get("budget_seconds") or None,
    )
    yield from compared(
        "update",
        case,
        timed,
        FLOOR,
        counted={subject.name: _counted(subject) for subject in taking_part},
        values={subject.name: _values(subject, batch, timed) for subject in taking_part},
        wrong={
            subject.name: wrong
            for subject in taking_part
            if (wrong := wrong_of(subject, batch)) is not None
        },
    )
    for skipped in tried.values():
        if isinstance(skipped, Row):
            yield dataclasses.replace(skipped, case=case)


def wrong_of(subject: Subject, batch: Batch) -> int | None:
    """How many values of one update differ from scikit-learn's and NumPy's."""
    subject.reset()
    subject.update()
    answer = subject.answer()
    if not answer:
        return None
    truth = expected.expected(batch, [name for name in answer if name not in expected.SWEPT])
    if subject.thresholds:
        truth |= expected.swept(batch, subject.thresholds)
    return expected.differing(answer, truth)


def _counted(subject: Subject) -> dict[str, int]:
    counted = {}
    if subject.graph is not None:
        function, arguments = subject.graph
        counted["operations"] = count_operations(function, *arguments).total()
    if subject.state_bytes is not None:
        counted["state_bytes"] = subject.state_bytes()
    return counted


def _values(subject: Subject, batch: Batch, timed: Mapping[str, Timed]) -> dict[str, Any]:
    mine = timed[subject.name]
    seconds = mine.samples.p50 / 1e3
    values: dict[str, Any] = {
        "first_ms": mine.first_ms if subject.first_ms is None else subject.first_ms,
        "rows_per_s": batch.rows / seconds,
        "gb_per_s": batch.bytes_of_scores / 1e9 / seconds,
    }
    if subject.name not in (FLOOR, OURS) and OURS in timed:
        over = difference(timed[OURS].samples, mine.samples)
        values["over_ours"] = dataclasses.asdict(over)
    return values


def _tried(
    offers: Mapping[str, peers.Offer], tensors: Tensors, config: Mapping[str, Any]
) -> dict[str, Subject | Row]:
    """Peers that are there and fast enough to take turns; a row for each other."""
    seconds = config.get("peer_limit_seconds", 1.0)
    megabytes = config.get("peer_limit_mb", 2048.0)
    found: dict[str, Subject | Row] = {}
    for name, offer in offers.items():
        taken: list[float] = []
        try:
            peer = offer(tensors, megabytes)
            for _ in range(_TRIES):
                taken.append(milliseconds(peer.update))
            if taken[-1] <= 1e3 * seconds:
                found[name] = dataclasses.replace(peer, first_ms=taken[0])
                continue
            reason = f"one call takes {taken[-1] / 1e3:.1f} s, the limit is {seconds:g}"
            wrong = wrong_of(peer, tensors.batch)
        except peers.Unavailable as error:
            reason, wrong = str(error), None
        except Exception as error:  # Whatever another library does, the others are measured.
            reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            wrong = None
        few = Samples(tuple(taken)) if taken else None
        found[name] = Row("update", {}, name, few, values={"skipped": reason}, wrong=wrong)
    return found
