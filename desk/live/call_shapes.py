"""Define the events and answers of the page of live calls."""

from __future__ import annotations

from pydantic import Field

from desk.live.live_calls import LiveStep
from desk.shape import Shape


class LiveCallShown(Shape):
    """One call of the list. No number and no name."""

    id: str
    service: str = Field(description="Empty while the caller is in the menu")
    step: LiveStep
    since: float
    began: float


class LiveService(Shape):
    """A service that calls may belong to."""

    id: str
    name: str


class LiveCallsChange(Shape):
    """All changes of a moment: the event `calls`."""

    at: float
    calls: list[LiveCallShown] = Field(description="New and changed ones")
    gone: list[str]
    hidden: int = Field(description="Calls of private and anonymous services")
    callbacks: int = Field(description="Callers who wait to be called back")
    more: int = Field(description="Calls without a place in the list")


class LiveCallsState(Shape):
    """All calls of this moment."""

    at: float
    services: list[LiveService]
    calls: list[LiveCallShown]
    hidden: int
    callbacks: int
    more: int


class CourseText(Shape):
    """One line of the course."""

    time: str
    text: str


class HeardText(Shape):
    """A sentence that the caller hears until `until`, or has heard."""

    at: float
    until: float
    language: str
    text: str


class CallCourse(Shape):
    """The course of a call so far, and why it stands where it stands, in the words of `santral why`."""

    id: str
    service: str
    step: LiveStep
    since: float
    steps: list[tuple[float, LiveStep]]
    lines: list[CourseText]
    why: list[str]
    heard: list[HeardText] = Field(description="Empty unless `[desk] sentences` is set. Numbers are never shown")
