"""Checks of what steps become under `TPUStrategy`, without a TPU: nothing here runs on one.

    cases -> steps -> checks (traced, linted, compiled, emulated) -> tests, tables

`make tpu` prints the tables, and the tests assert the same rows.
"""
