"""``fa-ref certify``: alignment proved after a ridge penalty that ends, and what --check says it has proved."""

import json

import pytest

pytest.importorskip("flint", reason="the checker needs python-flint (extra: rigorous)")


SMALL = ("certify", "--n", 4, "--d", 8, "--p", 200, "--ridge", 0.3)


def test_alignment_is_proved_saved_and_proved_again(tmp_path, call):
    folder, facts = tmp_path / "proof", tmp_path / "facts.json"
    done = call(*SMALL, "--cutoff", 200, "--rigorous", "--out", folder, "--json", facts)
    assert done.returncode == 0, done.stderr
    found = json.loads(facts.read_text("utf-8"))
    least, most = (found[f"final cos∠(b, β) proved, {end}"] for end in ("least", "most"))
    assert found["cos∠(b, β) proved for all later t, least"] <= least <= most
    assert least <= found["observed cos∠(b, β), last"] <= most
    assert least > 0.05
    checked = call("certify", "--check", folder)
    assert checked.returncode == 0, checked.stdout
    printed = " ".join(checked.stdout.split())
    for part in ("Proved: started at these weights (n = 4, d = 8, p = 200)", "ψ = tanh", "with a = ", "stays in ["):
        assert part in printed
    path = folder / "certificate.json"
    record = json.loads(path.read_text("utf-8"))
    record["constants"]["final_low"] = min(1.0, record["constants"]["final_low"] + 1e-3)
    path.write_text(json.dumps(record), "utf-8")
    refused = call("certify", "--check", folder)
    assert refused.returncode == 1
    assert "Proved" not in refused.stdout


@pytest.mark.parametrize("cutoff", [0, 500])
def test_a_penalty_that_does_not_end_is_refused(call, cutoff):
    done = call(*SMALL, "--cutoff", cutoff, "--steps", 400)
    assert done.returncode == 2
    assert "--cutoff: expected a step before --steps 400" in done.stderr
