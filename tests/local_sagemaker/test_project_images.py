"""A project's own images, from its pyproject.toml."""

import pytest

from local_sagemaker.project_images import project_images, project_serving
from local_sagemaker.state_folder import SettingsError


def test_a_project_maps_its_images(tmp_path):
    """Pattern -> runtime, as written."""
    (tmp_path / "pyproject.toml").write_text('[tool.local_sagemaker.images]\n"*/mine:*" = "python"\n')

    assert project_images(tmp_path) == {"*/mine:*": "python"}


@pytest.mark.parametrize("text", [None, "", "[tool.ruff]\n", "[tool.local_sagemaker]\n"])
def test_a_project_need_not_say_anything(tmp_path, text):
    """No file, no table: no images."""
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)

    assert project_images(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool", "not TOML"),
        ("[tool]\nlocal_sagemaker = 1\n", "must be a table"),
        ("[tool.local_sagemaker]\nimages = ['a']\n", "must be a table"),
        ('[tool.local_sagemaker.images]\n"*" = 1\n', "'\\*' must name a runtime, not 1"),
    ],
)
def test_a_wrong_table_is_one_line_that_names_the_file(tmp_path, text, message):
    """Where, what, and what would be right."""
    (tmp_path / "pyproject.toml").write_text(text)

    with pytest.raises(SettingsError, match=message) as error:
        project_images(tmp_path)
    assert str(tmp_path / "pyproject.toml") in str(error.value)


def test_a_project_names_what_serves_in_its_images(tmp_path):
    """A command for each pattern, in a table of its own."""
    (tmp_path / "pyproject.toml").write_text('[tool.local_sagemaker.serving]\n"*/mine:*" = "python3 -m m"\n')

    assert project_serving(tmp_path) == {"*/mine:*": "python3 -m m"}
    assert project_images(tmp_path) == {}
