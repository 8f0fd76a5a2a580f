//! The joining host's side: asks for its place, and writes down what it is told.

import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { SCHEMA_VERSION } from '../../store/schema/schema.ts'
import { newKey } from '../../x509/issue.ts'
import { writeWhole } from '../files.ts'
import { isInCluster, writeCluster, type Peer } from '../settings.ts'
import { LINE_MAX, type JoinAnswer, type JoinRequest, type Welcome } from './messages.ts'
import { fingerprint, readToken } from './token.ts'
import { isNodeId } from '../../store/schema/node.ts'

const PATIENCE_MS = 20_000
const REDIRECTS_MAX = 3
/** More than all that a host is told when it is let in. */
const ROOM_BYTES = 65_536
const LOOK = 'is pbx running there, and is that port open to this host?'
const ELSEWHERE = 'name an empty directory with --data'
const TRY_AGAIN = 'mend that, and try again'
const WITH_ANOTHER = 'mend that, and join again with another token (pbx cluster token)'

/** Its message says what is wrong and how to mend it. */
export class JoinFault extends Error {
  override readonly name = 'JoinFault'
  /** It may be let in later. */
  readonly exitCode = 1
}

export type Joining = {
  readonly token: string
  readonly data: string
  readonly name: string
  readonly host: string
  readonly port: number
  /** Of this host, for the virtual address; undefined is allowed where there is none. */
  readonly interface: string | undefined
}

export async function joinCluster(joining: Joining): Promise<Peer> {
  const { data, name, host, port } = joining
  const token = readToken(joining.token)
  if (token === undefined)
    throw new JoinFault('the token is not whole: copy it as pbx cluster token prints it')
  if (isInCluster(data))
    throw new JoinFault(`${data} is of a node of a cluster already: start it, or ${ELSEWHERE}`)
  if (existsSync(join(data, 'pbx.db'))) {
    const mend = `${ELSEWHERE}, or move that one away`
    throw new JoinFault(`${data} holds a system of its own, which would be lost: ${mend}`)
  }
  tryWriting(data)
  const { key, publicKey } = newKey()
  const own = { name, host, port, schema: SCHEMA_VERSION, now: Date.now() }
  const request = { token: joining.token, ...own, publicKey }
  const { answer, certificate: authority } = await ask(token, token.authority, () => request)
  if (answer.kind !== 'welcome') throw new JoinFault('it makes a server of this host, not a node')
  const { welcome } = answer
  const self: Peer = { id: welcome.id, name, host, port }
  if (welcome.vip !== undefined && joining.interface === undefined)
    throw new JoinFault('the cluster has a virtual address: name the interface with --interface')
  writing(data, WITH_ANOTHER, () =>
    writeNode(data, { welcome, self, interface: joining.interface, key, authority }),
  )
  return self
}

export type Admitted = {
  readonly welcome: Welcome
  readonly self: Peer
  readonly interface: string | undefined
  /** Of this node, in PEM. */
  readonly key: string
  /** The authority's certificate. */
  readonly authority: string
}

/** All that a node has to know before it runs for the first time. */
export function writeNode(data: string, admitted: Admitted): void {
  const { welcome, self, interface: device, key, authority } = admitted
  const { vip, timing, peers } = welcome
  writeWhole(data, join(data, 'secret.key'), Buffer.from(welcome.secretKey, 'base64'))
  writeCluster(data, {
    settings: { self, peers, timing, isNew: true, vip: vip && { ...vip, interface: device ?? '' } },
    identity: { certificate: welcome.certificate, key },
    authority: { certificate: authority, key: welcome.authorityKey },
  })
}

/** Whoever asks is given a place, and its token is used: before that the disk has to have room. */
export function tryWriting(data: string): void {
  const file = join(data, 'room')
  writing(data, TRY_AGAIN, () => {
    mkdirSync(data, { recursive: true, mode: 0o750 })
    writeWhole(data, file, new Uint8Array(ROOM_BYTES))
    rmSync(file)
  })
}

/** `mend`: what helps when it cannot. */
export function writing(data: string, mend: string, write: () => void): void {
  try {
    write()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new JoinFault(`${data} cannot be written (${why}): ${mend}`)
  }
}

export type Place = { readonly host: string; readonly port: number }

/** `HOST` or `HOST:PORT`, as `option` was given. Throws a `JoinFault`. */
export function placeOf(at: string, port: number, option: string): Place {
  const [, bracketed, plain, number] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(at) ?? []
  const host = isIP(at) === 6 ? at : (bracketed ?? plain)
  const wanted = number === undefined ? port : Number(number)
  if (host === undefined || wanted < 1 || wanted > 65_535)
    throw new JoinFault(`${option} "${at}" must be an address, or ADDRESS:PORT`)
  return { host, port: wanted }
}

/** As seen from `host`, its address here. */
export type AskFrom = (host: string) => JoinRequest

/** The node that was asked may know a better one: the leader. */
export async function ask(
  first: Place,
  trusted: string,
  request: AskFrom,
): Promise<Answered<Welcomed>> {
  let at = first
  for (let asked = 0; asked <= REDIRECTS_MAX; asked++) {
    const { answer, certificate } = await askAt(at, trusted, request)
    if (answer.kind === 'refused') throw new JoinFault(answer.why)
    if (answer.kind === 'elsewhere') {
      at = answer
      continue
    }
    return { answer, certificate }
  }
  throw new JoinFault('the nodes do not agree on who leads: try again in a moment')
}

type Welcomed = Exclude<JoinAnswer, { kind: 'refused' | 'elsewhere' }>
/** `certificate`: of the authority, in PEM. */
type Answered<Answer> = { readonly answer: Answer; readonly certificate: string }

function askAt(
  { host, port }: Place,
  trusted: string,
  request: AskFrom,
): Promise<Answered<JoinAnswer>> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      socket.destroy()
      reject(new JoinFault(`${host} port ${port}: ${why}`))
    }
    // Trust comes from the token: it names the authority.
    const socket = connect({ host, port, rejectUnauthorized: false, minVersion: 'TLSv1.3' })
    let heard = ''
    let certificate: string | undefined
    socket.setTimeout(PATIENCE_MS, () => fail(`no answer: ${LOOK}`))
    socket.on('error', ({ message }) =>
      fail(message.startsWith('connect ') ? `${message}: ${LOOK}` : message),
    )
    socket.on('secureConnect', () => {
      certificate = authorityOf(socket, trusted)
      if (certificate === undefined)
        return fail('it is no node of the cluster that the token names')
      socket.write(`${JSON.stringify(request(socket.localAddress ?? ''))}\n`)
    })
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      heard += text
      if (heard.length > LINE_MAX) fail('it answers at too great length')
    })
    socket.on('end', () => {
      if (certificate === undefined || !heard.endsWith('\n')) return fail('it hung up')
      const answer = parsed(heard)
      if (answer === undefined) return fail('it answers in a way that this release does not know')
      resolve({ answer, certificate })
    })
  })
}

/** From a node of the cluster, proven: of another release at worst. */
function parsed(line: string): JoinAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(line)
    const isAnswer = typeof answer === 'object' && answer !== null && 'kind' in answer
    return isAnswer ? (answer as JoinAnswer) : undefined
  } catch {
    return undefined // told to whoever asked
  }
}

/**
 * The authority's certificate in PEM when the other end is a node that it has signed for. It signs
 * for servers too, which are not to have a token that opens the secrets of the cluster.
 */
function authorityOf(socket: TLSSocket, trusted: string): string | undefined {
  const leaf = socket.getPeerX509Certificate()
  const issuer = leaf?.issuerCertificate
  if (leaf === undefined || issuer === undefined) return undefined
  const certificate = issuer.toString()
  const isSigned = leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey)
  const isNode = isNodeId(leaf.subject.replace(/^CN=/, ''))
  return fingerprint(certificate) === trusted && isSigned && isNode ? certificate : undefined
}
