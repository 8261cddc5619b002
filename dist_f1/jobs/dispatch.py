"""Asynchronous execution of steps, locally or on the workers of a parameter server cluster."""

import collections
from collections.abc import Callable
from typing import Any

import tensorflow as tf

# Maximum number of pending steps for each worker of a parameter server cluster.
_STEPS_PER_WORKER = 2


class Dispatcher:
    """Runs steps and calls `on_result(result, context)` in order, with a delay.

    While a GPU computes a step, the next one is prepared, so results are read one step later. In a
    parameter server cluster, a step runs on any free worker.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, on_result: Callable[[Any, Any], None]
    ) -> None:
        self._on_result = on_result
        self._pending: collections.deque[tuple[Any, Any]] = collections.deque()
        self._coordinator = None
        self._max_pending = 1
        if isinstance(strategy, tf.distribute.ParameterServerStrategy):
            self._coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
            resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
            workers = resolver.cluster_spec().num_tasks("worker")
            self._max_pending = _STEPS_PER_WORKER * workers

    def schedule(self, step: Callable[..., Any], arguments: tuple[Any, ...], context: Any) -> None:
        """Start a step; its result and `context` are passed to `on_result` later."""
        if self._coordinator is not None:
            result = self._coordinator.schedule(step, args=arguments)
        else:
            result = step(*arguments)
        self._pending.append((result, context))
        while len(self._pending) > self._max_pending:
            self._report_first()

    def join(self) -> None:
        """Wait for all steps."""
        while self._pending:
            self._report_first()

    def _report_first(self) -> None:
        result, context = self._pending.popleft()
        self._on_result(result if self._coordinator is None else result.fetch(), context)
