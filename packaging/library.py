#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the library for Arduino and PlatformIO: a folder, and beside it a .zip of the same. Both find the sources below
src/ and know no menuconfig, so this script writes what is made of it in an ESP-IDF project: the settings with their
defaults, the page, and which sources there are. usage: packaging/library.py FOLDER
"""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..'))
# Of several forms of one part: no encryption, signatures are not verified (Arduino's core is built without), compressed
# uploads, and the sketch announces the device itself (ESPmDNS).
CHOSEN = ['esp/flash.c', 'esp/worker.c', 'esp/decrypt_none.c', 'esp/signed_none.c', 'esp/inflate.c', 'esp/mdns_none.c', 'esp/page.c', 'esp/log_keeper_none.c',
          'esp/core_dump_none.c']
# Arduino prints its log past ESP-IDF's, so there would be no lines.
WITHOUT = 'log_ring'
# Two forms of which the version of ESP-IDF chooses one.
BY_VERSION = ('plain_http', 'CONFIG_OTA_WS_HTTP_UPLOAD && ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(5, 3, 2)')
# As CMakeLists.txt makes them of the settings.
VALUES = '''
#ifndef OTA_WS_CHECK_PROJECT
#define OTA_WS_CHECK_PROJECT CONFIG_OTA_CHECK_PROJECT
#define OTA_WS_CHECK_VERSION CONFIG_OTA_CHECK_VERSION
#define OTA_WS_PROTECTED (!CONFIG_OTA_ALLOW_UNPROTECTED)
#define OTA_WS_INFLATES 1
#define OTA_WS_DECRYPTS 0
#endif
'''


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


# ---- settings --------------------------------------------------------------------------------------------------------

def read_settings(kconfig):
    """Pairs of symbol and value: the default that holds when nothing else is set. A choice gives its member 1."""
    found, kind, name, chosen = {}, '', '', ''
    for line in kconfig.splitlines():
        words = line.split(None, 1) + ['']
        if words[0] in ('config', 'menuconfig'):
            name, kind = words[1].strip(), ''
        elif words[0] == 'choice':
            name = ''
        elif words[0] in ('bool', 'int', 'hex', 'string') and name:
            kind = words[0]
            found[name] = '1' if name == chosen else '""' if kind == 'string' else '0'
        elif words[0] == 'default' and ' if ' not in words[1]:
            value = words[1].strip()
            if not name:
                chosen = value
            else:
                found[name] = {'y': '1', 'n': '0'}.get(value, value)
    return found


def defaults_header(settings, etags):
    lines = ['// SPDX-License-Identifier: Apache-2.0',
             '// The settings of ota_ws_update with the defaults of its menuconfig. A build sets others by its flags:',
             '// -DCONFIG_OTA_TRIAL_TIMEOUT_S=60', '#pragma once', '']
    for name, value in settings.items():
        lines += ['#ifndef CONFIG_%s' % name, '#define CONFIG_%s %s' % (name, value), '#endif']
    full, small = ('#define OTA_WS_PAGE_ETAG "\\"%s\\""' % etag for etag in etags)
    return '\n'.join([*lines, VALUES + '#if CONFIG_OTA_WS_PAGE_SMALL', small, '#else', full, '#endif', ''])


# ---- the page --------------------------------------------------------------------------------------------------------

PAGES = ('web/dist/ota.html.gz', 'web/dist/small/ota.html.gz')


def page_source(pages):
    """Both pages; CONFIG_OTA_WS_PAGE_SMALL chooses."""
    full, small = ('\n'.join('    .byte ' + ', '.join(str(byte) for byte in page[at:at + 24]) for at in range(0, len(page), 24))
                   for page in pages)
    return '\n'.join(['// SPDX-License-Identifier: Apache-2.0', '// web/dist', '#include "ota_ws_defaults.h"',
                      '    .section .rodata.ota_ws_page, "a"',
                      '    .global _binary_ota_html_gz_start', '    .global _binary_ota_html_gz_end',
                      '_binary_ota_html_gz_start:', '#if CONFIG_OTA_WS_PAGE_SMALL', small, '#else', full, '#endif',
                      '_binary_ota_html_gz_end:', ''])


# ---- sources ---------------------------------------------------------------------------------------------------------

def core_sources():
    with tempfile.NamedTemporaryFile('w', suffix='.cmake') as script:
        script.write('set(OTA_WS_WITHOUT %s)\n' % WITHOUT)
        script.write('include("%s/sources.cmake")\nmessage("${OTA_WS_CORE_SOURCES};${OTA_WS_HTTP_UPLOAD_SOURCES}")\n' % ROOT)
        script.flush()
        ran = subprocess.run(['cmake', '-P', script.name], check=True, stderr=subprocess.PIPE, encoding='utf-8')
    return ran.stderr.strip().split(';')


def chip_sources():
    listed = re.search(r'SRCS(.*?)INCLUDE_DIRS', read('CMakeLists.txt'), re.S)[1]
    return re.findall(r'^\s*(esp/\w+\.c)$', listed, re.M) + CHOSEN


def headers(folder):
    for at, _, names in os.walk(os.path.join(ROOT, folder)):
        yield from (os.path.relpath(os.path.join(at, name), ROOT) for name in names if name.endswith(('.h', '.def')))


def place(path):
    """Where a file of the project stands in the library: src/ is where its headers are looked for."""
    return path if path.startswith('src/') else 'src/' + (path if path.startswith('esp/') else os.path.basename(path))


def choose_by_version(folder):
    """The two files stay, as texts that a third one includes."""
    name, condition = BY_VERSION
    for path in ('esp/%s.c' % name, 'esp/%s_none.c' % name):
        shutil.copy(os.path.join(ROOT, path), os.path.join(folder, 'src', path + '.inc'))
    with open(os.path.join(folder, 'src/esp/%s_by_version.c' % name), 'w', encoding='utf-8') as file:
        file.write('// SPDX-License-Identifier: Apache-2.0\n#include "esp_idf_version.h"\n#include "sdkconfig.h"\n\n#if %s\n'
                   '#include "%s.c.inc"\n#else\n#include "%s_none.c.inc"\n#endif\n' % (condition, name, name))


def leave_out(folder, path, text):
    with open(os.path.join(folder, path), 'r+', encoding='utf-8') as file:
        without = file.read().replace(text, '')
        file.seek(0)
        file.write(without)
        file.truncate()


def make(folder):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, 'arduino'), folder)
    shutil.copy(os.path.join(ROOT, 'LICENSE'), folder)
    for path in [*core_sources(), *chip_sources(), *headers('src'), *headers('esp'), 'include/ota_ws_update.h']:
        to = os.path.join(folder, place(path))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copy(os.path.join(ROOT, path), to)
    choose_by_version(folder)
    leave_out(folder, 'src/feature_list.h', ' FEATURE(%s)' % WITHOUT)
    pages = []
    for path in PAGES:
        with open(os.path.join(ROOT, path), 'rb') as file:
            pages.append(file.read())
    etags = [hashlib.sha256(page).hexdigest()[:16] for page in pages]
    made = {
        'src/esp/ota_ws_defaults.h': defaults_header(read_settings(read('Kconfig')), etags),
        'src/esp/sdkconfig.h': '// SPDX-License-Identifier: Apache-2.0\n// The settings of the core, then ours.\n#pragma once\n'
                               '#include_next <sdkconfig.h>\n#include "ota_ws_defaults.h"\n',
        'src/esp/page.S': page_source(pages)}
    for path, text in made.items():
        with open(os.path.join(folder, path), 'w', encoding='utf-8') as file:
            file.write(text)


def main():
    folder = os.path.abspath(sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__))
    make(folder)
    release = re.search(r'^version: "(.+)"', read('idf_component.yml'), re.M)[1]
    print(shutil.make_archive('%s-%s' % (folder, release), 'zip', os.path.dirname(folder), os.path.basename(folder)))


if __name__ == '__main__':
    main()
