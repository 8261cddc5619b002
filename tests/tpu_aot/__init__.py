"""Compiles what steps become on TPUs with the real TPU compiler, ahead of time and without a TPU.

`make tpu-aot` creates an environment for it and runs `python -m tpu_aot`:

    programs -> lowering (TensorFlow) -> compiling (libtpu) -> rows -> tables

Nothing runs on a TPU. The tables show whether programs compile, what they send, and the compiler's
cost estimates. The compiler is part of libtpu, which expects a machine with a TPU: it asks a server
about the machine when it starts, and unsupported programs may abort the process. So lowering and
each compilation run in their own process, without a network and with a time limit. An aborted
process becomes a row of the table.
"""
