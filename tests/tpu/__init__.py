"""What steps become under `TPUStrategy`, looked at without a TPU: nothing here runs on one.

    cases -> steps -> checks (traced, linted, lowered, emulated; by reference.py) -> tests, tables

`make tpu` prints the tables; the tests assert the same rows.
"""
