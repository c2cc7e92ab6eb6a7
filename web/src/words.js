// SPDX-License-Identifier: Apache-2.0
// Every word that people read, in English and Russian. A name is a failure's (src/status.h), an outcome's in the
// device's history (`was_` before it), or the id of the element that shows the words. Braces hold the place of a value.
// build.js packs this file.

const notAnImage = [
  "This is no ESP32 firmware. Choose the application's .bin file.",
  'Это не прошивка ESP32. Выберите файл .bin приложения.',
];

/** @type {Record<string, string[]>} */
const pairs = {
  title: ['Firmware update', 'Обновление прошивки'],
  unprotected: [
    'Unprotected: anybody on this network can replace the firmware.',
    'Нет защиты: любой в этой сети может заменить прошивку.',
  ],
  unreachable: ['Looking for the device …', 'Поиск устройства …'],
  restarting: ['The device restarts …', 'Устройство перезапускается …'],

  password_needed: ['This device is locked.', 'Устройство закрыто.'],
  code: ['Pairing code or password', 'Код сопряжения или пароль'],
  where: ['The device prints its code on the console.', 'Устройство печатает код в консоль.'],
  show: ['Show', 'Показать'],
  connect: ['Connect', 'Подключиться'],
  http: [
    'Plain http: an attacker could change this page and read what you type. Safe: https or ota-ws.',
    'Простой http: взломщик мог заменить страницу и прочесть ввод. Надёжно: https или ota-ws.',
  ],

  project: ['Project', 'Проект'],
  chip: ['Chip', 'Чип'],
  built: ['Built', 'Сборка'],
  file: ['File', 'Файл'],
  slot: ['Slot', 'Слот'],
  otherSlot: ['Other slot', 'Другой слот'],
  signed: ['Signed by', 'Подпись'],
  unconfirmed: ['without rollback', 'без отката'],
  unwatched: ['without rollback', 'без отката'],
  history: ['Updates', 'Обновления'],
  was_staged: ['ready', 'готово'],
  was_trial: ['on trial', 'на испытании'],
  was_confirmed: ['confirmed', 'подтверждено'],
  was_rolled_back: ['rolled back', 'откат'],
  was_expired: ['rolled back: nobody confirmed it in time', 'откат: никто не подтвердил вовремя'],
  was_aborted: [
    'rolled back: the device restarted ({reset}) before it was confirmed',
    'откат: перезапуск ({reset}) до подтверждения',
  ],
  was_lost: ['rolled back: it did not start', 'откат: не запустилось'],
  was_cancelled: ['cancelled', 'отменено'],
  was_failed: ['failed', 'сбой'],

  pick: ['Choose a file', 'Выберите файл'],
  drop: ['or drop it here', 'или перетащите его сюда'],
  checking: ['Checking …', 'Проверка …'],
  fits: ['The file is sound and fits this device.', 'Файл цел и подходит устройству.'],
  encrypted: ['The file is encrypted: the device will check it.', 'Файл зашифрован: его проверит устройство.'],
  allow: ['Allow the downgrade', 'Разрешить старую версию'],
  upload: ['Upload {next}', 'Загрузить {next}'],
  uploading: ['Uploading {next}', 'Загружается {next}'],
  verifying: ['The device checks the image …', 'Устройство проверяет образ …'],
  numbers: [
    '{written} of {size} in flash · {rate}/s · {left} left{packed}',
    'Во flash {written} из {size} · {rate}/с · осталось {left}{packed}',
  ],
  kB: ['kB', 'кБ'],
  compressed: [' · compressed', ' · сжато'],
  cancel: ['Cancel', 'Отмена'],
  verified: ['{other} is verified.', 'Образ {other} проверен.'],
  restart: ['Restart into {other}', 'Перезапустить в {other}'],
  discard: ['Discard {other}', 'Отказаться от {other}'],

  decide: [
    'Confirm it if all works. Any restart before that goes back to {other}.',
    'Подтвердите, если всё работает. Перезапуск до этого вернёт {other}.',
  ],
  countdown: ['It does so by itself in {seconds}.', 'Сам вернётся через {seconds}.'],
  confirm: ['Confirm {version}', 'Подтвердить {version}'],
  rollback: ['Go back to {other}', 'Вернуть {other}'],
  runs: ['{version} runs from {slot}.', 'Работает {version} из {slot}.'],

  empty: ['The file is empty.', 'Файл пуст.'],
  unreadable: ['The file cannot be read.', 'Файл не читается.'],
  too_short: notAnImage,
  not_an_image: notAnImage,
  esp8266_image: ['This is firmware for ESP8266, another chip.', 'Это прошивка для ESP8266, другого чипа.'],
  bootloader_image: [
    "This is a bootloader. Choose the application's .bin file.",
    'Это загрузчик. Выберите файл .bin приложения.',
  ],
  merged_image: [
    "This is the whole flash. Choose the application's .bin file.",
    'Это вся flash. Выберите файл .bin приложения.',
  ],
  no_description: [
    "The image has no description, which ESP-IDF puts into every application. Choose the application's .bin file.",
    'В образе нет описания, которое ESP-IDF кладёт в каждое приложение. Выберите файл .bin приложения.',
  ],
  encrypted_image: ['The image is encrypted, this device takes plain ones.', 'Образ зашифрован, а нужен обычный.'],
  flash_encrypted: [
    'The file looks random: encrypted for the flash of one chip, or packed. Choose the plain .bin file.',
    'Файл похож на случайные данные: зашифрован для flash одного чипа или сжат. Выберите обычный файл .bin.',
  ],
  secure_boot_v1: [
    'The image is signed for Secure Boot V1, which is not supported. Sign it for V2, or build it without a signature.',
    'Образ подписан для Secure Boot V1, а она не поддерживается. Подпишите его для V2 или соберите без подписи.',
  ],
  not_encrypted: [
    'The image is not encrypted, this device takes such only.',
    'Образ не зашифрован, а нужен зашифрованный.',
  ],
  wrong_key: ['The image was encrypted for another key.', 'Образ зашифрован для другого ключа.'],
  truncated: ['The image is cut off: its end is missing.', 'Образ обрезан: нет его конца.'],
  trailing_bytes: [
    'Something follows the image.',
    'После образа есть лишнее.',
  ],
  damaged: ['The image is damaged ({name}).', 'Образ повреждён ({name}).'],

  too_large: [
    'The file has {image} bytes, the slot has room for {device}.',
    'В файле {image} байт, в слоте места {device}.',
  ],
  wrong_chip: [
    'This image is for {image}, this device is an {device}.',
    'Образ для {image}, а это устройство {device}.',
  ],
  wrong_revision: [
    'This image needs chip revision {image}, this device has {device}.',
    'Образу нужна ревизия чипа {image}, у устройства {device}.',
  ],
  wrong_efuse_revision: [
    'This image needs eFuse block revision {image}, this device has {device}.',
    'Образу нужна ревизия блока eFuse {image}, у устройства {device}.',
  ],
  wrong_mmu_page_size: [
    'This image is built for flash pages of {image} bytes, this device uses {device}. Set the same MMU_PAGE_SIZE.',
    'Образ собран для страниц flash в {image} байт, у устройства {device}. Задайте тот же MMU_PAGE_SIZE.',
  ],
  wrong_project: [
    'This image is for project {image}, this device runs {device}.',
    'Образ проекта {image}, на устройстве {device}.',
  ],
  older_version: [
    '{image} is older than {device}.',
    '{image} старее, чем {device}.',
  ],
  older_secure_version: [
    'The image has secure version {image}, this device needs {device}.',
    'У образа версия безопасности {image}, нужна {device}.',
  ],
  not_signed: ['The image is not signed, this device takes such only.', 'Образ не подписан, а нужен подписанный.'],
  bad_signature: ["The image's signature is wrong.", 'Подпись образа неверна.'],

  busy: ['Another client is updating this device.', 'Устройство обновляет другой клиент.'],
  no_memory: ['The device lacks memory. Try again later.', 'Устройству не хватает памяти. Попробуйте позже.'],
  refused_by_application: ["The device's application refused: {device}.", 'Приложение устройства отказало: {device}.'],
  cancelled: ['Cancelled. The firmware stays as it was.', 'Отменено. Прошивка прежняя.'],
  stalled: ['No data came for too long. Try again later.', 'Слишком долго не было данных. Попробуйте позже.'],
  flash: ['The flash of the device failed ({name}).', 'Сбой flash устройства ({name}).'],

  wrong_password: ['The password or pairing code is wrong.', 'Неверный код или пароль.'],
  false_device: ['This device does not know the password.', 'Это устройство не знает пароля.'],
  try_later: ['Too many wrong passwords. Wait {device} s.', 'Слишком много попыток. Подождите {device} с.'],
  login_busy: ['Another client is logging in.', 'Входит другой клиент.'],
  too_many_sessions: ['Too many sessions. Try again later.', 'Слишком много подключений. Попробуйте позже.'],
  foreign_host: ["Open the page by the device's own address.", 'Откройте страницу по адресу устройства.'],
  wrong_version: ['Load the page again.', 'Перезагрузите страницу.'],
};

/** All words of one language by name. @param {number} language 0 or 1 @returns {Record<string, string>} */
export const wordsIn = (language) =>
  Object.fromEntries(Object.entries(pairs).map(([name, pair]) => [name, pair[language]]));
