# SPDX-License-Identifier: Apache-2.0
"""A firmware file: is it whole, and which image is it? Whether the image fits a device is the device's to say."""
import hashlib
import struct

from .failure import FILE, Failure

MAGIC, ENCRYPTED_MAGIC, SIGNATURE_MAGIC = 0xE9, b'\xcf\xb6\x88\x07', 0xE7
HEADER_SIZE, SEGMENT_HEADER_SIZE, SECTOR = 24, 8, 4096
DESCRIPTION = 32  # behind the headers of the image and of its first segment
DESCRIPTION_MAGIC = 0xABCD5432
# What a device says of a file that `ota-ws`, with the device's state at hand, refuses itself: the same exit code.
UNFIT = ('empty too_large too_short not_an_image esp8266_image bootloader_image merged_image no_description '
         'encrypted_image flash_encrypted secure_boot_v1 not_encrypted bad_segments truncated trailing_bytes bad_checksum '
         'bad_image_digest wrong_chip wrong_revision wrong_efuse_revision wrong_mmu_page_size wrong_project '
         'older_version older_secure_version not_signed').split()


def refuse(name, text):
    failure = Failure(name, text)
    failure.code = FILE
    return failure


def text_at(data, offset):
    return data[offset:offset + 32].split(b'\0')[0].decode('utf-8', 'replace')


class Image:
    """`data` is what is to be sent: the file without the 0xFF that a slot which was read back has behind the image."""

    def __init__(self, path, check=True):
        try:
            with open(path, 'rb') as file:
                self.data = file.read()
        except OSError as error:
            raise refuse('cannot_read', '%s cannot be read: %s.' % (path, error.strerror))
        self.is_encrypted = self.data[:4] == ENCRYPTED_MAGIC
        self.project = self.version = self.elf_sha256 = ''
        if not self.is_encrypted:
            self.read_description()
            end = self.find_end(check)
            if end and not self.data[end:].strip(b'\xff'):
                self.data = self.data[:end]
        self.sha256 = hashlib.sha256(self.data).hexdigest()

    def read_description(self):
        magic = self.data[DESCRIPTION:DESCRIPTION + 4]
        if len(magic) == 4 and struct.unpack('<I', magic)[0] == DESCRIPTION_MAGIC:
            self.version = text_at(self.data, DESCRIPTION + 16)
            self.project = text_at(self.data, DESCRIPTION + 48)
            self.elf_sha256 = self.data[DESCRIPTION + 144:DESCRIPTION + 152].hex()

    def find_end(self, check):
        """Where image and signature end; None when that cannot be said. What is wrong is raised, unless `check` is
        False: the device finds it too."""
        try:
            return self.walk()
        except Failure:
            if check:
                raise
            return None

    def walk(self):
        data = self.data
        if not data:
            raise refuse('empty', 'The file is empty.')
        if data[0] != MAGIC:
            raise refuse('not_an_image', "The file is no ESP32 firmware image. Choose the application's .bin file.")
        if len(data) < HEADER_SIZE:
            raise refuse('too_short', 'The file is too short to be a firmware image.')
        at, checksum = HEADER_SIZE, 0xEF
        for _ in range(data[1]):
            size = int.from_bytes(data[at + 4:at + 8], 'little')
            start = at + SEGMENT_HEADER_SIZE
            at = start + size
            if at > len(data):
                raise refuse('truncated', 'The image is cut off: its end is missing.')
            checksum ^= fold(data[start:at])
        end = (at + 16) & ~15
        if end > len(data):
            raise refuse('truncated', 'The image is cut off: its end is missing.')
        if data[end - 1] != checksum:
            raise refuse('bad_checksum', 'The image is damaged: its checksum is wrong.')
        if data[23]:
            self.check_digest(end)
            end += 32
        sector = (end + SECTOR - 1) // SECTOR * SECTOR
        return sector + SECTOR if data[sector:sector + 1] == bytes([SIGNATURE_MAGIC]) else end

    def check_digest(self, end):
        if len(self.data) < end + 32:
            raise refuse('truncated', 'The image is cut off: its end is missing.')
        if hashlib.sha256(self.data[:end]).digest() != self.data[end:end + 32]:
            raise refuse('bad_image_digest', 'The image is damaged: its SHA-256 is wrong.')

    def words(self):
        return 'an image that is encrypted' if self.is_encrypted else '%s %s' % (self.project, self.version)

    def runs_as(self, digits):
        """Whether the image with this `elf_sha256` is this one. Some builds leave the digest zero."""
        return bool(self.elf_sha256.strip('0')) and self.elf_sha256 == digits

    def is_file_of(self, state):
        """Whether the update that `state` shows is of this file."""
        return self.sha256[:16] == state.get('sha256')


def fold(data):
    """XOR of all bytes."""
    value, size = int.from_bytes(data, 'little'), len(data)
    while size > 1:
        half = (size + 1) // 2
        value, size = (value >> 8 * half) ^ (value & ((1 << 8 * half) - 1)), half
    return value
