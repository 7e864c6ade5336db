"""What others say who grade sites for a living: testssl.sh and sslyze, of an app that asked for HTTPS by one line."""

from __future__ import annotations

import json
import subprocess
from urllib.parse import urlsplit

from playbook import ROOT


def test_testssl_grades_it_a_plus(own, grader):
    """Debian 12's testssl.sh knows no grades, so Debian 13's host looks at both."""
    # The other host's tests may be at it as well.
    root, grades = f"/tmp/root-{own.machine}.pem", f"/tmp/grades-{own.machine}.json"
    grader.run("echo %s > %s", own.run("cat /etc/slipway/certificates/ca.pem"), root)
    grader.run("rm -f %s", grades)
    said = grader.host.run(
        "testssl --quiet --color 0 --warnings off --connect-timeout 5 --add-ca %s --ip %s"
        " --jsonfile %s %s", root, urlsplit(own.url).hostname, grades, own.domain,
    )  # fmt: skip
    found = {row["id"]: row for row in json.loads(grader.run("cat %s", grades))}
    assert found["overall_grade"]["finding"] == "A+", said.stdout
    assert int(found["final_score"]["finding"]) >= 96, said.stdout
    # A CA of one's own revokes nothing; and what an app gives away by the length of its compressed pages is the app's to mask.
    bad = {name for name, row in found.items() if row["severity"] in ("MEDIUM", "HIGH", "CRITICAL")}
    assert bad <= {"cert_revocation", "BREACH"}, said.stdout


def test_sslyze_finds_mozilla_s_guideline_kept(own, tmp_path):
    root = tmp_path / "root.pem"
    root.write_text(own.run("cat /etc/slipway/certificates/ca.pem"))
    words = ["--mozilla_config=intermediate", f"--certinfo_ca_file={root}"]
    done = subprocess.run(
        [ROOT / ".venv/bin/sslyze", *words, f"{own.domain}:443{{{urlsplit(own.url).hostname}}}"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK - Compliant" in done.stdout
