"""Reads tokens of ours with PyJWT, by PEM and by JWK, and answers with tokens of its own."""

import base64
import json
import sys
import time

import jwt

answers = []
for case in json.load(sys.stdin):
    if "secret" in case:
        signing = verifying = base64.b64decode(case["secret"])
    else:
        signing, verifying = case["private"], case["public"]
    claims = jwt.decode(case["token"], verifying, algorithms=[case["alg"]])
    if "jwk" in case:
        by_jwk = jwt.decode(case["token"], jwt.PyJWK(case["jwk"]), algorithms=[case["alg"]])
        assert by_jwk == claims
    token = jwt.encode({"sub": "bob", "exp": int(time.time()) + 60}, signing, algorithm=case["alg"])
    answers.append({"sub": claims["sub"], "token": token})
print(json.dumps(answers))
