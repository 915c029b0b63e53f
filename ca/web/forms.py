"""What the Sign form holds: CSRs, wishes, and the command line that says the same."""

from __future__ import annotations

import re
import shlex
from urllib.parse import parse_qs

import msgspec

from ca.authority.signing.candidates import Source
from ca.errors import MalformedError
from ca.model.findings import Finding
from ca.model.wishes import SigningWishes
from ca.names.general import parse_general_name
from ca.profiles.durations import parse_lifetime

MOST_OF_A_CSR = 256 * 1024
MOST_FIELDS = 5000
_BLOCK = re.compile(r"-----BEGIN [A-Z ]*REQUEST-----.*?-----END [A-Z ]*REQUEST-----", re.DOTALL)
_OFFERED = re.compile(r"--(fix-san|again|replace-san)\b|--(san|cn|allow) (\S+)")
_PLACEHOLDER = re.compile(r"[A-Z:.]+")
Fields = dict[str, list[str]]


def read_fields(body: bytes) -> Fields:
    """The fields of a form.

    Raises:
        MalformedError: it is no form, or has too many fields.
    """
    try:
        return parse_qs(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="replace",
        )
    except ValueError:
        raise MalformedError("the form cannot be read", hint="open the page anew") from None


class SigningForm(msgspec.Struct, frozen=True, kw_only=True):
    """The Sign form as typed; empty texts where nothing was typed."""

    csr: str = ""
    files: tuple[tuple[str, str], ...] = ()
    device: str = ""
    context: str = ""
    target: str = ""
    profile: str = "sip"
    lifetime: str = ""
    cn: str = ""
    san: str = ""
    replace_san: bool = False
    fix_san: bool = False
    again: bool = False
    allow: str = ""

    @classmethod
    def read(cls, fields: Fields) -> SigningForm:
        """The form, with the option of the button that was pressed."""
        texts = {
            name: fields.get(name, [""])[0].strip()
            for name in ("csr", "device", "context", "target", "lifetime", "cn", "san", "allow")
        }
        form = cls(
            **texts,
            profile=fields.get("profile", ["sip"])[0].strip() or "sip",
            files=tuple(
                zip(fields.get("file-name", []), fields.get("file-text", []), strict=False)
            ),
            replace_san="replace_san" in fields,
            fix_san="fix_san" in fields,
            again="again" in fields,
        )
        form = form.with_names(*_edited(fields, "cn"), *_edited(fields, "san"))
        return form.with_option(fields["option"][0]) if "option" in fields else form

    def with_names(self, cn: str, cn_before: str, san: str, san_before: str) -> SigningForm:
        """The form after its names were edited in the account: the options that say the same."""
        names, before = san.split(), san_before.split()
        form = self if cn == cn_before else msgspec.structs.replace(self, cn=cn)
        if names == before:
            return form
        if {*before} <= {*names}:
            more = [*self.san.split(), *(each for each in names if each not in before)]
            return msgspec.structs.replace(form, san="\n".join(dict.fromkeys(more)))
        return msgspec.structs.replace(form, san="\n".join(names), replace_san=True)

    def with_option(self, option: str) -> SigningForm:
        """The form after a button that a hint offered."""
        word, _, value = option.removeprefix("--").partition(" ")
        name = word.replace("-", "_")
        if name in ("fix_san", "again", "replace_san"):
            return msgspec.structs.replace(self, **{name: True})
        if name == "cn":
            return msgspec.structs.replace(self, cn=value)
        if name in ("san", "allow"):
            before = getattr(self, name).split()
            return msgspec.structs.replace(self, **{name: "\n".join([*before, value])})
        return self

    def wishes(self) -> SigningWishes:
        """The options of ``sign``.

        Raises:
            MalformedError: one of them is not well formed.
        """
        if self.context and not (
            self.context.isascii() and self.context.isdigit() and int(self.context[:4]) <= 99
        ):
            raise MalformedError(
                f"the context '{self.context[:40]}' is no number from 0 to 99",
                hint="leave it empty for the device's own",
            )
        lifetime = self.lifetime or None
        return SigningWishes(
            profile=self.profile,
            device=self.device or None,
            context=int(self.context) if self.context else None,
            target=self.target or None,
            cn=self.cn or None,
            san=tuple(parse_general_name(each) for each in self.san.split()),
            replace_san=self.replace_san,
            fix_san=self.fix_san,
            again=self.again,
            lifetime=parse_lifetime(lifetime.casefold()) if lifetime else None,
            allow=frozenset(self.allow.split()),
        )

    def sources(self) -> list[Source]:
        """The CSRs pasted and dropped.

        Raises:
            MalformedError: one is longer than a CSR may be.
        """
        wishes = self.wishes()
        blocks = _BLOCK.findall(self.csr)
        if len(blocks) < 2:
            blocks = [self.csr] if self.csr else []
        pasted = [
            ("-" if len(blocks) == 1 else f"pasted-{n}.csr", text)
            for n, text in enumerate(blocks, 1)
        ]
        return [_source(name, text, wishes) for name, text in [*pasted, *self.files]]

    def command(self) -> str:
        """The command line that does the same."""
        one = self.files[0][0] if self.files else "FILE"
        source = "FOLDER" if len(self.files) > 1 else re.split(r"[/\\\\]", one)[-1]
        words = ["sipca", "sign", source, "--profile", self.profile]
        for flag in ("device", "context", "target", "lifetime", "cn"):
            if getattr(self, flag):
                words += [f"--{flag}", getattr(self, flag)]
        for flag in ("san", "allow"):
            for each in getattr(self, flag).split():
                words += [f"--{flag}", each]
        words += [
            f"--{flag.replace('_', '-')}"
            for flag in ("replace_san", "fix_san", "again")
            if getattr(self, flag)
        ]
        return shlex.join([*words, "--out", "upload"])


def _edited(fields: Fields, name: str) -> tuple[str, str]:
    """What stands in a field of the account, and what stood there when it was shown."""
    before = fields.get(f"{name}-shown", [""])[0].strip()
    return fields.get(f"{name}-edited", [before])[0].strip(), before


def offers(findings: list[Finding], *hints: str | None) -> list[str]:
    """The options that hints name, each for a button."""
    texts = [*(each.hint for each in findings if each.result in ("fail", "warn")), *hints]
    found = [match for text in texts if text for match in _OFFERED.finditer(text)]
    options = {
        f"--{match[1]}" if match[1] else f"--{match[2]} {match[3].rstrip(',;.')}"
        for match in found
        if match[1] or not _PLACEHOLDER.fullmatch(match[3].rstrip(",;."))
    }
    return sorted(options)


def _source(name: str, text: str, wishes: SigningWishes) -> Source:
    label = re.split(r"[/\\]", name)[-1][:200] or "-"
    data = text.encode("utf-8", "replace")
    if len(data) > MOST_OF_A_CSR:
        raise MalformedError(
            f"'{label}' has {len(data)} octets, and a CSR has at most {MOST_OF_A_CSR}",
            hint="drop the CSR alone",
        )
    return Source(label, None, wishes, data=data)
