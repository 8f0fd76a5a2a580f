//! Certificates of our own making (RFC 5280, ECDSA on P-256): a server's for a first start without
//! one, and those of a cluster, signed by its own authority.

import {
  createPrivateKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { isIP } from 'node:net'
import { addressBytes } from '../base/address.ts'
import * as der from './der.ts'

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const

const DAY_MS = 86_400_000
/** What browsers take at most from a leaf (CA/Browser Forum, Apple's limit). */
const VALID_DAYS = 397
/** Nobody but its own nodes relies on it, and it cannot be renewed without them. */
const AUTHORITY_DAYS = 7_300

/** PEM texts. */
export type Identity = { readonly certificate: string; readonly key: string }

/** `names`: domain names and IP addresses, the first one becomes the subject. */
export function selfSigned(names: readonly string[], now: Date): Identity {
  const pair = newPair()
  const subject = names[0] ?? 'pbx'
  const signer = { name: subject, key: pair.privateKey, keyId: undefined }
  const { publicKey } = pair
  const lasts = validity(VALID_DAYS, now)
  return identityOf(pair, made({ subject, publicKey, signer, ...lasts, extensions: leaf(names) }))
}

/**
 * Signs for others, and for nothing else. Good from 1970 on: a node whose clock has lost its
 * battery is not to be shut out, and shows to the others that it is wrong.
 */
export function authority(name: string, now: Date): Identity {
  const pair = newPair()
  const keyId = keyIdOf(pair.publicKey)
  const signer = { name, key: pair.privateKey, keyId }
  const extensions = [
    extension(OID.basicConstraints, true, der.sequence(der.boolean(true))),
    // keyCertSign and cRLSign
    extension(OID.keyUsage, true, der.bitString(Uint8Array.of(0x06), 1)),
    extension(OID.subjectKeyIdentifier, false, der.octetString(keyId)),
  ]
  const { publicKey } = pair
  const { to } = validity(AUTHORITY_DAYS, now)
  const lasts = { from: new Date(0), to }
  return identityOf(pair, made({ subject: name, publicKey, signer, ...lasts, extensions }))
}

/** Of a node of a cluster, for both ends of a connection. `names` as in `selfSigned`. */
export function issue(names: readonly string[], by: Identity): Identity {
  const pair = newPair()
  return identityOf(pair, certify(names, pair.publicKey, by))
}

/** Of a server that phones connect to: as `selfSigned`, with the authority's after it. */
export function issueServer(names: readonly string[], by: Identity, now: Date): Identity {
  const pair = newPair()
  const [subject = 'pbx'] = names
  const wanted = { subject, publicKey: pair.publicKey, extensions: leaf(names) }
  const signed = made({ ...wanted, signer: signerOf(by), ...validity(VALID_DAYS, now) })
  return identityOf(pair, `${signed}${by.certificate}`)
}

/**
 * As `issue`, for somebody whose private key stays with him. The certificate in PEM. Good from the
 * authority's first day to its last: who may connect is asked for apart, and a clock that is behind
 * or a node that ran for years is not to be shut out.
 */
export function certify(names: readonly string[], publicKey: KeyObject, by: Identity): string {
  const { validFromDate: from, validToDate: to } = new X509Certificate(by.certificate)
  const extensions = leaf(names)
  const subject = names[0] ?? 'pbx'
  return made({ subject, publicKey, signer: signerOf(by), from, to, extensions })
}

/** A private key of the kind that `certify` takes. */
export function newKey(): { readonly key: string; readonly publicKey: string } {
  const { privateKey, publicKey } = newPair()
  return { key: keyText(privateKey), publicKey: publicKey.export({ type: 'spki', format: 'pem' }) }
}

/** SHA-256, in hex: tells one key from another. */
export function keyHash(publicKey: KeyObject): string {
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' }))
}

function identityOf({ privateKey }: Pair, certificate: string): Identity {
  return { certificate, key: keyText(privateKey) }
}

function keyText(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' })
}

type Pair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
type Signer = {
  readonly name: string
  readonly key: KeyObject
  /** Undefined of who signs for itself. */
  readonly keyId: Uint8Array | undefined
}
type Wanted = {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly signer: Signer
  readonly from: Date
  readonly to: Date
  readonly extensions: readonly der.Der[]
}

/** From a day back: clocks run late. */
function validity(days: number, now: Date): { readonly from: Date; readonly to: Date } {
  const from = new Date(now.getTime() - DAY_MS)
  return { from, to: new Date(from.getTime() + days * DAY_MS) }
}

/** In PEM. */
function made({ subject, publicKey, signer, from, to, extensions }: Wanted): string {
  const algorithm = der.sequence(der.oid(OID.ecdsaWithSha256))
  const body = der.sequence(
    der.context(0, der.integer(Uint8Array.of(2))),
    der.integer(randomBytes(16)),
    algorithm,
    commonName(signer.name),
    der.sequence(der.time(from), der.time(to)),
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der.context(3, der.sequence(...extensions, ...signedWith(signer.keyId))),
  )
  const signature = sign('sha256', body, signer.key)
  const certificate = der.sequence(body, algorithm, der.bitString(signature))
  return pem('CERTIFICATE', certificate)
}

function newPair(): Pair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** Our authorities have a common name and nothing else. */
function signerOf({ certificate, key }: Identity): Signer {
  const read = new X509Certificate(certificate)
  const name = read.subject.replace(/^CN=/, '')
  return { name, key: createPrivateKey(key), keyId: keyIdOf(read.publicKey) }
}

/** RFC 5280 §4.2.1.2: SHA-1 of the public key's bits. On P-256 they are the last 65 bytes. */
function keyIdOf(publicKey: KeyObject): Uint8Array {
  return hash('sha1', publicKey.export({ type: 'spki', format: 'der' }).subarray(-65), 'buffer')
}

function signedWith(keyId: Uint8Array | undefined): readonly der.Der[] {
  if (keyId === undefined) return []
  return [
    extension(OID.authorityKeyIdentifier, false, der.sequence(der.contextPrimitive(0, keyId))),
  ]
}

/**
 * Whether it is not near its end. One that has not begun is kept: a clock that is behind, as after
 * a loss of power, is not to cost it.
 */
export function isCurrent(certificate: X509Certificate, now: number): boolean {
  return now < certificate.validToDate.getTime() - 30 * DAY_MS
}

export function covers(certificate: X509Certificate, names: readonly string[]): boolean {
  const isNamed = (name: string): boolean =>
    (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined
  return names.every(isNamed)
}

function commonName(name: string): der.Der {
  // A common name holds 64 characters at most; the alternative names hold the rest.
  const value = der.utf8String(name.slice(0, 64))
  return der.sequence(der.setOf(der.sequence(der.oid(OID.commonName), value)))
}

function leaf(names: readonly string[]): readonly der.Der[] {
  const digitalSignature = der.bitString(Uint8Array.of(0x80), 7)
  const usages = der.sequence(der.oid(OID.serverAuth), der.oid(OID.clientAuth))
  return [
    extension(OID.basicConstraints, true, der.sequence()),
    extension(OID.keyUsage, true, digitalSignature),
    extension(OID.extendedKeyUsage, false, usages),
    extension(OID.subjectAltName, false, der.sequence(...names.map(alternativeName))),
  ]
}

function extension(id: string, critical: boolean, value: der.Der): der.Der {
  const flag = critical ? [der.boolean(true)] : []
  return der.sequence(der.oid(id), ...flag, der.octetString(value))
}

/** GeneralName: `dNSName [2]` or `iPAddress [7]`. */
function alternativeName(name: string): der.Der {
  const address = addressBytes(name)
  return address === undefined
    ? der.contextPrimitive(2, der.ascii(name))
    : der.contextPrimitive(7, address)
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
