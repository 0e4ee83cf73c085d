"""An agent whose encryption is PyNaCl: reads one request as JSON on standard input and prints its answer as JSON."""

import base64
import hashlib
import json
import sys

from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey
from nacl.secret import SecretBox
from nacl.utils import random


def encoded(data):
    return base64.b64encode(data).decode()


def new_key(_):
    key = PrivateKey.generate()
    return {"private": encoded(bytes(key)), "public": encoded(bytes(key.public_key))}


def seal(request):
    own = PrivateKey(base64.b64decode(request["private"]))
    content_key, nonce = random(SecretBox.KEY_SIZE), random(SecretBox.NONCE_SIZE)
    keys = []
    for agent, encoded_key in request["to"].items():
        public = base64.b64decode(encoded_key)
        box = Box(own, PublicKey(public)).encrypt(content_key)
        key_id = hashlib.sha256(public).hexdigest()[:32]
        keys.append({"agent": agent, "key_id": key_id, "nonce": encoded(box.nonce), "box": encoded(box.ciphertext)})
    box = SecretBox(content_key).encrypt(request["text"].encode(), nonce)
    sealed = {"alg": "x25519-xsalsa20poly1305", "nonce": encoded(nonce), "box": encoded(box.ciphertext), "keys": keys}
    if request["names_its_key"]:
        sealed["sender_key"] = encoded(bytes(own.public_key))
    return sealed


def open_sealed(request):
    sealed = request["sealed"]
    own = PrivateKey(base64.b64decode(request["private"]))
    mine = next(key for key in sealed["keys"] if key["agent"] == request["agent"])
    box = Box(own, PublicKey(base64.b64decode(request["sender_key"])))
    try:
        content_key = box.decrypt(base64.b64decode(mine["box"]), base64.b64decode(mine["nonce"]))
        text = SecretBox(content_key).decrypt(base64.b64decode(sealed["box"]), base64.b64decode(sealed["nonce"]))
    except CryptoError:
        return {"text": None}
    return {"text": text.decode()}


DO = {"new_key": new_key, "seal": seal, "open": open_sealed}

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(DO[asked["do"]](asked), sys.stdout)
