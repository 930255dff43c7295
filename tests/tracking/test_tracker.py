from gru_bench.tracking.tracker import flatten, summarise


def test_summary_of_a_record_is_flat_and_complete():
    record = {
        "schema": 1,
        "status": "finished",
        "config": {"model": {"cell": "gru"}},
        "parameters": {"recurrent": 10, "total": 20},
        "state_size": 5,
        "flops_per_update": 1e6,
        "metric": "nll",
        "direction": "min",
        "speed": {"seconds_per_update": None, "items_per_second": 100.0, "item": "tokens"},
        "memory": {"step_bytes": 7, "peak_rss_bytes": 8},
        "metrics": {"valid": {"nll": 1.5}, "test": {"nll": 1.25, "perplexity": 3.5}},
        "baselines": {"unigram": {"nll": 2.0}},
        "updates": 100,
        "wall_seconds": 12.5,
    }
    assert summarise(record) == {
        "status": "finished",
        "metric": "nll",
        "direction": "min",
        "state_size": 5,
        "flops_per_update": 1e6,
        "updates": 100,
        "wall_seconds": 12.5,
        "parameters/recurrent": 10,
        "parameters/total": 20,
        "speed/items_per_second": 100.0,
        "speed/item": "tokens",
        "memory/step_bytes": 7,
        "memory/peak_rss_bytes": 8,
        "baselines/unigram/nll": 2.0,
        "valid/nll": 1.5,
        "test/nll": 1.25,
        "test/perplexity": 3.5,
    }


def test_summary_of_a_record_that_has_only_begun():
    assert summarise({"status": "running", "metrics": {}}) == {"status": "running"}


def test_flatten_leaves_a_flat_mapping_alone():
    assert flatten({"test/nll": 1.0, "status": "finished"}) == {"test/nll": 1.0, "status": "finished"}
