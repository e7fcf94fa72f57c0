from __future__ import annotations

from pathlib import Path

import pytest

from containers.training.checkpoints import Checkpoint, Checkpoints, fingerprint


def saved(folder: Path, *rounds: int, of: str = "this") -> Checkpoints:
    checkpoints = Checkpoints(folder, of)
    for count in rounds:
        history = tuple({"validation-auc": 0.1 * number} for number in range(count))
        checkpoints.save(Checkpoint(count, history, b"model\n" * count))
    return checkpoints


def test_the_newest_comes_back_as_it_was(tmp_path):
    """Rounds, history to the last digit, and the model's bytes."""
    found = saved(tmp_path, 2, 4).latest(most_rounds=100)

    assert found == Checkpoint(
        4, tuple({"validation-auc": 0.1 * number} for number in range(4)), b"model\n" * 4
    )


def test_only_the_last_two_are_kept(tmp_path):
    """The folder does not grow; nothing unfinished lies about."""
    saved(tmp_path, 1, 2, 3, 4)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-00000003", "checkpoint-00000004"]


@pytest.mark.parametrize("kept", [0, 1, 40, 150, -1])
def test_a_torn_checkpoint_is_passed_over(tmp_path, capsys, kept):
    """Cut short anywhere, the newest is not used, the log says so, and the one before it is."""
    checkpoints = saved(tmp_path, 2, 4)
    newest = tmp_path / "checkpoint-00000004"
    newest.write_bytes(newest.read_bytes()[:kept])

    assert checkpoints.latest(100).rounds == 2
    assert "checkpoint-00000004 is not used: it is torn" in capsys.readouterr().out


def test_a_checkpoint_of_another_training_is_passed_over(tmp_path, capsys):
    """Other hyperparameters or other data make another model."""
    saved(tmp_path, 2, of="another")

    assert Checkpoints(tmp_path, "this").latest(100) is None
    assert "it was trained with other hyperparameters or on other data" in capsys.readouterr().out


def test_a_checkpoint_beyond_the_wanted_rounds_is_passed_over(tmp_path, capsys):
    """A model cannot be untrained."""
    assert saved(tmp_path, 5, 10).latest(most_rounds=7).rounds == 5
    assert "only 7 rounds are wanted" in capsys.readouterr().out


def test_without_a_folder_nothing_is_saved(tmp_path):
    """SageMaker makes the folder where the job has a CheckpointConfig; the script does not."""
    absent = tmp_path / "checkpoints"

    assert saved(absent, 2).latest(100) is None
    assert not absent.exists()


def test_any_change_of_settings_or_data_shows_in_the_fingerprint(tmp_path):
    """A byte of a file, its name, or a setting: each makes another fingerprint."""
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "part"
    file.write_bytes(b"rows")
    seen = {fingerprint({"eta": 0.1}, [tmp_path / "a"])}
    seen.add(fingerprint({"eta": 0.2}, [tmp_path / "a"]))
    file.write_bytes(b"rowz")
    seen.add(fingerprint({"eta": 0.1}, [tmp_path / "a"]))
    file.rename(tmp_path / "a" / "other")
    seen.add(fingerprint({"eta": 0.1}, [tmp_path / "a"]))

    assert len(seen) == 4
