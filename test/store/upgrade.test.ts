//! Golden scripts: three nodes, of this release and of the next one, which goes over to a schema of
//! its own. Names of schemas: `now` and `next`.

import { afterEach } from 'vitest'
import { assert } from '../../src/base/assert.ts'
import type { NodeId } from '../../src/raft/entry.ts'
import { ReadConnection } from '../../src/store/database.ts'
import { RELEASE, SCHEMA_VERSION } from '../../src/store/schema/schema.ts'
import { schemaVersion } from '../../src/store/schema/version.ts'
import type { Command as StoreCommand } from '../../src/store/store.ts'
import { walk, type Command } from '../harness/datadriven.ts'
import { NEXT, NEXT_RELEASE } from '../harness/next-release.ts'
import { Group, IDS } from './group.ts'

const ELECTED = 300
const SETTLED = 30

let group = new Group()
afterEach(() => {
  for (const id of IDS) group.stop(id)
  group = new Group()
})

walk(new URL('./testdata/upgrade', import.meta.url).pathname, () => (command) => {
  try {
    return carryOut(command)
  } catch (fault) {
    return fault instanceof Error ? numbersNamed(`${fault.name}: ${fault.message}`) : String(fault)
  }
})

function carryOut({ name, words, body, arg }: Command): string {
  const ids = words.filter((word) => !word.includes('=')) as NodeId[]
  switch (name) {
    // start NODE… [release=next]: again, when it runs
    case 'start':
      for (const id of ids) group.start(id, arg('release') === 'next' ? NEXT_RELEASE : RELEASE)
      group.tick(ELECTED)
      return schemas()
    case 'stop':
      for (const id of ids) group.stop(id)
      group.tick(ELECTED)
      return schemas()
    // cut [NODE]: it hears nobody, and nobody hears it
    case 'cut':
      group.cut = ids[0]
      group.tick(ELECTED)
      return schemas()
    // apply: one command a line, to the leader
    case 'apply': {
      const before = group.outcomes.length
      const commands = body.map((line) => JSON.parse(line) as StoreCommand)
      group.leader.propose(commands.map((command) => ({ command, key: undefined })))
      group.tick(SETTLED)
      const refusals = group.outcomes.slice(before).flatMap((each) => each.refusals)
      return [...refusals.map(({ reason }) => reason), schemas()].join('\n')
    }
    case 'rows':
      return rows(body.join(' '))
    default:
      return `unknown command ${name}`
  }
}

function schemas(): string {
  const lines = [...group.nodes.keys()].toSorted().map((id) => {
    const schema = group.nodes.get(id)?.replica.schema
    const { inForce, newest = 0, waitsFor = [] } = schema ?? {}
    const whom = waitsFor.map((each) => `${each.id} (${named(each.knows)})`)
    const waits = newest === inForce ? '' : `; ${named(newest)} waits for ${whom.join(', ')}`
    return `${id}: ${named(inForce)}${waits}`
  })
  return lines.join('\n')
}

function named(schema: number | undefined): string {
  if (schema === undefined) return 'not heard of'
  const names = new Map([
    [SCHEMA_VERSION, 'now'],
    [NEXT, 'next'],
  ])
  return names.get(schema) ?? String(schema)
}

function numbersNamed(text: string): string {
  return text.replaceAll(/\b\d+\b/g, (number) => named(Number(number)))
}

/** Of all that are up, where they are the same. */
function rows(sql: string): string {
  const found = [...group.nodes.keys()].toSorted().map((id) => {
    const reader = ReadConnection.open(group.file(id), { addon: undefined })
    const lines = reader.all(sql).map((row) => Object.values(row).join(' '))
    const schema = named(schemaVersion(reader))
    reader.close()
    return `${schema}\n${lines.join('\n')}`
  })
  const [first = ''] = found
  assert(
    found.every((each) => each === first),
    `the nodes have ${found.join(' and ')}`,
  )
  return first
}
