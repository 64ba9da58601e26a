"""``persam-vos datasets``, called as click calls it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from persam_vos_cli.datasets_command import datasets

from persam_vos.datasets.catalog import DATA_VARIABLE, DATASETS
from persam_vos.errors import DatasetError


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    return tmp_path


def test_list_names_all_and_what_is_here(data):
    (data / "davis2016").mkdir()
    output = CliRunner().invoke(datasets, ["list"]).output
    rows = {line.split()[0]: line for line in output.splitlines() if line.strip()}
    assert set(DATASETS) < set(rows)
    assert rows["davis2016"].count("val, train") == 2
    assert rows["davis2017"].count("val, train") == 1
    assert f"{DATA_VARIABLE}: {data}" in output.splitlines()


def test_path_prints_the_root_or_says_how_to_get_it(data):
    result = CliRunner().invoke(datasets, ["path", "davis2017"])
    assert isinstance(result.exception, DatasetError)
    (data / "davis2017").mkdir()
    result = CliRunner().invoke(datasets, ["path", "davis2017", "--split", "test-dev"])
    assert result.stdout == f"{data / 'davis2017'}\n"


@pytest.mark.parametrize("arguments", [[], ["fetch"], ["path", "imagenet"], ["fetch", "imagenet"]])
def test_wrong_arguments_are_a_usage_error(data, arguments):
    assert CliRunner().invoke(datasets, arguments).exit_code == 2
    assert list(data.iterdir()) == []
