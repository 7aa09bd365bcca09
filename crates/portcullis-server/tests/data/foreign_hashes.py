"""Wrote foreign_hashes.json: hashes by the programs that people come from, each at what it costs there by default.

    pip install passlib==1.7.4 bcrypt==4.0.1 argon2-cffi==25.1.0 Werkzeug==3.1.3 Django==5.2.8
    python foreign_hashes.py > foreign_hashes.json

Of a password that NFKC would change, which none of them normalises.
"""

import json

import argon2
import bcrypt
import django
from django.conf import settings
from passlib import hash as passlib
from werkzeug.security import generate_password_hash

settings.configure(PASSWORD_HASHERS=[
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "django.contrib.auth.hashers.BCryptPasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
])
django.setup()
from django.contrib.auth.hashers import make_password  # noqa: E402

PASSWORD = "pa\u0308ssw\u00f6rd \ufb01"

WRITERS = {
    "passlib pbkdf2_sha256": passlib.pbkdf2_sha256.hash,
    "passlib pbkdf2_sha512": passlib.pbkdf2_sha512.hash,
    "passlib pbkdf2_sha1": passlib.pbkdf2_sha1.hash,
    "passlib bcrypt 2a": passlib.bcrypt.using(ident="2a").hash,
    "passlib bcrypt 2y": passlib.bcrypt.using(ident="2y").hash,
    "Werkzeug 1.0 pbkdf2:sha256": lambda it: generate_password_hash(it, "pbkdf2:sha256:150000", 8),
    "Werkzeug pbkdf2:sha256": lambda it: generate_password_hash(it, "pbkdf2:sha256"),
    "Werkzeug pbkdf2:sha512": lambda it: generate_password_hash(it, "pbkdf2:sha512:210000"),
    "Werkzeug scrypt": generate_password_hash,
    "Django pbkdf2_sha256": lambda it: make_password(it, hasher="pbkdf2_sha256"),
    "Django pbkdf2_sha1": lambda it: make_password(it, hasher="pbkdf2_sha1"),
    "Django bcrypt_sha256": lambda it: make_password(it, hasher="bcrypt_sha256"),
    "Django bcrypt": lambda it: make_password(it, hasher="bcrypt"),
    "Django scrypt": lambda it: make_password(it, hasher="scrypt"),
    "Django argon2": lambda it: make_password(it, hasher="argon2"),
    "bcrypt 2b": lambda it: bcrypt.hashpw(it.encode(), bcrypt.gensalt()).decode(),
    "argon2-cffi argon2id": argon2.PasswordHasher().hash,
    "argon2-cffi argon2i": argon2.PasswordHasher(type=argon2.Type.I).hash,
}

rows = [{"writer": writer, "password": PASSWORD, "hash": write(PASSWORD)} for writer, write in WRITERS.items()]
print("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]")
