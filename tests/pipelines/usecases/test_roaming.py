"""The generator's statistics: what its documentation promises."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from pipelines.usecases import roaming
from pipelines.usecases.roaming import CHUNK, Knobs, chunk, finish, main, tables, write

USECASE = tomllib.loads((Path(roaming.__file__).parent / "roaming.toml").read_text())


def made(rows=CHUNK, **knobs):
    return pa.concat_tables(tables(rows, Knobs(**knobs)))


def rate(table, group=None):
    chosen = table if group is None else table.filter(pc.equal(table["nationality_group"], group))
    return pc.mean(chosen["is_fraud"]).as_py()


def test_the_columns_are_the_use_case_s():
    """The same names in the same order, and every type fits."""
    table = made(1000)
    kinds = {"integer": pa.types.is_int64, "number": pa.types.is_float64, "string": pa.types.is_string,
             "boolean": pa.types.is_boolean, "timestamp": pa.types.is_timestamp}  # fmt: skip

    assert table.column_names == list(USECASE["columns"])
    wrong = [n for n, t in USECASE["columns"].items() if not kinds[t](table.schema.field(n).type)]
    assert wrong == []


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    """Twice the same file; another seed, another file."""
    for name, seed in (("a.csv", 1), ("b.csv", 1), ("c.csv", 2)):
        write(tmp_path / name, 2000, Knobs(seed=seed))

    first, again, other = ((tmp_path / name).read_bytes() for name in ("a.csv", "b.csv", "c.csv"))
    assert first == again
    assert first != other


def test_the_first_rows_do_not_depend_on_how_many_follow():
    """Fewer rows are the beginning of more rows, across the border of a chunk."""
    more = made(CHUNK + 3000)

    assert made(1500).equals(more.slice(0, 1500))
    assert made(CHUNK + 10).equals(more.slice(0, CHUNK + 10))
    assert len(more) == CHUNK + 3000


def test_chunks_differ_and_ids_are_unique():
    """Each chunk has rows of its own."""
    table = made(2 * CHUNK)

    assert pc.count_distinct(table["transaction_id"]).as_py() == 2 * CHUNK
    assert not table["spend_24h"].slice(0, CHUNK).equals(table["spend_24h"].slice(CHUNK))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_between_three_and_six_percent_are_fraud(seed):
    """With the bias that is the default, and without."""
    assert 0.03 < rate(made(seed=seed)) < 0.06
    assert 0.03 < rate(made(seed=seed, bias=0)) < 0.06


def test_the_bias_raises_one_group_s_rate_and_no_other_s():
    """Step by step with the knob; without it the groups are alike; the behaviour stays the same."""
    steps = [made(bias=bias) for bias in (0, 0.25, 0.5, 0.75, 1)]
    rates = [rate(table, "other") for table in steps]

    assert rates == sorted(rates)
    assert rates[-1] > 1.8 * rates[0]
    assert len({rate(table, "home") for table in steps}) == 1
    assert abs(rates[0] - rate(steps[0], "home")) < 0.01
    assert steps[0].drop_columns(["is_fraud"]).equals(steps[-1].drop_columns(["is_fraud"]))


def psi(first, last):
    """The population stability index over ten bins of the first."""
    borders = np.unique(np.quantile(first, np.linspace(0, 1, 11)[1:-1]))
    shares = [
        np.bincount(np.searchsorted(borders, values, "right"), minlength=len(borders) + 1) / len(values)
        for values in (first, last)
    ]
    old, new = (np.maximum(share, 1e-4) for share in shares)
    return float(((new - old) * np.log(new / old)).sum())


def test_the_drift_moves_distributions_over_the_period():
    """Between the first and the last third, activity and spread of countries shift, more with more drift."""
    found = []
    for drift in (0, 0.5, 1):
        table = made(drift=drift).sort_by("event_time")
        third = len(table) // 3
        events = table["events_24h"].to_numpy().astype(float)
        found.append(psi(events[:third], events[-third:]))

    assert found[0] < 0.005
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.1  # what practice calls a shift worth looking at


def test_the_signal_is_strong_but_not_certain():
    """Who knew the true odds would reach an area under the curve of 0.97 to 0.99, no more."""
    from sklearn.metrics import roc_auc_score

    columns, odds = chunk(0, Knobs())
    fraud = finish(columns, odds, 0, Knobs())["is_fraud"].to_numpy()

    assert 0.97 < roc_auc_score(fraud, odds) < 0.99


def test_gaps_and_untidy_text_are_as_documented():
    """A few percent each, so that the flow has work."""
    table = made()
    gaps = {
        name: table[name].null_count / len(table) for name in table.column_names if table[name].null_count
    }
    countries = table["visited_country"].to_pandas()

    assert set(gaps) == {
        "duration_seconds",
        "data_mb",
        "minutes_since_last",
        "device_age_days",
        "average_spend",
        "night_share_7d",
    }
    assert 0.05 < gaps["device_age_days"] < 0.07
    assert 0.015 < (countries == "n/a").mean() < 0.025
    assert 0.05 < (countries != countries.str.strip().str.upper()).mean() < 0.12


def test_nobody_roams_at_home():
    """The visited country is another than the home country, and the network's code begins with its country's."""
    columns, _ = chunk(0, Knobs(drift=1))

    assert (columns["home_country"] != columns["visited_country"]).all()
    codes = {name: str(code) for name, (code, _, _) in roaming.COUNTRIES.items()}
    assert all(
        network.startswith(codes[country])
        for country, network in zip(columns["visited_country"], columns["visited_network"], strict=True)
    )


def test_csv_and_parquet_hold_the_same(tmp_path):
    """Two formats of one table."""
    write(tmp_path / "r.csv", 1200, Knobs())
    write(tmp_path / "r.parquet", 1200, Knobs())
    parquet = pq.read_table(tmp_path / "r.parquet")
    options = arrow_csv.ConvertOptions(column_types=parquet.schema, strings_can_be_null=False)

    assert arrow_csv.read_csv(tmp_path / "r.csv", convert_options=options).equals(parquet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "r.parquet"]


def test_the_command_line(tmp_path, capsys):
    """Rows may be written as 2e3; the answer says how many and where."""
    assert main(["--rows", "2e3", "--out", str(tmp_path / "new" / "r.csv")]) == 0
    assert capsys.readouterr().out == f"2,000 transactions in {tmp_path}/new/r.csv\n"
    assert len((tmp_path / "new" / "r.csv").read_text().splitlines()) == 2001


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rows", "10", "--out", "x.csv"], "10: expected a whole number from 1,000 to 100,000,000"),
        (["--rows", "many", "--out", "x.csv"], "'many' is no number"),
        (["--rows", "nan", "--out", "x.csv"], "nan: expected a whole number"),
        (["--rows", "1000.5", "--out", "x.csv"], "expected a whole number"),
        (["--out", "x.xlsx"], "the name must end in .csv or .parquet"),
        (["--out", "x.csv", "--bias", "2"], "bias must be from 0 to 1, got 2.0"),
        (["--out", "x.csv", "--drift", "-1"], "drift must be from 0 to 1, got -1.0"),
        (["--out", "x.csv", "--seed", "-1"], "seed must not be negative, got -1"),
        (["--out", "/proc/no/x.csv"], "/proc/no/x.csv: "),
        ([], "--out"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, monkeypatch, capsys, arguments, said):
    """Exit status 2, one line, and no file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_help_shows_examples_without_loading_the_sdk():
    """The generator starts quickly, and says how it is used."""
    code = "import sys; from pipelines.usecases import roaming; print('sagemaker' in sys.modules); roaming.main(['-h'])"
    said = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert said.startswith("False\n")
    assert "python -m pipelines.usecases.roaming --rows 20000 --out roaming.csv" in said
