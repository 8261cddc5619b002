"""Running steps: here and now, or on the workers of a parameter server cluster."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import tensorflow as tf

# With parameter servers: how many steps wait or run at the same time, for each worker.
_STEPS_PER_WORKER = 2


class Dispatcher:
    """Starts steps, and hands over their results in order, a little later.

    While a GPU computes a step, the next one is prepared, so results are looked at one step behind.
    With parameter servers, steps are scheduled on whichever worker is free.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, absorb: Callable[[Any, Any], None]
    ) -> None:
        self._absorb = absorb
        self._pending: collections.deque[tuple[Any, Any]] = collections.deque()
        self._coordinator = None
        self._behind = 1
        if isinstance(strategy, tf.distribute.ParameterServerStrategy):
            self._coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
            resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
            workers = resolver.cluster_spec().num_tasks("worker")
            self._behind = _STEPS_PER_WORKER * workers

    def start(self, step: Callable[..., Any], arguments: tuple[Any, ...], about: Any) -> None:
        """Starts a step; its result is absorbed with `about` when it has been waited for."""
        if self._coordinator is not None:
            result = self._coordinator.schedule(step, args=arguments)
        else:
            result = step(*arguments)
        self._pending.append((result, about))
        while len(self._pending) > self._behind:
            self._absorb_first()

    def finish(self) -> None:
        """Waits for all steps."""
        while self._pending:
            self._absorb_first()

    def _absorb_first(self) -> None:
        result, about = self._pending.popleft()
        self._absorb(result if self._coordinator is None else result.fetch(), about)
