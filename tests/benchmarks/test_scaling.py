"""The model of an all-reduce finds planted parameters, and needs enough points."""

import ml_collections
import numpy as np
import pytest
from benchmark_context import quiet_context

from benchmarks.alpha_beta import ALGORITHMS, Model, Point, TooFewPointsError, best_fit, fit
from benchmarks.records import Record, RecordError, RecordLog
from benchmarks.samples import Samples, difference
from benchmarks.suites import scaling

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


def test_rings_and_trees_follow_the_formulas():
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
    assert len(found.errors) == len(found.left_out) == len(REPLICAS) * len(SIZES)
    assert 0.0 < np.median(found.errors) <= max(found.errors) < 0.02
    assert max(found.errors) < max(found.left_out) < 0.02
    assert len(found.extrapolated) == len(SIZES)
    assert max(found.extrapolated) < 0.05


def test_long_vectors_do_not_hide_the_latency_of_short_ones():
    found = fit(measured("ring", noise=0.01, sizes=(8, 800, 8_000_000, 800_000_000)), "ring")
    assert found.model.alpha == pytest.approx(ALPHA, rel=0.05)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_rings_are_distinguished_from_trees(algorithm):
    points = measured(algorithm, start=0.3, noise=0.01)
    fits = [fit(points, name) for name in ALGORITHMS]
    assert best_fit(fits).model.algorithm == algorithm
    wrong = max(fits, key=lambda found: np.median(found.errors))
    assert wrong.model.algorithm != algorithm
    assert max(wrong.errors) > 0.1


def test_parameters_are_not_negative_if_times_fall_with_replicas():
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
def test_too_few_points_raise(few, missing):
    with pytest.raises(TooFewPointsError, match=missing):
        fit(measured("ring", start=1.0, **few), "ring")


def records_of_reads(points, device="4 devices"):
    records = []
    for p in points:
        case = {"replicas": p.replicas, "bytes": p.bytes, "device": device}
        without = Samples((1.0, 2.0, 3.0))
        with_it = Samples(tuple(ms + p.ms for ms in without.values))
        records.append(Record("read", case, "the step without it", without))
        records.append(
            Record("read", case, "all_reduce", with_it, difference=difference(without, with_it))
        )
        # Other records are not points.
        longer = Samples(tuple(100.0 * ms for ms in with_it.values))
        added = difference(without, longer)
        records.append(Record("read", case, "F1Score", longer, difference=added))
    return records


def records_of_steps(replicas, step=10.0, added=0.5, workers=1):
    base = {"workers": workers, "device": "4 devices", "scores": "64x10", "replicas": replicas}
    return [
        Record(
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


def records_of_run(tmp_path, records, **settings):
    if records:
        log = RecordLog(tmp_path / "results.jsonl", {})
        for record in records:
            log.write(record)
    config = ml_collections.ConfigDict({"replicas": (1, 2, 16384), "classes": (10, 1000)})
    config.update(settings)
    return list(scaling.run(config, quiet_context(tmp_path)))


def test_every_record_is_labelled_as_a_model_and_has_its_error(tmp_path):
    records = records_of_run(tmp_path, records_of_reads(measured("tree", 0.3, noise=0.01)))
    assert all(record.values["model"] is True for record in records)
    assert all("model" in record.variant for record in records)
    assert all(record.timed is None for record in records)
    predicted = [record for record in records if "predicted_ms" in record.values]
    # Two algorithms, two numbers of classes, two of replicas: one replica sends nothing.
    assert len(predicted) == 8
    assert all("16 points, error" in record.values["fit"] for record in predicted)
    tree = next(
        record
        for record in predicted
        if record.variant == "tree (model)" and record.case["replicas"] == 16384
    )
    truth = Model("tree", 0.3, ALPHA, BETA).predict(16384, 8 * (3 * 10 + 2))
    assert tree.values["predicted_ms"] == pytest.approx(truth, rel=0.05)
    fits = {record.variant: record.values for record in records if "alpha_us" in record.values}
    assert fits["tree (model), fit"]["lost_in_noise"] == 0
    assert fits["tree (model), fit"]["fits_better"] is True
    assert fits["ring (model), fit"]["fits_better"] is False
    assert fits["tree (model), fit"]["gb_per_s"] == pytest.approx(10.0, rel=0.05)


def test_too_few_points_give_one_record_for_each_suite_and_no_prediction(tmp_path):
    records = records_of_run(tmp_path, records_of_reads(measured("ring")[:3]))
    assert [record.case["predicted"] for record in records] == [
        "a read",
        'sync="step" in each step',
    ]
    assert "3 points over several replicas, 5 are needed" in records[0].values["skipped"]
    assert "0 points" in records[1].values["skipped"]


def test_points_of_different_devices_are_not_mixed(tmp_path):
    several = measured("ring", start=0.3)
    other = [Point(p.replicas, p.bytes, 10.0 * p.ms) for p in several]
    records = records_of_run(
        tmp_path, records_of_reads(several) + records_of_reads(other, "another")
    )
    fits = [r.values for r in records if r.variant == "ring (model), fit"]
    assert [found["alpha_us"] for found in fits] == pytest.approx([20.0, 200.0])


def test_the_cost_of_a_read_in_a_step_is_taken_from_the_same_rounds():
    records = records_of_steps(2, added=0.5) + records_of_steps(4, added=0.0)
    found = scaling.measurements(records)[("per_step", "4 devices", 1)]
    assert [(p, added.median) for p, _, added in found] == [(2, 0.5)] * 4 + [(4, 0.0)] * 4
    assert len({size for _, size, _ in found}) > 1


def test_measurements_within_the_noise_are_lost(tmp_path):
    steps = records_of_steps(2, added=0.5) + records_of_steps(4, added=0.0)
    records = records_of_run(tmp_path, steps)
    reason = "4 points over several replicas, 5 are needed, and 4 were within the noise"
    assert reason in records[0].values["skipped"]


def test_the_results_of_another_run_can_be_used(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    log = RecordLog(other / "results.jsonl", {})
    for record in records_of_reads(measured("ring", start=0.3)):
        log.write(record)
    records = records_of_run(tmp_path, [], measured=str(other / "results.jsonl"))
    assert any("predicted_ms" in record.values for record in records)
    with pytest.raises(RecordError, match="cannot be read"):
        records_of_run(tmp_path / "other", [], measured="absent.jsonl")
