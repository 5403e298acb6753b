"""The committed SIP library is the one that its version, checksum and licences say."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

VENDOR = Path(__file__).parents[4] / "desk" / "pages" / "vendor"
COMPRESSED_MAX = 60_000
"""Bytes of the bundle as a browser loads it. The whole page has a goal of 110 kB."""


def test_the_bundle_has_the_checksum_that_is_noted_and_carries_it_in_its_name() -> None:
    checksum, name = (VENDOR / "SHA256SUMS").read_text(encoding="utf-8").split()
    bundles = list(VENDOR.glob("*.js"))
    assert [path.name for path in bundles] == [name]
    assert hashlib.sha256(bundles[0].read_bytes()).hexdigest() == checksum
    assert re.fullmatch(rf"jssip-[\d.]+-{checksum[:12]}\.js", name)
    softphone = (VENDOR.parent / "static" / "softphone.js").read_text(encoding="utf-8")
    assert f'from "./vendor/{name}";' in softphone


def test_the_bundle_is_a_module_of_the_pinned_version() -> None:
    pinned = json.loads((VENDOR / "package.json").read_text(encoding="utf-8"))["dependencies"]["jssip"]
    bundle = next(VENDOR.glob("*.js"))
    text = bundle.read_text(encoding="utf-8")
    assert bundle.name.startswith(f"jssip-{pinned}-")
    assert text.startswith(f"/* JsSIP {pinned}, MIT licence.")
    assert re.search(r"export\{\w+ as UA,\w+ as WebSocketInterface,\w+ as debug\};\s*$", text)
    assert len(gzip.compress(bundle.read_bytes(), 9)) <= COMPRESSED_MAX


def test_each_bundled_package_has_its_licence() -> None:
    lock = json.loads((VENDOR / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    bundled = {f"{path.removeprefix('node_modules/')} {about['version']} ({about['license']})"
               for path, about in lock.items() if path and not about.get("dev") and not about.get("optional")}
    texts = (VENDOR / "LICENSES.txt").read_text(encoding="utf-8")
    assert set(re.findall(r"^[\w-]+ [\d.]+ \([\w-]+\)$", texts, re.M)) == bundled
    assert texts.count("Permission is hereby granted") == len(bundled)


def test_no_file_names_a_registry() -> None:
    for path in VENDOR.glob("*.json"):
        assert "://" not in path.read_text(encoding="utf-8"), path.name
