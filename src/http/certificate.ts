//! The TLS identity of this server: the configured files, or one of our own making in DATA/tls,
//! made anew before it expires and when the server's names or its authority change.

import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { HttpFault } from './errors.ts'
import { covers, type Identity, isCurrent, issueServer, selfSigned } from '../x509/issue.ts'

export type CertificateFiles = {
  readonly certificate: string | undefined
  readonly key: string | undefined
}

/**
 * `names`: what clients reach us by, domain names and IP addresses. `by` signs what is of our own
 * making; without it that is self-signed.
 */
export function loadIdentity(
  files: CertificateFiles,
  data: string,
  names: readonly string[],
  now: Date,
  by?: Identity,
): Identity & { readonly selfSigned: boolean } {
  if (files.certificate !== undefined && files.key !== undefined)
    return { ...configured(files.certificate, files.key), selfSigned: false }
  return { ...own(join(data, 'tls'), names, now, by), selfSigned: true }
}

function configured(certificateFile: string, keyFile: string): Identity {
  const identity = { certificate: read(certificateFile), key: read(keyFile) }
  try {
    createSecureContext({ cert: identity.certificate, key: identity.key })
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error)
    throw new HttpFault(
      'certificate-unusable',
      `tls-certificate ${certificateFile} and tls-key ${keyFile} do not work together ` +
        `(${because}): both must be PEM, the key that of the first certificate`,
    )
  }
  return identity
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error)
    throw new HttpFault('certificate-unusable', `${file} cannot be read: ${because}`)
  }
}

function own(
  directory: string,
  names: readonly string[],
  now: Date,
  by: Identity | undefined,
): Identity {
  const certificateFile = join(directory, 'certificate.pem')
  const keyFile = join(directory, 'key.pem')
  if (existsSync(certificateFile) && existsSync(keyFile)) {
    const kept = { certificate: read(certificateFile), key: read(keyFile) }
    if (usable(kept, names, now, by)) return kept
  }
  const made = by === undefined ? selfSigned(names, now) : issueServer(names, by, now)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  // The certificate last: a crash between the two leaves a pair that is seen not to fit.
  replace(keyFile, made.key, 0o600)
  replace(certificateFile, made.certificate, 0o644)
  return made
}

function usable(
  identity: Identity,
  names: readonly string[],
  now: Date,
  by: Identity | undefined,
): boolean {
  try {
    createSecureContext({ cert: identity.certificate, key: identity.key })
    const shown = new X509Certificate(identity.certificate)
    const signer = by === undefined ? shown : new X509Certificate(by.certificate)
    return shown.verify(signer.publicKey) && covers(shown, names) && isCurrent(shown, +now)
  } catch {
    return false // damaged, or the two do not fit: it is ours, so a new pair mends it
  }
}

function replace(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode })
  renameSync(`${file}.new`, file)
}
