"""The oldest Rust that builds this: one number in each manifest and wherever a person reads it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_one_rust_version():
    manifests = [ROOT / "Cargo.toml", *sorted((ROOT / "crates").glob("*/Cargo.toml"))]
    found = {}
    for manifest in manifests:
        text = manifest.read_text()
        versions = re.findall(r'^rust-version = "([^"]+)"', text, flags=re.MULTILINE)
        if "rust-version.workspace = true" not in text:
            assert len(versions) == 1, manifest
        found.update(dict.fromkeys(versions, manifest))
    assert len(found) == 1, found
    (version,) = found
    for place in ("README.md", "CONTRIBUTING.md", "tools/require.sh"):
        assert f"{version} or later" in (ROOT / place).read_text(), place
