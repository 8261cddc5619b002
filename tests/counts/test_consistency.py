"""Every kind of counts loads; a file whose numbers contradict each other does not."""

import io

import numpy as np
import pytest
from comparisons import same
from counted_batches import count
from hypothesis import given
from hypothesis import strategies as st
from tasks import tasks

from dist_f1 import Counts, Sweep
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.counts import files
from dist_f1.counts.causes import CAUSES
from dist_f1.counts.layout import Layout
from dist_f1.sweeps.counting import SweepSpec, count_scores
from dist_f1.sweeps.grid import Grid

RULES = [
    DecisionRule(),
    DecisionRule(threshold=0.5),
    DecisionRule(threshold=(0.2, 0.5, 0.9)),
    DecisionRule(top_k=2),
    DecisionRule(threshold=0.4, top_k=2),
]
SIGNS = st.sampled_from([None, "positive", "any sign", "cancelling"])


@st.composite
def weights(draw, shape):
    """Draw weights, also such that cancel except for rounding errors."""
    sign, random = draw(SIGNS), np.random.default_rng(draw(st.integers(0, 1000)))
    if sign is None:
        return None
    values = random.random(shape) * 10.0 ** random.integers(-3, 4)
    if sign == "positive":
        return values
    if sign == "any sign":
        return values * random.choice([-1.0, 0.0, 1.0], shape)
    half = values[: len(values) // 2]
    return np.concatenate([half, -half, values[2 * len(half) :] * 0])


@st.composite
def labels(draw):
    """Draw counts of labels."""
    task = draw(tasks(weighted=[False]))
    size, groups = len(task.y_true), draw(st.sampled_from([None, 2]))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    y_pred = task.y_pred
    if draw(st.booleans()):
        # Rows that cannot be counted.
        y_pred = np.where(random.random(y_pred.shape) < 0.1, 255, y_pred)
    counts = Counts.from_labels(
        task.y_true,
        y_pred,
        task.num_classes,
        draw(weights(size)),
        ignore_class=draw(st.sampled_from([None, 1])),
        mask=random.random(size) < 0.8,
        confusion=draw(st.booleans()),
        betas=draw(st.sampled_from([(), (0.5, 2.0)])),
        by=None if groups is None else random.integers(0, 3, size),
        num_groups=groups,
    ).numpy()
    forms = [counts, counts.as_float()]
    if groups is not None:
        forms += [counts.overall(), counts.at(1)]
    elif task.num_classes == 1:
        forms.append(counts.to_two_class())
    return draw(st.sampled_from(forms))


@st.composite
def scores(draw):
    """Draw counts of predictions: by decision, or at many thresholds."""
    size, rule = draw(st.integers(1, 30)), draw(st.sampled_from(RULES))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    y_score = random.random((size, 3))
    y_score[random.random((size, 3)) < 0.02] = np.nan
    # With argmax too, a row may have several classes or none.
    y_true = random.integers(-1, 2, (size, 3)) if draw(st.booleans()) else np.eye(3)[[1] * size]
    weight = draw(weights(size))
    if draw(st.booleans()):
        sweep = Sweep.from_scores(y_true, y_score, 7, weight, ignore_class=-1)
        return draw(st.sampled_from([sweep.counts, sweep.counts.at(3), sweep.best("macro").counts]))
    if rule.decides_entries(3) and draw(st.booleans()):
        weight = draw(weights((size, 3)))
    return count(y_true, y_score, weight, rule=rule, ignore_class=-1)


@given(st.one_of(labels(), scores()))
def test_counts_of_every_kind_load(counts):
    same(Counts(**files.loads(files.dumps(counts._asdict()), "file")), counts)
    twice = counts + counts
    same(Counts(**files.loads(files.dumps(twice._asdict()), "file")), twice)


@given(st.data())
def test_counts_in_buckets_load_in_checkpoints(data):
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    size, classes = data.draw(st.integers(1, 30)), data.draw(st.sampled_from([1, 3]))
    y_score = random.random((size, classes))
    y_true = random.integers(-1 if classes > 1 else 0, 2, (size, classes))
    spec = SweepSpec(Grid.from_spec(5), ignore_class=-1)
    counts = count_scores(spec, y_true, y_score, data.draw(weights(size)), None)
    layout = Layout.from_counts(counts, spec.grid.thresholds)
    stored = files.loads_checkpoint(files.dumps(counts._asdict(), layout.thresholds, "x"), "file")
    same(Counts(**stored.fields), counts)
    assert stored.thresholds == layout.thresholds
    assert stored.decision == "x"


def test_sums_of_counts_without_causes_load():
    old = Counts.from_labels([0, 1, 5], [0, 0, 0], 2).numpy()._replace(invalid_by_cause=())
    for counts in (old, old + old):
        same(Counts(**files.loads(files.dumps(counts._asdict()), "file")), counts)


PLAIN = Counts.from_labels([0, 1, 2, 2, 9], [0, 2, 2, 1, 0], 3, confusion=True)
WEIGHTED = Counts.from_labels([0, 1, 2], [0, 2, 2], 3, [0.5, 2.0, -1.0], confusion=True)
INDICATORS = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0]])
MULTILABEL = Counts.from_labels(INDICATORS, INDICATORS[::-1], 3)
ENTRIES = Counts.from_labels(INDICATORS - (INDICATORS == 0), INDICATORS, 3, ignore_class=-1)
GROUPS = Counts.from_labels([0, 1], [0, 0], 2, by=[0, 1], num_groups=2)
SUM = [2**26, 0, 0]
FALSE = {
    "a negative number": (PLAIN, {"true_positive": [-1, 0, 1]}, "true_positive is negative, -1"),
    "more correct than predicted": (PLAIN, {"predicted": [0, 2, 2]}, "more than predicted, 0"),
    "more correct than actual": (PLAIN, {"actual": [0, 2, 2]}, "more than actual, 0"),
    "more actual than rows": (PLAIN, {"actual": [1, 1, 5]}, "actual is 5, more than total, 4"),
    "more predicted than rows": (MULTILABEL, {"predicted": [4, 1, 1]}, "more than total, 3"),
    "disjoint rows": (
        MULTILABEL,
        {"true_positive": [0, 1, 0], "predicted": [3, 1, 1]},
        "more rows",
    ),
    "two predictions of a row": (PLAIN, {"predicted": [1, 2, 2]}, "predicted is 5, but total is 4"),
    "a sum that wraps": (
        GROUPS,
        {"predicted": [[2**62] * 2, [1, 0]], "total": [2**62 + 2**62 - 1, 1]},
        "the sum of predicted is",
    ),
    "invalid rows": (PLAIN, {"invalid": 2}, "the sum of invalid_by_cause is 1, but invalid is 2"),
    "a diagonal": (PLAIN, {"confusion": [[0, 1, 0], [0, 0, 1], [1, 0, 1]]}, "diagonal"),
    "columns": (PLAIN, {"confusion": [[1, 0, 0], [1, 0, 0], [0, 1, 1]]}, "by column"),
    "rows": (PLAIN, {"confusion": [[1, 1, 0], [0, 0, 1], [0, 0, 1]]}, "by row"),
    "NaN": (WEIGHTED, {"total": np.nan}, "total holds a number that is not finite"),
    "infinity": (WEIGHTED, {"actual": [np.inf, 0.0, 0.0]}, "actual holds a number that is not"),
    "half an invalid row": (
        WEIGHTED,
        {"invalid": 0.5, "invalid_by_cause": [0.5] + [0.0] * 8},
        "invalid is not a number of rows",
    ),
    "weights of a matrix": (WEIGHTED, {"confusion": np.zeros((3, 3))}, "diagonal of confusion"),
    "weights of predictions": (WEIGHTED, {"total": 2.5}, "the sum of predicted is 1.5, but total"),
    "more entries than rows": (ENTRIES, {"class_total": [3, 1, 1]}, "class_total is 3, more than"),
    "more actual entries": (ENTRIES, {"class_total": [0, 1, 1]}, "more than class_total, 0"),
    "too many exact rows": (MULTILABEL, {"samples.all_right": 4}, "samples.all_right is 4, more"),
    "an exact row without its ratio": (
        MULTILABEL,
        {"samples.all_right": 2},
        "samples.all_right contradicts samples.jaccard",
    ),
    "a ratio without its exact row": (
        MULTILABEL,
        {"samples.all_right": 0, "samples.jaccard": [3 * 2**26, 0, 0]},
        "samples.all_right contradicts samples.jaccard",
    ),
    "undefined rows that are not exact": (
        MULTILABEL,
        {"samples.jaccard": [0, 0, 2]},
        "samples.all_right contradicts samples.jaccard",
    ),
    "a ratio above 1": (MULTILABEL, {"samples.f1": [3 * 2**26 + 1, 0, 0]}, "samples.f1 is 4, more"),
    "too many undefined": (MULTILABEL, {"samples.f1": [0, 0, 4]}, "samples.f1, undefined is 4"),
    "a low limb": (MULTILABEL, {"samples.f1": [0, 2**28, 0]}, "samples.f1 is 4, more"),
    "a ratio of no name": (MULTILABEL, {"samples.other": SUM}, "expected .*F of other betas"),
    "a ratio with two names": (MULTILABEL, {"samples.f2.0": SUM}, "expected .*F of other betas"),
    "multilabel of numbers": (MULTILABEL, {"multilabel": [1, 2]}, "multilabel is int64"),
    "multilabel that is false": (MULTILABEL, {"multilabel": False}, "expected True"),
    "no classes": (PLAIN, {"actual": np.zeros(0, np.int64)}, r"actual is int64 \[0\]"),
    "three axes": (PLAIN, {"actual": np.ones((1, 1, 3), np.int64)}, "actual is int64"),
    "too many causes": (
        PLAIN,
        {"invalid_by_cause": [0] * len(CAUSES) + [1]},
        "invalid_by_cause is",
    ),
    "two dtypes": (PLAIN, {"total": 4.0}, "the dtype of total, float64, is not that of"),
    "another version": (
        PLAIN,
        {"format_version": 1.5},
        "format_version is float64 .*, expected a pos",
    ),
    "version 0": (PLAIN, {"format_version": 0}, "format_version is 0, expected a positive integer"),
    "a newer version": (
        PLAIN,
        {"format_version": 7},
        r"has format version 7, but dist_f1 .* reads versions up to 1\. Update dist_f1",
    ),
    "a newer version with other arrays": (PLAIN, {"format_version": 2, "new": 1}, "version 2"),
    "an unknown array": (PLAIN, {"other": 1}, "holds no counts but .*'other'"),
}


def rewrite(content, changed):
    """Return the bytes of an archive with other arrays."""
    with np.load(io.BytesIO(content)) as file:
        arrays = {name: file[name] for name in file.files}
    file = io.BytesIO()
    np.savez(file, **{**arrays, **{name: np.array(x) for name, x in changed.items()}})
    return file.getvalue()


@pytest.mark.parametrize("kind", FALSE)
def test_numbers_that_contradict_each_other_raise(kind, tmp_path):
    counts, changed, message = FALSE[kind]
    counts.numpy().save(tmp_path / "counts.npz")
    content = (tmp_path / "counts.npz").read_bytes()
    (tmp_path / "counts.npz").write_bytes(rewrite(content, changed))
    with pytest.raises(ValueError, match=rf"^[^\n]*counts\.npz [^\n]*{message}"):
        Counts.load(tmp_path / "counts.npz")


SWEEP = Sweep.from_scores([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], [0.2, 0.5, 0.9]).numpy()
FALSE_SWEEPS = {
    "descending": ({"thresholds": [0.5, 0.2, 0.9]}, "the thresholds do not ascend"),
    "doubled": ({"thresholds": [0.2, 0.2, 0.9]}, "the thresholds do not ascend"),
    "out of range": ({"thresholds": [0.2, 0.5, 1.1]}, "not a number from 0 to 1"),
    "NaN": ({"thresholds": [0.2, np.nan, 0.9]}, "not a number from 0 to 1"),
    "no thresholds": ({"thresholds": np.zeros(0)}, "thresholds is float64"),
    "text": ({"thresholds": 0.5}, "thresholds is float64"),
    "too few thresholds": ({"thresholds": [0.2, 0.5]}, r"expected \[2, 1\]"),
    "increasing": ({"predicted": [[3], [1], [2]]}, "predicted at a threshold is 2, more than"),
    "too many positives": ({"true_positive": [[4], [1], [0]]}, "more than predicted, 3"),
    "too many predicted": ({"predicted": [[5], [1], [0]]}, "more than total, 4"),
    "other dtype": ({"predicted": [[3.0], [1.0], [0.0]]}, "predicted is float64"),
    "booleans": ({"actual": [True]}, "actual bool"),
    "no classes": ({"actual": np.zeros(0, np.int64)}, "actual is int64"),
    "invalid rows": ({"invalid": 3}, "the sum of invalid_by_cause is 0, but invalid is 3"),
    "a newer version": ({"format_version": 2}, "has format version 2, but dist_f1"),
    "an unknown array": ({"confusion": [[1]]}, "holds no sweep but .*'confusion'"),
}


@pytest.mark.parametrize("kind", FALSE_SWEEPS)
def test_sweeps_that_contradict_themselves_raise(kind, tmp_path):
    changed, message = FALSE_SWEEPS[kind]
    SWEEP.save(tmp_path / "sweep.npz")
    content = (tmp_path / "sweep.npz").read_bytes()
    (tmp_path / "sweep.npz").write_bytes(rewrite(content, changed))
    with pytest.raises(ValueError, match=rf"^[^\n]*sweep\.npz [^\n]*{message}"):
        Sweep.load(tmp_path / "sweep.npz")


@pytest.mark.parametrize("name", ["true_positive", "predicted"])
def test_counts_in_buckets_that_do_not_add_up_raise(name):
    buckets = count_scores(SweepSpec(Grid((0.2, 0.5))), [0, 1, 1], [0.1, 0.3, 0.8], None, None)
    wrong = buckets._replace(**{name: getattr(buckets, name) * 0})
    if name == "predicted":
        wrong = wrong._replace(true_positive=wrong.true_positive * 0, actual=wrong.actual * 0)
    with pytest.raises(ValueError, match=f"the sum of {name} is"):
        files.loads_checkpoint(files.dumps(wrong._asdict(), (0.2, 0.5)), "file")
