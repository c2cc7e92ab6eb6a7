#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make chip-test for a firmware that takes encrypted images only (OTA_PRE_ENCRYPTED_MODE, RSA-3072), with the key of the
# tests. What run.sh says of the environment holds; esp_encrypted_img must be among the components. CHIP_WRITER_STACK
# is another stack of the writer.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/build/chip-encrypted
mkdir -p "$out/key"
cp test/vectors/rsa_private.pem "$out/key/private_rsa_3072.pem"
# The emulator has no RSA hardware: in software, on a busy machine, a key takes seconds.
cat >"$out/encrypted.defaults" <<END
CONFIG_MBEDTLS_HARDWARE_MPI=n
CONFIG_ESP_TASK_WDT_TIMEOUT_S=60
CONFIG_OTA_PRE_ENCRYPTED_MODE=y
CONFIG_OTA_PRE_ENCRYPTED_RSA_KEY_ON_PROJECT_LOCATION=y
CONFIG_OTA_PRE_ENCRYPTED_RSA_KEY_DIRECTORY="$out/key"
${CHIP_WRITER_STACK:+CONFIG_OTA_WRITER_STACK_SIZE=$CHIP_WRITER_STACK}
END
export CHIP_OUT=$out CHIP_KEY=$out/key/private_rsa_3072.pem
CHIP_SDKCONFIG="$out/encrypted.defaults${CHIP_SDKCONFIG:+;$CHIP_SDKCONFIG}" exec test/chip/run.sh encrypted
