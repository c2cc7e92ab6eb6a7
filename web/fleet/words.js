// SPDX-License-Identifier: Apache-2.0
// Every word that people read on the dashboard, in English and Russian. A name is the id of the element that shows the
// words, a state of a device (fleet/rollout.h), a phase, or an error of the server (`error_` before it). Braces hold the
// place of a value.

/** @type {Record<string, [string, string]>} */
const pairs = {
  title: ['Rollout', 'Обновление парка'],
  codeLabel: ['Code or password of the dashboard', 'Код или пароль панели'],
  where: [
    'The console of ota-ws shows the code, in the link to this page.',
    'Код показан в консоли ota-ws, в ссылке на эту страницу.',
  ],
  connect: ['Log in', 'Войти'],
  logout: ['Log out', 'Выйти'],

  running: ['Running, wave {wave} of {waves}', 'Идёт, волна {wave} из {waves}'],
  paused: ['Paused', 'Приостановлено'],
  approval: ['Wave {approve} waits for approval', 'Волна {approve} ждёт разрешения'],
  stopped: ['Stopped: {reason}', 'Остановлено: {reason}'],
  aborted: ['Aborted', 'Прервано'],
  finished: ['Finished', 'Завершено'],
  standby: ['Another process leads this rollout', 'Этим обновлением управляет другой процесс'],
  standbyNote: [
    'This one takes over when that one ends. Its own dashboard shows the rollout.',
    'Этот процесс продолжит, когда тот завершится. Ход обновления показывает его собственная панель.',
  ],
  failed_count: ['too many devices have failed', 'слишком много сбоев'],
  failed_percent: ['too large a part has failed', 'слишком большая доля сбоев'],
  wave_failed: ['no device of a wave is well', 'в волне нет ни одного успешного устройства'],
  left: ['{ended} of {devices} devices have ended{more}', 'Готово {ended} из {devices} устройств{more}'],
  more_time: [', about {time} left', ', осталось около {time}'],

  approve: ['Approve wave {approve}', 'Разрешить волну {approve}'],
  pause: ['Pause', 'Приостановить'],
  resume: ['Go on', 'Продолжить'],
  abort: ['Abort', 'Прервать'],
  again: ['Try again', 'Повторить'],
  askAbort: [
    'Abort the rollout {rollout} for good? Devices that have not restarted keep their firmware.',
    'Прервать обновление {rollout} окончательно? Устройства, которые ещё не перезагрузились, сохранят свою прошивку.',
  ],

  count: ['{count} {what}', '{what}: {count}'],
  failures: ['Failures', 'Сбои'],
  wavesTitle: ['Waves', 'Волны'],
  wave: ['Wave {wave}', 'Волна {wave}'],
  waveEnded: ['{ended} of {devices}', '{ended} из {devices}'],
  needed: ['needs approval', 'нужно разрешение'],
  given: ['approved', 'разрешено'],
  devicesTitle: ['Devices', 'Устройства'],
  search: ['Search', 'Поиск'],
  searchLabel: ['Address, id, label, version, state or reason', 'Адрес, id, метка, версия, состояние или причина'],
  filter: ['Which devices', 'Какие устройства'],
  all: ['All ({count})', 'Все ({count})'],
  failed: ['Failed ({count})', 'Со сбоем ({count})'],
  busy: ['Under way ({count})', 'В работе ({count})'],
  well: ['Well ({count})', 'Успешные ({count})'],
  rest: ['Not begun ({count})', 'Не начатые ({count})'],
  none: ['No device is like that.', 'Таких устройств нет.'],
  more: ['And {count} more: search for them.', 'И ещё {count}: воспользуйтесь поиском.'],
  inWave: ['wave {wave}', 'волна {wave}'],
  attempt: ['attempt {attempts}', 'попытка {attempts}'],

  queued: ['queued', 'в очереди'],
  waiting: ['does not answer', 'не отвечает'],
  leased: ['begins', 'начинается'],
  checking: ['checking', 'проверка'],
  sending: ['sending', 'загрузка'],
  verifying: ['verifying', 'сверка'],
  ready: ['ready', 'готово к запуску'],
  restarting: ['restarting', 'перезагрузка'],
  on_trial: ['on trial', 'пробный запуск'],
  confirmed: ['confirmed', 'подтверждено'],
  already: ['ran it already', 'уже было'],
  refused: ['refused', 'отказ'],
  unreachable: ['unreachable', 'недоступно'],
  rolled_back: ['rolled back', 'откат'],
  expired: ['expired', 'не подтверждено вовремя'],
  superseded: ['superseded', 'обновлено другим'],
  cancelled: ['cancelled', 'отменено'],

  lost: [
    'The connection to ota-ws is lost. Has it ended, or is the tunnel closed? Trying again …',
    'Связь с ota-ws потеряна. Программа завершилась, или закрыт туннель? Повторные попытки …',
  ],
  ended: ['ota-ws has ended. This is how the rollout stood.', 'Программа ota-ws завершилась. Показано последнее состояние.'],
  ended_failures: [
    "ota-ws has ended. This is how the rollout stood. 'ota-ws fleet retry' queues failed devices again.",
    'Программа ota-ws завершилась. Показано последнее состояние. «ota-ws fleet retry» вернёт устройства со сбоем в очередь.',
  ],
  looking: ['Looking for ota-ws …', 'Поиск ota-ws …'],
  wait: [' Next try in {seconds} s.', ' Следующая попытка через {seconds} с.'],
  error_wrong_code: ['This is not the right code.', 'Код неверен.'],
  error_login_waits: ['A wrong code was tried just now.', 'Только что был введён неверный код.'],
  error_no_login: ['Log in again: ota-ws was started anew.', 'Войдите снова: ota-ws была перезапущена.'],
  error_order_refused: ['This makes no sense any more: the rollout has gone on.', 'Это уже не имеет смысла: состояние изменилось.'],
};

export const isRussian = navigator.language.startsWith('ru');
document.documentElement.lang = isRussian ? 'ru' : 'en';

/** Words with values where their names stand in braces; "" when there are no such words.
 * @param {string} name @param {object} [values] */
export const text = (name, values = {}) =>
  (pairs[name]?.[+isRussian] ?? '').replace(/{(\w+)}/g, (_, value) => `${/** @type {Record<string, unknown>} */ (values)[value] ?? ''}`);

/** "0:02", "74:05", "3:10:00" @param {number} seconds */
export function time(seconds) {
  const two = (/** @type {number} */ number) => `${Math.floor(number)}`.padStart(2, '0');
  const whole = Math.max(Math.round(seconds), 0);
  return whole < 3600 ? `${Math.floor(whole / 60)}:${two(whole % 60)}` : `${Math.floor(whole / 3600)}:${two((whole / 60) % 60)}:${two(whole % 60)}`;
}
