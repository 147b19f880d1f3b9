"""Takes a file in: read by its connector through the guard, handed to the pipeline a batch at a time.

One code for `goodword import` and the demo. Memory does not grow with the file, nor with what is wrong in it: each
problem is told as it is met and not kept.
"""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, TypeVar
from uuid import UUID

from engine.intake.rules import Source
from engine.kernel.errors import RowProblem
from engine.pipeline.run import BATCH, Ingested, Pipeline
from engine.plugin_api import Delivery, PluginSettings
from engine.plugin_host.answers import ask_file

T = TypeVar("T")

Tell = Callable[[RowProblem], None]
"""Takes a problem of the file, as soon as it is known."""


@dataclass(slots=True)
class Imported:
    """What importing a file did: all batches together, and how many problems were told."""

    done: Ingested = field(default_factory=Ingested)
    problems: int = 0


def import_file(
    pipeline: Pipeline,
    brand_id: UUID,
    *,
    source: Source,
    file: BinaryIO,
    name: str,
    settings: PluginSettings,
    tell: Tell,
    before_batch: Callable[[], None] = lambda: None,
    after_batch: Callable[[Ingested], None] = lambda _: None,
) -> Imported:
    """Read `file` with the connector of `source` and book what it changes; return what was done.

    `tell` gets every row that is wrong and every delivery that was refused; the good ones around it go in.
    `before_batch` is called when a batch was read, and `after_batch` gets what it did once it is committed.

    Raises:
        UnknownPluginNounError: no active plugin registers the connector.
        InputError: the file as a whole cannot be read; batches before the place where that was seen stay in.
        PluginFailedError: the connector broke; as above.
    """
    result = Imported()

    def told(problem: RowProblem) -> None:
        result.problems += 1
        tell(problem)

    connector = pipeline.shelf.host.connector(source.connector)
    items = ask_file(connector, file, name=name, settings=settings)
    with _fewer_collections():
        for batch in _batches(_sound(items, told), BATCH):
            before_batch()
            done = pipeline.ingest(brand_id, source, deliveries=batch)
            for refusal in done.refused:
                told(RowProblem(name, refusal.line or 1, None, refusal.problem, ""))
            done.refused.clear()
            result.done.add(done)
            after_batch(done)
    return result


def _sound(items: Iterable[Delivery | RowProblem], tell: Tell) -> Iterator[Delivery]:
    for item in items:
        if isinstance(item, RowProblem):
            tell(item)
        else:
            yield item


def _batches(many: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(many)
    while some := list(islice(remaining, size)):
        yield some


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Look for cycles less often while the block runs.

    A batch makes some hundred thousand objects and drops them all without a cycle; at Python's usual threshold of 700
    the looking takes a seventh of an import's time.
    """
    usual = gc.get_threshold()
    gc.set_threshold(50_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
