"""Compiles what steps become on TPUs with the TPU's own compiler, ahead of time and without a TPU.

`make tpu-aot` makes an environment for it and runs `python -m tpu_aot`, which is

    programs -> lowering (TensorFlow) -> compiling (libtpu) -> rows -> tables

Nothing is run: it says whether programs compile, what they send, and what the compiler thinks that
they cost. The compiler is in libtpu, which is written for machines that have a TPU: when it starts
it asks a server for what they are, and what it cannot do may abort the process. So lowering has a
process of its own and each compilation too, without a network and with a time limit, and what
happens to them is a row of the table.
"""
