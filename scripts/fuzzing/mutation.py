"""Damage: DER taken apart and put together wrongly with the lengths around it right, and octets."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

FEW = (1, 1, 1, 2, 4)
"""How many changes a file takes: most of them one, so that it is read far enough to matter."""
HOSTILE_LENGTHS = (
    b"\x80",
    b"\x81\x00",
    b"\x84\xff\xff\xff\xff",
    b"\x84\x00\x00\x00\x01",
    b"\x88" + b"\xff" * 8,
)


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def _nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = b"\x30" + _length(len(data)) + data
    return data


CONTENTS = (
    b"",
    _nested(2000),
    b"\x00",
    b"\x01",
    b"\xff",
    b"\x80",
    b"\x00" * 40,
    b"\xff" * 300,
    b"A" * 5000,
    b"\x00\x80",
    b"sbc1.lab\x00.example",
    "\u202esbc1\u00ad".encode(),
    b"\xc3\x28",
    b"99991231235959Z",
    b"500101000000Z",
    b"20260101000000.5+0100",
)


@dataclass
class Node:
    """A DER element: its identifier octets, and either its children or its contents."""

    identifier: bytes
    contents: bytes = b""
    children: list[Node] = field(default_factory=list)
    length: bytes = b""
    """Length octets to write instead of the right ones."""

    def encode(self) -> bytes:
        """The element's octets."""
        body = b"".join(each.encode() for each in self.children) if self.children else self.contents
        return self.identifier + (self.length or _length(len(body))) + body


def parse(data: bytes, depth: int = 0) -> list[Node]:
    """The elements that some octets consist of; none if they do not."""
    nodes: list[Node] = []
    at = 0
    while at < len(data):
        parts = _header(data, at)
        if parts is None:
            return []
        start, end = parts
        contents = data[start:end]
        node = Node(data[at : at + 1], contents)
        if depth < 40 and contents:
            if data[at] & 0x20 or data[at] == 0x04:
                node.children = parse(contents, depth + 1)
            elif data[at] == 0x03:
                node.children = []
        nodes.append(node)
        at = end
    return nodes


def _header(data: bytes, at: int) -> tuple[int, int] | None:
    if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
        return None
    first = data[at + 1]
    if first < 0x80:
        start, size = at + 2, first
    else:
        count = first & 0x7F
        if not 1 <= count <= 4:
            return None
        start = at + 2 + count
        size = int.from_bytes(data[at + 2 : start], "big")
    return (start, start + size) if start + size <= len(data) else None


def _all(nodes: list[Node]) -> list[Node]:
    found = []
    for node in nodes:
        found += [node, *_all(node.children)]
    return found


def damage_der(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """A few changes to the elements of some DER; the lengths around them are put right."""
    nodes = parse(data)
    if not nodes or dice.random() < 0.1:
        return damage_octets(data, dice)
    for _ in range(dice.choice(FEW)):
        _damage_node(nodes, others, dice)
    return b"".join(node.encode() for node in nodes)


def _damage_node(nodes: list[Node], others: list[bytes], dice: random.Random) -> None:
    every = _all(nodes)
    node = dice.choice(every)
    parent = next((each for each in every if any(child is node for child in each.children)), None)
    if parent is not None and dice.random() < 0.3:
        _damage_row(parent.children, node, dice)
        return
    kind = dice.randrange(6)
    if kind == 0:
        node.identifier = bytes([dice.choice((*range(1, 0x1F), 0x30, 0x31, *range(0x80, 0xB0)))])
    elif kind == 1:
        node.children, node.contents = [], dice.choice(CONTENTS)
    elif kind == 2:
        node.children, node.contents = [], damage_octets(node.encode(), dice)
    elif kind == 3:
        stranger = dice.choice(_all(parse(dice.choice(others))) or [node])
        node.identifier, node.contents = stranger.identifier, stranger.contents
        node.children = stranger.children
    elif kind == 4:
        node.length = dice.choice(HOSTILE_LENGTHS)
    else:
        for _ in range(dice.choice((1, 3, 60))):
            inner = Node(node.identifier, node.contents, node.children)
            node.identifier, node.children = dice.choice((b"\x30", b"\xa0", b"\x04")), [inner]
            node = inner


def _damage_row(row: list[Node], node: Node, dice: random.Random) -> None:
    kind = dice.randrange(3)
    if kind == 0:
        row.append(node)
    elif kind == 1:
        row[:] = [each for each in row if each is not node]
    else:
        dice.shuffle(row)


def damage_octets(data: bytes, dice: random.Random) -> bytes:
    """A few flips, cuts, doublings, insertions."""
    octets = bytearray(data)
    for _ in range(dice.choice(FEW)):
        if not octets:
            return dice.choice(CONTENTS)
        at = dice.randrange(len(octets))
        kind = dice.randrange(6)
        if kind == 0:
            octets[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            octets[at] = dice.randrange(256)
        elif kind == 2:
            octets[at:at] = dice.choice(CONTENTS)
        elif kind == 3:
            del octets[at : at + dice.randint(1, 64)]
        elif kind == 4:
            del octets[at:]
        else:
            octets[at:at] = octets[at : at + 64]
    return bytes(octets)


TOKENS = (
    b'"',
    b"'''",
    b"[",
    b"[[",
    b"{",
    b"}",
    b"]",
    b" = ",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff\xfe",
    b"99999999999999999999999",
    b"-1",
    b"1e400",
    b"nan",
    b"true",
    b"1979-05-27T07:32:00Z",
    b"9" * 5000,
    b"[" * 3000,
    b"{a=" * 400,
    b"a." * 2000,
    b"825d",
    b"0d",
    b"9999999999y",
    b'"{serial:>999999999}"',
    b'"(a+)+$"',
    b'["dns"]',
    '"\u202e\u00ad"'.encode(),
    b'"../../x"',
    b'""',
)


def damage_text(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """Lines and values of a text moved, doubled, replaced, or its octets damaged."""
    if dice.random() < 0.2:
        return damage_octets(data, dice)
    lines = data.split(b"\n")
    for _ in range(dice.choice(FEW)):
        at = dice.randrange(len(lines))
        kind = dice.randrange(6)
        if kind == 0:
            lines.insert(dice.randrange(len(lines) + 1), lines[at])
        elif kind == 1 and len(lines) > 1:
            del lines[at]
        elif kind == 2:
            lines.insert(at, dice.choice(dice.choice(others).split(b"\n")))
        elif kind == 3 and b"=" in lines[at]:
            lines[at] = lines[at].split(b"=", 1)[0] + b"= " + dice.choice(TOKENS)
        elif kind == 4:
            place = dice.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + dice.choice(TOKENS) + lines[at][place:]
        else:
            lines[at] = damage_octets(lines[at], dice)
    return b"\n".join(lines)
