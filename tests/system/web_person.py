"""A person who signs in at the desk by plain HTTP, without a browser, and the commands about that person."""

from __future__ import annotations

import asyncio
import sys

import aiohttp

from desk.people.session_requests import COOKIE
from lab.session import LabSession

PASSWORD = "Uzun bir parola ğüş"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


async def run_people(lab: LabSession, *words: str) -> str:
    """Run `santral people` next to the working node, and return what it prints for scripts."""
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "santral", "people", *words, "--state", str(lab.folder), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    out, told = await done.communicate()
    assert done.returncode == 0, told.decode()
    return out.decode().strip()


async def open_session(lab: LabSession, person: str, code: str) -> dict[str, str]:
    """Set a password by a one-use code. Return the headers of a page of this session."""
    form = {"name": person, "code": code, "password": PASSWORD, "again": PASSWORD}
    async with aiohttp.ClientSession() as web, web.post(
            f"http://{lab.info.http}/password", data=form, headers=OWN_PAGE, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        return {"Cookie": f"{COOKIE}={answer.cookies[COOKIE].value}", **OWN_PAGE}


async def add_person(lab: LabSession, person: str, *roles: str) -> dict[str, str]:
    """Add a person who sets a password at once. Return the headers of a page of the session."""
    words = [word for role in roles or ("agent",) for word in ("--role", role)]
    return await open_session(lab, person, await run_people(lab, "add", person, *words))
