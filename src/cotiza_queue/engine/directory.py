"""Which job types there are, and in which queue a job of some id lies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import Expired, FieldError, NotFound, UnknownJobType
from ..model.ids import (
    CUSTOM_ID_LENGTH,
    check_job_type,
    custom_job_id,
    is_name,
    type_code,
    was_issued,
)
from ..model.job import JobType
from ..store.commands import Commands


class Directory:
    """Types registered by the program, and types that others have announced in Redis."""

    def __init__(self, job_types: Iterable[JobType[Any]], commands: Commands) -> None:
        self._registered = {job_type.name: job_type for job_type in job_types}
        self._commands = commands
        self._announced: dict[str, int] = {}
        """Type → how often calls had begun then: a server that calls begin on anew may not know of
        it.
        """
        self._met: dict[str, JobType[Any]] = {}

    def kind(self, job_type: JobType[Any] | str) -> JobType[Any]:
        """The job type to validate by. Raises InvalidInput, UnknownJobType."""
        if not isinstance(job_type, JobType):
            return self.known(job_type)
        if self._met.get(job_type.name) is not job_type:
            check_job_type(job_type.name)
            self._met[job_type.name] = job_type
        return self._registered.get(job_type.name, job_type)

    def met(self, name: str) -> JobType[Any] | None:
        """A type that was registered, or handed in with a job; None for others."""
        return self._registered.get(name) or self._met.get(name)

    def known(self, name: str) -> JobType[Any]:
        """A type by name; any, if none is registered. Raises InvalidInput, UnknownJobType."""
        check_job_type(name)
        if not self._registered:
            return JobType(name)
        if name not in self._registered:
            known = ", ".join(sorted(self._registered))
            raise UnknownJobType(
                f"{name!r} is not a known job type", fields=[FieldError("type", f"one of {known}")]
            )
        return self._registered[name]

    def announced(self, name: str) -> bool:
        """True if this process has put the type on the list in Redis."""
        return self._announced.get(name) == self._commands.begun

    async def announce(self, name: str) -> None:
        """Put a type on the list in Redis, once a process and connection."""
        if not self.announced(name):
            begun = max(1, self._commands.begun)  # The first call is what begins them.
            await self._commands.announce_type(name)
            self._announced[name] = begun

    async def names(self) -> set[str]:
        """The types registered here; if there are none, every type announced by anyone."""
        return set(self._registered) or await self._commands.types()

    async def type_of(self, full_id: str, noun: str) -> str:
        """The type that an id of ours names. Raises NotFound."""
        for name, _ in await self.places(full_id, None):
            return name
        raise NotFound(f"there is no {noun} {full_id!r:.70}", code=f"{noun}_not_found")

    async def places(self, job_id: str, tenant: str | None) -> list[tuple[str, str]]:
        """Where a job of that id may lie, as (type, full id). A caller's own id is tried as its
        tenant's. Raises NotFound for what can't be an id.
        """
        if not is_name(job_id):
            raise self.no_job(job_id, tenant)
        names = set(self._registered or self._announced)
        if not any(job_id.endswith(type_code(name)) for name in names):
            names = await self.names()
        places = [(name, job_id) for name in sorted(names) if job_id.endswith(type_code(name))]
        if tenant is not None and len(job_id) <= CUSTOM_ID_LENGTH:
            places += [(name, custom_job_id(job_id, tenant, name)) for name in sorted(names)]
        return places

    def no_job(self, job_id: str, tenant: str | None) -> NotFound:
        """The error for a job that is not there, or not the tenant's: Expired if it was once."""
        if was_issued(job_id, tenant):
            return Expired(
                f"job {job_id} is no longer kept",
                remedy="Ended jobs are kept for as long as removeOnComplete and removeOnFail say.",
            )
        return NotFound(f"there is no job {job_id!r:.70}", code="job_not_found")
