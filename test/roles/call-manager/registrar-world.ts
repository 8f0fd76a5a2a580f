//! Registrar, authenticator and directory on a real store, and phones that speak to them in real
//! messages; no sockets between.

import { assert } from '../../../src/base/assert.ts'
import type { Host } from '../../../src/base/host.ts'
import { wallTime } from '../../../src/base/time.ts'
import type { TenantId } from '../../../src/control/ids.ts'
import { parseChallenge } from '../../../src/sip/auth/challenge.ts'
import { formatCredentials } from '../../../src/sip/auth/credentials.ts'
import { answer } from '../../../src/sip/auth/digest.ts'
import type { SipMessage, SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { serialize } from '../../../src/sip/message/serialize.ts'
import { from, topVia } from '../../../src/sip/message/views.ts'
import type { FlowId, Source, TransportName } from '../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import type { Store } from '../../../src/store/store.ts'
import { openVault } from '../../../src/store/vault.ts'
import {
  createAuthenticator,
  type Authenticator,
} from '../../../roles/call-manager/auth/authenticator.ts'
import { openDirectory, type Directory } from '../../../roles/call-manager/directory.ts'
import {
  startRegistrar,
  type RunningRegistrar,
} from '../../../roles/call-manager/registrar/registrar-host.ts'
import { newHome, newStore } from '../../store/home.ts'
import { realHost } from '../../store/host.ts'

export type Credentials = { readonly user: string; readonly password: string }

export class RegistrarWorld {
  readonly host: Host
  readonly store: Store
  readonly directory: Directory
  readonly authenticator: Authenticator
  readonly registrar: RunningRegistrar
  readonly #answers = new Map<ServerKey, (response: SipResponse) => void>()
  readonly #flowListeners = new Set<(flow: FlowId) => void>()
  readonly #close: () => void
  #keys = 0

  static async open(
    home = newHome(),
    host = realHost(),
    around = (store: Store): Store => store,
  ): Promise<RegistrarWorld> {
    return new RegistrarWorld(home, host, around(await newStore(home)))
  }

  private constructor(home: string, host: Host, store: Store) {
    this.host = host
    this.store = store
    const vault = openVault(home)
    const directory = openDirectory({ store, vault, isOurs: (name) => name === '127.0.0.1' })
    this.directory = directory
    this.#close = directory.close
    this.authenticator = createAuthenticator({ host, directory })
    this.registrar = startRegistrar({
      host,
      date: host.wall,
      store,
      vault,
      directory,
      respond: (key, response) => this.#answers.get(key)?.(response),
      isOpen: () => true,
      flowClosed: (listener) => {
        this.#flowListeners.add(listener)
        return () => this.#flowListeners.delete(listener)
      },
    })
  }

  async tenant(domain: string, ...users: readonly Credentials[]): Promise<void> {
    const tenant = domain as TenantId
    const at = wallTime(1)
    const put = { kind: 'tenant.put', tenant, name: domain, primaryDomain: domain, at } as const
    assert((await this.store.propose(put)).ok, 'the tenant is new')
    for (const { user, password } of users) {
      const secret = { kind: 'password', realm: domain, password } as const
      const named = { tenant, user, displayName: user, enabled: true, at }
      await this.store.propose({ kind: 'extension.put', ...named, secret })
    }
  }

  closeFlow(flow: FlowId): void {
    for (const listener of this.#flowListeners) listener(flow)
  }

  /** What comes back to a datagram or a frame; undefined when nothing does. */
  receive(text: string, source: Source): Promise<SipResponse | undefined> {
    const message = read(text)
    assert(message.kind === 'request', 'phones send requests')
    return new Promise((resolve) => {
      const verdict = this.authenticator.authenticate(message, source)
      if (verdict.kind === 'drop') return resolve(undefined)
      if (verdict.kind !== 'ok') return resolve(sent(verdict.response))
      const key = String(++this.#keys) as ServerKey
      this.#answers.set(key, (response) => resolve(sent(response)))
      this.registrar.register(message, key, source, verdict.extension)
    })
  }

  async stop(): Promise<void> {
    this.registrar.stop()
    this.#close()
    await this.store.close()
  }
}

/** Through the wire and back, as a phone sees it. */
function sent(response: SipResponse): SipResponse {
  const message = read(serialize(response).toString('latin1'))
  assert(message.kind === 'response', 'responses stay what they are')
  return message
}

function read(text: string): SipMessage {
  const parsed = parseMessage(Buffer.from(text, 'latin1'))
  assert(parsed.ok, `unreadable:\n${text}`)
  return parsed.value
}

export function sourceOf(transport: TransportName, address: string, port: number): Source {
  const flow = `${transport}:${address}:${port}` as FlowId
  return { flow, transport, address, port, localAddress: '127.0.0.1', localPort: 5060 }
}

/** The request again with what the challenge asks for, as RFC 3665 shows it. */
export function withCredentials(
  text: string,
  challenged: SipResponse | undefined,
  { user, password }: Credentials,
): string {
  const offered = challenged?.headers.all('www-authenticate').map(parseChallenge)
  const challenge = offered?.find((each) => each !== undefined)
  assert(challenge !== undefined, 'there is a challenge to answer')
  const { method, uri } = request(text)
  const cnonce = '0a4f113b'
  const answered = answer({ challenge, user, password, method, uri, cnonce, nonceCount: 1 })
  const line = `Authorization: ${formatCredentials(answered)}\r\n`
  const again = text.replace(/^CSeq: (\d+)/m, (_, number) => `CSeq: ${Number(number) + 1}`)
  return again.replace(/^Contact:|^Content-Length:/m, (name) => `${line}${name}`)
}

function request(text: string): SipRequest {
  const message = read(text)
  assert(message.kind === 'request' && from(message) !== undefined, 'a whole request')
  assert(topVia(message) !== undefined, 'with a Via')
  return message
}
