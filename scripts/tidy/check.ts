//! House rules that a compiler does not know: who may import whom, what pure rooms may not touch,
//! how long a line, a function and a file may be. Pure: text in, problems out.

import { dirname, join, normalize } from 'node:path/posix'
import { ALLOWED, isRoot, ROOMS, roomOf, TYPES_ONLY } from './rooms.ts'

export type Problem = { readonly line: number; readonly message: string }
export type Checked = { readonly problems: readonly Problem[]; readonly imports: number }

type Ban = readonly [pattern: RegExp, advice: string]
type Limits = { readonly file: number; readonly function: number }

const LINE_MAX = 100
const HOUSE: Limits = { file: 400, function: 70 }
const TESTS: Limits = { file: 600, function: 120 }

const IN_PURE: readonly Ban[] = [
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/, 'take `now: Millis` as an argument'],
  [/\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/, 'take a `Random`'],
  [/\bset(Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/, 'return a deadline'],
  [/\bawait\b|\basync\b|\bnew Promise\b|\bPromise\./, 'pure code is synchronous'],
  [/from 'node:/, 'no Node API in a pure room'],
  [/\bprocess\.|\bconsole\./, 'pure code talks to nobody'],
  [/\bBuffer\b/, 'use Uint8Array in a pure room'],
]
const EVERYWHERE: readonly Ban[] = [
  [/\bas any\b|: any\b|<any>/, 'use `unknown` and narrow it'],
  [/\b(test|it|describe)\.(only|skip|todo)\(/, 'a test that does not run is not a test'],
]
const IN_HOUSE: readonly Ban[] = [
  [/\bconsole\.(log|error|warn|info|debug)\(/, 'write an event to the log'],
  [/\bexport \* from\b/, 'import the file you mean: no barrels'],
  [/\bexport default\b/, 'export by name'],
  [/\bclass \w+(<[^>]*>)? extends (?!\w*(Error|Failure)\b)/, 'no inheritance beyond Error'],
  [/^\s*@\w+\(|\benum \w+ \{/, 'no decorators, no enums'],
]
const IN_COMMENTS: readonly Ban[] = [
  [/@ts-(ignore|nocheck|expect-error)/, 'fix the type'],
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'do it, or write it up as an issue'],
]

export function check(path: string, text: string): Checked {
  const problems: Problem[] = []
  const lines = text.replace(/\n$/, '').split('\n')
  const limits = isHouse(path) ? HOUSE : TESTS
  const room = roomOf(path)
  if (isHouse(path) && room === undefined && !isRoot(path))
    problems.push({ line: 1, message: 'belongs to no room of the table in scripts/tidy/rooms.ts' })
  if (lines.length > limits.file)
    problems.push({ line: 1, message: `${lines.length} lines, at most ${limits.file}` })
  if (isHouse(path) && lines.length > 100 && !text.startsWith('//!'))
    problems.push({ line: 1, message: 'opens without a `//!` line that says what it is' })
  const bans = bansOf(path, room, text)
  lines.forEach((line, index) => problems.push(...checkLine(path, line, index + 1, bans)))
  problems.push(...checkFunctions(lines, limits.function))
  const imports = importsOf(text)
  for (const each of imports) problems.push(...checkImport(path, room, each))
  return { problems: problems.toSorted((a, b) => a.line - b.line), imports: imports.length }
}

function isHouse(path: string): boolean {
  return path.startsWith('src/') || path.startsWith('roles/')
}

/** A file is pure by its room, or because its header says `Pure`: then it is held to it. */
function bansOf(path: string, room: string | undefined, text: string): readonly Ban[] {
  const declared = /^\/\/! (.*\. )?Pure[.:,;]/m.test(header(text))
  const pure = isHouse(path) && (declared || (room !== undefined && ROOMS[room]?.pure === true))
  return [...EVERYWHERE, ...(isHouse(path) ? IN_HOUSE : []), ...(pure ? IN_PURE : [])]
}

function header(text: string): string {
  return /^(\/\/!.*\n)*/.exec(text)?.[0] ?? ''
}

function checkLine(path: string, text: string, line: number, bans: readonly Ban[]): Problem[] {
  const problems: Problem[] = []
  if (text.length > LINE_MAX) problems.push({ line, message: `${text.length} columns` })
  for (const [pattern, message] of IN_COMMENTS)
    if (pattern.test(text) && !path.startsWith('scripts/tidy/')) problems.push({ line, message })
  const code = withoutComment(text)
  for (const [pattern, message] of bans) {
    if (!pattern.test(code)) continue
    const allowed = ALLOWED.some(([where, what]) => where.test(path) && what.test(code))
    if (!allowed && !path.startsWith('scripts/tidy/')) problems.push({ line, message })
  }
  return problems
}

/** Good enough for this house's formatting: a comment starts a line or follows a blank. */
function withoutComment(line: string): string {
  return line.replace(/^\s*(\/?\*|\/\/).*$|\s\/\/ .*$/, '')
}

// ---- functions: opened by a line that ends in `{`, closed by `}` at the same indent ------------

const OPENS =
  /^(\s*)((export |async |static |override |get |set |\*)*(function\b|#?\w+(<.*>)?\()|.*=> \{$)/
const NOT_A_FUNCTION = /^\s*(if|for|while|switch|catch|return|describe|walk)\b/

function checkFunctions(lines: readonly string[], limit: number): Problem[] {
  const problems: Problem[] = []
  for (const [index, line] of lines.entries()) {
    const indent = OPENS.exec(line)?.[1]
    if (indent === undefined || NOT_A_FUNCTION.test(line)) continue
    const length = spanOf(lines, index, indent)
    if (length > limit)
      problems.push({ line: index + 1, message: `function of ${length} lines, at most ${limit}` })
  }
  return problems
}

function spanOf(lines: readonly string[], start: number, indent: string): number {
  for (let index = start + 1; index < lines.length; index++) {
    const line = lines[index] ?? ''
    if (line === '' || line.startsWith(`${indent} `)) continue
    if (line.startsWith(`${indent})`) && line.endsWith('{')) continue
    return line.startsWith(`${indent}}`) ? index - start + 1 : 0
  }
  return 0
}

// ---- imports -----------------------------------------------------------------------------------

type Import = { readonly line: number; readonly target: string; readonly typeOnly: boolean }

/** `import … from`, `export … from`, `import()`, and the URL of a worker. */
const IMPORT = new RegExp(
  [
    /^(?:import|export) (type )?(?:[^'";=()]*? from )?'([^']+)'/,
    /\bimport\('([^']+)'\)/,
    /new URL\('(\.[^']+\.ts)'/,
  ]
    .map((each) => each.source)
    .join('|'),
  'gm',
)

function importsOf(text: string): readonly Import[] {
  const found: Import[] = []
  for (const match of text.matchAll(IMPORT)) {
    const target = match[2] ?? match[3] ?? match[4]
    if (target === undefined) continue
    const line = text.slice(0, match.index).split('\n').length
    found.push({ line, target, typeOnly: match[1] !== undefined })
  }
  return found
}

function checkImport(path: string, room: string | undefined, each: Import): Problem[] {
  const { line, target } = each
  const problem = (message: string): Problem[] => [{ line, message }]
  if (!target.startsWith('.')) {
    if (target.startsWith('node:') || room === undefined) return []
    const name = target
      .split('/')
      .slice(0, target.startsWith('@') ? 2 : 1)
      .join('/')
    if (ROOMS[room]?.packages?.includes(name) === true) return []
    return problem(`${room} may not import the package ${name}`)
  }
  const to = normalize(join(dirname(path), target))
  if (!/\.(ts|mjs|json)$/.test(to)) return problem(`write the extension: ${target}`)
  if (to.startsWith('test/') && isHouse(path)) return problem('the product never imports its tests')
  if (isRoot(to) && isHouse(path) && !isRoot(path))
    return problem('nobody imports the composition root')
  if (room === undefined || to === 'package.json') return []
  const other = roomOf(to)
  if (other === room || other === 'src/base') return []
  if (other === undefined || ROOMS[room]?.imports.includes(other) !== true)
    return problem(`${room} may not import ${other ?? target}`)
  if (TYPES_ONLY.has(`${room} > ${other}`) && !each.typeOnly)
    return problem(`${room} may import only types from ${other}: write \`import type\``)
  return []
}
