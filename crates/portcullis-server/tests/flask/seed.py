"""The Flask application that is taken over, with Flask-JWT-Extended 3.18 or 4.7, passlib and a MongoDB.

seed.py SECRET MONGO_URI IDENTITY    serves on a free port of 127.0.0.1 and prints its address; IDENTITY is what its
                                     tokens name a user by: `id` or `username`
"""

import sys
from datetime import datetime

import flask_jwt_extended as fje
from flask import Flask, jsonify, request
from flask_pymongo import PyMongo
from passlib.hash import pbkdf2_sha256
from werkzeug.serving import make_server

OLD = hasattr(fje, "fresh_jwt_required")


def guard(refresh=False):
    # 4.x has one decorator with arguments where 3.x has several.
    if OLD:
        return fje.jwt_refresh_token_required if refresh else fje.jwt_required
    return fje.jwt_required(refresh=refresh)


def claims():
    return fje.get_raw_jwt() if OLD else fje.get_jwt()


def create_app(secret, uri, identity):
    app = Flask(__name__)
    app.config.update(JWT_SECRET_KEY=secret, MONGO_URI=uri)
    if OLD:
        app.config["JWT_BLACKLIST_ENABLED"] = True
    db = PyMongo(app).db
    jwt = fje.JWTManager(app)

    def is_revoked(*token):
        # 3.x hands the claims over, 4.x the header and the claims.
        return db.revoked_tokens.find_one({"jti": token[-1]["jti"]}) is not None

    (jwt.token_in_blacklist_loader if OLD else jwt.token_in_blocklist_loader)(is_revoked)

    def tokens(user):
        name = str(user["_id"]) if identity == "id" else user["username"]
        return jsonify(
            access_token=fje.create_access_token(name), refresh_token=fje.create_refresh_token(name)
        )

    @app.route("/tests/secret")
    @guard()
    def secret_route():
        return jsonify(Hello="Secret!")

    @app.route("/users/registration", methods=["POST"])
    def register():
        form = request.get_json()
        user = {
            "username": form["username"],
            "password": pbkdf2_sha256.hash(form["password"]),
            "access": 1,
            "created_at": datetime.now(),
        }
        user["_id"] = db.users.insert_one(user).inserted_id
        return tokens(user)

    @app.route("/users/login", methods=["POST"])
    def login():
        form = request.get_json()
        user = db.users.find_one({"username": form["username"]})
        if user is None or not pbkdf2_sha256.verify(form["password"], user["password"]):
            return jsonify(msg="Wrong username or password"), 401
        return tokens(user)

    @app.route("/users/refresh", methods=["POST"])
    @guard(refresh=True)
    def refresh():
        return jsonify(access_token=fje.create_access_token(fje.get_jwt_identity()))

    def revoke():
        db.revoked_tokens.insert_one({"jti": claims()["jti"], "created_at": datetime.now()})
        return jsonify(msg="Revoked")

    app.add_url_rule("/users/logout", "logout", guard()(revoke), methods=["POST"])
    app.add_url_rule("/users/logout/refresh", "logout_refresh", guard(refresh=True)(revoke), methods=["POST"])

    @app.route("/documents/<collection>")
    def documents(collection):
        """What pymongo makes of every document: the type of each field, and texts themselves."""

        def shown(value):
            if isinstance(value, str):
                return value
            naive = isinstance(value, datetime) and value.tzinfo is None
            return type(value).__name__ + (", naive" if naive else "")

        found = db[collection].find().sort([("username", 1), ("jti", 1)])
        return jsonify(documents=[{name: shown(value) for name, value in it.items()} for it in found])

    @app.route("/argon2/<username>", methods=["POST"])
    def argon2(username):
        """Whether passlib finds a password to be that of an argon2 hash."""
        from passlib.hash import argon2 as scheme

        stored = db.users.find_one({"username": username})["password"]
        return jsonify(holds=scheme.verify(request.get_json()["password"], stored))

    return app


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, create_app(*sys.argv[1:]), threaded=True)
    print(f"http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()
