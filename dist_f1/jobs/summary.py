"""The summary of a run: scores with intervals, the best thresholds, figures and pages."""

import dataclasses
from collections.abc import Sequence

from dist_f1 import plots
from dist_f1.counts import Counts
from dist_f1.counts.visible_text import visible_name
from dist_f1.jobs.data import ALL_CLASSES
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.run_page import run_html, run_markdown
from dist_f1.jobs.run_results import add_files
from dist_f1.pages.results.evaluation import LEVEL, Evaluation, interval_of, score_row
from dist_f1.scores import score_names
from dist_f1.sweeps import Sweep

_OVERALL = ("accuracy", "balanced_accuracy", "matthews_corrcoef", "cohen_kappa")
SCORES = {
    "multiclass": ("f1_macro", "f1_weighted", "precision_macro", "recall_macro", *_OVERALL),
    "binary": (*(f"{s}_binary" for s in ("f1", "precision", "recall", "specificity")), *_OVERALL),
    "multilabel": (
        *("f1_macro", "f1_micro", "f1_weighted", "f1_samples", "jaccard_samples"),
        *("accuracy", "hamming_loss"),
    ),
}


@dataclasses.dataclass(frozen=True)
class Summary:
    """The last evaluation of a run.

    Args:
        title: Title of the pages.
        task: `"multiclass"`, `"binary"` or `"multilabel"`.
        class_names: Names by class id; two for a binary task.
        counts: Counts of the validation rows.
        sweep: Sweep of the validation rows.
    """

    title: str
    task: str
    class_names: Sequence[str]
    counts: Counts
    sweep: Sweep

    def scores(self) -> dict[str, dict[str, float | None]]:
        """Return each score with its 95% interval, whose bounds are `None` if unknown."""
        return {name: score_row(self.counts, name) for name in SCORES[self.task]}

    def thresholds(self) -> dict[str, dict[str, float]]:
        """Return the best threshold, its F1, and the average precision, by class and overall."""
        best, overall = self.sweep.best(), self.sweep.best("macro")
        precision = self.sweep.average_precision()
        rows = {
            name: {
                "best_threshold": float(best.threshold[index]),
                "f1": float(best.score[index]),
                "average_precision": float(precision[index]),
            }
            for index, name in enumerate(self._scored_names())
        }
        if len(rows) > 1:
            rows[ALL_CLASSES] = {
                "best_threshold": float(overall.threshold),
                "f1": float(overall.score),
                "average_precision": float(self.sweep.average_precision("macro")),
            }
        return rows

    def text(self) -> str:
        """Return scores and thresholds for the console."""
        lines = [f"{'':20}   value   {LEVEL:.0%} interval"]
        for name, row in self.scores().items():
            interval = f"{row['low']:.4f} to {row['high']:.4f}" if row["low"] is not None else "-"
            lines.append(f"{name:20} {row['value']:7.4f}   {interval}")
        lines += ["", f"{'':20} best threshold   best F1  average precision"]
        for name, best in self.thresholds().items():
            lines.append(
                f"{visible_name(name)[:20]:20} {best['best_threshold']:14.3f} {best['f1']:9.4f} "
                f"{best['average_precision']:18.4f}"
            )
        return "\n".join(lines)

    def write(self, run_dir: RunDir) -> None:
        """Write `scores.json`, `sweep.npz`, the figures, and the pages with all results.

        The pages also show the other files of the directory, e.g. `metrics.jsonl`.
        """
        all_scores = self.scores()
        run_dir.write_scores({"scores": all_scores, "thresholds": self.thresholds()})
        run_dir.write_sweep(self.sweep)
        names, counts = self.class_names, self.counts
        with run_dir.writing(run_dir.confusion_matrix):
            plots.confusion_matrix(counts, names, run_dir.confusion_matrix)
        with run_dir.writing(run_dir.precision_recall):
            plots.precision_recall(self.sweep, names, run_dir.precision_recall)
        intervals = interval_of(counts, "f1_per_class")
        with run_dir.writing(run_dir.f1_per_class):
            plots.f1_bars(counts, names, run_dir.f1_per_class, intervals=intervals)
        evaluation = Evaluation(self.title, counts, names, self.sweep, all_scores)
        results = add_files(evaluation, run_dir)
        run_dir.write_pages(run_html(results), run_markdown(results))

    def _scored_names(self) -> Sequence[str]:
        """Return the names of the classes with a score: for a binary task, the positive class."""
        return self.class_names[1:] if self.sweep.num_classes == 1 else self.class_names


def values(task: str, counts: Counts) -> dict[str, float]:
    """Return the scores of a task without intervals."""
    return {name: float(score_names.parse(name)(counts)) for name in SCORES[task]}
