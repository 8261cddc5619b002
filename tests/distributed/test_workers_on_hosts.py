"""Workers on hosts with their own addresses, and a network with delay and loss between them."""

import pytest
from cluster import run_on_hosts
from hosts import hosts
from shards import counted, fields, macro_f1, union

STEPS = 4


@pytest.mark.slow
@pytest.mark.parametrize("link", [{}, {"delay": 0.05, "loss": 0.01}])
def test_workers_on_two_hosts_read_the_counts_of_all_rows(link):
    y_true, y_pred, _ = union(STEPS, 4)
    with hosts(2) as cluster:
        cluster.set_link(**link)
        for worker in run_on_hosts(cluster.hosts, "loops.custom_loop", STEPS):
            out = worker.result
            assert (out["replicas"], out["local"]) == (4, 2)
            assert out["counts"] == fields(counted(STEPS, 4))
            assert out["result"] == pytest.approx(macro_f1(y_true, y_pred), abs=1e-6)
        assert cluster.counters()["a", "b"].delivered > 100
