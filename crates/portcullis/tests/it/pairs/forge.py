"""Signs as no honest program does: PKCS#1 v1.5 encodings that a lenient reader takes, PSS with other salts and hashes."""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS

question = json.load(sys.stdin)
key = serialization.load_pem_private_key(question["private"].encode(), None)
private, length = key.private_numbers(), key.key_size // 8

# What stands before a SHA-256 (RFC 8017 section 9.2), and two other ways to write it.
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
WITHOUT_NULL = bytes.fromhex("302f300b06096086480165030402010420")
LONG_LENGTH = bytes.fromhex("308131300d060960864801650304020105000420")
SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")


def pkcs1(message):
    digest = hashlib.sha256(message).digest()

    def signed(content, behind=b"", kind=1, fill=b"\xff"):
        filling = fill * (length - 3 - len(content) - len(behind))
        encoded = bytes([0, kind]) + filling + b"\x00" + content + behind
        number = pow(int.from_bytes(encoded, "big"), private.d, private.public_numbers.n)
        return number.to_bytes(length, "big")

    return {
        "right": signed(SHA256 + digest),
        "zeros behind it": signed(SHA256 + digest, b"\x00" * 150),
        "anything behind it": signed(SHA256 + digest, b"x" * 150),
        "no parameters": signed(WITHOUT_NULL + digest),
        "a length in its long form": signed(LONG_LENGTH + digest),
        "another hash": signed(SHA1 + hashlib.sha1(message).digest()),
        "no name of a hash": signed(digest),
        "padded for encryption": signed(SHA256 + digest, kind=2),
        "padded with something else": signed(SHA256 + digest, fill=b"\xfe"),
        "less than the modulus has": signed(SHA256 + digest).lstrip(b"\x00")[:-1],
    }


def pss(message):
    def signed(salt, of_mask=hashes.SHA256(), of_message=hashes.SHA256()):
        return key.sign(message, PSS(mgf=MGF1(of_mask), salt_length=salt), of_message)

    return {
        "right": signed(32),
        "no salt": signed(0),
        "a shorter salt": signed(31),
        "a longer salt": signed(33),
        "the longest salt": signed(PSS.MAX_LENGTH),
        "a mask by another hash": signed(32, of_mask=hashes.SHA384()),
        "another hash": signed(32, of_message=hashes.SHA384()),
        "another hash for both": signed(48, hashes.SHA384(), hashes.SHA384()),
    }


forged = {"RS256": pkcs1, "PS256": pss}
answer = {}
for name, message in question["inputs"].items():
    signatures = forged[name](message.encode())
    answer[name] = {
        what: base64.urlsafe_b64encode(signature).decode().rstrip("=") for what, signature in signatures.items()
    }
print(json.dumps(answer))
