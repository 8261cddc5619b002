"""Checkpoints that are damaged, hostile, or hold a position that cannot be."""

import base64
import json
import os
import shutil

import fuzzing
import numpy as np
import pytest
import tensorflow as tf
from helpers import mirrored
from hostile_json import NO_OBJECTS, VALUES
from job_checkpoints import latest
from job_configs import config_for_dataset
from job_data import SPLIT, write_npz

from dist_f1.jobs import checkpoints, data
from dist_f1.jobs.checkpoints import CheckpointError, CheckpointManager
from dist_f1.jobs.loop import Loop
from dist_f1.jobs.predictions import Predictions
from dist_f1.jobs.progress import Position, Progress
from dist_f1.jobs.run_dir import RunDir


def write(path):
    (path / "state").write_text("counts")


@pytest.fixture
def manager(tmp_path):
    manager = CheckpointManager(tmp_path / "checkpoints")
    for number in (10, 20):
        manager.save(number, write)
    return manager


@pytest.mark.parametrize(
    "name",
    [
        "٣٣٣٣٣٣٣٣",
        "²²²²²²²²",
        "00000030x",
        "-0000030",
        "9" * 300,
        "0" * 7 + "30",
        "0000000000030",
        "30",
    ],
)
@pytest.mark.parametrize("kind", ["directory", "file"])
def test_names_that_no_job_writes_are_ignored(manager, tmp_path, name, kind):
    path = tmp_path / "checkpoints" / name[:200]
    path.mkdir() if kind == "directory" else path.write_text("")
    assert latest(manager).name == "00000020"
    assert path.exists()


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "link to nothing", "pipe"])
def test_what_is_no_directory_is_damaged_and_never_followed(manager, tmp_path, kind):
    path, other = tmp_path / "checkpoints" / "00000030", tmp_path / "precious"
    shutil.copytree(tmp_path / "checkpoints" / "00000020", other)
    if kind == "file":
        path.write_text("")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(other if kind == "link" else tmp_path / "nowhere")
    messages = []
    assert latest(manager, messages.append).name == "00000020"
    assert "00000030 is damaged (it is not a directory)" in messages[0]
    assert not os.path.lexists(path)
    assert (other / "state").read_text() == "counts"


LISTS = {
    **NO_OBJECTS,
    **{f"state: {value}": f'{{"state": {value}}}'.encode() for value in VALUES},
    **{
        f"{key}: {value}": json.dumps({"state": {"bytes": 6, "crc32": 1}})
        .replace(f'"{key}": {old}', f'"{key}": {value}')
        .encode()
        for key, old in (("bytes", 6), ("crc32", 1))
        for value in VALUES
    },
    **{
        f"name {name!r}": json.dumps({name: {"bytes": 6, "crc32": 0}}).encode()
        for name in ("../outside", "/etc/passwd", "/dev/zero", "..", "a\0b", "x" * 5000, "", "link")
    },
}


@pytest.mark.parametrize("name", LISTS)
def test_a_damaged_list_of_files_leaves_the_previous_checkpoint(manager, tmp_path, name):
    directory = manager.save(30, write)
    (tmp_path / "checkpoints" / "outside").write_text("counts")
    (directory / "link").symlink_to("/dev/zero")
    (directory / "files.json").write_bytes(LISTS[name])
    messages = []
    assert latest(manager, messages.append).name == ("00000020" if name != "{}" else "00000030")
    assert len(messages) == 1


POSITION = {
    "epoch": (*VALUES, "0", "3"),
    "phase": VALUES,
    "step": tuple(v for v in VALUES if v != "3"),
    "total_steps": VALUES,
    "rows": tuple(v for v in VALUES if not v.isdigit()),
    "loss": tuple(v for v in VALUES if v not in ("NaN", "1e999", "0.5")),
    "seconds": tuple(v for v in VALUES if v != "0.5"),
    "last": (*(v for v in VALUES if v != "null"), '[1, "train", 1]', '[1, "done", 1, 2]'),
    "sizes": (*(v for v in VALUES if v != "[]"), "[1, true]", "[1, -2]", '["x", null]'),
}


def progress(**changes):
    """Return what `Progress.serialize` does after 3 steps, with other JSON in some fields."""
    one = Progress()
    one.position = Position(
        step=3, total_steps=3, rows=12, last=(1, "train", 3, 7), sizes=(12, None)
    )
    record = json.loads(one.serialize())
    fields = {key: json.dumps(value) for key, value in record["position"].items()} | changes
    position = ", ".join(f'"{key}": {value}' for key, value in fields.items())
    return f'{{"position": {{{position}}}, "counts": {{}}}}'.encode()


@pytest.mark.parametrize("key", POSITION)
def test_a_position_that_cannot_be_is_a_value_error(key):
    restored = Progress()
    restored.deserialize(progress())
    assert restored.position.rows == 12
    # The number of epochs and steps is checked by `SavedState`.
    possible = {("epoch", "3"), ("total_steps", "3"), ("total_steps", "9223372036854775807")}
    possible |= {("epoch", "9223372036854775807")}
    for value in POSITION[key]:
        if (key, value) not in possible:
            with pytest.raises(ValueError, match=f"impossible (total_)?{key}|does not hold a JSON"):
                Progress().deserialize(progress(**{key: value}))


@pytest.mark.parametrize(
    "record",
    [
        *NO_OBJECTS.values(),
        b"{}",
        b'{"position": {}, "counts": {}}',
        b'{"position": 3, "counts": {}}',
        progress(other="3"),
        progress().replace(b'"counts": {}', b'"counts": []'),
        progress().replace(b'"counts": {}', b'"counts": {"a": 3}'),
        progress().replace(b'"counts": {}', b'"counts": {"a": "no base64!"}'),
    ],
)
def test_a_progress_of_another_form_is_a_value_error(record):
    if record == NO_OBJECTS["too large"]:
        record = b'{"counts": 3}'
    with pytest.raises(ValueError, match=r"progress|position|counts"):
        Progress().deserialize(record)


def make_loop(path, **changes):
    name = write_npz(path, **SPLIT)
    config = config_for_dataset(
        name, epochs=1, checkpoint_every=1, save_predictions=True, **changes
    )
    run_dir = RunDir(path / "run")
    run_dir.checkpoints.mkdir(parents=True, exist_ok=True)
    return Loop(config, data.load(config), mirrored(1), run_dir, lambda: False)


@pytest.fixture
def finished(tmp_path):
    loop = make_loop(tmp_path)
    loop.run(lambda result: None)
    return loop.results()[0], loop.predictions()


def _rewrite(directory, change):
    """Change a serialized progress, and save the checkpoint with valid checksums."""
    reader = tf.train.load_checkpoint(str(directory / "state"))
    kept = {n: reader.get_tensor(n) for n in reader.get_variable_to_shape_map()}
    (name,) = [n for n in kept if n.startswith("progress/")]
    kept[name] = np.array(change(kept[name]), dtype=object)
    tensors = [tf.constant(v) for v in kept.values()]
    tf.raw_ops.SaveV2(
        prefix=str(directory / "state"),
        tensor_names=list(kept),
        shape_and_slices=[""] * len(kept),
        tensors=tensors,
    )
    (directory / "files.json").unlink()
    checkpoints._write_file_list(directory)


def _with_counts(text):
    def change(value):
        record = json.loads(value)
        record["counts"] = {name: text for name in record["counts"]}
        return json.dumps(record).encode()

    return change


def _with_position(**changes):
    def change(value):
        record = json.loads(value)
        record["position"] |= changes
        return json.dumps(record).encode()

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda value: b"",
        lambda value: b"[]",
        _with_counts(""),
        _with_counts("no base64!"),
        _with_counts(base64.b64encode(b"PK garbage").decode()),
        lambda value: json.dumps({**json.loads(value), "counts": {}}).encode(),
        _with_position(step=-1),
        _with_position(epoch=2),
        _with_position(total_steps=1),
        _with_position(rows=11),
        _with_position(phase="x"),
    ],
)
def test_an_intact_checkpoint_that_cannot_be_restored_leaves_the_previous_one(
    tmp_path, finished, change
):
    directory = max((tmp_path / "run" / "checkpoints").iterdir())
    shutil.rmtree(tmp_path / "run" / "predictions")
    _rewrite(directory, change)
    loop, messages = make_loop(tmp_path), []
    assert loop.restore(messages.append)
    assert f"The checkpoint {directory} cannot be restored: " in messages[0]
    assert not directory.exists()
    loop.run(lambda result: None)
    np.testing.assert_array_equal(loop.results()[0].confusion, finished[0].confusion)
    np.testing.assert_array_equal(loop.predictions()["y_pred"], finished[1]["y_pred"])


def test_if_no_checkpoint_can_be_restored_all_are_kept_and_the_last_is_named(tmp_path, finished):
    directories = sorted((tmp_path / "run" / "checkpoints").iterdir())
    for directory in directories:
        _rewrite(directory, lambda value: b"[]")
    with pytest.raises(CheckpointError, match=rf"{directories[-1]} cannot be restored: .* Use the"):
        make_loop(tmp_path).restore(print)
    assert sorted((tmp_path / "run" / "checkpoints").iterdir()) == directories


def _damage_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "flipped": _damage_bit,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "empty": lambda path: path.write_bytes(b""),
    "removed": lambda path: path.unlink(),
    "no archive": lambda path: path.write_text("rows"),
    "other arrays": lambda path: np.savez(path, x=3),
    "other shapes": lambda path: np.savez(path, steps=[0], y_true=[0], logits=np.zeros((1, 7))),
    "other dtypes": lambda path: np.savez(path, steps=[0.5], y_true=["a"], logits=np.zeros((1, 3))),
    "objects": lambda path: np.savez(path, steps=np.array([None])),
    "unknown class": lambda path: np.savez(
        path, steps=[0], y_true=[9], logits=np.zeros((1, 3), "f4")
    ),
    "directory": lambda path: (path.unlink(), path.mkdir()),
    "dangling link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("when", ["before the resume", "after the resume"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_predictions_are_evaluated_again(tmp_path, finished, damage, when):
    (tmp_path / "run" / "predictions" / "abc.npz").write_text("not ours")
    (path, *_) = sorted((tmp_path / "run" / "predictions").glob("0*.npz"))
    loop, messages = make_loop(tmp_path), []
    if when == "before the resume":
        DAMAGES[damage](path)
    assert loop.restore(messages.append)
    if when == "after the resume":
        DAMAGES[damage](path)
    loop.run(lambda result: None, messages.append)
    assert messages == ["predictions are incomplete; repeating the evaluation"]
    for name, expected in finished[1].items():
        np.testing.assert_array_equal(loop.predictions()[name], expected)


def test_each_flipped_byte_of_predictions_is_noticed_or_harmless(tmp_path):
    predictions = Predictions(tmp_path, 0, 3)
    predictions.add(0, np.arange(3), np.eye(3, dtype=np.float32))
    predictions.flush()
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for k in range(0, len(content), fuzzing.stride(7)):
        for damaged in (content[:k], content[:k] + bytes([content[k] ^ 255]) + content[k + 1 :]):
            path.write_bytes(damaged)
            found = predictions.collect_rows(3)
            if found is not None:
                np.testing.assert_array_equal(found[0], np.arange(3))
                np.testing.assert_array_equal(found[1], np.eye(3))
