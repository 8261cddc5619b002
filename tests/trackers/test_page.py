"""The code blocks of the page on trackers run, without a network."""

import doc_snippets
import pytest
import trackers


@pytest.mark.slow
def test_code_on_the_page_runs_on_four_replicas(tmp_path, monkeypatch):
    for package in ("wandb", "mlflow"):
        trackers.import_tracker(package)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    blocks = doc_snippets.blocks_of("docs/trackers.md")
    printed = doc_snippets.run(tmp_path, doc_snippets.FOUR_REPLICAS, *blocks)
    numbers = [float(number) for number in printed.split()]
    assert len(numbers) == 4
    assert (tmp_path / "wandb").is_dir()
