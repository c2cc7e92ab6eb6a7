#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Multicast DNS: what is asked, and what is read of any answer, whole, cut and damaged. No packet is sent here: the tests
on a network are test/e2e/discover.test.js."""
import os
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.abspath(os.path.dirname(__file__)), '../../python'))
sys.dont_write_bytecode = True

from ota_ws import discover, mdns  # noqa: E402
from ota_ws.address import Address  # noqa: E402

SERVICE = b'\7_ota-ws\4_tcp\5local\0'
# The question, PTR, SRV (one.local:8080), TXT and A (10.77.0.1); names point back to earlier ones.
TEXT = b'\3v=1\x0fid=020304050607\2x=\x07path=/u'
ANSWER = (b'\0\0\x84\0\0\1\0\1\0\0\0\3' + SERVICE + b'\0\x0c\0\1'
          b'\xc0\x0c\0\x0c\0\1\0\0\0\x0a\0\7\4lamp\xc0\x0c'
          b'\xc0\x30\0\x21\x80\1\0\0\0\x0a\0\x0c\0\0\0\0\x1f\x90\3one\xc0\x19'
          b'\xc0\x30\0\x10\x80\1\0\0\0\x0a\0' + bytes([len(TEXT)]) + TEXT +
          b'\xc0\x49\0\1\x80\1\0\0\0\x0a\0\4\x0a\x4d\0\1')


def search_of(*answers):
    search = discover.Search('one.local')
    for answer in answers:
        for record in mdns.read_records(answer):
            search.take(record, '10.77.0.9')
    return search


def located(device, written):
    address = Address(written)
    address.take(device, written)
    return address


class Messages(unittest.TestCase):
    def test_an_answer_is_read_whole(self):
        search = search_of(ANSWER)
        [device] = search.devices()
        self.assertEqual((device.name, device.id, device.page), ('lamp', '020304050607', 'http://10.77.0.1:8080/u'))
        self.assertEqual(search.host_address, '10.77.0.1')
        for name in ('LAMP.local', 'one.Local', '020304050607'):
            self.assertIs(search.find(name), device)
        for name in ('lamp', 'lam.local', 'two.local', '020304050608'):
            self.assertIsNone(search.find(name))

    def test_an_answer_that_is_cut_is_read_to_the_cut(self):
        for length in range(len(ANSWER)):
            self.assertLess(len(list(mdns.read_records(ANSWER[:length]))), 4)

    def test_other_bytes_at_every_place_is_survived(self):
        for at in range(len(ANSWER)):
            for value in {0, 1, 12, 16, 33, 63, 64, 127, 128, 192, 193, 255, ANSWER[at] ^ 1, (ANSWER[at] + 1) % 256}:
                search_of(ANSWER[:at] + bytes([value]) + ANSWER[at + 1:]).devices()

    def test_names_that_point_in_circles_end(self):
        for pointer in (b'\xc0\x0c', b'\xc0\x0e\xc0\x0c'):
            message = b'\0\0\x84\0\0\0\0\1\0\0\0\0' + pointer + b'\0\x0c\0\1\0\0\0\x0a\0\2\xc0\x0c'
            self.assertEqual(list(mdns.read_records(message)), [])

    def test_a_query_is_no_answer(self):
        query = mdns.Query(7)
        self.assertTrue(query.ask(mdns.encode_name('_ota-ws._tcp.local'), mdns.PTR))
        self.assertEqual(query.encode(), b'\0\7\0\0\0\1\0\0\0\0\0\0' + SERVICE + b'\0\x0c\0\1')
        self.assertEqual(list(mdns.read_records(query.encode())), [])

    def test_a_query_takes_what_it_has_room_for(self):
        query, known = mdns.Query(), 0
        while query.know(SERVICE, b'\4lamp' + SERVICE):
            known += 1
        data = query.encode()
        self.assertTrue(known > 10 and len(data) <= mdns.MESSAGE_MAX)
        self.assertEqual(len(list(mdns.read_records(data[:2] + b'\x84' + data[3:]))), known)

    def test_names_that_are_none_are_refused(self):
        for text in ('a..b', '.a', 'a' * 64, '.'.join('a' * 200)):
            self.assertIsNone(mdns.encode_name(text))
        self.assertEqual(mdns.first_label(mdns.encode_name('a' * 63)), 'a' * 63)


class Devices(unittest.TestCase):
    def test_a_device_that_takes_itself_back_is_gone(self):
        self.assertEqual(search_of(ANSWER, ANSWER.replace(b'\0\x0a\0\7', b'\0\0\0\7')).devices(), [])

    def test_text_of_the_network_is_clean(self):
        for path in (b'/ u', b'/\r\n', b'u/ota', b'/#ota'):
            [device] = search_of(ANSWER.replace(b'\x07path=/u', bytes([5 + len(path)]) + b'path=' + path, 1)
                                 .replace(bytes([len(TEXT)]) + TEXT[:1], bytes([len(TEXT) + len(path) - 2]) + TEXT[:1])).devices()
            self.assertEqual(device.path, '')
        [device] = search_of(ANSWER.replace(b'\4lamp', b'\4l\x1b[p')).devices()
        self.assertEqual(device.name, 'l?[p')

    def test_what_is_written_counts_before_what_is_announced(self):
        [device] = search_of(ANSWER).devices()
        known = {'lamp.local': (False, 8080, ['/u']), 'lamp.local:81': (False, 81, ['/u']),
                 'http://lamp.local': (False, 8080, ['/u']), 'https://lamp.local': (True, 443, ['/u']),
                 'http://lamp.local/ota': (False, 8080, ['/ota'])}
        for written, right in known.items():
            address = located(device, written)
            self.assertEqual((address.tls, address.port, address.paths), right, written)
            self.assertEqual((address.via, address.name), ('10.77.0.1', 'lamp.local'))

    def test_other_names_need_no_network(self):
        for written in ('lamp', '192.168.1.7', '0123456789ab:80', '.local', 'http://0123456789ab'):
            address = Address(written)
            with mock.patch.object(discover, 'Sockets', side_effect=AssertionError(written)):
                discover.locate(address, written)
            self.assertIsNone(address.via)


if __name__ == '__main__':
    unittest.main()
