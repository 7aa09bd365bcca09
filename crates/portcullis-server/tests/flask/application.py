"""A Flask application with Flask-JWT-Extended, 3.18 or 4.7, for the tests of tokens between both sides.

application.py SECRET mint IDENTITY            prints a pair of tokens
application.py SECRET present ROUTE TOKEN      prints what the guarded route answers to a token
"""

import json
import sys

import flask_jwt_extended as fje
from flask import Flask, jsonify

# 4.x has one decorator with arguments where 3.x has three.
if hasattr(fje, "fresh_jwt_required"):
    GUARDS = {
        "access": fje.jwt_required,
        "fresh": fje.fresh_jwt_required,
        "refresh": fje.jwt_refresh_token_required,
    }
else:
    GUARDS = {
        "access": fje.jwt_required(),
        "fresh": fje.jwt_required(fresh=True),
        "refresh": fje.jwt_required(refresh=True),
    }


def create_app(secret):
    app = Flask(__name__)
    app.config["JWT_SECRET_KEY"] = secret
    fje.JWTManager(app)
    for name, guard in GUARDS.items():
        app.add_url_rule(f"/{name}", name, guard(lambda: jsonify(identity=fje.get_jwt_identity())))
    return app


def main(secret, command, *arguments):
    app = create_app(secret)
    if command == "mint":
        with app.app_context():
            (identity,) = arguments
            return {
                "access": fje.create_access_token(identity),
                "refresh": fje.create_refresh_token(identity),
            }
    route, token = arguments
    answer = app.test_client().get(f"/{route}", headers={"Authorization": f"Bearer {token}"})
    return {"status": answer.status_code, "body": answer.get_json()}


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
