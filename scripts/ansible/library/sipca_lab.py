#!/usr/bin/python
"""Ansible module: bring a sipca lab to what a lab file says (``sipca apply``).

One file, which needs nothing but Python and sipca on the machine that it runs on. Copy it into the
folder ``library/`` beside a playbook.
"""

from __future__ import annotations

import json
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: sipca_lab
short_description: Brings a private CA for a SIP lab to what a lab file says
description:
  - Runs C(sipca apply) and reports what was made and changed.
  - In check mode runs C(sipca apply --check), which changes nothing.
  - Safe to run again, nothing is made twice.
options:
  file:
    description: The lab file on the target machine. Paths in it start from its folder.
    type: path
  lab:
    description:
      - The text of a lab file (TOML), instead of O(file).
      - Paths in it start from O(chdir).
    type: str
  chdir:
    description: The folder from which the paths of O(lab) start.
    type: path
  home:
    description: The CA home; else SIPCA_HOME, else the user's own.
    type: path
  passphrase_file:
    description: The file with the passphrase of the CA's keys, on the target machine.
    type: path
  executable:
    description: The program.
    type: str
    default: sipca
  state:
    description:
      - V(present) makes what is missing.
      - V(verified) changes nothing, and fails where the lab is not as the file says.
    type: str
    choices: [present, verified]
    default: present
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author: the sipca authors
"""

EXAMPLES = r"""
- name: The lab is as its file says
  sipca_lab:
    file: /srv/lab/lab.toml
    home: /srv/lab/home
    passphrase_file: /etc/sipca/passphrase

- name: A lab without a file of its own
  sipca_lab:
    lab: |
      schema = 1
      [ca]
      name = "Test Lab"
      protect = "none"
    chdir: /srv/lab

- name: Nothing has drifted
  sipca_lab:
    file: /srv/lab/lab.toml
    state: verified
"""

RETURN = r"""
steps:
  description: Each thing of the lab file, and what was, or in check mode would be, done.
  type: list
  elements: dict
  returned: always
unlisted:
  description: Devices and certificates that are there and that the file does not mention.
  type: list
  elements: dict
  returned: success
refused:
  description: The entries that were refused, and why.
  type: list
  elements: dict
  returned: failure
"""

UNCONVERGED = 9
"""The exit code of ``apply --check`` where something is to be done."""


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "file": {"type": "path"},
            "lab": {"type": "str"},
            "chdir": {"type": "path"},
            "home": {"type": "path"},
            "passphrase_file": {"type": "path", "no_log": False},  # a path is no secret
            "executable": {"type": "str", "default": "sipca"},
            "state": {"type": "str", "choices": ["present", "verified"], "default": "present"},
        },
        mutually_exclusive=[("file", "lab")],
        required_one_of=[("file", "lab")],
        required_by={"lab": "chdir"},
        supports_check_mode=True,
    )
    file, written = module.params["file"], None
    if module.params["lab"] is not None:
        file = written = _written(module)
    try:
        answer, code = _applied(module, file)
    finally:
        if written is not None:
            os.unlink(written)
    _end(module, answer, code)


def _written(module: AnsibleModule) -> str:
    """The lab file made of the text, beside which its paths start."""
    try:
        descriptor, path = tempfile.mkstemp(
            prefix=".lab-", suffix=".toml", dir=module.params["chdir"]
        )
    except OSError as error:
        module.fail_json(msg=f"chdir cannot be written: {error.strerror}", steps=[])
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(module.params["lab"])
    return path


def _applied(module: AnsibleModule, file: str) -> tuple[dict, int]:
    """The document of ``sipca apply --json`` and its exit code."""
    looking = module.check_mode or module.params["state"] == "verified"
    words = [module.params["executable"], "apply", file, "--json", "--no-input"]
    for option in ("home", "passphrase_file"):
        if module.params[option] is not None:
            words += [f"--{option.replace('_', '-')}", module.params[option]]
    code, out, err = module.run_command(words + (["--check"] if looking else []))
    try:
        return json.loads(out), code
    except ValueError:
        return _failed(err), code


def _failed(err: str) -> dict:
    """The error that ``sipca`` printed where it had no document."""
    for line in reversed(err.splitlines()):
        try:
            return {"error": json.loads(line)["error"]}
        except (ValueError, KeyError, TypeError):
            continue
    return {"error": {"message": err.strip() or "sipca printed nothing", "hint": None}}


def _end(module: AnsibleModule, answer: dict, code: int) -> None:
    """Report what was done, or why it failed."""
    error = answer.get("error")
    if error is not None:
        hint = f" (hint: {error['hint']})" if error.get("hint") else ""
        module.fail_json(msg=f"{error['message']}{hint}", rc=code, steps=[])
    steps, refused = answer["steps"], answer["refused"]
    done = [each for each in steps if each["state"] not in ("unchanged", "refused")]
    if refused:
        told = "; ".join(f"{each['source']}: {each['message']}" for each in refused)
        module.fail_json(msg=told, rc=code, steps=steps, refused=refused, changed=bool(done))
    changed = not answer["converged"]
    if module.params["state"] == "verified" and changed:
        module.fail_json(msg="the lab is not as the file says", rc=code, steps=steps, refused=[])
    if code not in (0, UNCONVERGED):
        module.fail_json(msg=f"sipca ended with {code}", rc=code, steps=steps)
    text = "".join(f"{each['state']} {each['what']} {each['name']}\n" for each in done)
    module.exit_json(
        changed=changed,
        steps=steps,
        unlisted=answer.get("unlisted", []),
        diff={"before": "", "after": text},
    )


if __name__ == "__main__":
    main()
