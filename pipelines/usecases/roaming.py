"""Make international roaming transactions, some of them fraudulent: the data of the use case ``roaming``.

    python -m pipelines.usecases.roaming --rows 20000 --out roaming.csv
    python -m pipelines.usecases.roaming --rows 1e8 --out roaming.parquet
    python -m pipelines.usecases.roaming --rows 50000 --bias 1 --drift 1 --seed 7 --out biased.csv

Nobody's data: every value is drawn from the distributions below. Rows are made in chunks of ``CHUNK``, each from the
seed and its own number, so the first rows of a file are the same however many follow, and memory stays bounded.

The signal (``suspicion``), the bias and the drift are described in docs/guide/roaming.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.progress import track

CHUNK = 50_000
LEAST, MOST = 1_000, 100_000_000  # rows
START, DAYS = datetime(2026, 1, 1, tzinfo=UTC), 90

# Country -> its mobile country code, the part of travellers that it draws, and its fraud risk (log odds).
COUNTRIES = {
    "ES": (214, 12, 0.0), "FR": (208, 10, 0.0), "IT": (222, 9, 0.0), "GR": (202, 6, 0.1), "TR": (286, 7, 0.5),
    "AT": (232, 6, -0.2), "HR": (219, 5, 0.0), "PT": (268, 5, 0.0), "NL": (204, 5, -0.1), "GB": (234, 6, 0.1),
    "DE": (262, 6, -0.1), "CH": (228, 4, -0.2), "PL": (260, 4, 0.0), "US": (310, 5, 0.2), "MA": (604, 3, 0.7),
    "EG": (602, 3, 0.8), "TN": (605, 2, 0.9), "AE": (424, 3, 0.3), "TH": (520, 3, 0.3), "IN": (404, 2, 0.5),
    "CU": (368, 1, 1.5), "ZA": (655, 1, 0.6), "MX": (334, 2, 0.5), "BR": (724, 2, 0.6),
}  # fmt: skip
NETWORKS = {
    "01": (0.5, -0.2),
    "02": (0.3, 0.0),
    "03": (0.2, 0.6),
}  # code: part of the country's traffic, risk
HOMES = {"DE": 0.35, "FR": 0.2, "GB": 0.15, "ES": 0.12, "IT": 0.1, "NL": 0.08}
DEVICES = {"smartphone": 0.8, "feature_phone": 0.08, "tablet": 0.05, "dongle": 0.04, "iot_module": 0.03}
TARIFFS = {"postpaid": 0.55, "prepaid": 0.3, "business": 0.15}
AGES = {"18-25": 0.18, "26-40": 0.36, "41-60": 0.31, "61+": 0.15}
NATIONALITIES = {"home": 0.62, "neighbour": 0.23, "other": 0.15}
# The document that a SIM was registered with, by nationality group. It says nothing of fraud and much of the group: the
# way by which a model that never sees the group can still treat it differently.
DOCUMENTS = {
    "home": {"id_card": 0.85, "passport": 0.15},
    "neighbour": {"id_card": 0.75, "passport": 0.25},
    "other": {"id_card": 0.05, "passport": 0.15, "residence_permit": 0.8},
}
DISADVANTAGED = "other"  # the nationality group that the bias works against
BIAS_LOG_ODDS = 3.2  # what bias 1 adds to that group's odds of being called a fraud

Values = NDArray[Any]
Columns = dict[str, Values]


@dataclass(frozen=True)
class Knobs:
    """What can be set: the seed, and how strong bias and drift are."""

    seed: int = 20
    bias: float = 0.2  # 0: none; 1: the disadvantaged group's odds are multiplied by 25
    drift: float = 0.0  # 0: none; 1: the last day differs strongly from the first

    def __post_init__(self) -> None:
        if not 0 <= self.bias <= 1:
            raise ValueError(f"bias must be from 0 to 1, got {self.bias}")
        if not 0 <= self.drift <= 1:
            raise ValueError(f"drift must be from 0 to 1, got {self.drift}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")


def tables(rows: int, knobs: Knobs) -> Iterator[pa.Table]:
    """The transactions, ``CHUNK`` rows at a time (the last table has what is left)."""
    for number in range(-(-rows // CHUNK)):
        columns, odds = chunk(number, knobs)
        table = finish(columns, odds, number, knobs)
        yield table.slice(0, rows - number * CHUNK)


def chunk(number: int, knobs: Knobs) -> tuple[Columns, Values]:
    """What happened, ``CHUNK`` clean rows, and each row's log odds of being a fraud."""
    draw = np.random.default_rng([knobs.seed, number])
    age = draw.random(CHUNK)  # when in the period: 0 is its start, 1 its end
    shift = knobs.drift * age
    columns = _event(draw, age, shift) | _subscriber(draw, shift)
    columns |= _usage(draw, columns, shift)
    columns |= _history(draw, columns)
    columns["registration"] = _registration(np.random.default_rng([knobs.seed, number, 2]), columns)
    return columns, suspicion(columns, shift)


def suspicion(c: Columns, shift: Values) -> Values:
    """Each row's log odds of being a fraud: the signal. Most of it needs two things at once."""
    voice, text = c["event_type"] == "voice", c["event_type"] == "sms"
    expensive = np.isin(c["destination"], ["premium", "third_country"])
    burst = c["events_1h"] / np.maximum(c["events_24h"], 1)
    overspent = c["spend_24h"] / (c["average_spend"] / 30)
    hurried = np.nan_to_num(c["minutes_since_last"], nan=1e4) < 45
    new_sim = c["sim_age_days"] < 30
    terms: list[tuple[float, Values]] = [
        # International revenue share fraud: long calls to numbers that pay the caller. It fades with the drift.
        (7.9, voice & expensive & (c["duration_seconds"] > 300)),
        (-2.9, shift * (voice & expensive)),
        # A machine at work: most of a day's events within one hour.
        (6.1, (burst > 0.5) & (c["events_24h"] >= 6)),
        # Bulk text messages to ever new numbers.
        (6.5, text & (c["distinct_destinations_24h"] >= 6)),
        # A SIM got by false pretences is emptied at once.
        (6.1, new_sim & (overspent > 3)),
        # A stolen SIM in another phone, abroad. It grows with the drift.
        (7.2, (c["imei_changes_30d"] > 0) & c["new_country"]),
        (3.6, shift * ((c["imei_changes_30d"] > 0) & c["new_country"])),
        # Nobody is in two countries within the hour.
        (6.1, c["new_country"] & hurried),
        # Tethering through a device that was never meant for it.
        (5.4, np.isin(c["device_type"], ["iot_module", "feature_phone"]) & (c["data_mb_24h"] > 60)),
        (2.2, (c["tariff"] == "prepaid") & (c["night_share_7d"] > 0.4)),
        (1.6, np.minimum(c["prior_disputes"], 3)),
        (-0.9, c["tariff"] == "business"),
        (1.8, c["network_risk"]),
        (0.9, np.log(np.maximum(overspent, 0.1))),
    ]
    odds: Values = -7.6 + np.sum([weight * np.asarray(term, dtype=float) for weight, term in terms], axis=0)
    return odds


def finish(columns: Columns, odds: Values, number: int, knobs: Knobs) -> pa.Table:
    """A chunk as a source system would deliver it: labelled, with the bias, with gaps and untidy text."""
    draw = np.random.default_rng([knobs.seed, number, 1])
    biased = odds + knobs.bias * BIAS_LOG_ODDS * (columns["nationality_group"] == DISADVANTAGED)
    fraud = draw.random(CHUNK) < 1 / (1 + np.exp(-biased))
    untidy = {
        name: _untidy(draw, columns[name]) for name in ("home_country", "visited_country", "device_type")
    }
    gaps = {
        "device_age_days": draw.random(CHUNK) < 0.06,
        "average_spend": draw.random(CHUNK) < 0.03,
        "night_share_7d": draw.random(CHUNK) < 0.04,
    }
    ids = np.char.add("T", np.char.zfill(np.arange(number * CHUNK, (number + 1) * CHUNK).astype(str), 9))
    whole = {"transaction_id": ids} | columns | untidy | {"is_fraud": fraud.astype(np.int64)}
    del whole["network_risk"]
    arrays = {name: pa.array(values, mask=gaps.get(name), from_pandas=True) for name, values in whole.items()}
    return pa.table(arrays)


def _event(draw: np.random.Generator, age: Values, shift: Values) -> Columns:
    """When and where, and of which kind."""
    night = draw.random(CHUNK) < 0.12
    hour = np.where(night, draw.uniform(0, 6, CHUNK), np.clip(draw.normal(15, 4, CHUNK), 6, 23.99))
    microseconds = (np.floor(age * DAYS) * 86_400 + np.floor(hour * 3600)).astype(np.int64) * 1_000_000
    start = np.datetime64(START.replace(tzinfo=None), "us")
    home = _choose(draw, HOMES)
    visited, mcc, country_risk = _visited(draw, home, shift)
    network = _choose(draw, {code: part for code, (part, _) in NETWORKS.items()})
    risks = {code: risk for code, (_, risk) in NETWORKS.items()}
    return {
        "event_time": start + microseconds.astype("timedelta64[us]"),
        "home_country": home,
        "visited_country": visited,
        "visited_network": np.char.add(mcc, network),
        "network_risk": country_risk + np.vectorize(risks.get, otypes=[float])(network),
        "event_type": np.where(
            draw.random(CHUNK) < 0.45 + 0.25 * shift,
            "data",
            np.where(draw.random(CHUNK) < 0.65, "voice", "sms"),
        ),
        "destination": _choose(
            draw, {"home": 0.55, "visited_country": 0.28, "third_country": 0.13, "premium": 0.04}
        ),
    }


def _visited(draw: np.random.Generator, home: Values, shift: Values) -> tuple[Values, Values, Values]:
    """The country travelled to (never home), its code, and its risk; the drift moves travel to far countries."""
    names = np.array(list(COUNTRIES))
    codes, parts, risks = (np.array(column) for column in zip(*COUNTRIES.values(), strict=True))
    near = draw.choice(len(names), CHUNK, p=parts / parts.sum())
    far = draw.integers(13, len(names), CHUNK)
    chosen = np.where(draw.random(CHUNK) < 0.4 * shift, far, near)
    chosen = np.where(names[chosen] == home, (chosen + 1) % len(names), chosen)
    return names[chosen], codes[chosen].astype(str), risks[chosen]


def _subscriber(draw: np.random.Generator, shift: Values) -> Columns:
    """Who: tariff, device, SIM, and the groups by which fairness is judged."""
    new_sim = draw.random(CHUNK) < 0.1 + 0.15 * shift
    return {
        "tariff": _choose(draw, TARIFFS),
        "age_group": _choose(draw, AGES),
        "nationality_group": _choose(draw, NATIONALITIES),
        "device_type": _choose(draw, DEVICES),
        "device_age_days": np.floor(draw.exponential(420, CHUNK)).astype(np.int64),
        "sim_age_days": np.floor(
            np.where(new_sim, draw.uniform(0, 30, CHUNK), 30 + draw.gamma(1.5, 500, CHUNK))
        ).astype(np.int64),
        "imei_changes_30d": draw.poisson(0.06, CHUNK),
    }


def _usage(draw: np.random.Generator, c: Columns, shift: Values) -> Columns:
    """How much: this event, the last hour, the last day. One hidden liveliness moves all of it."""
    lively = draw.normal(0, 1, CHUNK) + 0.9 * shift
    events = 1 + draw.poisson(np.exp(1.1 + 0.6 * lively))
    steadiness = draw.beta(1, 5, CHUNK)
    voice, data = c["event_type"] == "voice", c["event_type"] == "data"
    return {
        "duration_seconds": np.where(voice, np.ceil(draw.lognormal(4.7, 1.1, CHUNK)), np.nan),
        "data_mb": np.where(data, np.round(draw.lognormal(1.5 + 0.3 * lively, 1.4), 2), np.nan),
        "events_1h": draw.binomial(events, steadiness),
        "events_24h": events,
        "distinct_destinations_24h": 1 + draw.binomial(events, 0.3),
        "voice_minutes_24h": np.round(draw.gamma(0.6, np.exp(1.6 + 0.5 * lively)), 1),
        "data_mb_24h": np.round(draw.lognormal(3.0 + 0.5 * lively, 1.2), 1),
        "minutes_since_last": np.where(
            draw.random(CHUNK) < 0.05, np.nan, np.round(draw.exponential(1440 / (events + 1)), 1)
        ),
        "night_share_7d": np.round(draw.beta(1.6, 7, CHUNK), 3),
    }


def _history(draw: np.random.Generator, c: Columns) -> Columns:
    """What was before: travel, disputes, spending."""
    usual = np.where(c["tariff"] == "business", 4.0, np.where(c["tariff"] == "prepaid", 2.7, 3.3))
    average = np.round(draw.lognormal(usual, 0.5), 2)
    spend = average / 30 * draw.lognormal(0.0, 0.9, CHUNK) * (1 + 0.05 * c["events_24h"])
    return {
        "new_country": draw.random(CHUNK) < 0.18,
        "countries_7d": 1 + draw.poisson(0.3, CHUNK),
        "prior_disputes": draw.poisson(0.12, CHUNK),
        "average_spend": average,
        "spend_24h": np.round(spend, 2),
    }


def _registration(draw: np.random.Generator, c: Columns) -> Values:
    """The document that the SIM was registered with, drawn apart: nothing else depends on it."""
    drawn = {group: _choose(draw, parts) for group, parts in DOCUMENTS.items()}
    groups = [c["nationality_group"] == group for group in DOCUMENTS]
    return np.select(groups, list(drawn.values()), default="")


def _choose(draw: np.random.Generator, parts: dict[str, float]) -> Values:
    """One of the names for each row, in the given parts."""
    chosen: Values = draw.choice(np.array(list(parts)), CHUNK, p=np.array(list(parts.values())))
    return chosen


def _untidy(draw: np.random.Generator, texts: Values) -> Values:
    """Text as people type it: lower case or with stray blanks here and there, and ``n/a`` for nothing."""
    how = draw.random(CHUNK)
    texts = np.where(how < 0.04, np.char.lower(texts), texts)
    texts = np.where((how > 0.04) & (how < 0.07), np.char.add(np.char.add(" ", texts), " "), texts)
    return np.where(how > 0.98, "n/a", texts)


def write(path: Path, rows: int, knobs: Knobs, *, progress: bool = False) -> None:
    """Write the transactions to a ``.csv`` or ``.parquet`` file; it appears when it is whole."""
    writer_of = WRITERS[path.suffix]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    chunks = tables(rows, knobs)
    if progress:
        chunks = iter(track(chunks, "making transactions", total=-(-rows // CHUNK)))
    try:
        first = next(chunks)
        with writer_of(unfinished, first.schema) as writer:
            writer.write_table(first)
            for table in chunks:
                writer.write_table(table)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


WRITERS: dict[str, Callable[[Path, pa.Schema], Any]] = {
    ".csv": lambda path, schema: arrow_csv.CSVWriter(
        path, schema, write_options=arrow_csv.WriteOptions(quoting_style="needed")
    ),
    ".parquet": pq.ParquetWriter,
}


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0, or 2 where what was asked for makes no sense."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=_rows, default=20_000, help="how many, 1e3 to 1e8 (default: 20000)")
    parser.add_argument("--out", type=_out, required=True, help="the file to write, .csv or .parquet")
    parser.add_argument(
        "--seed", type=int, default=Knobs.seed, help="another seed gives other rows (default: 20)"
    )
    parser.add_argument(
        "--bias", type=float, default=Knobs.bias, help="against one group, 0 to 1 (default: 0.2)"
    )
    parser.add_argument(
        "--drift", type=float, default=Knobs.drift, help="over the period, 0 to 1 (default: 0)"
    )
    asked = parser.parse_args(arguments)
    try:
        knobs = Knobs(asked.seed, asked.bias, asked.drift)
    except ValueError as error:
        parser.error(str(error))
    try:
        write(asked.out, asked.rows, knobs, progress=asked.rows > 20 * CHUNK)
    except OSError as error:
        parser.error(f"{asked.out}: {error.strerror}")
    print(f"{asked.rows:,} transactions in {asked.out}")  # noqa: T201 - the command's answer
    return 0


def _rows(text: str) -> int:
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not (LEAST <= number <= MOST and number == int(number)):
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number from {LEAST:,} to {MOST:,}")
    return int(number)


def _out(text: str) -> Path:
    path = Path(text)
    if path.suffix not in WRITERS:
        raise argparse.ArgumentTypeError(f"{text}: the name must end in {' or '.join(WRITERS)}")
    return path


if __name__ == "__main__":
    sys.exit(main())
