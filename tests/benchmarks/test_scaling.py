"""The model of an all-reduce finds what was planted, and says nothing where it knows nothing."""

import ml_collections
import numpy as np
import pytest

from benchmarks.alpha_beta import ALGORITHMS, Model, Point, TooFewPoints, better, fit
from benchmarks.progress import Progress
from benchmarks.records import Log, RecordError, Row
from benchmarks.samples import Samples, difference
from benchmarks.suites import Context, scaling

# 20 microseconds for a message, and 10 GB/s.
ALPHA, BETA = 0.02, 1e-7
REPLICAS, SIZES = (2, 3, 4, 8), (256, 8_000, 800_000, 8_000_000)


def measured(algorithm, start=0.0, noise=0.0, replicas=REPLICAS, sizes=SIZES):
    random = np.random.default_rng(0)
    model = Model(algorithm, start, ALPHA, BETA)
    return [
        Point(p, n, model.predict(p, n) * (1.0 + noise * random.standard_normal()))
        for p in replicas
        for n in sizes
    ]


def test_times_of_rings_and_trees_are_those_of_the_formulas():
    n, p = 1e6, 8
    ring, tree = (Model(name, 0.5, ALPHA, BETA) for name in ("ring", "tree"))
    assert ring.predict(p, n) == pytest.approx(0.5 + 2 * 7 * ALPHA + 2 * 7 / 8 * n * BETA)
    assert tree.predict(p, n) == pytest.approx(0.5 + 2 * 3 * (ALPHA + n * BETA))
    assert tree.predict(9, n) == pytest.approx(0.5 + 2 * 4 * (ALPHA + n * BETA))
    assert ring.predict(1, n) == tree.predict(1, n) == 0.5


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("start", [0.0, 0.3])
def test_planted_latency_and_bandwidth_are_found(algorithm, start):
    found = fit(measured(algorithm, start, noise=0.0005), algorithm)
    assert found.model.alpha == pytest.approx(ALPHA, rel=0.01)
    assert found.model.beta == pytest.approx(BETA, rel=0.01)
    assert found.model.start == pytest.approx(start, abs=0.003)
    assert found.points == len(REPLICAS) * len(SIZES)
    assert 0.0 < found.median_error <= found.max_error < 0.02
    assert found.max_error < found.left_out_max < 0.02
    assert found.extrapolated_max is not None
    assert found.extrapolated_max < 0.05


def test_long_vectors_do_not_drown_the_latency_of_short_ones():
    found = fit(measured("ring", noise=0.01, sizes=(8, 800, 8_000_000, 800_000_000)), "ring")
    assert found.model.alpha == pytest.approx(ALPHA, rel=0.05)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_rings_are_told_from_trees(algorithm):
    points = measured(algorithm, start=0.3, noise=0.01)
    fits = [fit(points, name) for name in ALGORITHMS]
    assert better(fits).model.algorithm == algorithm
    wrong = max(fits, key=lambda found: found.median_error)
    assert wrong.model.algorithm != algorithm
    assert wrong.max_error > 0.1


def test_nothing_is_negative_where_times_fall_with_replicas():
    points = [Point(p, n, 1.0 / p + 1e-7 * n) for p in REPLICAS for n in SIZES]
    for algorithm in ALGORITHMS:
        model = fit(points, algorithm).model
        assert min(model.start, model.alpha, model.beta) >= 0.0


@pytest.mark.parametrize(
    ("few", "missing"),
    [
        ({"replicas": (2, 3), "sizes": (8, 80)}, "4 points"),
        ({"replicas": (4,), "sizes": (8, 80, 800, 8000, 80000)}, "two numbers"),
        ({"replicas": (2, 3, 4, 5, 6), "sizes": (8,)}, "two sizes"),
        ({"replicas": (1,), "sizes": (8, 80, 800, 8000, 80000)}, "0 points"),
    ],
)
def test_too_few_points_are_refused(few, missing):
    with pytest.raises(TooFewPoints, match=missing):
        fit(measured("ring", start=1.0, **few), "ring")


def rows_of_reads(points, device="4 devices"):
    rows = []
    for p in points:
        case = {"replicas": p.replicas, "bytes": p.bytes, "device": device}
        without = Samples((1.0, 2.0, 3.0))
        with_it = Samples(tuple(ms + p.ms for ms in without.values))
        rows.append(Row("read", case, "the step without it", without))
        rows.append(
            Row("read", case, "all_reduce", with_it, difference=difference(without, with_it))
        )
        # Nothing else is a point.
        longer = Samples(tuple(100.0 * ms for ms in with_it.values))
        rows.append(Row("read", case, "F1Score", longer, difference=difference(without, longer)))
    return rows


def rows_of_steps(replicas, step=10.0, added=0.5, workers=1):
    base = {"workers": workers, "device": "4 devices", "scores": "64x10", "replicas": replicas}
    return [
        Row(
            "per_step",
            {"model": model, **base},
            variant,
            Samples((ms, ms + 1, ms + 2)),
            values={"sync": sync} if sync else {},
        )
        for model in ("mlp", "segmenter", "cnn", "tagger")
        for variant, sync, ms in (
            ("none", None, 1.0),
            ("F1Score", "epoch", step),
            ("F1Score, read in the step", "step", step + added),
            ("Scores", "epoch", 2 * step),
        )
    ]


def rows_of_run(tmp_path, rows, **settings):
    if rows:
        log = Log(tmp_path / "results.jsonl", {})
        for row in rows:
            log.write(row)
    config = ml_collections.ConfigDict({"replicas": (1, 2, 16384), "classes": (10, 1000)})
    config.update(settings)
    context = Context(["CPU:0"], "4 devices", 0, Progress(quiet=True), tmp_path)
    return list(scaling.run(config, context))


def test_every_row_is_labelled_as_a_model_and_tells_its_error(tmp_path):
    rows = rows_of_run(tmp_path, rows_of_reads(measured("tree", 0.3, noise=0.01)))
    assert all(row.values["model"] is True for row in rows)
    assert all("model" in row.variant for row in rows)
    assert all(row.timed is None for row in rows)
    predicted = [row for row in rows if "predicted_ms" in row.values]
    # Two algorithms, two numbers of classes, two of replicas: one replica sends nothing.
    assert len(predicted) == 8
    assert all("16 points, off by" in row.values["fit"] for row in predicted)
    tree = next(
        row for row in predicted if row.variant == "tree (model)" and row.case["replicas"] == 16384
    )
    truth = Model("tree", 0.3, ALPHA, BETA).predict(16384, 8 * (3 * 10 + 2))
    assert tree.values["predicted_ms"] == pytest.approx(truth, rel=0.05)
    fits = {row.variant: row.values for row in rows if "alpha_us" in row.values}
    assert fits["tree (model), fit"]["lost_in_noise"] == 0
    assert fits["tree (model), fit"]["fits_better"] is True
    assert fits["ring (model), fit"]["fits_better"] is False
    assert fits["tree (model), fit"]["gb_per_s"] == pytest.approx(10.0, rel=0.05)


def test_too_few_points_are_one_row_for_each_suite_and_no_prediction(tmp_path):
    rows = rows_of_run(tmp_path, rows_of_reads(measured("ring")[:3]))
    assert [row.case["predicted"] for row in rows] == ["a read", 'sync="step" in each step']
    assert "3 points over several replicas, 5 are needed" in rows[0].values["skipped"]
    assert "0 points" in rows[1].values["skipped"]


def test_points_of_unlike_devices_are_not_mixed(tmp_path):
    several = measured("ring", start=0.3)
    other = [Point(p.replicas, p.bytes, 10.0 * p.ms) for p in several]
    rows = rows_of_run(tmp_path, rows_of_reads(several) + rows_of_reads(other, "another"))
    fits = [r.values for r in rows if r.variant == "ring (model), fit"]
    assert [found["alpha_us"] for found in fits] == pytest.approx([20.0, 200.0])


def test_what_reading_in_each_step_adds_is_taken_from_the_same_rounds():
    found = scaling.points(rows_of_steps(2, added=0.5) + rows_of_steps(4, added=0.0))
    added = found[("per_step", "4 devices", 1)]
    assert [(p.replicas, p.ms) for p in added.points] == [(2, 0.5)] * 4
    assert len({p.bytes for p in added.points}) > 1
    assert added.lost == 4


def test_results_of_another_run_can_be_taken(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    log = Log(other / "results.jsonl", {})
    for row in rows_of_reads(measured("ring", start=0.3)):
        log.write(row)
    rows = rows_of_run(tmp_path, [], measured=str(other / "results.jsonl"))
    assert any("predicted_ms" in row.values for row in rows)
    with pytest.raises(RecordError, match="cannot be read"):
        rows_of_run(tmp_path / "other", [], measured="absent.jsonl")
