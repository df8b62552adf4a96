"""The import rules name every module, so that a new one cannot stand outside of them."""

import configparser
from pathlib import Path

import terrazul

SOURCE = Path(terrazul.__file__).parent
RULES = SOURCE.parents[1] / ".importlinter"


def _layers(contract: str) -> set[str]:
    parser = configparser.ConfigParser()
    parser.read(RULES)
    return set(parser[f"importlinter:contract:{contract}"]["layers"].replace("|", " ").split())


def _covered(module: str, layers: set[str]) -> bool:
    return any(module == layer or module.startswith(f"{layer}.") for layer in layers)


def test_every_module_of_the_server_has_its_layer():
    layers = _layers("server")
    modules = [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        for path in (SOURCE / "server").rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    ]
    assert [module for module in modules if not _covered(module, layers)] == []


def test_every_process_has_its_layer():
    layers = _layers("processes")
    packages = [f"terrazul.{path.name}" for path in SOURCE.iterdir() if (path / "__init__.py").exists()]
    assert [package for package in packages if not _covered(package, layers)] == ["terrazul.testing"]
