"""Errors of TensorFlow's file writers, as those of the operating system."""

import contextlib
import errno
import os
from collections.abc import Iterator

import tensorflow as tf

# TensorFlow's classes are coarser: a full disk and an exceeded quota are one.
_NUMBERS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOENT,
    errno.ENOTDIR,
)


@contextlib.contextmanager
def os_errors() -> Iterator[None]:
    """Raise an `OSError` for an error of TensorFlow in the block.

    Raises:
        OSError: The `errno` is that in the message of TensorFlow, or EIO.
    """
    try:
        yield
    except tf.errors.OpError as error:
        for number in _NUMBERS:
            if os.strerror(number) in error.message:
                raise OSError(number, os.strerror(number)) from error
        raise OSError(errno.EIO, error.message) from error
