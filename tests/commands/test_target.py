"""``target``: the device targets."""

from __future__ import annotations

from stand_in.lab import CommandLine


def test_targets_are_listed_and_shown(bare: CommandLine) -> None:
    names = {each["name"] for each in bare("target", "list", "--json").json["targets"]}

    assert {"audiocodes-7.4", "generic"} <= names
    assert "Send Device Certificate file" in bare("target", "show", "audiocodes-7.4").out


def test_keys_of_earlier_versions_are_ignored_in_an_own_target_and_others_refused(
    sipca: CommandLine,
) -> None:
    text = sipca("target", "show", "audiocodes-7.4").out
    former = text.replace("[san]\n", '[san]\nselected = "email"\n', 1)
    former = former.replace("[ocsp]\n", '[ocsp]\ndefault_response = "reject"\n', 1)
    former = former.replace("[[steps]]\n", '[[steps]]\nphase = "trust"\n', 1)
    targets = sipca.home / "targets"
    targets.mkdir(exist_ok=True)
    (targets / "mine.toml").write_text(former)
    (targets / "odd.toml").write_text(text.replace("[san]\n", '[san]\nchosen = "email"\n', 1))

    assert former.count("selected") == former.count("default_response") == 1
    assert sipca("ca", "set", "--target", "mine").exit == 0
    odd = sipca("ca", "set", "--target", "odd")
    assert odd.exit == 3
    assert "chosen" in odd.err
