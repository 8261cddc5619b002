"""The command `dist-f1` on eight emulated TPU cores."""

from unittest import mock

from dist_f1 import testing
from dist_f1.commands import main
from dist_f1.jobs import devices, requirements

testing.split_cpu(8)
with (
    mock.patch.object(requirements, "_has_tpu", return_value=True),
    mock.patch.object(devices, "_tpu_strategy", testing.tpu_strategy),
    testing.emulated_tpu(),
):
    main.run()
