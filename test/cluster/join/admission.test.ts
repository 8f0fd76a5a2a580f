//! What becomes of hosts that ask to join, with a real store: ids, refusals, what is left behind.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Admission } from '../../../src/cluster/join/admission.ts'
import type {
  JoinAnswer,
  JoinRequest,
  NodeRequest,
  ServerRequest,
} from '../../../src/cluster/join/messages.ts'
import { makeToken, nodeTokens } from '../../../src/cluster/join/token.ts'
import type { MemberStanding, Standing } from '../../../src/cluster/protocol.ts'
import type { ClusterFiles } from '../../../src/cluster/settings.ts'
import { err, ok, type Result } from '../../../src/base/result.ts'
import type { NodeId } from '../../../src/control/ids.ts'
import { openStore } from '../../../src/store/open.ts'
import { clusterNodes, givenNodeIds } from '../../../src/store/schema/node.ts'
import { SCHEMA_VERSION } from '../../../src/store/schema/schema.ts'
import { registeredServer } from '../../../src/store/schema/server.ts'
import type { Command, Store } from '../../../src/store/store.ts'
import { authority, issue, newKey } from '../../../src/x509/issue.ts'
import { realHost, type LoggedEvent } from '../../store/host.ts'

const CA = authority('a cluster', new Date())
const ONE = { id: 'node-1' as NodeId, name: 'one', host: '10.0.0.1', port: 7_480 }
const files: ClusterFiles = {
  settings: {
    self: ONE,
    peers: [],
    vip: { addresses: [{ address: '10.0.0.100', prefix: 24 }], interface: 'eth0' },
    timing: 'default',
    isNew: false,
  },
  identity: issue([ONE.id], CA),
  authority: CA,
}

let directory: string
let store: Store
let added: NodeId[]
let removed: NodeId[]
let secretKey: Result<Uint8Array, string>
let standing: Pick<Standing, 'schema' | 'members'>

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pbx-admission-'))
  const onFault = (fault: Error): void => {
    throw fault
  }
  store = await openStore({ host: realHost(), directory, onFault })
  await store.propose({ kind: 'node.joined', node: ONE })
  added = []
  removed = []
  secretKey = ok(new Uint8Array(32))
  const schema = { inForce: SCHEMA_VERSION, newest: SCHEMA_VERSION, waitsFor: [] }
  standing = { schema, members: [member('node-1', 'voter', true)] }
})

afterEach(async () => {
  await store.close()
  rmSync(directory, { recursive: true })
})

function member(id: string, kind: 'voter' | 'learner', isConnected: boolean): MemberStanding {
  const unknown = { lag: undefined, unfit: undefined, clockAhead: undefined }
  return { id: id as NodeId, kind, isConnected, ...unknown }
}

type Refusing = (change: 'add' | 'remove') => string | undefined

function admission(refused?: Refusing, events: LoggedEvent[] = []): Admission {
  return new Admission({
    host: realHost(events),
    store,
    files,
    secretKey: () => secretKey,
    elsewhere: () => undefined,
    addToGroup(node) {
      const why = refused?.('add')
      if (why === undefined) added.push(node)
      return Promise.resolve(why)
    },
    removeFromGroup(node) {
      const why = refused?.('remove')
      if (why === undefined) removed.push(node)
      return Promise.resolve(why)
    },
    standing: () => standing,
  })
}

function request(number: number, more: Partial<NodeRequest> = {}): JoinRequest {
  const { host, port } = ONE
  const expires = Date.now() + 60_000
  const id = `node-${number}` as NodeId
  const token = makeToken(CA, { purpose: 'call-manager', id, host, port, expires })
  const own = { name: `n${number}`, host: `10.0.0.${number}`, port: 7_480 }
  return { token, ...own, schema: SCHEMA_VERSION, publicKey: newKey().publicKey, ...more }
}

const outcome = (answer: JoinAnswer): string =>
  answer.kind === 'welcome' ? answer.welcome.id : 'why' in answer ? answer.why : answer.kind
const known = (): readonly string[] => store.read(clusterNodes).map(({ id }) => id)

test('hosts that ask at the same moment are different nodes', async () => {
  const asked = admission()
  const answers = await Promise.all([2, 3, 4].map((number) => asked.admit(request(number))))
  expect(answers.map(outcome)).toEqual(['node-2', 'node-3', 'node-4'])
  expect(added).toEqual(['node-2', 'node-3', 'node-4'])
  expect(known()).toEqual(['node-1', 'node-2', 'node-3', 'node-4'])
})

test.each([
  ['a key that is none', { publicKey: 'garbage' }, 'cannot be read'],
  ['a private key of the wrong kind', { publicKey: '-----BEGIN X-----' }, 'cannot be read'],
  ['a name that is none', { name: 'a\nb' }, '--name'],
  ['a host that is no address', { host: '$(reboot)' }, '--address'],
  ['the virtual address', { host: '10.0.0.100' }, 'virtual address'],
  [
    'the name of another',
    { name: 'ONE' },
    /named ONE: node-1 at 10.0.0.1; .*lost.*remove node-1 .*again with --name one; .* --name$/,
  ],
  [
    'the address of another',
    { host: ONE.host },
    /another node is at 10.0.0.1 port 7480: node-1 \(one\); .*another --address$/,
  ],
  ['an address that nobody else reaches', { host: '127.0.0.1' }, "give the host's own"],
  [
    'a clock that is years behind',
    { now: Date.UTC(2016, 0) },
    /clock of this host says 2016-01-01T00:00:00.000Z, those of the cluster 20.*timedatectl/,
  ],
  ['a clock that is a day ahead', { now: Date.now() + 86_400_000 }, 'let NTP set all'],
  ['no token, whatever its clock says,', { token: 'x.y', now: 0 }, 'not of this cluster'],
  ['no token', { token: 'x.y' }, 'not of this cluster'],
  ['an older release', { schema: SCHEMA_VERSION - 1 }, 'update pbx there, then let it join'],
])('%s is refused, and nothing is left behind', async (_, more, why) => {
  expect(outcome(await admission().admit(request(2, more)))).toMatch(why)
  expect(added).toEqual([])
  expect(known()).toEqual(['node-1'])
})

test('who proves nothing is logged now and then, and not at length', async () => {
  const events: LoggedEvent[] = []
  const asked = admission(undefined, events)
  const long = 'x'.repeat(4_000)
  for (let times = 0; times < 50; times++)
    expect(
      outcome(await asked.admit(request(2, { token: 'x.y', name: long, host: long }))),
    ).toContain('not of this cluster')
  expect(events).toHaveLength(1)
  expect(JSON.stringify(events).length).toBeLessThan(400)
  // Whoever has a token is always told of.
  for (let times = 0; times < 2; times++) await asked.admit(request(2, { name: long }))
  expect(events).toHaveLength(3)
  expect(JSON.stringify(events).length).toBeLessThan(1_000)
})

test('a token is good once, for one host; those that were made together in any order', async () => {
  const [two, three] = nodeTokens(files, [], 2).map((token) => ({ token }))
  const asked = admission()
  expect(outcome(await asked.admit(request(9, three)))).toBe('node-3')
  expect(outcome(await asked.admit(request(8, three)))).toContain('the token has been used')
  expect(outcome(await asked.admit(request(8, two)))).toBe('node-2')
  expect(outcome(await asked.admit(request(7, two)))).toContain(
    'make another with pbx cluster token',
  )
  // Nor when its node is gone.
  await store.propose({ kind: 'node.left', id: 'node-2' as NodeId })
  expect(outcome(await asked.admit(request(7, two)))).toContain('the token has been used')
  const [next] = nodeTokens(files, store.read(givenNodeIds), 1).map((token) => ({ token }))
  expect(outcome(await asked.admit(request(7, next)))).toBe('node-4')
  expect(known()).toEqual(['node-1', 'node-3', 'node-4'])
})

test('without the key of the secrets nobody is let in, and nothing is left behind', async () => {
  secretKey = err('the node that serves cannot read its secret.key: ENOENT')
  expect(outcome(await admission().admit(request(2)))).toBe(secretKey.error)
  expect([known(), added]).toEqual([['node-1'], []])
  secretKey = ok(new Uint8Array(32))
  expect(outcome(await admission().admit(request(2)))).toBe('node-2')
})

test('what the group refuses is no node, and its id is not used again', async () => {
  const refusing = admission(() => 'not the leader')
  expect(outcome(await refusing.admit(request(2)))).toBe(
    'not the leader: make another token with pbx cluster token, and try again',
  )
  expect(known()).toEqual(['node-1'])
  expect(outcome(await admission().admit(request(2)))).toContain('has been used')
  expect(outcome(await admission().admit(request(3)))).toBe('node-3')
})

/** The group takes it in, and then the leader that did so leads no more. */
async function losing(wanted: JoinRequest): Promise<JoinAnswer> {
  const whole = store
  let leads = true
  const propose: Store['propose'] = (command, key) =>
    leads ? whole.propose(command, key) : Promise.resolve(err({ kind: 'no-leader' }))
  store = { ...whole, propose }
  const lost = admission((change) => {
    if (change === 'add') leads = false
    return undefined
  })
  const answer = await lost.admit(wanted)
  store = whole
  return answer
}

const AGAIN = 'the store says no-leader: make another token with pbx cluster token, and try again'

test.each([
  ['taken in', [member('node-2', 'learner', false)]],
  ['not taken in', []],
])(
  'whose place is not committed is not welcome yet; %s after all, it may try again',
  async (_, members) => {
    expect(outcome(await losing(request(2)))).toBe(AGAIN)
    expect(known()).toEqual(['node-1', 'node-2'])
    standing = { ...standing, members: [...standing.members, ...members] }
    const again = { name: 'n2', host: '10.0.0.2' }
    expect(outcome(await admission().admit(request(3, again)))).toBe('node-3')
    expect(removed).toEqual(['node-2'])
    expect(known()).toEqual(['node-1', 'node-3'])
  },
)

test('nor is one that joins anew, and it may try again by itself', async () => {
  await admission().admit(request(2))
  expect(outcome(await losing(rejoining(2, 'node-2')))).toBe('the store says no-leader: try again')
  expect(outcome(await admission().admit(rejoining(2, 'node-2')))).toBe('node-4')
  expect(known()).toEqual(['node-1', 'node-4'])
})

test.each([
  ['has a vote', 'voter', false],
  ['is there', 'learner', true],
] as const)('a node that %s is not left of an earlier try', async (_, kind, isConnected) => {
  await admission().admit(request(2))
  standing = { ...standing, members: [...standing.members, member('node-2', kind, isConnected)] }
  const again = { name: 'n2', host: '10.0.0.2' }
  expect(outcome(await admission().admit(request(3, again)))).toContain('another node is named n2')
  expect(removed).toEqual([])
})

test('one that comes while another is on its way in waits', async () => {
  const says = ['one at a time', 'too early', 'office is being handed over', undefined]
  expect(outcome(await admission(() => says.shift()).admit(request(2)))).toBe('node-2')
  expect(says).toEqual([])
})

test('who is removed while it is on its way in is none when it has come', async () => {
  let tries = 0
  const admitting = admission(() => (++tries === 1 ? 'one at a time' : undefined))
  const coming = admitting.admit(request(2))
  await vi.waitUntil(() => tries === 1)
  const going = admitting.remove('node-2' as NodeId)
  expect(outcome(await coming)).toBe('node-2')
  expect(await going).toBeUndefined()
  expect([added, removed]).toEqual([['node-2'], ['node-2']])
  expect(known()).toEqual(['node-1'])
})

function rejoining(number: number, id: string, more: Partial<JoinRequest> = {}): JoinRequest {
  const { host, port } = ONE
  const expires = Date.now() + 60_000
  const by = { purpose: 'call-manager', replaces: id as NodeId, host, port, expires } as const
  return request(number, { token: makeToken(CA, by), ...more })
}

test('who joins anew goes first, and is another; so it is when the answer was lost', async () => {
  await admission().admit(request(2))
  expect(outcome(await admission().admit(rejoining(2, 'node-2')))).toBe('node-3')
  expect(known()).toEqual(['node-1', 'node-3'])
  // It asks as what it was before.
  expect(outcome(await admission().admit(rejoining(2, 'node-2')))).toBe('node-4')
  expect(known()).toEqual(['node-1', 'node-4'])
})

test('whose clock is far off is told that, not that the token it has signed is old', async () => {
  await admission().admit(request(2))
  const by = { purpose: 'call-manager', replaces: 'node-2' as NodeId, host: '', port: 1 } as const
  const late = { now: 0, token: makeToken(CA, { ...by, expires: 1 }) }
  expect(outcome(await admission().admit(request(2, late)))).toMatch(/^the clock of this host/)
})

test('who goes and who comes in its place are written down in one piece', async () => {
  await admission().admit(request(2))
  const seen: (readonly string[])[] = []
  const cancel = store.applied(({ command }) => {
    if (command.kind === 'node.left') seen.push(known())
  })
  await admission().admit(rejoining(2, 'node-2'))
  cancel()
  expect(seen).toEqual([['node-1', 'node-3']])
})

test('where only half of it is done, joining anew once more does all of it', async () => {
  await admission().admit(request(2))
  const halfway = admission((change) => (change === 'add' ? 'not the leader' : undefined))
  expect(outcome(await halfway.admit(rejoining(2, 'node-2')))).toBe('not the leader: try again')
  expect(known()).toEqual(['node-1', 'node-3'])
  expect(outcome(await admission().admit(rejoining(2, 'node-2')))).toBe('node-4')
  expect(known()).toEqual(['node-1', 'node-4'])
})

test('a node that an update waits for is not replaced by one of an older release', async () => {
  await admission().admit(request(2))
  const asOf = (...waiting: readonly string[]): void => {
    const waitsFor = waiting.map((id) => ({ id: id as NodeId, knows: undefined }))
    standing = {
      ...standing,
      schema: { inForce: SCHEMA_VERSION, newest: SCHEMA_VERSION + 1, waitsFor },
    }
  }
  asOf('node-2')
  const again = (): Promise<JoinAnswer> => admission().admit(rejoining(2, 'node-2'))
  expect(outcome(await again())).toContain('update pbx there, then let it join')
  expect(known()).toEqual(['node-1', 'node-2'])
  // The update goes on to wait for another.
  asOf('node-1', 'node-2')
  expect(outcome(await again())).toBe('node-3')
})

test('who was removed does not come back by its own word', async () => {
  await admission().admit(request(2))
  await store.propose({ kind: 'node.left', id: 'node-2' as NodeId })
  const why =
    'node-2 was removed from the cluster: move its data directory away and let it join anew'
  expect(outcome(await admission().admit(rejoining(2, 'node-2')))).toContain(why)
  expect(outcome(await admission().admit(rejoining(5, 'node-7')))).toContain('was removed')
  expect(known()).toEqual(['node-1'])
  expect(outcome(await admission().admit(request(3)))).toBe('node-3')
})

test('who cannot go does not come either, nor who is of another cluster', async () => {
  await admission().admit(request(2))
  const refusing = admission(() => 'this node leads: transfer leadership first')
  expect(outcome(await refusing.admit(rejoining(2, 'node-2')))).toContain('transfer leadership')
  expect(known()).toEqual(['node-1', 'node-2'])
  const other = authority('another cluster', new Date())
  const by = { purpose: 'call-manager', replaces: ONE.id, host: '10.0.0.2', port: 1 } as const
  const forged = makeToken(other, { ...by, expires: Date.now() + 60_000 })
  expect(outcome(await admission().admit(request(3, { token: forged })))).toContain('not of this')
  expect(known()).toEqual(['node-1', 'node-2'])
})

test('a server is let in once, by its own token, under its name and from its address', async () => {
  const asked = admission()
  const added = { kind: 'server.added', name: 'media-1', role: 'media', address: '10.0.0.31' }
  await store.propose(added as Command)
  await store.propose({ ...added, name: 'media-2', address: '10.0.0.32' } as Command)
  const token = serverToken('media-1')
  const server = (more: Partial<ServerRequest> = {}): ServerRequest => {
    const own = { name: 'media-1', role: 'media', host: '10.0.0.31' } as const
    return { token, ...own, publicKey: newKey().publicKey, ...more }
  }
  const ask = async (wanted: JoinRequest): Promise<string> => outcome(await asked.admit(wanted))
  expect(await ask(server({ name: 'media-2' }))).toContain('is for the server media-1')
  expect(await ask(server({ host: '10.0.0.99' }))).toContain(
    'registered at 10.0.0.31, not 10.0.0.99',
  )
  expect(await ask(server({ token: serverToken('Media-1'), name: 'Media-1' }))).toContain(
    'no media',
  )
  expect(await ask(server({ token: serverToken('media-1', -1) }))).toContain('expired')
  expect(await ask(request(5, { token }))).toContain('for something else')
  expect(await ask(server({ token: request(5).token }))).toContain('for something else')
  expect(keyOf('media-1')).toBeUndefined()
  const answer = await asked.admit(server())
  if (answer.kind !== 'server-welcome') throw new Error(outcome(answer))
  // It gets no secret of the cluster.
  expect(Object.keys(answer.welcome).toSorted()).toEqual(['certificate', 'id', 'peers'])
  expect(answer.welcome.id).toBe('media:media-1')
  const first = keyOf('media-1')
  expect(first).toMatch(/^[0-9a-f]{64}$/)
  expect(await ask(server())).toContain('has been used')
  expect(await ask(server({ token: serverToken('media-1') }))).toBe('server-welcome')
  expect(keyOf('media-1')).not.toBe(first)
})

function serverToken(name: string, forMs = 60_000): string {
  const { host, port } = ONE
  return makeToken(CA, { purpose: 'server', name, host, port, expires: Date.now() + forMs })
}

const keyOf = (name: string): string | undefined =>
  store.read((db) => registeredServer(db, name))?.key
