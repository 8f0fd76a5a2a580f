//! Golden scripts: commands as JSON into a real replica, refusals and rows out.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { ReadConnection } from '../../src/store/database.ts'
import { openReplica, type OpenReplica } from '../../src/store/replica/open-replica.ts'
import type { Outcomes } from '../../src/store/replica/protocol.ts'
import type { Command, IdempotencyKey, Row } from '../../src/store/store.ts'
import { walk } from '../harness/datadriven.ts'

const directory = mkdtempSync(join(tmpdir(), 'pbx-schema-'))
const opened: OpenReplica[] = []
afterAll(() => {
  for (const { close } of opened) close()
  rmSync(directory, { recursive: true })
})

walk(new URL('./testdata/schema', import.meta.url).pathname, () => {
  const home = mkdtempSync(join(directory, 'data-'))
  let last: Outcomes | undefined
  const host = {
    onOutcomes: (outcomes: Outcomes) => void (last = outcomes),
    send: () => {},
    onFault: (error: unknown) => {
      throw error
    },
  }
  const replica = openReplica(home, { addon: undefined }, host)
  opened.push(replica)
  const reader = ReadConnection.open(join(home, 'pbx.db'), { addon: undefined })
  return (command) => {
    switch (command.name) {
      // apply [key=…]: one command a line, all of them in one commit
      case 'apply': {
        const key = command.arg('key') as IdempotencyKey | undefined
        const proposals = command.body.map((line) => {
          return { command: JSON.parse(line) as Command, key }
        })
        replica.replica.propose(proposals)
        const { indexes = [], refusals = [] } = last ?? {}
        const reasons = new Map(refusals.map(({ place, reason }) => [place, reason]))
        return indexes.map((index, place) => `${index} ${reasons.get(place) ?? 'ok'}`).join('\n')
      }
      case 'rows':
        return reader.all(command.body.join(' ')).map(show).join('\n') || 'none'
      default:
        return `unknown command ${command.name}`
    }
  }
})

function show(row: Row): string {
  const values = Object.entries(row).map(([name, value]) => {
    return `${name}=${value instanceof Uint8Array ? `${value.length} bytes` : String(value)}`
  })
  return values.join(' ')
}
