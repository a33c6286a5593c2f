"""Arguments of the command line that say what is recorded."""

import argparse
import json
from typing import Any

from predictor.recorder import RecordSettings

PORT = 8081


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to a parser."""
    parser.add_argument(
        "--record_sample_rate",
        type=_share,
        default=0.0,
        help="share of requests kept for pullers, 0 to 1; 0, the default, keeps none",
    )
    parser.add_argument(
        "--record_bins",
        type=_choice,
        default=False,
        help="true counts rows by bin also if no request is kept; false, the default, does not",
    )
    parser.add_argument(
        "--record_excluded_features",
        type=_features,
        default=(),
        help="features of which nothing is kept or counted: names with commas between, or a JSON list",
    )
    parser.add_argument("--record_port", type=int, default=PORT, help="port of GET /bins and GET /payloads")


def settings(options: Any) -> RecordSettings | None:
    """Return what is recorded, None for nothing."""
    if not options.record_sample_rate and not options.record_bins:
        return None
    return RecordSettings(
        sample_rate=options.record_sample_rate, excluded_features=options.record_excluded_features
    )


def _choice(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r}: give true or false")
    return text == "true"


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a share from 0 to 1, such as 0.1")
    return share


def _features(text: str) -> tuple[str, ...]:
    if not text.startswith("["):
        return tuple(filter(None, (each.strip() for each in text.split(","))))
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    # A name that is misread would be recorded.
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise argparse.ArgumentTypeError(f'{text!r}: give names, or a JSON list such as ["age", "income"]')
    return tuple(names)
