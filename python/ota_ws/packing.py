# SPDX-License-Identifier: Apache-2.0
"""Compressed uploads: raw deflate (RFC 1951), as docs/protocol.md, section 6, wants it."""
import zlib

SMALLEST_WINDOW, LARGEST_WINDOW = 512, 32768


def deflate_members(state):
    """Of `begin`, for a compressed upload. A device that inflates with less memory where the stream looks back less far
    says so."""
    window = state.get('deflate_window', LARGEST_WINDOW)
    return {'deflate': True, 'window': window} if SMALLEST_WINDOW <= window < LARGEST_WINDOW else {'deflate': True}


def deflate(data, members):
    """One raw deflate stream, which looks back no farther than `members`, of `begin`, promise."""
    bits = members.get('window', LARGEST_WINDOW).bit_length() - 1
    packer = zlib.compressobj(9, zlib.DEFLATED, -bits)
    return packer.compress(data) + packer.flush()
