# The portable sources of the core. Both builds read this list: the ESP-IDF component and the Linux build.
set(OTA_WS_CORE_SOURCES
    src/chip.c
    src/device.c
    src/gate.c
    src/hmac.c
    src/image.c
    src/login.c
    src/message.c
    src/pipeline.c
    src/policy.c
    src/scram.c
    src/session.c
    src/slot.c
    src/status.c
    src/text.c
    src/version.c
    src/writer.c)
