"""A report of an older log names what is computed differently since."""

from __future__ import annotations

import pytest

import quintet
from quintet.engine.protocol.events import Start
from quintet.engine.report.findings import findings
from quintet.engine.report.method import method
from quintet.engine.report.rule_changes import CHANGES, changed_since
from quintet.engine.session.session import Session
from tests.engine.report import made
from tests.making import Maker


@pytest.mark.parametrize("version", ["0.1.0", "0", "0.1", "0.1.9"])
def test_an_older_log_has_every_change_since_its_version(version: str) -> None:
    assert changed_since(version) == [change.says for change in CHANGES if change.since != version]
    assert any("triples" in says for says in changed_since(version))


@pytest.mark.parametrize("version", [quintet.__version__, "10.0", "0.2.0.dev3", "", "unknown"])
def test_todays_log_and_one_of_no_known_version_have_none(version: str) -> None:
    assert changed_since(version) == []


def test_entries_stand_in_order() -> None:
    assert [change.since for change in CHANGES] == sorted(change.since for change in CHANGES)


def test_the_report_names_them_for_an_older_log_only() -> None:
    (fact,) = [one for one in method(findings(of_version("0.1.0"))) if one.label == "new rules"]
    assert fact.text.startswith("the log is of quintet 0.1.0; since then ")
    assert all(change.says in fact.text for change in CHANGES)
    assert not any(one.label == "new rules" for one in method(findings(of_version(quintet.__version__))))
    assert not any(one.label == "new rules" for one in method(findings(made.rehearsed("ab"))))


def of_version(version: str) -> Session:
    made_ = Maker().ready().gate_all(2).images_all(2, 12, 10)
    first = made_.frames[0]
    assert isinstance(first, Start)
    made_.frames[0] = first._replace(manifest={**first.manifest, "quintet": version})
    return made_.session()
