"""`dist-f1` as a user calls it, on eight cores of a TPU that is not there."""

from unittest import mock

from dist_f1 import testing
from dist_f1.commands import main
from dist_f1.jobs import devices

testing.split_cpu(8)
with (
    mock.patch.object(devices, "_has_tpu", return_value=True),
    mock.patch.object(devices, "_tpu", testing.tpu_strategy),
    testing.emulated_tpu(),
):
    main.run()
