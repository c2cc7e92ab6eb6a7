#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SCons (Debian 12: 4.4.0), with which PlatformIO builds and uploads.
#
# A script may put a Python function into a variable (PlatformIO: env.Replace(UPLOADCMD=function)). One expects that every
# action which uses the variable calls the function, or that none does. Seen instead:
#   1. Action("$CMD") and Action("${CMD}"): the function is called, whenever it was put there.
#   2. env.Action("$CMD"): what the variable held when the action was made is run, and the function never. So the same
#      words mean another thing as a method of the environment.
#   3. Action("$CMD --flag"): the function is not called. Its name in angle brackets goes to the shell, which takes them
#      for redirections: "Syntax error", exit code 2.
# Whoever replaces a command by a function must know that the variable stands alone in the action. A command as a string
# works in all three, when it is set before the action is made.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
package=scons=4.4.0+dfsg-1
apt-get download -q "$package" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "$package" >/dev/null; }
dpkg -x ./*.deb debian
scons() { PYTHONPATH="$folder/debian/usr/lib/python3/dist-packages" python3 "$folder/debian/usr/bin/scons" "$@"; }
cat >SConstruct <<'TEXT'
def function(source, target, env):
    print("the function")
    return 0
env = Environment(CMD="echo the string")
actions = [Action("$CMD", "alone:"), Action("${CMD}", "in braces:"), env.Action("$CMD", "of the environment:"),
           Action("$CMD --flag", "with a flag:")]
env.Replace(CMD=function)
for number, action in enumerate(actions):
    AlwaysBuild(env.Alias("step%d" % number, [], action))
TEXT
for step in 0 1 2 3; do
    code=0
    scons -Q "step$step" 2>/dev/null || code=$?
    echo "exit code $code"
done >seen
cat >expected <<'TEXT'
alone:
the function
exit code 0
in braces:
the function
exit code 0
of the environment:
the string
exit code 0
with a flag:
exit code 2
TEXT
scons --version | sed -n 2p
diff expected seen && echo "still so"
