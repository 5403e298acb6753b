"""Run one fault: start a lab, bring calls into every state, inject, undo, wait until all is calm, and judge."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from lab.errors import LabError
from lab.faults.fault import Fault
from lab.faults.fault_model import CannotInject, FaultRow
from lab.faults.fault_place import HISTORY, FaultPlace, open_place
from lab.faults.judge import Judge, read_store
from lab.faults.scene import FaultScene
from lab.history.checker import check_history
from lab.phones.audio_socket import AudioExchange

LONGEST_S = 900.0
"""Limit of a row besides its fault and its calm: start of the lab, scene, judgement. A busy machine needs a third."""


async def run_fault(fault: Fault, folder: Path) -> FaultRow:
    """Run a fault in a new folder and return its row.

    A fault that cannot be injected here has a row that says so. A bench that breaks has a row that is not ok, and costs
    no other fault its row.
    """
    began = time.monotonic()
    limit = fault.lasts_s + fault.calm_s + LONGEST_S
    try:
        async with asyncio.timeout(limit) as whole, open_place(fault, folder) as place, AudioExchange() as ears:
            scene = FaultScene(place.lab, folder / "heard", ears, place.lone, fault.lone)
            try:
                row = await _run_scene(fault, place, scene)
            finally:
                await scene.stop()
    except CannotInject as error:
        row = FaultRow(fault.id, fault.title, fault.how, ok=True, skipped=str(error))
    except LabError as error:
        row = FaultRow(fault.id, fault.title, fault.how, problems=[str(error)])
    except Exception as error:
        why = f"not over within {limit:.0f} s" if whole.expired() else f"{type(error).__name__}: {error}"
        row = FaultRow(fault.id, fault.title, fault.how, problems=[f"the bench broke: {why}"])
    row.took_s = round(time.monotonic() - began, 1)
    return row


async def _run_scene(fault: Fault, place: FaultPlace, scene: FaultScene) -> FaultRow:
    await scene.bring_states()
    # 1. Inject, let everybody act, undo.
    injected = time.time()
    async with fault.inject(place):
        scene.go_on()
        await asyncio.sleep(fault.lasts_s)
    healed = time.time()
    # 2. Wait until everybody was served. The row names those who were not.
    late = ""
    try:
        if fault.cuts_calls:
            await scene.drop_cut_calls(injected)
        await scene.calm_down(fault.calm_s, fault.cuts_calls)
    except LabError as error:
        late = str(error)
        with suppress(LabError):
            await place.lab.network.hang_up_all()
            await place.lab.wait_until_quiet()
    # 3. Judge by ears and store.
    scene.match_recordings()
    # The queue_log is read of the node that leads now.
    await place.lab.find_leader()
    found = await _check_history(fault, place, scene)
    rows = await asyncio.to_thread(read_store, place.lab)
    row = await asyncio.to_thread(lambda: Judge(fault, scene, rows, injected, healed).judge())
    row.history = len(found)
    row.problems += [late] * bool(late) + place.problems + found
    row.notes += place.notes
    row.ok = not row.problems
    return row


async def _check_history(fault: Fault, place: FaultPlace, scene: FaultScene) -> list[str]:
    """Join what everybody saw, and return what contradicts the invariants."""
    if not fault.joined or place.recorder is None:
        return []
    for agent, phone in scene.phones.items():
        place.recorder.note_agent(agent, phone.tone)
    for call in scene.calls:
        place.recorder.note_caller(call.leg)
    await place.recorder.stop()
    findings = await asyncio.to_thread(check_history, place.lab.folder.parent / HISTORY)
    return [f"{one.invariant} {one.fault}, {one.subject}: {one.what}" for one in findings.findings]
