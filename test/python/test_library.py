#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The library for Arduino and PlatformIO: it is made, compiled with nothing but its own src/ as a folder of headers, and
the example is run over faked calls of ESP-IDF (test/esp/fakes) and of Arduino's core (test/arduino), in place of a
board: with the function that keeps the trial, and without it."""
import configparser
import glob
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))
ROM = os.path.join(ROOT, 'test/esp/fakes')
FLAGS = ['-DGENERATION=5', '-Wall', '-Wextra', '-Werror', '-Wno-missing-field-initializers',
         '-fsanitize=address,undefined', '-g']
HEADERS = re.search(r'set\(FAKE_HEADERS(.*?)\)', open(os.path.join(ROOT, 'test/esp/CMakeLists.txt'), encoding='utf-8').read(),
                    re.S)[1].split()


def load_maker():
    spec = importlib.util.spec_from_file_location('library', os.path.join(ROOT, 'packaging/library.py'))
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker


def call(*words, **more):
    ran = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8', check=False, **more)
    if ran.returncode:
        raise AssertionError('%s\n%s' % (' '.join(words), ran.stdout))
    return ran.stdout


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp()
        cls.folder, cls.objects = os.path.join(cls.work, 'ota_ws_update'), os.path.join(cls.work, 'objects')
        cls.maker = load_maker()
        cls.maker.make(cls.folder)
        os.makedirs(cls.objects)
        for name in HEADERS:
            path = os.path.join(cls.work, 'include', name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as file:
                file.write('#include "idf.h"\n')
        os.remove(os.path.join(cls.work, 'include/esp_http_server.h'))  # test/arduino has it

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    def sdk(self):
        folders = [os.path.join(ROOT, 'test/arduino'), os.path.join(self.work, 'include'), ROM]
        return [word for folder in folders for word in ('-isystem', folder)]

    def compile(self, source, *flags):
        is_cpp = source.endswith(('.cpp', '.ino'))
        name = os.path.join(self.objects, re.sub(r'\W', '_', os.path.relpath(source, self.work) + ''.join(flags)) + '.o')
        language = ['-x', 'c++'] if source.endswith('.ino') else []
        call('g++' if is_cpp else 'gcc', '-c', *FLAGS, *flags, '-I', os.path.join(self.folder, 'src'), *self.sdk(), *language, source,
             '-o', name)
        return name

    def build(self):
        """Two programs from the same objects, of which one lacks the sketch's function."""
        library = [path for end in ('c', 'S') for path in glob.glob(self.folder + '/src/**/*.' + end, recursive=True)]
        beside = glob.glob(os.path.join(ROOT, 'test/arduino/*.c*'))
        chip = [os.path.join(ROM, 'fake_%s.c' % name) for name in ('chip', 'server', 'tasks', 'miniz')]
        sketch = glob.glob(self.folder + '/examples/*/*.ino')
        esp = ['-I', os.path.join(self.folder, 'src/esp')]
        with ThreadPoolExecutor(2) as pool:
            objects = list(pool.map(lambda one: self.compile(one, '-DOTA_WS_LIBRARY'), library))
            objects += pool.map(lambda one: self.compile(one, *esp), beside + chip)
        for part in glob.glob(self.folder + '/src/esp/*_by_version.c'):  # above for 5.1, here for the newest
            self.compile(part, '-DOTA_WS_LIBRARY', '-UGENERATION', '-DGENERATION=6')
        for name, flags in (('kept', []), ('lost', ['-DverifyRollbackLater=verifyNothing'])):
            call('g++', '-fsanitize=address,undefined', *objects, *(self.compile(one, *flags) for one in sketch), '-lcrypto', '-lz', '-lpthread',
                 '-o', os.path.join(self.work, name))

    def test_the_example_has_a_trial_and_without_its_function_an_error(self):
        self.build()
        say = {(name, start): call(os.path.join(self.work, name), start) for name in ('kept', 'lost') for start in ('first', 'update')}
        for said in say.values():
            self.assertIn('Update page: http://192.168.1.7/ota\n', said)
            self.assertRegex(said, r'Pairing code: [0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\n')
            self.assertIn('page: 200 OK, %d bytes\n' % os.path.getsize(os.path.join(ROOT, 'web/dist/ota.html.gz')), said)
        for name in ('kept', 'lost'):
            self.assertIn('error: \non trial: 0\n', say[name, 'first'])
        self.assertIn('error: \non trial: 1\n', say['kept', 'update'])
        self.assertRegex(say['lost', 'update'], r'error: The new firmware was confirmed before this start.*\non trial: 0\n')

    def test_one_flag_chooses_the_small_page(self):
        source, header = (os.path.join(self.folder, 'src/esp', name) for name in ('page.S', 'ota_ws_defaults.h'))
        for flags, path in (([], 'web/dist/ota.html.gz'), (['-DCONFIG_OTA_WS_PAGE_SMALL=1'], 'web/dist/small/ota.html.gz')):
            held = os.path.join(self.work, 'page')
            call('objcopy', '-O', 'binary', '-j', '.rodata.ota_ws_page', self.compile(source, *flags), held)
            with open(held, 'rb') as page, open(os.path.join(ROOT, path), 'rb') as wanted:
                bytes_of_page = page.read()
                self.assertEqual(bytes_of_page, wanted.read())
            known = call('gcc', '-E', '-dM', *flags, header)
            self.assertIn('OTA_WS_PAGE_ETAG "\\"%s\\""' % hashlib.sha256(bytes_of_page).hexdigest()[:16], known)

    def test_every_setting_of_menuconfig_has_its_default(self):
        with open(os.path.join(self.folder, 'src/esp/ota_ws_defaults.h'), encoding='utf-8') as file:
            found = dict(re.findall(r'^#define CONFIG_(\w+) (.*)$', file.read(), re.M))
        with open(os.path.join(ROOT, 'Kconfig'), encoding='utf-8') as file:
            kconfig = file.read()
        self.assertEqual(sorted(found), sorted(re.findall(r'^\s*(?:menu)?config (\w+)', kconfig, re.M)))
        self.assertNotIn('', found.values())
        known = {'OTA_DEFAULT_URI': '"/ota"', 'OTA_CHUNK_SIZE': '16384', 'OTA_PASSWORD': '""', 'OTA_CHECK_PROJECT': '1',
                 'OTA_ALLOW_UNPROTECTED': '0', 'OTA_COMPRESSED': '1', 'OTA_PRE_ENCRYPTED_MODE': '0', 'OTA_RING_SIZE': '14336',
                 'OTA_WS_MDNS_PORT': '80', 'OTA_PRE_ENCRYPTED_RSA_KEY_ON_COMPONENT_LOCATION': '1', 'OTA_TRIAL_TIMEOUT_S': '300'}
        self.assertEqual({name: found[name] for name in known}, known)

    def test_what_the_two_registries_read_is_there(self):
        with open(os.path.join(ROOT, 'idf_component.yml'), encoding='utf-8') as file:
            release = re.search(r'^version: "(.+)"', file.read(), re.M)[1]
        with open(os.path.join(self.folder, 'library.json'), encoding='utf-8') as file:
            platformio = json.load(file)
        with open(os.path.join(self.folder, 'library.properties'), encoding='utf-8') as file:
            properties = configparser.ConfigParser()
            properties.read_string('[library]\n' + file.read())
        arduino = dict(properties['library'])
        self.assertEqual((platformio['version'], arduino['version']), (release, release))
        for name in 'name version author maintainer sentence paragraph category url architectures'.split():
            self.assertTrue(arduino[name], name)
        for path in platformio['examples'] + ['src/' + arduino['includes'], 'src/' + platformio['headers'], 'LICENSE']:
            self.assertTrue(os.path.exists(os.path.join(self.folder, path)), path)
        sketch = platformio['examples'][0].split('/')
        self.assertEqual(sketch[-1], sketch[-2] + '.ino')  # Arduino wants it so


if __name__ == '__main__':
    unittest.main()
