"""The table of commands: their names and one-line helps, known without loading any of them."""

from __future__ import annotations

from typing import Any

COMMANDS: dict[str, Any] = {
    "init": "Make a root and an issuing CA.",
    "import": "Make a home from a CA that exists; add its certificates.",
    "status": "Which CA this is, what it holds, the head of the audit chain.",
    "chain": "The CA certificates, issuing first and root last.",
    "log": "The audit trail.",
    "csr": ("Look at certificate signing requests.", {"show": "What a device asked for."}),
    "sign": "Sign device CSRs.",
    "issue": "Make a key and its certificate here.",
    "rekey": "Another key for the same certificate.",
    "renew": "New dates for the same keys and names.",
    "list": "The certificates issued.",
    "show": "One certificate, with its account.",
    "export": "Write a certificate's upload files again.",
    "revoke": "Revoke certificates, or hold them.",
    "release": "End a hold.",
    "crl": "The newest CRL; a new one where needed.",
    "ocsp": (
        "OCSP without a server, and the signers it needs.",
        {
            "respond": "Answer a request file.",
            "presign": "Write answers that a static web server hands out.",
            "rotate": "Make a new OCSP signer.",
        },
    ),
    "scep": (
        "Phones that enrol by themselves: their requests, challenges.",
        {
            "list": "The requests that wait.",
            "show": "One request, and what approving it would issue.",
            "approve": "Sign requests.",
            "deny": "Deny requests.",
            "challenge": "A one-time challenge, and what a phone's configuration needs.",
            "rotate": "Make a new RA certificate.",
        },
    ),
    "preflight": "Will the device take these files, and its peers this certificate?",
    "doctor": "Why does TLS not come up? Look at a device over the wire.",
    "pull": "Have a device make a CSR, and fetch it.",
    "push": "Load certificate and trust files into devices.",
    "trust": (
        "Roots that people, machines and devices trust.",
        {
            "export": "This CA's root for a person's own machine, with the commands.",
            "check": "Does a device's store have the roots of a list, or ours?",
            "build": "Gather CA certificates into one bundle for a device.",
            "diff": "Compare two.",
        },
    ),
    "fixture": (
        "Bad certificates from a throw-away CA, for testing devices.",
        {"list": "Which ones there are.", "make": "Make one, or all."},
    ),
    "samples": "Write sample CSRs, to try things with.",
    "backup": "Copy the home into one file, or read one back.",
    "restore": "Make a home from a backup.",
    "check": "What ends soon or was left undone.",
    "web": "Sign on a page in the browser.",
    "serve": "OCSP, CRLs and CA certificates over HTTP.",
    "ca": (
        "The CA's own settings and its life.",
        {
            "set": "Change base URL and target.",
            "list": "All CAs of the home, and their cross certificates.",
            "plan": "What each device needs after a rotation, in which order.",
            "retire": "Take an earlier CA out of the trust files.",
            "rotate": "A new issuing CA, or a new root; the one before goes on.",
            "passphrase": "Give the CA's keys another passphrase.",
            "export-root-key": "Write the root's key into an encrypted file.",
            "drop-root-key": "Remove the root's key from the home.",
        },
    ),
    "profile": (
        "Signing profiles.",
        {
            "list": "All profiles.",
            "show": "The text of one.",
            "check": "Check a profile file.",
            "new": "Copy a profile into the home to edit, or make one from a certificate.",
        },
    ),
    "target": (
        "Device targets.",
        {"list": "All targets.", "show": "The text of one."},
    ),
    "device": (
        "Devices: their kind, context, addresses, and what is on them.",
        {
            "list": "All devices.",
            "show": "One device and its certificates.",
            "set": "Enter a device, or change what is known of it.",
            "remove": "Forget a device; its certificates stay.",
            "crib": "What to type on a device's page, before a CSR exists.",
            "done": "Record that a device has its trust files or its certificate.",
        },
    ),
    "apply": "Bring a lab to what a file says.",
    "completion": "The completion script of a shell.",
    "env": "Paths of root, chain and CRL for scripts.",
    "schema": "The JSON Schema of a command's --json document.",
    "rule": (
        "The rules that requests and certificates are judged by.",
        {"list": "All rules.", "show": "One rule, with what it cites and an example."},
    ),
    "help": "The help of a command.",
    "version": "The version.",
}
"""Every command with its one-line help; its function is ``cli.commands.<first word>``'s."""

HEADINGS: dict[str, tuple[str, ...]] = {
    "Making a CA": ("init", "import", "ca", "chain", "status"),
    "Signing": ("csr", "sign", "issue", "renew", "rekey", "profile", "rule", "samples"),
    "Afterwards": (
        "list",
        "show",
        "export",
        "revoke",
        "release",
        "crl",
        "check",
        "log",
        "backup",
        "restore",
    ),
    "Devices": ("device", "target", "preflight", "trust", "doctor", "pull", "push", "fixture"),
    "Serving": ("web", "serve", "ocsp", "scep"),
    "Scripts": ("apply", "env", "schema", "completion", "help", "version"),
}
"""The headings of ``sipca --help``, and the commands below each."""  # fmt: skip

MODULES = {"import": "imports"}
"""Commands whose word is a keyword of Python, and what their modules are called instead."""
