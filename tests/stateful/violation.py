"""A broken invariant, and what each of them means."""

from __future__ import annotations

MEANING = {
    "G8": "no worker is given a newer payload than it knows, and none is lost",
    "A8": "lanes with jobs share the starts by weight",
    "A9": "who has waited too long comes first",
    "A7": "what has not started is changed as asked, and nothing else",
    "A10": "no more jobs before their start than the limits say, and no one refused below",
    "A5": "behind a running job waits at most one, and it becomes what the last call asks for",
    "A11": "what is stored apart stays as long as somebody refers to it, and no longer",
    "A15": "every listing shows what there is, each job once",
    "C14": "checkpoints by the holder only, kept exactly as long as the job may go on",
    "I1": "each job is in one state, and in exactly the containers which that state implies",
    "I2": "a job ends once; only a replay leaves an end",
    "I3": "only the holder of the current token may write",
    "I4": "a repeated call gets the same answer and changes nothing",
    "I5": "an accepted job is taken in once, whoever repeats the call",
    "I6": "no more starts than attempts, and stalls counted apart",
    "I7": "nothing starts before its moment or after its deadline",
    "I9": "what is stale is recovered, and the queue drains",
    "I10": "no slot stays free while a job waits",
    "I11": "a better lane goes first",
    "I12": "within a lane, in order of arrival",
    "I13": "each occurrence of a schedule once",
    "I14": "a cancelled job does not start, and nothing it returns is taken",
    "I15": "a unique key is held exactly as long as its holder asked for",
    "I16": "nothing of one tenant for another",
    "I17": "no more at once, and no more per time, than the limits say",
    "I19": "counters equal a recount",
    "I20": "nothing is left behind, and no key is undocumented",
    "I21": "bytes come out as they went in",
    "I23": "progress only by the holder, and never of a job that is gone",
    "F8": "the events and the histories tell the state, and the way to it",
    "G2": "what is kept is counted, byte by byte, and no more is kept than was asked for",
    "G7": "why a job does not run is told as it is",
    "call": "no call of ours is refused by the server",
}


class Violation(AssertionError):
    """An invariant does not hold. ``code``: which one."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code} ({MEANING[code]}): {text}")
        self.code = code
