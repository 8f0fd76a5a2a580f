//! SIP over TLS: a listener with certificates by name that can be changed while it runs, and
//! connections of our own that verify whom they reach (RFC 5922).

import { isIP, type Socket } from 'node:net'
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  createServer,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
  type Server,
} from 'node:tls'
import { err, ok, type Result } from '../../base/result.ts'
import type { Admitted } from './admission.ts'
import type { Connection } from './connection.ts'
import { accept, dialled, listenStream, type Listening, type ListenFailure } from './tcp.ts'
import type { Dial, StreamNeeds } from './tcp.ts'

export type TlsIdentity = {
  /** PEM, the whole chain. */
  readonly certificate: string
  readonly key: string
  /** SNI names it serves; the first identity serves all other names too. */
  readonly names: readonly string[]
}

export type TlsTrust = {
  /** PEM certificates trusted besides the system's. */
  readonly authorities: readonly string[]
  /** False lets outgoing connections reach anyone; for laboratories. */
  readonly verify: boolean
}

/** In one turn of the event loop: each takes a millisecond, and others are served in between. */
const HANDSHAKES_A_TURN = 10

export class TlsSip {
  readonly #needs: StreamNeeds
  readonly #trust: TlsTrust
  /** Made once, when first wanted: reading the authorities takes a tenth of a second. */
  #outgoing: SecureContext | undefined
  readonly #servers: Server[] = []
  #contexts = new Map<string, SecureContext>()
  #identity: TlsIdentity | undefined
  /** Sockets whose handshake is to begin: after a failover all clients come at once. */
  #arrived: (() => void)[] = []
  readonly #handshakes = new Map<string, { readonly socket: Socket; readonly admitted: Admitted }>()

  constructor(needs: StreamNeeds, trust: TlsTrust) {
    this.#needs = needs
    this.#trust = trust
  }

  /** For new connections from now on; an unreadable certificate changes nothing. */
  present(identities: readonly TlsIdentity[]): Result<void, string> {
    const contexts = new Map<string, SecureContext>()
    const [first] = identities
    if (first === undefined) return err('TLS needs a certificate')
    try {
      for (const { certificate, key, names } of identities) {
        const context = createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' })
        for (const name of names) contexts.set(name.toLowerCase(), context)
      }
      for (const server of this.#servers)
        server.setSecureContext({ cert: first.certificate, key: first.key, minVersion: 'TLSv1.2' })
    } catch (failure) {
      // OpenSSL tells in its own words what it cannot read in the files.
      return err(failure instanceof Error ? failure.message : String(failure))
    }
    this.#contexts = contexts
    this.#identity = first
    return ok(undefined)
  }

  async listen(address: string, port: number): Promise<Result<Listening, ListenFailure>> {
    const identity = this.#identity
    if (identity === undefined) return err({ code: 'ENOCERT', address, port })
    const { admission, limits } = this.#needs.pool
    const secure = createServer({
      cert: identity.certificate,
      key: identity.key,
      minVersion: 'TLSv1.2',
      handshakeTimeout: limits.introduction,
      SNICallback: (name, done) => done(null, this.#contexts.get(name.toLowerCase())),
    })
    secure.on('secureConnection', (socket) => {
      const ends = endsText(socket)
      const done = this.#handshakes.get(ends)
      this.#handshakes.delete(ends)
      if (done === undefined) socket.destroy()
      else accept(this.#needs, 'tls', socket, done.admitted)
    })
    secure.on('tlsClientError', (failure, socket) => {
      const { address: from = '?' } = { address: socket.remoteAddress }
      this.#needs.onRefused(from, `TLS: ${failure.message}`)
      socket.destroy()
    })
    this.#servers.push(secure)
    // The bounds hold before the handshake, which is the dear part.
    return listenStream(this.#needs, address, port, (socket, admitted) => {
      const ends = endsText(socket)
      this.#handshakes.set(ends, { socket, admitted })
      // What goes wrong below TLS comes out above it as well, as tlsClientError or as error.
      socket.on('error', () => undefined)
      socket.once('close', () => {
        if (this.#handshakes.get(ends)?.admitted !== admitted) return
        this.#handshakes.delete(ends)
        admission.release(admitted)
      })
      this.#soon(() => secure.emit('connection', socket))
    })
  }

  #soon(begin: () => void): void {
    this.#arrived.push(begin)
    if (this.#arrived.length === 1) setImmediate(() => this.#begin())
  }

  #begin(): void {
    const now = this.#arrived.slice(0, HANDSHAKES_A_TURN)
    this.#arrived = this.#arrived.slice(HANDSHAKES_A_TURN)
    if (this.#arrived.length > 0) setImmediate(() => this.#begin())
    for (const begin of now) begin()
  }

  abandonHandshakes(): void {
    for (const { socket } of this.#handshakes.values()) socket.destroy()
  }

  dial(dial: Dial): Connection {
    const { target, from } = dial
    const { host, port, serverName } = target
    const name = serverName ?? host
    const secureContext = (this.#outgoing ??= trusting(this.#trust.authorities))
    const socket = connect({
      host,
      port,
      secureContext,
      rejectUnauthorized: this.#trust.verify,
      ...(from === undefined ? {} : { localAddress: from }),
      ...(isIP(name) === 0 ? { servername: name } : {}),
      checkServerIdentity: (_host: string, peer: PeerCertificate) => identityFault(name, peer),
    })
    socket.setNoDelay(true)
    return dialled(this.#needs, dial, socket, 'secureConnect')
  }
}

function trusting(authorities: readonly string[]): SecureContext {
  const minVersion = 'TLSv1.2'
  if (authorities.length === 0) return createSecureContext({ minVersion })
  return createSecureContext({ minVersion, ca: [...getCACertificates('default'), ...authorities] })
}

/** RFC 5922 §7.1: a SIP URI among the subject's names counts, and comes before DNS names. */
function identityFault(name: string, peer: PeerCertificate): Error | undefined {
  const uris = (peer.subjectaltname ?? '').split(', ').filter((each) => each.startsWith('URI:sip'))
  const wanted = [`URI:sip:${name}`, `URI:sips:${name}`].map((each) => each.toLowerCase())
  if (uris.some((each) => wanted.includes(each.toLowerCase()))) return undefined
  return checkServerIdentity(name, peer)
}

function endsText(socket: {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localPort?: number | undefined
}): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localPort}`
}
