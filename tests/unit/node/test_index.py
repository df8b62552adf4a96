"""uv gets the index of the user's pip, unless it has its own."""

from pathlib import Path

from terrazul.node.environment import index


def test_pips_configuration_is_handed_to_uv(tmp_path: Path):
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://a/simple\nextra-index-url =\n  https://b/simple\n  https://c/simple\n"
    )
    found = index.variables({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(file), "PIP_FIND_LINKS": "/d /e"})
    assert found["UV_DEFAULT_INDEX"] == "https://a/simple"
    assert found["UV_INDEX"] == "https://b/simple https://c/simple"
    assert found["UV_FIND_LINKS"] == "/d,/e"


def test_uvs_own_configuration_leads(tmp_path: Path):
    variables = {"HOME": str(tmp_path), "PIP_INDEX_URL": "https://a/simple"}
    assert index.variables({**variables, "UV_INDEX_URL": "https://b/simple"}) == {}
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config" / "uv" / "uv.toml").touch()
    assert index.variables(variables) == {}
