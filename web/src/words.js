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
    'Нет защиты: прошивку может заменить любой в этой сети.',
  ],
  unreachable: [
    'Looking for the device … Check power and network.',
    'Поиск устройства … Проверьте питание и сеть.',
  ],
  restarting: ['The device restarts …', 'Устройство перезагружается …'],
  lost: [
    'Connection lost at {percent}. The update goes on by itself.',
    'Связь потеряна на {percent}. Обновление продолжится само.',
  ],
  http_431: [
    'HTTP 431: clear the cookies, or raise CONFIG_HTTPD_MAX_REQ_HDR_LEN.',
    'HTTP 431: удалите cookie или увеличьте CONFIG_HTTPD_MAX_REQ_HDR_LEN.',
  ],
  not_the_device: [
    'Not the device: {device}. Check address, login and proxy.',
    'Это не устройство: {device}. Проверьте адрес, вход и прокси.',
  ],

  password_needed: ['This device is locked.', 'Для входа нужен код.'],
  code: ['Pairing code or password', 'Код сопряжения или пароль'],
  where: [
    'The console of the device shows its code.',
    'Код есть в консоли устройства.',
  ],
  connect: ['Log in', 'Войти'],
  logout: ['Log out', 'Выйти'],
  http: [
    'Plain http: an attacker could change this page and read what you type. Safe: https or ota-ws.',
    'Обычный http: страницу могут подменить, а ввод прочесть. Надёжно: https или ota-ws.',
  ],

  was_staged: ['ready', 'готово'],
  was_trial: ['on trial', 'пробный запуск'],
  was_confirmed: ['confirmed', 'подтверждено'],
  was_rolled_back: ['rolled back', 'откат'],
  was_expired: [
    'rolled back: nobody confirmed it in time',
    'откат: не подтверждено вовремя',
  ],
  was_aborted: [
    'rolled back: restart before it was confirmed ({reset})',
    'откат: перезагрузка до подтверждения ({reset})',
  ],
  was_lost: ['rolled back: it did not start', 'откат: не запустилось'],
  was_cancelled: ['cancelled', 'отменено'],
  was_failed: ['failed', 'сбой'],

  choose: ['Choose a file', 'Выберите файл'],
  orDrop: ['or drop it here', 'или перетащите его сюда'],
  checking: ['Checking …', 'Проверка …'],
  allow: ['Send it all the same', 'Всё равно загрузить'],
  upload: ['Upload {next}', 'Загрузить {next}'],
  uploading: ['Uploading {next}', 'Загружается {next}'],
  watching: [
    '{who} uploads {next}.',
    '{who} загружает {next}.',
  ],
  verifying: ['The device checks {next} …', 'Устройство проверяет {next} …'],
  numbers: ['{written} of {size}{speed}', '{written} из {size}{speed}'],
  speed: [
    ' · {rate} · {left} left',
    ' · {rate} · осталось {left}',
  ],
  cancel: ['Cancel', 'Отмена'],
  verified: [
    '{next} from {who} is verified.',
    '{next} от {who}: образ проверен.',
  ],
  restart: ['Restart into {next}', 'Перезагрузить и запустить {next}'],
  discard: ['Cancel', 'Отмена'],

  keep: ['{version} is running. Keep it?', 'Работает {version}. Оставить?'],
  decide: [
    'Otherwise, or after a restart, {other} comes back.',
    'Иначе или после перезагрузки вернётся {other}.',
  ],
  confirm: ['Keep {version}', 'Оставить {version}'],
  goBack: ['Go back to {other}', 'Вернуться к {other}'],
  runs: ['{version} runs from {slot}.', 'Работает {version} (слот {slot}).'],

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
    "It has no description. Choose the application's .bin file.",
    'Нет описания. Выберите файл .bin приложения.',
  ],
  encrypted_image: ['The image is encrypted, this device takes plain ones.', 'Образ зашифрован, а нужен обычный.'],
  flash_encrypted: [
    'The file is encrypted or packed. Choose the plain .bin file.',
    'Файл зашифрован или сжат. Выберите обычный файл .bin.',
  ],
  secure_boot_v1: [
    'The image is signed for Secure Boot V1. Sign it for V2.',
    'Образ подписан для Secure Boot V1, а нужно для V2.',
  ],
  not_encrypted: [
    'The image is not encrypted, this device takes such only.',
    'Образ не зашифрован, а нужен зашифрованный.',
  ],
  wrong_key: [
    'The image was encrypted for another key.',
    'Образ зашифрован для другого ключа.',
  ],
  truncated: [
    'The image is cut off: its end is missing.',
    'Образ обрезан: нет его конца.',
  ],
  trailing_bytes: [
    'Something follows the image.',
    'После образа есть лишнее.',
  ],
  damaged: ['The image is damaged ({name}).', 'Образ повреждён ({name}).'],

  mismatch: [
    '{what}: the image needs {image}, this device has {device}.',
    '{what}: у образа {image}, у устройства {device}.',
  ],
  too_large: ['Bytes', 'Байты'],
  wrong_chip: ['Chip', 'Чип'],
  wrong_revision: ['Chip revision', 'Ревизия чипа'],
  wrong_efuse_revision: ['eFuse revision', 'Ревизия eFuse'],
  wrong_mmu_page_size: ['Flash page size', 'Размер страницы flash'],
  wrong_project: ['Project', 'Проект'],
  older_secure_version: ['Secure version', 'Версия безопасности'],
  older_version: [
    '{image} is older than {device}.',
    '{image} старее, чем {device}.',
  ],
  not_signed: ['The image is not signed, this device takes such only.', 'Образ не подписан, а нужен подписанный.'],
  bad_signature: [
    'The signature is wrong.',
    'Подпись неверна.',
  ],

  busy: ['Another client is updating this device.', 'Устройство обновляет другой клиент.'],
  no_memory: [
    'The device lacks memory. Try again later.',
    'Устройству не хватает памяти. Попробуйте позже.',
  ],
  refused_by_application: [
    "The device's application refused: {device}.",
    'Приложение устройства отказало: {device}.',
  ],
  cancelled: [
    'Cancelled. The firmware stays as it was.',
    'Отменено. Прошивка прежняя.',
  ],
  stalled: [
    'No data came for too long. The update goes on by itself.',
    'Нет данных. Обновление продолжится само.',
  ],
  digest_mismatch: [
    'The kept part was damaged.',
    'Сохранённая часть повреждена.',
  ],
  device_busy: [
    'The device is busy. Try again later.',
    'Устройство занято. Попробуйте позже.',
  ],
  flash: ['The flash of the device failed ({name}).', 'Сбой flash устройства ({name}).'],

  wrong_password: ['The password or pairing code is wrong.', 'Неверный код или пароль.'],
  false_device: [
    'This device does not know the password.',
    'Устройство не знает пароля.',
  ],
  try_later: [
    'Wrong password: next try in {seconds}.',
    'Неверный пароль: следующая попытка через {seconds}.',
  ],
  login_busy: [
    'Another client is logging in: next try in {seconds}.',
    'Входит другой клиент: следующая попытка через {seconds}.',
  ],
  too_many_sessions: ['Too many sessions. Try again later.', 'Слишком много подключений. Попробуйте позже.'],
  foreign_host: [
    "Open the page by the device's own address.",
    'Откройте страницу по адресу устройства.',
  ],
  wrong_version: ['Load the page again.', 'Перезагрузите страницу.'],
};

/** Only the full page says these. @type {Record<string, string[]>} */
const fullPairs = {
  sealed: [' · sealed', ' · зашифровано'],
  enter: ['Restart into recovery', 'Перезагрузить для восстановления'],
  recovery: ['Recovery. {why}', 'Восстановление. {why}'],
  show: ['Show', 'Показать'],
  details: ['Details', 'Подробности'],
  project: ['Project', 'Проект'],
  chip: ['Chip', 'Чип'],
  built: ['Built', 'Сборка'],
  idf: ['ESP-IDF', 'ESP-IDF'],
  slot: ['Slot', 'Слот'],
  other: ['Other slot', 'Другой слот'],
  signer: ['Signed by', 'Подпись'],
  unconfirmed: ['without rollback', 'без отката'],
  unwatched: ['without rollback', 'без отката'],
  history: ['Updates', 'Обновления'],
  why: ['Why the trial ended', 'Причина отката'],
  reset_power_on: ['power', 'питание'],
  reset_external: ['reset', 'сброс'],
  reset_software: ['software', 'программа'],
  reset_panic: ['crash', 'сбой'],
  reset_watchdog: ['watchdog', 'сторожевой таймер'],
  reset_deep_sleep: ['sleep', 'сон'],
  reset_brownout: ['low power', 'мало питания'],
  stopped: [
    'The upload of {kept_version} stopped at {percent}. Choose the same file ({size}) to go on.',
    'Загрузка {kept_version} прервалась на {percent}. Выберите тот же файл ({size}), чтобы продолжить.',
  ],
  fits: ['The file is sound and fits this device.', 'Файл исправен и подходит устройству.'],
  nameless: [
    'The file is sound. It does not name its project.',
    'Файл исправен. Проект в нём не назван.',
  ],
  same: [
    '{version} runs already.',
    '{version} уже работает.',
  ],
  encrypted: ['The file is encrypted: the device will check it.', 'Файл зашифрован: его проверит устройство.'],
};

/** All words of one language by name. @param {number} language 0 or 1 @returns {Record<string, string>} */
export const wordsIn = (language, full = true) =>
  Object.fromEntries(Object.entries(full ? { ...pairs, ...fullPairs } : pairs).map(([name, pair]) => [name, pair[language]]));
