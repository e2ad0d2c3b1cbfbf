"""What is particular to the folder: links, dead writers, a full disk, files changed by others."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cotiza_queue.errors import NotFound, PermanentError, RetryableError
from cotiza_queue.storage.local import INCOMING, LocalStore

KEY = "acme/uploads/part"


async def save(store: LocalStore, body: bytes = b"solid", key: str = KEY) -> Path:
    await store.put(key, body, name="part.stl", content_type="model/stl")
    return store._root / key


async def read(store: LocalStore, key: str = KEY) -> bytes:
    return b"".join([chunk async for chunk in store.open(key)])


def drafts(store: LocalStore) -> list[str]:
    return [path.name for path in (store._root / INCOMING).iterdir()]


async def test_files_and_folders_are_their_owners_only(local: LocalStore) -> None:
    path = await save(local)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in list(path.parents)[:3]} == {0o700}


async def test_nothing_stays_among_the_drafts(local: LocalStore) -> None:
    async def breaks_off() -> AsyncIterator[bytes]:
        yield b"x" * 1_000_000
        raise ConnectionResetError

    await save(local)
    with pytest.raises(ConnectionResetError):
        await local.put(KEY, breaks_off(), name="n", content_type="text/plain")
    assert drafts(local) == []


async def test_a_link_in_the_place_of_a_file_is_neither_read_nor_written_through(
    local: LocalStore, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = await save(local)
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(NotFound):
        await read(local)
    with pytest.raises(NotFound):
        await local.info(KEY)
    await save(local, b"new")
    assert not path.is_symlink()
    assert secret.read_text() == "secret"


async def test_a_linked_folder_below_the_root_is_not_entered(
    local: LocalStore, tmp_path: Path
) -> None:
    elsewhere = LocalStore(tmp_path / "elsewhere")
    foreign = await save(elsewhere, b"foreign")
    await save(local, key="other/uploads/x")
    (local._root / "acme").symlink_to(foreign.parents[1])
    with pytest.raises(NotFound):
        await read(local)
    with pytest.raises(PermanentError) as caught:
        await save(local, b"mine")
    assert caught.value.code == "storage_forbidden"
    assert await local.delete(KEY) is False
    assert await read(elsewhere) == b"foreign"


async def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    store = LocalStore(tmp_path / "root")
    await save(store)
    assert await read(store) == b"solid"


async def test_a_named_pipe_is_not_waited_for(local: LocalStore) -> None:
    path = await save(local)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(NotFound):
        await read(local)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda whole: whole[:-1], id="cut at the end"),
        pytest.param(lambda whole: whole[1:], id="cut at the start"),
        pytest.param(lambda whole: whole + b"\0", id="grown"),
        pytest.param(lambda whole: whole[:7], id="only a beginning"),
        pytest.param(lambda whole: b"", id="emptied"),
        pytest.param(lambda whole: whole[:-4] + b"\xff" * 4, id="wrong length"),
        pytest.param(lambda whole: b"a plain file put there by hand", id="foreign"),
    ],
)
async def test_a_file_changed_from_outside_is_noticed(local: LocalStore, damage) -> None:
    path = await save(local, b"solid" * 100)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(PermanentError) as caught:
        await read(local)
    assert caught.value.code == "storage_corrupt"
    with pytest.raises(PermanentError):
        await local.info(KEY)


async def test_a_reader_keeps_the_version_it_began_with(local: LocalStore) -> None:
    old = b"a" * 1_000_000
    await save(local, old)
    reader = local.open(KEY)
    seen = await anext(reader)
    await save(local, b"b")
    assert await local.delete(KEY)
    seen += b"".join([chunk async for chunk in reader])
    assert seen == old


async def test_a_full_disk_is_worth_another_try_and_leaves_nothing(local: LocalStore) -> None:
    await save(local)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel's limit on file sizes fails a write half-way, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(RetryableError) as caught:
            await save(local, b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "storage_full"
    assert drafts(local) == []
    assert await read(local) == b"solid"


async def test_a_root_that_is_no_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("not a folder")
    with pytest.raises((PermanentError, RetryableError)):
        await save(LocalStore(tmp_path / "files"))


WRITER = """
import asyncio, sys
from pathlib import Path
from cotiza_queue.storage.local import LocalStore

async def body():
    yield b"x" * 1_000_000
    sys.stdout.write("writing\\n")
    sys.stdout.flush()
    await asyncio.Event().wait()

store = LocalStore(Path(sys.argv[1]))
asyncio.run(store.put("acme/uploads/part", body(), name="n", content_type="text/plain"))
"""


async def test_what_a_killed_writer_left_is_swept_and_a_living_ones_draft_is_not(
    tmp_path: Path,
) -> None:
    root = tmp_path / "files"
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(root), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert writer.stdout is not None
        assert await writer.stdout.readline() == b"writing\n"
        while_it_lives = LocalStore(root)
        await save(while_it_lives, key="acme/uploads/other")
        assert len(drafts(while_it_lives)) == 1
    finally:
        writer.send_signal(signal.SIGKILL)
        await writer.wait()
    after_its_death = LocalStore(root)
    with pytest.raises(NotFound):
        await after_its_death.info(KEY)
    await save(after_its_death, key="acme/uploads/other")
    assert drafts(after_its_death) == []


async def test_a_name_taken_by_another_machines_writer_is_passed_over(local: LocalStore) -> None:
    await save(local)
    taken = local._root / INCOMING / f"{os.getpid()}-1"
    taken.write_bytes(b"somebody else's")
    await save(local, b"mine")
    assert await read(local) == b"mine"
    assert taken.read_bytes() == b"somebody else's"
