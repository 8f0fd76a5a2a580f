//! Clients of the API: `node workload.ts URL TOKEN PREFIX RATE`. RATE operations a second, whether
//! or not anybody answers, on a few keys of which some are asked for by several at once. Each
//! operation is a line of JSON when it is over. SIGTERM: nothing new, then every key is read once.
//!
//! A key is an extension, its value the display name. What is told as unknown may have happened or
//! may happen later; what was refused, or never sent, did not.

import { Agent, request } from 'node:http'
import type { EntryInput, EntryOperation, EntryOutput } from '../linear/entry.ts'

const [url = '', token = '', prefix = '', rate = '240'] = process.argv.slice(2)
const TICK_MS = 20
/** So many are under way at most; those above are not made, which the rate then shows. */
const AT_ONCE_MAX = 800
const PATIENCE_MS = 2_500
const KEYS = 40
const HOT = 4
/** A key is given up after so many operations, or after so many of unknown outcome. */
const OPERATIONS_MAX = 80
const UNKNOWN_MAX = 3
const READ_PATIENCE_MS = 30_000

/** Writes of one key at once: what may be of unknown outcome when nobody answers. */
const WRITES_AT_ONCE_MAX = 4

type Key = { readonly number: number; operations: number; unknown: number; writing: number }
type Asked = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: string
}
/** `unsent`: it cannot have had any effect. */
type Answer = { readonly status: number; readonly body: string } | 'unsent' | 'unknown'

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE_MAX })
let [keys, values, underWay] = [0, 0, 0]
const live: Key[] = Array.from({ length: KEYS }, newKey)
const used: Key[] = [...live]

const timer = setInterval(() => {
  const wanted = (Number(rate) * TICK_MS) / 1_000
  for (let left = wanted; left > 0; left--) if (left >= 1 || Math.random() < left) begin()
}, TICK_MS)
process.once('SIGTERM', () => void end())

function newKey(): Key {
  return { number: ++keys, operations: 0, unknown: 0, writing: 0 }
}

function begin(): void {
  if (underWay >= AT_ONCE_MAX) return
  const chosen = Math.random()
  const kind = chosen < 0.5 ? 'read' : chosen < 0.75 ? 'make' : 'remove'
  let place = Math.floor(Math.random() * (Math.random() < 0.5 ? HOT : KEYS))
  // While nobody answers each key gets its share.
  for (let tried = 0; tried < live.length && kind !== 'read'; tried++) {
    if ((live[place]?.writing ?? 0) < WRITES_AT_ONCE_MAX) break
    place = (place + 1) % live.length
  }
  let key = live[place]
  if (key === undefined) return
  if (kind !== 'read' && key.writing >= WRITES_AT_ONCE_MAX) key = replace(place)
  key.operations++
  void operate(key, kind === 'make' ? { kind, value: `v${++values}` } : { kind }, PATIENCE_MS)
  if (key.operations >= OPERATIONS_MAX || key.unknown >= UNKNOWN_MAX) replace(place)
}

function replace(place: number): Key {
  const next = newKey()
  live[place] = next
  used.push(next)
  return next
}

async function operate(key: Key, input: EntryInput, patience: number): Promise<boolean> {
  const called = now()
  const writes = input.kind === 'read' ? 0 : 1
  underWay++
  key.writing += writes
  const answer = await ask(askedFor(key, input), patience)
  underWay--
  key.writing -= writes
  const output = typeof answer === 'string' ? undefined : outputOf(key, input, answer)
  const isOver = output !== undefined
  // A read that nobody answered says nothing.
  const isNothing =
    answer === 'unsent' || (!isOver && input.kind === 'read') || wasTurnedAway(answer)
  if (!isOver && !isNothing) key.unknown++
  const operation: EntryOperation = { key: name(key), input, output, called, returned: now() }
  if (!isNothing) process.stdout.write(`${JSON.stringify(operation)}\n`)
  else process.stdout.write(`${JSON.stringify({ failed: called })}\n`)
  return isOver
}

async function end(): Promise<void> {
  clearInterval(timer)
  const deadline = now() + READ_PATIENCE_MS
  while (underWay > 0) await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  for (const key of used)
    while (!(await operate(key, { kind: 'read' }, PATIENCE_MS)))
      if (now() > deadline) throw new Error('the keys could not be read at the end')
  agent.destroy()
}

/** All of one length, so that the one before is the one that sorts before. */
function name({ number }: Pick<Key, 'number'>): string {
  return `${prefix}${String(number).padStart(6, '0')}`
}

function askedFor(key: Key, input: EntryInput): Asked {
  const extension = name(key)
  switch (input.kind) {
    case 'read': {
      const before = name({ number: key.number - 1 })
      return { method: 'GET', path: `/extensions?limit=1&after=${before}` }
    }
    case 'make': {
      const password = 'a-long-enough-password'
      const body = JSON.stringify({ extension, displayName: input.value, password })
      return { method: 'POST', path: '/extensions', body }
    }
    case 'remove':
      return { method: 'DELETE', path: `/extensions/pbx.example/${extension}` }
  }
}

function outputOf(
  key: Key,
  { kind }: EntryInput,
  { status, body }: { readonly status: number; readonly body: string },
): EntryOutput | undefined {
  if (kind === 'read' && status === 200) {
    const { items } = JSON.parse(body) as { items: { extension: string; displayName: string }[] }
    const [first] = items
    return { kind: 'value', value: first?.extension === name(key) ? first.displayName : undefined }
  }
  if (status === 201 || status === 204) return { kind: 'done' }
  if (
    (kind === 'make' && status === 409) ||
    (kind === 'remove' && (status === 404 || status === 409))
  )
    return { kind: 'refused' }
  // The answers that say themselves that nothing or who knows what was done.
  if (status === 503 || status === 504) return undefined
  throw new Error(`${kind} got ${status}: ${body}`)
}

/** Answers that promise that nothing was changed. */
function wasTurnedAway(answer: Answer): boolean {
  if (typeof answer === 'string' || answer.status !== 503) return false
  return /no node leads|is on standby|is overloaded/.test(answer.body)
}

function ask({ method, path, body }: Asked, patience: number): Promise<Answer> {
  return new Promise((resolve) => {
    let isSent = false
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const asked = request(`${url}${path}`, { method, headers, agent })
    const timer = setTimeout(() => asked.destroy(), patience)
    const settle = (answer: Answer): void => {
      clearTimeout(timer)
      resolve(answer)
    }
    asked.once('socket', (socket) => {
      if (!socket.connecting) isSent = true
      else socket.once('connect', () => (isSent = true))
    })
    asked.once('response', (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.once('error', () => settle('unknown'))
      response.once('close', () => {
        if (!response.complete) return settle('unknown')
        settle({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() })
      })
    })
    asked.once('error', () => settle(isSent ? 'unknown' : 'unsent'))
    asked.end(body)
  })
}

/** Milliseconds since 1970, by a clock that does not jump. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
