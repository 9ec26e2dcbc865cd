"""The list of deployed packages, with licences that allow Usher to distribute them."""

import json
import re
from email.message import Message
from hashlib import sha256
from importlib.metadata import distributions, metadata, version
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st
from usher.reports.png import FONTS

from layers import sbom
from tests.unit.docs.tables import pinned
from tests.unit.stack.files import REPOSITORY

DEPLOYED = {name: number for packages in pinned().values() for name, number in packages.items()}
LICENCES = st.sampled_from([*sorted(sbom.ALLOWED), "GPL-3.0-only", "LGPL-2.1-or-later", "MPL-2.0", "SSPL-1.0"])


def install(folder: Path, name: str, licence: str, parts: dict[str, str] | None = None) -> None:
    """Write the files of an installed wheel into a folder: its metadata, and an SBOM of its own if it has `parts`."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{licence}\n")
    record = [f"{info.name}/METADATA,,"]
    if parts:
        components = [
            {"type": "library", "name": part, "version": "2", "licenses": [{"expression": one}]}
            for part, one in parts.items()
        ]
        (info / "sboms").mkdir()
        (info / "sboms" / "rust.cyclonedx.json").write_text(
            json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components})
        )
        record.append(f"{info.name}/sboms/rust.cyclonedx.json,,")
    (info / "RECORD").write_text("\n".join(record))


def test_every_package_in_the_layers_has_a_licence_that_is_allowed() -> None:
    here = {sbom.canonical(found.name): found for found in distributions()}
    assert {name: version(name) for name in DEPLOYED} == DEPLOYED, "licences are read of the versions that are deployed"
    folders = {str(here[name].locate_file("")) for name in DEPLOYED}
    found = [package for folder in folders for package in sbom.packages(Path(folder)) if package.name in DEPLOYED]
    assert {package.name for package in found} == DEPLOYED.keys()
    assert sbom.problems(found) == []


def test_the_font_is_the_one_whose_origin_is_written_down() -> None:
    page = (REPOSITORY / "docs" / "licences.md").read_text()
    written = dict(re.findall(r"^\| (Lato-\w+\.ttf) \| ([0-9a-f]{64}) \|$", page, re.MULTILINE))
    assert written == {Path(font).name: sha256(Path(font).read_bytes()).hexdigest() for font in FONTS}


def test_licences_that_were_read_are_of_packages_that_need_it() -> None:
    for name, licence in sbom.READ.items():
        facts: Message = metadata(name)  # type: ignore[assignment]
        assert sbom.allowed(licence), name
        assert licence != facts.get("License-Expression"), f"the metadata of {name} has it"


@pytest.mark.parametrize(
    "licence",
    ["GPL-3.0-only", "AGPL-3.0-or-later", "LGPL-2.1-or-later", "MPL-2.0", "MIT AND GPL-2.0-only", "Dual License", ""],
)
def test_copyleft_and_unknown_licences_are_refused(licence: str) -> None:
    assert not sbom.allowed(licence)
    (problem,) = sbom.problems([sbom.Package("poison", "1.0", licence)])
    assert problem.startswith(f"poison has the licence {licence!r}")


@given(LICENCES, LICENCES)
def test_all_of_an_and_and_one_of_an_or_must_be_allowed(one: str, other: str) -> None:
    both = sbom.allowed(one), sbom.allowed(other)
    assert sbom.allowed(f"{one} AND {other}") == all(both)
    assert sbom.allowed(f"({one} OR {other})") == any(both)


def test_the_sbom_of_a_build_is_valid_and_names_its_packages(tmp_path: Path) -> None:
    install(tmp_path / "build/CoreLayer/python", "plain_one", "License: MIT")
    install(tmp_path / "build/DataLayer/python", "rusty", "License-Expression: Apache-2.0", {"crate": "MIT OR GPL-2.0"})
    (tmp_path / "build/SomeFunction").mkdir()
    target = tmp_path / "sbom.json"
    assert sbom.main(tmp_path / "build", target) == 0
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(target.read_text()) is None
    written = json.loads(target.read_text())
    assert written["specVersion"] == "1.6"
    assert written["metadata"]["component"]["name"] == "usher"
    plain, rusty = written["components"]
    assert (plain["purl"], plain["licenses"]) == ("pkg:pypi/plain-one@1.0", [{"expression": "MIT"}])
    assert [part["name"] for part in rusty["components"]] == ["crate"]
    layers = [component["properties"][0]["value"] for component in (plain, rusty)]
    assert layers == ["CoreLayer", "DataLayer"]
    refs = [component["bom-ref"] for component in (plain, rusty)]
    assert {"ref": "usher", "dependsOn": refs} in written["dependencies"]


@pytest.mark.parametrize(
    ("licence", "parts", "said"),
    [
        ("License-Expression: GPL-3.0-only", None, "poison has the licence 'GPL-3.0-only'"),
        ("License: Dual License", None, "poison has the licence 'Dual License'"),
        ("Summary: none", None, "poison has the licence ''"),
        ("License: MIT", {"crate": "MPL-2.0"}, "crate in poison has the licence '(MPL-2.0)'"),
    ],
)
def test_a_build_with_a_licence_that_is_not_allowed_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], licence: str, parts: dict[str, str] | None, said: str
) -> None:
    install(tmp_path / "build/DataLayer/python", "poison", licence, parts)
    assert sbom.main(tmp_path / "build", tmp_path / "sbom.json") == 1
    assert said in capsys.readouterr().err


def test_without_a_build_there_is_no_sbom(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sbom.main(tmp_path, tmp_path / "sbom.json") == 1
    assert "Run: sam build" in capsys.readouterr().err
    assert not (tmp_path / "sbom.json").exists()


def test_make_build_writes_it_after_the_build() -> None:
    lines = re.search(r"^build:.*\n((?:\t.*\n)+)", (REPOSITORY / "Makefile").read_text(), re.M)
    assert lines
    commands = [line.strip().lstrip("@") for line in lines[1].splitlines()]
    assert (commands[0], commands[-1]) == ("sam build", "python -m layers.sbom")
