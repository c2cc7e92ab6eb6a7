# SPDX-License-Identifier: Apache-2.0
"""PlatformIO's `pio run -t upload` over the network. In platformio.ini, with the path of this file:

    upload_protocol = custom
    upload_port = lamp.local
    extra_scripts = ota_ws_update/python/platformio/ota_ws_upload.py

`upload_flags` takes options of `push`, one a line: --confirm, --password-file FILE ... The password may also be in the
variable OTA_WS_PASSWORD; else it is asked for.
"""
import os
import shlex
import subprocess
import sys

Import("env")  # noqa: F821, SCons gives it to its scripts

# SCons sets no __file__.
PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath((lambda: None).__code__.co_filename)))


def words_of(flags):
    """`upload_flags` is a list of lines, or one string."""
    return [word for line in ([flags] if isinstance(flags, str) else flags) for word in shlex.split(str(line))]


def upload(source, target, env):
    """What SCons calls for $UPLOADCMD: the exit code of `push`."""
    host = env.subst("$UPLOAD_PORT")
    if not host:
        print("Which device? Say upload_port = lamp.local in platformio.ini, or --upload-port.", file=sys.stderr)
        return 2
    paths = [PACKAGES] + [path for path in [os.environ.get("PYTHONPATH")] if path]
    words = [sys.executable, "-m", "ota_ws", "push", *words_of(env.get("UPLOAD_FLAGS") or []), str(source[0]), host]
    return subprocess.call(words, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})


env.Replace(UPLOADCMD=upload)  # noqa: F821
