#!/usr/bin/env python
# SPDX-License-Identifier: Apache-2.0
"""Is the key of encrypted images there, and of the right kind? Called by the build; prints one sentence when it is not.

usage: check_key.py rsa-private|rsa-public|ecies-public FILE
"""

import os
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

KINDS = {
    'rsa-private': ('the private RSA key of the device, 3072 bits, PEM', 'openssl genrsa -out {file} 3072'),
    'rsa-public': (
        'the public RSA key that belongs to the key in the DS peripheral, 3072 bits, PEM',
        'openssl rsa -in <private key> -pubout -out {file}',
    ),
    'ecies-public': (
        "the public P-256 key that belongs to the HMAC key in the chip's eFuse, PEM",
        'esp_enc_img_gen.py --generate_ecc_key, or ota-ws keygen --ecies',
    ),
}


def read_key(kind, data):
    if kind == 'rsa-private':
        return serialization.load_pem_private_key(data, password=None)
    return serialization.load_pem_public_key(data)


def fits(kind, key):
    if kind == 'ecies-public':
        return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == 'secp256r1'
    return isinstance(key, (rsa.RSAPrivateKey, rsa.RSAPublicKey)) and key.key_size == 3072


def find_fault(kind, file):
    if not os.path.isfile(file):
        return 'is not there'
    with open(file, 'rb') as opened:
        data = opened.read()
    try:
        key = read_key(kind, data)
    except (TypeError, ValueError):
        return 'holds no such key'
    return None if fits(kind, key) else 'holds a key of another kind'


def main():
    kind, file = sys.argv[1:]
    what, how = KINDS[kind]
    fault = find_fault(kind, file)
    if fault is not None:
        print('{} {}. The build needs {}. Make one with: {}'.format(file, fault, what, how.format(file=file)))
        sys.exit(1)


if __name__ == '__main__':
    main()
