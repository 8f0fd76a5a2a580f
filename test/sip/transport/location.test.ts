//! Golden scripts for RFC 3263. `zone` lines are what the DNS holds; `locate URI` prints what was
//! asked and where it led; `hold` keeps answers back until `answer`.

import { assert } from '../../../src/base/assert.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { after, millis, type Millis } from '../../../src/base/time.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import type { Target } from '../../../src/sip/transaction/flow.ts'
import type { Answer, DnsRecord, Question } from '../../../src/sip/transport/dns.ts'
import { Location, type LocationInput } from '../../../src/sip/transport/location.ts'
import { expect, test } from 'vitest'
import { walk, type Command } from '../../harness/datadriven.ts'

walk(new URL('testdata/location', import.meta.url).pathname, () => {
  let location = new Location({ random: seededRandom(1), families: [4, 6] })
  let now: Millis = millis(0)
  let lines: string[] = []
  let serial = 0
  let holding = false
  const zone = new Map<string, Answer>()
  const held: Question[] = []

  function feed(input: LocationInput): void {
    for (const output of location.step(input, now)) {
      if (output.kind === 'located') {
        lines.push(`#${output.id}: ${output.targets.map(targetText).join(', ') || 'nowhere'}`)
      } else {
        const { question } = output
        lines.push(`ask ${question.type} ${question.name}`)
        held.push(question)
      }
    }
    if (!holding) answerAll()
  }

  function answerAll(): void {
    for (let question = held.shift(); question !== undefined; question = held.shift()) {
      const answer = zone.get(`${question.type} ${question.name}`) ?? { records: [] }
      feed({ kind: 'answered', question, answer })
    }
  }

  function pass(until: Millis): void {
    for (;;) {
      const due = location.deadline()
      if (due === undefined || due > until) break
      now = due
      feed({ kind: 'wake' })
    }
    now = until
  }

  function run(command: Command): void {
    const [first = ''] = command.words
    switch (command.name) {
      case 'families':
        location = new Location({
          random: seededRandom(1),
          families: command.words.map((word) => (word === '6' ? 6 : 4)),
        })
        return undefined
      case 'zone':
        zone.clear()
        for (const line of command.body) addRecord(zone, line)
        return undefined
      case 'hold':
        holding = true
        return undefined
      case 'answer':
        holding = false
        return answerAll()
      case 'pass':
        return pass(after(now, millis(1000 * Number(first))))
      case 'locate':
        for (const word of command.words) {
          const uri = parseUri(word)
          if (uri === undefined) lines.push(`no URI: ${word}`)
          else feed({ kind: 'locate', id: ++serial, uri })
        }
        return undefined
      default:
        return void lines.push(`unknown command ${command.name}`)
    }
  }

  return (command) => {
    lines = []
    run(command)
    return lines.join('\n') || 'ok'
  }
})

function targetText({ transport, host, port, serverName }: Target): string {
  const name = serverName === undefined ? '' : ` (${serverName})`
  return `${transport} ${host} ${port}${name}`
}

/** `name TYPE fields…`, as in a zone file; `name TYPE fails` for a dead server. */
function addRecord(zone: Map<string, Answer>, line: string): void {
  const [name = '', type = '', ...fields] = line.split(/\s+/)
  const key = `${type} ${name}`
  const known = zone.get(key) ?? { records: [] }
  const ttl = fields.find((field) => field.startsWith('ttl='))
  const lifetime = ttl === undefined ? {} : { lifetime: millis(1000 * Number(ttl.slice(4))) }
  if (fields[0] === 'fails') zone.set(key, { records: [], failed: true })
  else zone.set(key, { records: [...known.records, recordOf(type, fields)], ...lifetime })
}

function recordOf(type: string, [a = '', b = '', c = '', d = '', e = '']: string[]): DnsRecord {
  if (type === 'SRV')
    return { type, priority: Number(a), weight: Number(b), port: Number(c), name: d }
  if (type === 'NAPTR')
    return {
      type,
      order: Number(a),
      preference: Number(b),
      flags: c,
      service: d,
      replacement: e,
    }
  return { type: type === 'AAAA' ? 'AAAA' : 'A', address: a }
}

test('RFC 2782: weights decide how often a server comes first', () => {
  const location = new Location({ random: seededRandom(7), families: [4] })
  const answers: Record<string, Answer> = {
    'NAPTR w.example': { records: [] },
    'SRV _sip._udp.w.example': {
      records: [
        { type: 'SRV', priority: 1, weight: 70, port: 1, name: 'a' },
        { type: 'SRV', priority: 1, weight: 30, port: 2, name: 'b' },
        { type: 'SRV', priority: 1, weight: 0, port: 3, name: 'c' },
      ],
    },
    'SRV _sip._tcp.w.example': { records: [] },
    'SRV _sips._tcp.w.example': { records: [] },
    'A a': { records: [{ type: 'A', address: '192.0.2.1' }] },
    'A b': { records: [{ type: 'A', address: '192.0.2.2' }] },
    'A c': { records: [{ type: 'A', address: '192.0.2.3' }] },
  }
  const uri = parseUri('sip:w.example')
  assert(uri !== undefined, 'no URI')
  const firsts = [0, 0, 0, 0]
  for (let id = 0; id < 10_000; id++) {
    const inputs: LocationInput[] = [{ kind: 'locate', id, uri }]
    for (let input = inputs.shift(); input !== undefined; input = inputs.shift())
      for (const output of location.step(input, millis(0))) {
        if (output.kind === 'located') {
          expect(new Set(output.targets.map(({ port }) => port)).size).toBe(3)
          const port = output.targets[0]?.port ?? 0
          firsts[port] = (firsts[port] ?? 0) + 1
        } else {
          const { question } = output
          const answer = answers[`${question.type} ${question.name}`] ?? { records: [] }
          inputs.push({ kind: 'answered', question, answer })
        }
      }
  }
  expect(firsts[1]).toBeGreaterThan(6_500)
  expect(firsts[1]).toBeLessThan(7_500)
  expect(firsts[2]).toBeGreaterThan(2_500)
  expect(firsts[2]).toBeLessThan(3_500)
  expect(firsts[3]).toBeLessThan(300)
})
