// SPDX-License-Identifier: Apache-2.0
// C in, its mutants out: each one small mistake that a programmer could make. Works on tokens and leans on clang-format:
// a binary operator has a space on both sides, a unary one has none behind it.

const REPLACEMENTS = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '==': ['!='],
  '!=': ['=='],
  '&&': ['||'],
  '||': ['&&'],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '<<': ['>>'],
  '>>': ['<<'],
  '&': ['|'],
  '|': ['&'],
  '^': ['|'],
  '++': ['--'],
  '--': ['++'],
  '+=': ['-='],
  '-=': ['+='],
  '|=': ['&='],
  '&=': ['|='],
  '^=': ['|='],
  '<<=': ['>>='],
  '>>=': ['<<='],
};
const KEYWORDS = new Set(
  'if for while do switch return break continue case default else static const struct typedef goto extern enum union sizeof'.split(' '),
);
const TOKEN =
  /(?<comment>\/\/[^\n]*|\/\*[^]*?\*\/)|(?<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<number>0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*)|(?<name>[A-Za-z_]\w*)|(?<operator><<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[^\s\w])/g;

/** Blanks what is no code: directives other than #define, static assertions. Offsets stay as they are. */
function codeOf(source) {
  const blank = (text) => text.replace(/[^\n]/g, ' ');
  return source
    .replace(/^#(?!define)[^\n]*/gm, blank)
    .replace(/^#define\s+\w+(\([^)]*\))?/gm, blank)
    .replace(/^_Static_assert\([^;]*;/gm, blank);
}

function tokensOf(source) {
  const tokens = [];
  let braces = 0;
  let brackets = 0;
  for (const match of codeOf(source).matchAll(TOKEN)) {
    const [kind, text] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    if (kind === 'comment') continue;
    if (text === '}') braces--;
    if (text === ')' || text === ']') brackets--;
    tokens.push({ kind, text, start: match.index, end: match.index + text.length, braces, brackets });
    if (text === '{') braces++;
    if (text === '(' || text === '[') brackets++;
  }
  return tokens;
}

function closing(tokens, open) {
  let i = open + 1;
  while (i < tokens.length && tokens[i].brackets > tokens[open].brackets) i++;
  return i;
}

function semicolonAfter(tokens, from) {
  let i = from;
  while (i < tokens.length && (tokens[i].text !== ';' || tokens[i].brackets > tokens[from].brackets)) i++;
  return i;
}

/** "9 - 1" as a literal of the same type. */
function shifted(literal, by) {
  const [, digits, suffix] = /^(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)$/.exec(literal);
  const value = BigInt(digits) + BigInt(by);
  return value < 0n ? null : `${value}${suffix}`;
}

/** In a declaration's dimension? More room is no mistake, less is the sanitizers' affair. */
function isDimension(tokens, i) {
  let open = i;
  while (open > 0 && tokens[open].brackets >= tokens[i].brackets) open--;
  return tokens[open].text === '[' && open > 1 && tokens[open - 2].kind === 'name' && !KEYWORDS.has(tokens[open - 2].text);
}

/** Where the condition of the `?` at `at` starts. */
function conditionStart(tokens, at) {
  let i = at - 1;
  const stops = new Set(['=', ',', ';', '{', '}', ':', '?', 'return', '+=', '-=', '|=']);
  while (i >= 0 && tokens[i].brackets >= tokens[at].brackets && !(tokens[i].brackets === tokens[at].brackets && stops.has(tokens[i].text))) i--;
  return i + 1;
}

function* mutateToken(source, tokens, i) {
  const { kind, text, start, end, brackets, braces } = tokens[i];
  const previous = tokens[i - 1]?.text ?? '';
  const next = tokens[i + 1]?.text ?? '';
  const spaced = source[start - 1] === ' ' && /\s/.test(source[end]);
  const replace = (to, from = start, until = end) => ({ start: from, end: until, to });
  const slice = (from, until) => source.slice(tokens[from].start, tokens[until].end);

  if (isDimension(tokens, i)) return;
  if (kind === 'operator' && REPLACEMENTS[text] && (spaced || text === '++' || text === '--')) {
    for (const to of REPLACEMENTS[text]) yield replace(to);
  }
  if (text === '!') yield replace('');
  if (text === '?') yield* negated(conditionStart(tokens, i), i - 1);
  if (kind === 'number') {
    for (const by of [1, -1]) {
      const to = shifted(text, by);
      if (to !== null) yield replace(to);
    }
  }
  if (text === 'true') yield replace('false');
  if (text === 'false') yield replace('true');
  if (text === 'if' || text === 'while') yield* negated(i + 2, closing(tokens, i + 1) - 1);
  if ((text === 'break' || text === 'continue') && next === ';') yield replace('');
  if (text === 'return') {
    const last = semicolonAfter(tokens, i) - 1;
    if (last === i) yield replace('');
    else if (!/^(true|false|NULL)$/.test(slice(i + 1, last))) yield* negated(i + 1, last);
  }
  const begins = [';', '{', '}', ')'].includes(previous) && braces > 0 && brackets === 0;
  const isStatement = kind === 'name' && !KEYWORDS.has(text) && /^(\(|\.|->|\[|=|[-+*/%&|^]=|<<=|>>=|\+\+|--)$/.test(next);
  const isAssignment = text === '*' && previous !== ')' && /^(=|\+\+)$/.test(tokens[i + 2]?.text ?? '');
  if (begins && (isStatement || isAssignment)) yield replace('', start, tokens[semicolonAfter(tokens, i) - 1].end);

  function* negated(from, until) {
    yield replace(`!(${slice(from, until)})`, tokens[from].start, tokens[until].end);
  }
}

const squeeze = (text) => text.trim().replace(/\s+/g, ' ');

/** The name of what stands around `at`: of the function, or of the table. */
function placeOf(source, at) {
  const heads = source.slice(0, at).matchAll(/^(?:static |const )*[a-z][^\n;]*?(\w+)(?:\(|\[[^\]]*\] = \{)/gm);
  return [...heads].at(-1)?.[1] ?? '-';
}

/** Where a change is, and the lines that it touches, before and after. */
function describe(source, { start, end, to }) {
  const first = source.lastIndexOf('\n', start - 1) + 1;
  const newline = source.indexOf('\n', end);
  const last = newline < 0 ? source.length : newline;
  return {
    place: placeOf(source, start),
    line: source.slice(0, start).split('\n').length,
    before: squeeze(source.slice(first, last)),
    after: squeeze(source.slice(first, start) + to + source.slice(end, last)),
  };
}

/** All mutants of a source: { place, line, before, after, text }. */
export function mutantsOf(source) {
  const tokens = tokensOf(source);
  const changes = tokens.flatMap((_, i) => [...mutateToken(source, tokens, i)]);
  return changes.map((change) => ({
    ...describe(source, change),
    text: source.slice(0, change.start) + change.to + source.slice(change.end),
  }));
}
