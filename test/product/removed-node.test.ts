//! A node of three that an administrator removes: the others go on without it, it is told that it
//! is none any more, and comes back by a token of theirs only.

import { mkdirSync, renameSync } from 'node:fs'
import { expect, test } from 'vitest'
import { tokensIn, type Node, type Trio } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000

let trio: Trio
threeNodes(TIMEOUT_MS, (started) => void (trio = started))

const members = async (): Promise<readonly string[] | undefined> =>
  (await trio.serving())?.cluster?.members.map(({ id }) => id).toSorted()

test.skipIf(!can)(
  'a node that is removed is none until it is invited, and the others go on',
  { timeout: TIMEOUT_MS },
  async () => {
    const leader = await trio.leader()
    const [gone, other] = trio.nodes.filter((node) => node !== leader)
    if (gone === undefined || other === undefined) throw new Error('there are three')
    const idOf = (place: number): string => `node-${place + 1}`
    const id = idOf(trio.nodes.indexOf(gone))
    const rest = trio.nodes.flatMap((node, place) => (node === gone ? [] : [idOf(place)]))
    expect(await trio.write('before')).toBe(true)
    expect(leader.pbx('cluster', 'remove', id)).toContain('wipe its data')
    await expect.poll(members, { timeout: 20_000 }).toEqual(rest)
    const told = `"why":"${id} was removed from the cluster","mend":"stop it and wipe its data`
    await trio.until('it is told', () => gone.output.includes(told))
    const says = `removed     ${id} was removed from the cluster: stop it`
    await trio.until('its status says so', () => statusOf(gone).includes(says))
    expect(await trio.write('meanwhile')).toBe(true)
    // Two are enough, and each of them may serve.
    leader.pbx('transfer-leadership')
    await trio.until('the other serves', async () => (await trio.leader()) === other)
    expect(await trio.write('by-the-other')).toBe(true)
    gone.signal('SIGTERM')
    await gone.stopped()
    // It is a client like any other.
    expect(gone.host.run('nft', 'list', 'tables')).toBe('')
    expect(() => gone.pbx('cluster', 'rejoin')).toThrow(`${id} was removed from the cluster`)
    expect(await members()).toEqual(rest)
    renameSync(gone.data, `${gone.data}-before`)
    mkdirSync(gone.data)
    const [token = ''] = tokensIn(other.pbx('cluster', 'token'))
    expect(gone.join(token)).toContain('this host is node-4')
    expect(() => gone.join(token)).toThrow('is of a node of a cluster already')
    gone.start()
    await trio.whole()
    expect(await members()).toEqual([...rest, 'node-4'])
    const users = await trio.users()
    expect(['before', 'meanwhile', 'by-the-other'].filter((user) => !users.has(user))).toEqual([])
  },
)

/** It ends with 1, since such a node is not well. */
function statusOf({ host, main, data }: Node): string {
  const words = [process.execPath, main, 'status', '--data', data]
  return host.run('sh', '-c', '"$@" || test $? = 1', 'sh', ...words)
}
