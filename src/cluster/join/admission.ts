//! What the node that serves decides of a host that wants to become a node, or a server under a
//! name that an administrator has given it. One at a time: an id is given to one host only.

import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isLoopback } from '../../base/address.ts'
import { nowAndThen, type Warn } from '../../base/now-and-then.ts'
import { err, ok, type Result } from '../../base/result.ts'
import type { Host } from '../../base/host.ts'
import type { NodeId } from '../../control/ids.ts'
import type { ChangeFailure } from '../../raft/change.ts'
import { clusterNodes, givenNodeIds, nextNodeId } from '../../store/schema/node.ts'
import { registeredServer, serverId } from '../../store/schema/server.ts'
import { schemaVersion } from '../../store/schema/version.ts'
import type { Store } from '../../store/store.ts'
import { certify, keyHash } from '../../x509/issue.ts'
import { propose } from '../propose.ts'
import type { Standing } from '../protocol.ts'
import type { ClusterFiles, Peer } from '../settings.ts'
import type {
  JoinAnswer,
  JoinRequest,
  NodeRequest,
  ServerRequest,
  ServerWelcome,
  Welcome,
} from './messages.ts'
import { clockObjection } from './clock.ts'
import { objectionTo, schemaWithout } from './release.ts'
import { conflict, replaced } from './replaced.ts'
import { checkToken, expired, type JoinToken } from './token.ts'

/** Another host may be on its way in: so often, and so long apart, it is tried again. */
const TRIES = 40
const TRY_AGAIN_MS = 250
/** As Raft says that it takes no change of the membership now. */
const NOT_NOW: readonly (string | undefined)[] = [
  'one at a time',
  'too early',
  'office is being handed over',
] satisfies ChangeFailure[]
const ANOTHER = ', or one that was made beside it: make another with pbx cluster token'
const WITH_ANOTHER = 'make another token with pbx cluster token, and try again'
const AS_NEW = 'move its data directory away and let it join anew, by pbx cluster token of another'
/** Of a name and of an address, in the log. */
const SHOWN_MAX = 63

export type AdmissionParts = {
  readonly host: Host
  readonly store: Store
  readonly files: ClusterFiles
  /** `DATA/secret.key` as it is now. */
  readonly secretKey: () => Result<Uint8Array, string>
  /** Undefined while this node serves, else what to say. */
  readonly elsewhere: () => JoinAnswer | undefined
  /** Undefined when the membership has been changed, else why not. */
  readonly addToGroup: (node: NodeId, schema: number) => Promise<string | undefined>
  /** As `addToGroup`. */
  readonly removeFromGroup: (node: NodeId) => Promise<string | undefined>
  /** As last told; undefined when that has not been yet. */
  readonly standing: () => Pick<Standing, 'schema' | 'members'> | undefined
}

export class Admission {
  readonly #parts: AdmissionParts
  /** Of hosts that have proved nothing: any may ask, and as often as it likes. */
  readonly #complain: Warn
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: AdmissionParts) {
    this.#parts = parts
    this.#complain = nowAndThen(parts.host)
  }

  async admit(request: JoinRequest): Promise<JoinAnswer> {
    const { files, host, elsewhere } = this.#parts
    const purpose = 'role' in request ? 'server' : 'call-manager'
    const token = checkToken(files.authority, request.token, purpose)
    if (!token.ok) return refusedBy(this.#complain, request, token.error)
    const now = host.wall()
    // A host that joins anew has dated its token by its own clock.
    const off = clockObjection(request.now, now, files.settings.self) ?? expired(token.value, now)
    if (off !== undefined) return refusedBy(this.#complain, request, off)
    const there = elsewhere()
    if (there !== undefined) return there
    const key = keyOf(request)
    if (!key.ok) return this.#refused(request, key.error)
    return this.#inTurn(() => this.#next(request, token.value, key.value))
  }

  /** A node, for good. Undefined when it is done, else why not. */
  remove(node: NodeId): Promise<string | undefined> {
    const { store, removeFromGroup } = this.#parts
    return this.#inTurn(async () => {
      const refused = await this.#once(() => removeFromGroup(node))
      return refused ?? propose(store, { kind: 'node.left', id: node })
    })
  }

  /** One that is on its way in, or back, does not get past being removed. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#last.then(change)
    this.#last = changed.catch(() => undefined) // whoever asked is told; the next one is not
    return changed
  }

  async #next(request: JoinRequest, token: JoinToken, key: KeyObject): Promise<JoinAnswer> {
    const there = this.#parts.elsewhere()
    if (there !== undefined) return there
    const { name, host: at } = request
    const answer =
      'role' in request
        ? await this.#server(request, token, key)
        : await this.#node(request, token, key)
    if ('welcome' in answer)
      this.#parts.host.log('info', 'join.admitted', { id: answer.welcome.id, name, at })
    return answer
  }

  async #server(request: ServerRequest, token: JoinToken, key: KeyObject): Promise<JoinAnswer> {
    const { name, role, host: at } = request
    if (token.name !== name)
      return this.#refused(request, `the token is for the server ${token.name}, this is ${name}`)
    const found = await this.#parts.store.readLinearizable((db) => registeredServer(db, name))
    if (!found.ok) return this.#refused(request, `the store says ${found.error.kind}`)
    const known = found.value
    if (known?.role !== role) {
      const why = `there is no ${role} server ${name}: register it with pbx server add`
      return this.#refused(request, why)
    }
    if (known.address !== at) {
      const mend = 'start it with --address, or register it anew'
      return this.#refused(request, `${name} is registered at ${known.address}, not ${at}: ${mend}`)
    }
    const used = hash('sha256', request.token)
    const joined = { kind: 'server.joined', name, key: keyHash(key), token: used } as const
    const why = await propose(this.#parts.store, joined)
    if (why !== undefined) return this.#refused(request, why)
    return { kind: 'server-welcome', welcome: this.#certified(serverId(known), key) }
  }

  async #node(request: NodeRequest, token: JoinToken, key: KeyObject): Promise<JoinAnswer> {
    const { store } = this.#parts
    const { name, host: at, port, schema } = request
    const { vip } = this.#parts.files.settings
    if (vip?.addresses.some(({ address }) => address === at) === true)
      return this.#refused(request, `${at} is the virtual address: give the host's own`)
    if (vip !== undefined && isLoopback(at))
      return this.#refused(
        request,
        `--address ${at} is reached by nobody else: give the host's own`,
      )
    const found = await store.readLinearizable((db) => {
      return { given: givenNodeIds(db), nodes: clusterNodes(db), inForce: schemaVersion(db) }
    })
    if (!found.ok) return this.#refused(request, `the store says ${found.error.kind}`)
    const { given, nodes, inForce } = found.value
    // Never one that was there before: its disk may have forgotten what it promised.
    const id = token.id ?? nextNodeId(given)
    if (given.includes(id)) return this.#refused(request, `the token has been used${ANOTHER}`)
    const going = replaced(token, request, nodes, this.#parts.standing()?.members)
    if (going === undefined)
      return this.#refused(request, `${token.replaces} was removed from the cluster: ${AS_NEW}`)
    const taken = conflict(
      request,
      nodes.filter((node) => !going.includes(node.id)),
    )
    if (taken !== undefined) return this.#refused(request, taken)
    const old = objectionTo(schema, Math.max(inForce, this.#schemaWithout(going)))
    if (old !== undefined) return this.#refused(request, old)
    // Before anything is written down: it may be gone.
    const secret = this.#parts.secretKey()
    if (!secret.ok) return this.#refused(request, secret.error)
    const node = { id, name, host: at, port }
    const why =
      (await this.#enter(node, going)) ?? (await this.#intoGroup(node, schema, token.replaces))
    if (why !== undefined) return this.#refused(request, why)
    return { kind: 'welcome', welcome: this.#welcome(id, key, secret.value) }
  }

  /**
   * Those that go leave the group first, and are written down as gone in entries that are proposed
   * together with its own: they are known or it is, unless the log ends just between them, and the
   * next try takes that up.
   */
  async #enter(node: Peer, going: readonly NodeId[]): Promise<string | undefined> {
    const { store, removeFromGroup, host } = this.#parts
    for (const id of going) {
      const why = await this.#once(() => removeFromGroup(id))
      if (why !== undefined) return why
    }
    const left = going.map((id) => propose(store, { kind: 'node.left', id }))
    const whys = await Promise.all([...left, propose(store, { kind: 'node.joined', node })])
    const why = whys.find((each) => each !== undefined)
    if (why === undefined) for (const id of going) host.log('info', 'join.replaced', { id })
    return why
  }

  /** Undefined when that is committed. */
  async #intoGroup(node: Peer, schema: number, replaces: NodeId | undefined) {
    const { store, addToGroup } = this.#parts
    const { id } = node
    const refused = await this.#once(() => addToGroup(id, schema))
    // In the place of another it stays written down: the next try takes it up.
    if (refused !== undefined && replaces === undefined)
      await propose(store, { kind: 'node.left', id })
    const mend = replaces === undefined ? WITH_ANOTHER : 'try again'
    if (refused !== undefined) return `${refused}: ${mend}`
    // Behind the change in the log: once this is committed that is. No read would wait for it.
    const unsure = await propose(store, { kind: 'node.joined', node })
    if (unsure === undefined) return undefined
    return `${unsure}: ${mend}`
  }

  /** While a node is there that does not know the next one the group waits for it. */
  #schemaWithout(going: readonly NodeId[]): number {
    const standing = this.#parts.standing()
    return standing === undefined ? 0 : schemaWithout(going, standing.schema)
  }

  /** As soon as no other change is under way; else why not. */
  async #once(change: () => Promise<string | undefined>): Promise<string | undefined> {
    let why: string | undefined
    for (let tried = 0; tried < TRIES; tried++) {
      why = await change()
      if (!NOT_NOW.includes(why)) return why
      await sleep(TRY_AGAIN_MS)
    }
    return `the cluster is changing all the time (${why})`
  }

  #welcome(id: NodeId, key: KeyObject, secret: Uint8Array): Welcome {
    const { files } = this.#parts
    const { vip, timing } = files.settings
    return {
      ...this.#certified(id, key),
      authorityKey: files.authority.key,
      secretKey: Buffer.from(secret).toString('base64'),
      vip: vip && { addresses: vip.addresses },
      timing,
    }
  }

  #certified(id: NodeId, key: KeyObject): ServerWelcome {
    const { files, store } = this.#parts
    return {
      id,
      peers: store.read(clusterNodes).filter((node) => node.id !== id),
      certificate: certify([id], key, files.authority),
    }
  }

  #refused(request: JoinRequest, why: string): JoinAnswer {
    const { host } = this.#parts
    return refusedBy((event, fields) => host.log('warn', event, fields), request, why)
  }
}

function refusedBy(warn: Warn, { name, host }: JoinRequest, why: string): JoinAnswer {
  warn('join.refused', { name: name.slice(0, SHOWN_MAX), at: host.slice(0, SHOWN_MAX), why })
  return { kind: 'refused', why }
}

/** Before anything is written down: what cannot be signed is no node. */
function keyOf({ publicKey, host, name }: JoinRequest): Result<KeyObject, string> {
  if (!isIPv4(host)) return err(`--address "${host}" must be an IPv4 address`)
  if (!/^[\w.-]{1,63}$/.test(name)) return err('--name must be 1 to 63 letters, digits, or . _ -')
  try {
    const key = createPublicKey(publicKey)
    const { namedCurve } = key.asymmetricKeyDetails ?? {}
    return namedCurve === 'prime256v1' ? ok(key) : err('its key is not of the curve P-256')
  } catch {
    return err('its public key cannot be read') // no PEM
  }
}
