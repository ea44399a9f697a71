"""Verifies receipts and Merkle proofs, written from the specifications alone and with the standard library alone.

It shares no code with packages/receipts and is the second opinion on it: RFC 6962 and RFC 9162 (Merkle proofs),
RFC 8032 (Ed25519), C2SP signed-note, tlog-checkpoint and tlog-cosignature, DSSE v1, and Bitcoin's Merkle trees.

It reads one JSON object per line on standard input and answers one line each, "ok" or "reject: <why>":

    {"receipt": "<text>", "policy": {"origin", "logKeys", "witnesses", "quorum", "signers", "threshold", "blocks"}}
    {"inclusion": {"leaf", "index", "size", "proof", "root"}}         (hexadecimal hashes)
    {"consistency": {"first", "firstRoot", "second", "secondRoot", "proof"}}

By hand:  python3 scripts/python/verify_receipts.py < cases.jsonl
"""

import base64
import hashlib
import json
import re
import sys


class Reject(Exception):
    """Why something is not believed."""


def demand(condition, why):
    if not condition:
        raise Reject(why)


def sha256(data):
    return hashlib.sha256(data).digest()


# --- Ed25519, RFC 8032 section 5.1 ----------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e = (y1 - x1) * (y2 - x2) % P
    f = (y1 + x1) * (y2 + x2) % P
    g = 2 * t1 * t2 * D % P
    h = 2 * z1 * z2 % P
    u, v, w, s = f - e, h - g, h + g, f + e
    return (u * v % P, w * s % P, v * w % P, u * s % P)


def point_mul(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - square) % P != 0:
        return None
    return P - x if (x & 1) != sign else x


def decompress(data):
    value = int.from_bytes(data, "little")
    sign, y = value >> 255, value & (2**255 - 1)
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def ed25519_verify(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or point_equal(point_mul(8, a), (0, 1, 1, 0)):
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return point_equal(point_mul(s, BASE), point_add(r, point_mul(h, a)))


# --- Merkle trees, RFC 6962 section 2.1 and RFC 9162 section 2.1.3 and 2.1.4 -----------------------------------------


def leaf_hash(entry):
    return sha256(b"\x00" + entry)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def demand_tree(counts, roots):
    demand(all(type(count) is int for count in counts), "proof: no whole number")
    demand(all(len(root) == 32 for root in roots), "proof: hash of another length")


def root_from_inclusion(leaf, index, size, proof):
    demand_tree([index, size], [leaf])
    demand(0 <= index < size, "inclusion: index outside of the tree")
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        demand(sn != 0, "inclusion: proof too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    demand(sn == 0, "inclusion: proof too short")
    return r


def verify_inclusion(leaf, index, size, proof, root):
    demand(root_from_inclusion(leaf, index, size, proof) == root, "inclusion: another root")


def verify_consistency(first, first_root, second, second_root, proof):
    demand_tree([first, second], [first_root, second_root])
    demand(0 <= first <= second, "consistency: sizes")
    if first == second or first == 0:
        demand(not proof, "consistency: proof too long")
        demand(first_root == (second_root if first else sha256(b"")), "consistency: another root")
        demand(second or second_root == sha256(b""), "consistency: another root")
        return
    if first & (first - 1) == 0:
        proof = [first_root] + proof
    demand(proof, "consistency: proof too short")
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        demand(sn != 0, "consistency: proof too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    demand(sn == 0, "consistency: proof too short")
    demand(fr == first_root and sr == second_root, "consistency: another root")


# --- Texts ------------------------------------------------------------------------------------------------------------


def unbase64(text):
    demand(isinstance(text, str), "base64: no text")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, UnicodeEncodeError):
        raise Reject("base64") from None
    demand(base64.b64encode(data).decode() == text, "base64: not canonical")
    return data


def unhex(text):
    demand(isinstance(text, str) and re.fullmatch(r"(?:[0-9a-f]{2})*", text), "hexadecimal")
    return bytes.fromhex(text)


def hashes(texts, decode):
    demand(isinstance(texts, list), "proof: no list")
    found = [decode(text) for text in texts]
    demand(all(len(item) == 32 for item in found), "proof: hash of another length")
    return found


def pairs_once(pairs):
    names = [name for name, _ in pairs]
    demand(len(set(names)) == len(names), "json: repeated name")
    return dict(pairs)


def strict_json(text):
    try:
        return json.loads(text, object_pairs_hook=pairs_once, parse_constant=lambda _: demand(False, "json: number"))
    except (ValueError, RecursionError):
        raise Reject("json") from None


def fields(value, required, optional=()):
    demand(isinstance(value, dict), "json: no object")
    demand(set(required) <= set(value) <= set(required) | set(optional), "json: fields")


# --- Notes, checkpoints, cosignatures (C2SP) --------------------------------------------------------------------------


class Key:
    """A verifier key: name+hash+base64(type || key)."""

    def __init__(self, text):
        name, key_hash, encoded = text.split("+", 2)
        data = unbase64(encoded)
        self.name, self.type, self.public = name, data[0], data[1:]
        self.id = sha256(name.encode() + b"\n" + data)[:4]
        demand(self.id.hex() == key_hash and len(self.public) == 32 and self.type in (1, 4), "key")

    def verify(self, text, signature):
        if self.type == 1:
            return ed25519_verify(self.public, text.encode(), signature)
        if len(signature) != 72:
            return False
        time = int.from_bytes(signature[:8], "big")
        return ed25519_verify(self.public, f"cosignature/v1\ntime {time}\n{text}".encode(), signature[8:])


def open_note(note, keys):
    demand(not re.search(r"[\x00-\x09\x0b-\x1f]", note), "note: control characters")
    split = note.rfind("\n\n")
    demand(split >= 0, "note: no signatures")
    text, tail = note[: split + 1], note[split + 2 :]
    demand(tail.endswith("\n"), "note: no last newline")
    verified = []
    for line in tail[:-1].split("\n"):
        found = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        demand(found, "note: signature line")
        data = unbase64(found[2])
        demand(len(data) > 4, "note: short signature")
        for key in keys:
            if key.name == found[1] and key.id == data[:4] and key not in verified:
                demand(key.verify(text, data[4:]), "note: invalid signature of a trusted key")
                verified.append(key)
    return text, verified


def parse_checkpoint(text):
    demand(isinstance(text, str), "checkpoint: no text")
    lines = text.split("\n")
    demand(len(lines) >= 4 and lines[-1] == "" and all(lines[:-1]), "checkpoint: lines")
    demand(re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1]), "checkpoint: size")
    root = unbase64(lines[2])
    demand(len(root) == 32, "checkpoint: root")
    return lines[0], int(lines[1]), root


def verify_checkpoint(note, policy):
    log_keys = [Key(text) for text in policy["logKeys"]]
    witnesses = [Key(text) for text in policy["witnesses"]]
    text, verified = open_note(note, log_keys + witnesses)
    origin, size, root = parse_checkpoint(text)
    demand(origin == policy["origin"], "checkpoint: another log")
    demand(any(key in log_keys for key in verified), "checkpoint: the log did not sign")
    demand(sum(key in witnesses for key in verified) >= policy["quorum"], "checkpoint: too few witnesses")
    return origin, size, root


# --- DSSE ---------------------------------------------------------------------------------------------------------------


def verify_envelope(envelope, policy):
    fields(envelope, ["payload", "payloadType", "signatures"])
    payload, kind = unbase64(envelope["payload"]), envelope["payloadType"]
    demand(kind == "application/vnd.in-toto+json", "envelope: payload type")
    signed = b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)
    demand(isinstance(envelope["signatures"], list), "envelope: signatures")
    valid = set()
    for item in envelope["signatures"]:
        fields(item, ["sig"], ["keyid"])
        signature = unbase64(item["sig"])
        for key_id, public in policy["signers"].items():
            if item.get("keyid", "") in ("", key_id) and ed25519_verify(bytes.fromhex(public), signed, signature):
                valid.add(key_id)
    demand(len(valid) >= policy["threshold"], "envelope: too few signatures")
    statement = strict_json(payload.decode("utf-8"))
    demand(isinstance(statement, dict) and statement.get("_type") == "https://in-toto.io/Statement/v1", "statement")
    return payload


def entry_of(envelope):
    return json.dumps(envelope, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# --- Bitcoin ------------------------------------------------------------------------------------------------------------


def hash256(data):
    return sha256(sha256(data))


def compact_size(data, at):
    first = data[at]
    if first < 0xFD:
        return first, at + 1
    width = {0xFD: 2, 0xFE: 4, 0xFF: 8}[first]
    return int.from_bytes(data[at + 1 : at + 1 + width], "little"), at + 1 + width


def parse_transaction(data):
    """Output scripts, and whether it is a coinbase; of a transaction without witnesses that is all of the bytes."""
    try:
        inputs, at = compact_size(data, 4)
        demand(inputs > 0, "transaction: no inputs")
        coinbase = inputs == 1 and data[at : at + 36] == bytes(32) + b"\xff" * 4
        for _ in range(inputs):
            length, at = compact_size(data, at + 36)
            at += length + 4
        outputs, at = compact_size(data, at)
        scripts = []
        for _ in range(outputs):
            length, at = compact_size(data, at + 8)
            scripts.append(data[at : at + length])
            at += length
    except IndexError:
        raise Reject("transaction: cut short") from None
    demand(at + 4 == len(data) and len(data) != 64, "transaction: length")
    return scripts, coinbase


def block_root(txid, index, branch):
    for sibling in branch:
        demand(not (index & 1 and sibling == txid), "branch: shadow of an odd node")
        txid = hash256(sibling + txid if index & 1 else txid + sibling)
        index >>= 1
    demand(index == 0, "branch: index")
    return txid


def verify_anchor(anchor, checkpoint, policy):
    names = ["checkpoint", "consistency", "transaction", "index", "branch", "header", "coinbase", "coinbaseBranch"]
    fields(anchor, names)
    origin, size, root = parse_checkpoint(anchor["checkpoint"])
    demand(origin == checkpoint[0], "anchor: another log")
    verify_consistency(checkpoint[1], checkpoint[2], size, root, hashes(anchor["consistency"], unbase64))
    tag = sha256(b"bitcoin-enterprise/checkpoint/v1")
    script = bytes.fromhex("6a24") + b"BERC" + sha256(tag + tag + anchor["checkpoint"].encode())
    transaction, coinbase, header = unhex(anchor["transaction"]), unhex(anchor["coinbase"]), unhex(anchor["header"])
    demand(script in parse_transaction(transaction)[0], "anchor: commitment")
    demand(len(header) == 80, "anchor: header")
    bits = int.from_bytes(header[72:76], "little")
    target = (bits & 0x7FFFFF) << 8 * ((bits >> 24) - 3) if bits >> 24 >= 3 and not bits & 0x800000 else 0
    demand(int.from_bytes(hash256(header), "little") <= target, "anchor: proof of work")
    branch, coinbase_branch = hashes(anchor["branch"], unhex), hashes(anchor["coinbaseBranch"], unhex)
    demand(type(anchor["index"]) is int and anchor["index"] >= 0, "anchor: index")
    demand(block_root(hash256(transaction), anchor["index"], branch) == header[36:68], "anchor: branch")
    demand(parse_transaction(coinbase)[1] and len(branch) == len(coinbase_branch), "anchor: coinbase")
    demand(block_root(hash256(coinbase), 0, coinbase_branch) == header[36:68], "anchor: coinbase branch")
    demand(hash256(header)[::-1].hex() in policy["blocks"], "anchor: not on the best chain")


def verify_receipt(text, policy):
    receipt = strict_json(text)
    fields(receipt, ["type", "envelope", "index", "inclusion", "checkpoint"], ["anchor"])
    demand(receipt["type"] == "bitcoin-enterprise/receipt/v1", "receipt: type")
    index = receipt["index"]
    demand(isinstance(index, int) and not isinstance(index, bool), "receipt: index")
    demand(isinstance(receipt["checkpoint"], str), "receipt: checkpoint")
    checkpoint = verify_checkpoint(receipt["checkpoint"], policy)
    proof = hashes(receipt["inclusion"], unbase64)
    verify_inclusion(leaf_hash(entry_of(receipt["envelope"])), index, checkpoint[1], proof, checkpoint[2])
    verify_envelope(receipt["envelope"], policy)
    if "anchor" in receipt:
        verify_anchor(receipt["anchor"], checkpoint, policy)
    else:
        demand("blocks" not in policy, "receipt: no anchor")


def judge(case):
    if "receipt" in case:
        verify_receipt(case["receipt"], case["policy"])
    elif "inclusion" in case:
        claim = case["inclusion"]
        proof = hashes(claim["proof"], unhex)
        verify_inclusion(unhex(claim["leaf"]), claim["index"], claim["size"], proof, unhex(claim["root"]))
    elif "consistency" in case:
        claim = case["consistency"]
        roots = unhex(claim["firstRoot"]), unhex(claim["secondRoot"])
        proof = hashes(claim["proof"], unhex)
        verify_consistency(claim["first"], roots[0], claim["second"], roots[1], proof)
    else:
        raise Reject("no such case")


def main():
    for line in sys.stdin:
        try:
            judge(json.loads(line))
            print("ok")
        except Reject as why:
            print(f"reject: {why}")
        except UnicodeError:
            print("reject: no unicode")
        except Exception as error:  # Whatever this verifier did not expect is not believed, and ends no other case.
            print(f"reject: {type(error).__name__}")


if __name__ == "__main__":
    main()
