"""Repairs what the last process left behind: files without rows, rows without files."""

import logging
import re
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from lungscope.serving.pacs.conditions import PARTS
from lungscope.serving.pacs.deliveries import Result
from lungscope.serving.pacs.queue_entry import QueueEntry
from lungscope.serving.pacs.revisions import content_hash, split_file
from lungscope.serving.pacs.settings import Kind
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.store import MOST_ATTEMPTS, Store

log = logging.getLogger("lungscope.pacs")

_NAMED_BEFORE = re.compile(r"(?P<key>[0-9a-f]{32})-(?P<kind>report|capture)")
_KINDS: dict[str, Kind] = {"report": "sr", "capture": "picture"}


def recover(store: Store) -> None:
    """Makes files and rows of a store consistent; nothing else may use it meanwhile.

    Args:
        store: a store whose lock this process holds.
    """
    store.spool.remove_partials()
    for key in store.queue.release_claims(MOST_ATTEMPTS):
        log.error("%s failed: its classification crashed %d times", key[:12], MOST_ATTEMPTS)
    _adopt_results(store)
    store.queue.conditions.retry_now()
    names = [target.name for target in store.targets]
    for name in store.queue.conditions.all():
        if name not in (*names, *PARTS):
            store.queue.conditions.forget(name)
    for target in store.targets:
        store.queue.conditions.describe(target.name, takes=list(target.takes))
    gone = store.queue.deliveries.readdress(store.targets)
    if gone:
        log.warning(
            "%d results waited for targets that are no longer named; they go to those that are",
            gone,
        )
    there = store.spool.keys()
    for key in there:
        entry = store.queue.get(key)
        if entry is None:  # on disk, but its row was not: it was never acknowledged
            content = content_hash(split_file(store.spool.image(key).read_bytes())[1])
            store.queue.add(key, content)
        elif entry.state in ("sent", "refused"):
            store.remove_finished(key)
    for entry in store.queue.in_state("received"):
        if entry.key not in there:
            store.queue.set_state(entry.key, "failed", "its file is missing from the spool")
    for entry in store.queue.in_state("classified"):
        _check_results(store, entry, has_image=entry.key in there)
    _remove_orphans(store)


def _adopt_results(store: Store) -> None:
    """Takes over results that 0.1.0 made: their UIDs may be known to the target already."""
    found: dict[str, list[tuple[Path, Result]]] = {}
    for path in store.spool.result_files():
        named = _NAMED_BEFORE.fullmatch(path.stem)
        uid = _uid_in(path) if named else None
        if named and uid:
            result = Result(uid, _KINDS[named["kind"]])
            found.setdefault(named["key"], []).append((path, result))
    for key, files in found.items():
        entry = store.queue.get(key)
        if entry is not None and entry.state == "classified":
            results = [result for _, result in files]
            store.queue.deliveries.add(
                key, results, store.targets, content=entry.content, model=entry.model
            )
            for path, result in files:
                path.replace(store.spool.result(result.uid))


def _uid_in(path: Path) -> str | None:
    try:
        return str(dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
    except (InvalidDicomError, AttributeError, ValueError):
        return None


def _check_results(store: Store, entry: QueueEntry, *, has_image: bool) -> None:
    deliveries = store.queue.deliveries.of(entry.key)
    waiting = [each for each in deliveries if each.state == "waiting"]
    if deliveries and all(store.spool.result(each.uid).exists() for each in waiting):
        store.settle(entry.key)
        return
    store.queue.deliveries.supersede(entry.key)
    store.queue.set_state(
        entry.key,
        "received" if has_image else "failed",
        None if has_image else "its results are missing from the spool",
    )


def _remove_orphans(store: Store) -> None:
    """Removes results that no instance waits for, as of one that was corrected meanwhile."""
    if store.keep:
        return
    kept = {
        key_of(uid)
        for entry in store.queue.in_state("classified", "failed")
        for uid in store.queue.deliveries.results(entry.key)
    }
    for path in store.spool.result_files():
        if path.stem not in kept:
            path.unlink()
