# SPDX-License-Identifier: Apache-2.0
"""What an answer of http means that is no ticket; and the sentences of docs/protocol.md, section 7, because a device may
be built without them (a test compares both)."""
# First and last status, name, sentence. That of 200 is for html.
HTTP_ANSWERS = (
    (300, 399, 'redirected', "{where} sends the request on to '{location}' (HTTP {status}). Give that address if it "
                             "is the update page's."),
    (401, 401, 'http_login', '{where} wants a login of its own (HTTP 401), which this client does not speak. Reach the '
                             'device without that login.'),
    (403, 403, 'http_forbidden', '{where} forbids the request (HTTP 403), and no ota_ws device says so.'),
    (404, 404, 'no_device', "{where} has no update page at {paths} (HTTP 404). Give the page's own address, "
                            'http://HOST/PATH.'),
    (405, 405, 'no_device', '{where} takes no POST there (HTTP 405): this is not the address of the update page, or a '
                            'proxy lets no POST through.'),
    (407, 407, 'http_login', '{where} is a proxy that wants a login (HTTP 407). Reach the device without it.'),
    (431, 431, 'headers_too_long', "The request's headers are too long for the server at {where} (HTTP 431). Raise "
                                   'CONFIG_HTTPD_MAX_REQ_HDR_LEN (menuconfig: HTTP Server) in its firmware.'),
    (502, 504, 'proxy_error', 'A proxy answers at {where}, but it does not reach the device (HTTP {status}).'),
    (500, 599, 'http_error', 'The server at {where} failed (HTTP {status}). Look at its log, then try again.'),
    (200, 200, 'no_device', '{where} answers with a web page at {path}: that is not the address of an update page.'))
SENTENCES = {
    'busy': 'Another client is updating this device. Wait until it has finished.',
    'device_busy': 'The device is finishing an earlier step. Try again in a few seconds.',
    'on_trial': 'The running firmware is on trial. Confirm it or go back before the next update.',
    'restart_pending': 'A new image is ready. Restart into it or cancel it before the next update.',
    'no_update': 'There is no update to cancel.',
    'not_on_trial': 'The running firmware is not on trial; there is nothing to confirm.',
    'nothing_to_go_back_to': 'The other slot holds no image to go back to.',
    'recovery_needed': 'The recovery application of this device takes updates. Restart the device into it, then send '
                       'the file again.',
    'no_recovery': 'This device has no recovery application.',
    'no_slot': 'This device has no free slot for an update. Its partition table needs two slots, or one and a factory '
               'partition.',
    'no_memory': 'The device has not enough free memory for an update now. Try again later.',
    'refused_by_application': "The device's application refused: {device}.",
    'compression_declined': 'The device cannot unpack compressed data now. Send the file as it is.',
    'delta_base': 'The device does not run the image that the patch was made for, or takes no patches. Send the file as '
                  'it is.',
    'empty': 'The file is empty.',
    'too_large': 'The file has {image} bytes, the slot has room for {device}.',
    'too_short': 'The file is too short to be a firmware image.',
    'not_an_image': "The file is no ESP32 firmware image. Choose the application's .bin file.",
    'esp8266_image': 'This is an image for ESP8266, which is another kind of chip.',
    'bootloader_image': "This is a bootloader. Choose the application's .bin file.",
    'merged_image': "This is a merged image of the whole flash. Choose the application's .bin file.",
    'no_description': "The image has no application description, which ESP-IDF puts into every application. Choose "
                      "the application's .bin file.",
    'encrypted_image': 'This image is encrypted, but this device expects a plain one.',
    'flash_encrypted': "The file looks random: it was encrypted for one chip's flash, or packed. Choose the plain "
                       ".bin file of the application; the device encrypts its flash itself.",
    'secure_boot_v1': 'The image is signed for Secure Boot V1, which is not supported here. Sign it for Secure Boot '
                      'V2, or build it without a signature.',
    'not_encrypted': 'This device takes encrypted images only; this file is not one.',
    'wrong_key': "This device's key does not open the image: it was encrypted for another key, or its beginning is "
                 "damaged.",
    'bad_tag': 'The encrypted image is damaged: its authentication tag is wrong.',
    'bad_compression': 'The compressed data is damaged, cut off or goes on after its end.',
    'bad_patch': 'The patch is damaged, or does not give the file that was promised.',
    'bad_segments': 'The image is damaged: its segment table makes no sense.',
    'truncated': 'The image is cut off: its end is missing.',
    'trailing_bytes': 'The file goes on after the end of the image. Use the file as it was built.',
    'bad_checksum': 'The image is damaged: its checksum is wrong.',
    'bad_image_digest': 'The image is damaged: its SHA-256 is wrong.',
    'wrong_chip': 'This image is for {image}, this device is an {device}.',
    'wrong_revision': 'This image needs chip revision {image}, this device has {device}.',
    'wrong_efuse_revision': 'This image needs eFuse block revision {image}, this device has {device}. Build it for '
                            'older eFuse blocks (ESP_EFUSE_BLOCK_REV_MIN).',
    'wrong_mmu_page_size': 'This image was built for flash pages of {image}, this device uses {device}. Build it with '
                           'the same MMU_PAGE_SIZE.',
    'wrong_project': "This image is of the project '{image}', this device runs '{device}'.",
    'older_version': 'Version {image} is older than {device}, which runs. Allow the downgrade if you want it.',
    'older_secure_version': 'The image has secure version {image}, this device accepts {device} and later.',
    'not_signed': 'This device takes signed images only; this one is not signed.',
    'bad_signature': "The image's signature is damaged, or was made with another key than this device's.",
    'cancelled': 'The update was cancelled. The firmware stays as it was.',
    'stalled': 'No data came for too long, so the update was ended. Try again.',
    'link_lost': 'The connection was lost, so the update was ended. Try again.',
    'digest_mismatch': 'What arrived is not what was promised: the SHA-256 differs.',
    'flash_read': 'The device could not read its flash.',
    'flash_erase': 'The device could not erase its flash.',
    'flash_program': 'The device could not write its flash.',
    'flash_differs': 'The flash does not hold what was written to it. It may be worn out.',
    'not_verified': "The device's own check of the image in flash failed. The old firmware stays.",
    'boot_record': 'The device could not write its boot record.',
    'message_too_long': 'A message may have 1024 bytes at most.',
    'not_json': 'The message is not a JSON object.',
    'not_utf8': 'The message is not UTF-8.',
    'nested': 'The message has an object or array inside; it must be flat.',
    'escaped': 'The message has an escape in a string; none is needed here.',
    'duplicate_member': 'The message has a member twice.',
    'unknown_message': 'There is no message of this type.',
    'unknown_member': 'The message has a member that does not belong to its type.',
    'missing_member': 'The message lacks a member that its type needs.',
    'bad_value': 'A member of the message has a value of the wrong kind or size.',
    'fragmented': 'Each message must come in one WebSocket frame.',
    'bad_frame': 'This is not a WebSocket frame that the device understands.',
    'frame_too_long': "The data frame is longer than the chunk size that 'ready' named.",
    'unexpected_data': 'Data came although no update of this session is running.',
    'wrong_offset': 'The data frame has offset {image}, expected was {device}.',
    'too_many_bytes': "More data came than 'begin' had promised.",
    'unexpected_message': 'This message may not come now.',
    'bad_mac': "The message's count or mac is wrong: it was changed, repeated or left out on the way.",
    'silent': 'Nothing was heard from this client for too long.',
    'too_many_sessions': 'The device serves no more sessions at once. Try again later.',
    'wrong_version': 'The client speaks another version of the protocol. Load the page again.',
    'foreign_host': "The request names another host. Open the page by the device's own address.",
    'foreign_origin': 'The request comes from a page of another site.',
    'bad_ticket': 'The ticket is spent, too old, or not for this peer. Ask for a new one.',
    'bad_login': 'The login messages do not follow SCRAM-SHA-256 as this device expects it.',
    'wrong_password': 'The password or pairing code is wrong.',
    'try_later': 'Too many wrong passwords. Wait {device} s and try again.',
    'needs_login': 'This request carries no login that the device knows: OTA-SCRAM, or over https Basic with the user '
                   'ota.',
    'needs_https': 'Over http the password would travel in the clear, so it is not taken. Use https, a client that '
                   'proves the password (ota-ws), or the page.',
    'needs_length': 'The request has no Content-Length. Send the file in one piece, not chunked.',
    'login_busy': 'Somebody else is logging in. Try again in {device} s.',
}
