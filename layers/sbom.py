"""The software bill of materials of a deployment, besides Usher's own code, with licences. Not deployed itself.

`python -m layers.sbom` reads the layers that `sam build` made and writes `.aws-sam/sbom.cdx.json` (CycloneDX 1.6). Exit
status 1 if a licence is unknown or not allowed.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL

ROOT = Path(__file__).parents[1]
BUILD = ROOT / ".aws-sam" / "build"
TARGET = ROOT / ".aws-sam" / "sbom.cdx.json"
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Open-MPI",
        "CC0-1.0", "GPL-3.0-or-later WITH GCC-exception-3.1", "MIT", "MIT-0", "OFL-1.1", "PSF-2.0", "Unicode-3.0",
        "Zlib",
    }
)  # fmt: skip
"""Licences that only require their text to be passed on. The exception of GCC's runtime library allows any use of
software that is linked with it; OFL-1.1 is for fonts.
"""
WORDS = {"Apache License 2.0": "Apache-2.0", "SIL OFL 1.1": "OFL-1.1"}
"""SPDX expressions for packages' own words."""
READ = {
    # The metadata omits the content of numpy.libs: OpenBLAS with LAPACK, and GCC's Fortran library.
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0 AND BSD-3-Clause-Open-MPI"
    " AND GPL-3.0-or-later WITH GCC-exception-3.1",
    "python-dateutil": "BSD-3-Clause",  # all of it; contributions after 2017 also Apache-2.0
    "resvg-py": "MIT",
}
"""Licences, read from the licence files, of packages whose metadata does not name them, or not all."""
KEPT = ("type", "bom-ref", "name", "version", "licenses", "purl", "hashes")
"""The members of a wheel's own SBOM that ours keeps; its authors, for example, are at a place that CycloneDX 1.6 does
not have.
"""
SPDX = get_spdx_licensing()


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution in a layer."""

    name: str
    version: str
    licence: str
    """The licence, as an SPDX expression if it is known."""
    parts: Sequence[Component] = ()
    """The components that its wheel was linked from, from the wheel's own SBOM (PEP 770)."""


def packages(folder: Path) -> list[Package]:
    """The distributions that were installed into a folder."""
    installed = (_package(distribution) for distribution in distributions(path=[str(folder)]))
    return sorted(installed, key=lambda package: package.name)


def licence(name: str, metadata: Any) -> str:
    """The licence of a distribution from its metadata, or from its licence file if we had to read that."""
    written = metadata.get("License-Expression") or metadata.get("License") or ""
    return READ.get(name) or WORDS.get(written, written)


def canonical(name: str) -> str:
    """The name of a package in the form that indexes compare."""
    return re.sub(r"[-_.]+", "-", name).lower()


def allowed(expression: str) -> bool:
    """Whether we may deploy software with this licence: all of an AND, one of an OR."""
    try:
        tree = SPDX.parse(expression, validate=True)
    except ExpressionError:
        return False
    return tree is not None and _allows(tree)


def problems(deployed: Iterable[Package]) -> list[str]:
    """One sentence for each licence that is unknown or not allowed."""
    licences = [(package.name, package.licence) for package in deployed]
    licences += [
        (f"{part.name} in {package.name}", _expression(part)) for package in deployed for part in package.parts
    ]
    return [
        f"{name} has the licence {text[:60]!r}, which is not among those allowed in layers/sbom.py. Read its licence "
        "file, and add it there; or do without the package."
        for name, text in licences
        if not allowed(text)
    ]


def bill(layers: Mapping[str, Sequence[Package]]) -> Bom:
    """The SBOM. `layers`: the packages of each, by logical ID."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    own = Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION,
        bom_ref=project["name"],
        licenses=[LicenseExpression(project["license"])],
    )
    bom = Bom()
    bom.metadata.component = own
    components = [_component(package, layer) for layer, some in layers.items() for package in some]
    bom.components.update(components)
    bom.register_dependency(own, components)
    return bom


def text(bom: Bom) -> str:
    """An SBOM as CycloneDX 1.6 in JSON."""
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


def main(build: Path = BUILD, target: Path = TARGET) -> int:
    """Write the SBOM of a build; return the exit status."""
    layers = {folder.parent.name: packages(folder) for folder in sorted(build.glob("*/python"))}
    if not any(layers.values()):
        print(f"There is no built layer in {build}. Run: sam build", file=sys.stderr)  # noqa: T201
        return 1
    target.write_text(text(bill(layers)) + "\n")
    refused = problems([package for some in layers.values() for package in some])
    for problem in refused:
        print(problem, file=sys.stderr)  # noqa: T201
    return 1 if refused else 0


def _package(distribution: Distribution) -> Package:
    name = canonical(distribution.metadata["Name"])
    files = [Path(str(file.locate())) for file in distribution.files or () if file.match("*.dist-info/sboms/*.json")]
    parts = [part for file in files if file.is_file() for part in _parts(file)]
    return Package(name, distribution.version, licence(name, distribution.metadata), parts)


def _parts(sbom: Path) -> Iterable[Component]:
    components = json.loads(sbom.read_text()).get("components", [])
    parts = [{name: part[name] for name in KEPT if name in part} for part in components]
    bom: Bom = Bom.from_json({"components": parts})  # type: ignore[attr-defined]
    yield from bom.components


def _component(package: Package, layer: str) -> Component:
    purl = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{layer}:{purl}",
        purl=purl,
        licenses=[LicenseExpression(package.licence)],
        components=package.parts,
        properties=[Property(name="usher:layer", value=layer)],
    )


def _expression(part: Component) -> str:
    """The licences of a component in an SBOM as one expression; all of them hold."""
    values = [one.value if isinstance(one, LicenseExpression) else one.id or one.name or "" for one in part.licenses]
    return " AND ".join(f"({value})" for value in values)


def _allows(tree: Any) -> bool:
    if isinstance(tree, SPDX.AND):
        return all(map(_allows, tree.args))
    if isinstance(tree, SPDX.OR):
        return any(map(_allows, tree.args))
    return tree.render() in ALLOWED


if __name__ == "__main__":
    sys.exit(main())
