//! Bulk import of extensions: `domain,extension,password,display_name` by the line, streamed into
//! commands. A line that cannot be taken is reported and the rest goes on; who exists is updated.

import { err, ok, type Result } from '../base/result.ts'
import type { WallTime } from '../base/time.ts'
import type { TenantId } from '../control/ids.ts'
import { CsvReader, type CsvRecord } from './csv.ts'
import { displayNameProblem, domainProblem, PASSWORD_WEAK_BELOW, userProblem } from './names.ts'
import type { ImportRow } from './schema/extension.ts'
import { ownerOf, tenantById } from './schema/tenant.ts'
import type { ProposeFailure, Store } from './store.ts'

export type ImportProgress = {
  readonly lines: number
  readonly imported: number
  readonly bad: number
  /** Imported or about to be, with a password shorter than new ones may be. */
  readonly weak: number
}
export type BadLine = { readonly line: number; readonly reason: string }

export type ImportOptions = {
  readonly wall: () => WallTime
  /** What it returns is waited for before the next line is read. */
  readonly onBadLine: (bad: BadLine) => Promise<void> | undefined
  /** After every command that has been committed. */
  readonly onProgress?: (progress: ImportProgress) => void
}

/** Some 10 ms of the replica, for which a call that commits may have to wait. */
const ROWS_PER_COMMAND = 500
/** One is being committed while the next is being read. */
const COMMANDS_AT_ONCE = 3
const PASSWORD_MAX = 128

/**
 * Imports CSV in UTF-8, with or without its header line. A domain nobody owns becomes a tenant of
 * its name. An error means the store gave up; everything in the last progress is imported, and
 * the same file can be sent again.
 */
export async function importExtensions(
  store: Store,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Result<ImportProgress, ProposeFailure>> {
  const run = new Import(store, options)
  const reader = new CsvReader()
  const decoder = new TextDecoder()
  for await (const piece of source) {
    const failed = await run.take(reader.push(decoder.decode(piece, { stream: true })))
    if (failed !== undefined) return err(failed)
  }
  const failed = (await run.take(reader.push(decoder.decode()))) ?? (await run.take(reader.end()))
  if (failed !== undefined) return err(failed)
  return run.finish()
}

type Batch = { readonly tenant: TenantId; readonly realm: string; rows: ImportRow[] }

class Import {
  readonly #store: Store
  readonly #options: ImportOptions
  readonly #batches = new Map<string, Batch>()
  /** Domains of which no tenant can be made, and why. */
  readonly #refused = new Map<string, string>()
  /** Commits under way. */
  readonly #commits = new Set<Promise<void>>()
  #failure: ProposeFailure | undefined
  #lines = 0
  #imported = 0
  #bad = 0
  #weak = 0

  constructor(store: Store, options: ImportOptions) {
    this.#store = store
    this.#options = options
  }

  async take(records: readonly CsvRecord[]): Promise<ProposeFailure | undefined> {
    for (const record of records) {
      if (record.kind === 'record' && isHeader(record.fields)) continue
      this.#lines++
      // Most lines wait for nothing, and a promise for each would cost as much as the line.
      const wait =
        record.kind === 'bad'
          ? this.#report(record.line, record.reason)
          : this.#takeFields(record.line, record.fields)
      if (wait !== undefined) await wait
      if (this.#failure !== undefined) return this.#failure
    }
    return undefined
  }

  async finish(): Promise<Result<ImportProgress, ProposeFailure>> {
    for (const batch of this.#batches.values()) await this.#commit(batch)
    await Promise.all(this.#commits)
    return this.#failure === undefined ? ok(this.#progress()) : err(this.#failure)
  }

  /** Something to wait for, when there is. */
  #takeFields(line: number, fields: readonly string[]): Promise<void> | undefined {
    const reason = problemOf(fields)
    if (reason !== undefined) return this.#report(line, reason)
    const batch = this.#batches.get(fields[0] ?? '')
    return batch === undefined ? this.#takeFirst(line, fields) : this.#add(batch, fields)
  }

  async #takeFirst(line: number, fields: readonly string[]): Promise<void> {
    const [domain = ''] = fields
    const lower = domain.toLowerCase()
    const batch = this.#find(lower) ?? (await this.#make(lower))
    if (batch !== undefined) {
      this.#batches.set(domain, batch)
      await this.#add(batch, fields)
    } else if (this.#failure === undefined) {
      await this.#report(line, this.#refused.get(lower) ?? `the tenant ${lower} has been removed`)
    }
  }

  #add(batch: Batch, fields: readonly string[]): Promise<void> | undefined {
    const [, user = '', password = '', displayName = ''] = fields
    if (password.length < PASSWORD_WEAK_BELOW) this.#weak++
    batch.rows.push([user, displayName === '' ? user : displayName, password])
    return batch.rows.length < ROWS_PER_COMMAND ? undefined : this.#commit(batch)
  }

  /** The batch of a new tenant; undefined when it is refused, and when the store gives up. */
  async #make(domain: string): Promise<Batch | undefined> {
    if (this.#refused.has(domain)) return undefined
    const tenant = domain as TenantId
    const at = this.#options.wall()
    const made = { kind: 'tenant.put', tenant, name: domain, primaryDomain: domain, at } as const
    const put = await this.#store.propose(made)
    if (put.ok) return this.#find(domain)
    if (put.error.kind === 'rejected') this.#refused.set(domain, put.error.reason)
    else this.#failure = put.error
    return undefined
  }

  /** The batch of the domain's tenant, when there is one. */
  #find(domain: string): Batch | undefined {
    return this.#store.read((db) => {
      const owner = ownerOf(db, domain)
      const row = owner === undefined ? undefined : tenantById(db, owner)
      if (row === undefined) return undefined
      const { tenant, primaryDomain: realm } = row
      // Two domains of one tenant share their batch.
      const open = [...this.#batches.values()].find((batch) => batch.tenant === tenant)
      return open ?? { tenant, realm, rows: [] }
    })
  }

  async #commit(batch: Batch): Promise<void> {
    const { tenant, realm, rows } = batch
    if (rows.length === 0) return
    batch.rows = []
    const at = this.#options.wall()
    const command = { kind: 'extension.import', tenant, realm, rows, at } as const
    const commit = this.#store.propose(command).then((result) => {
      this.#commits.delete(commit)
      if (!result.ok) this.#failure ??= result.error
      else this.#imported += rows.length
      this.#options.onProgress?.(this.#progress())
    })
    this.#commits.add(commit)
    if (this.#commits.size >= COMMANDS_AT_ONCE) await Promise.race(this.#commits)
  }

  #report(line: number, reason: string): Promise<void> | undefined {
    this.#bad++
    return this.#options.onBadLine({ line, reason })
  }

  #progress(): ImportProgress {
    return { lines: this.#lines, imported: this.#imported, bad: this.#bad, weak: this.#weak }
  }
}

function isHeader(fields: readonly string[]): boolean {
  return fields[0] === 'domain' && fields[1] === 'extension'
}

function hint([only = '', ...others]: readonly string[]): string {
  return others.length === 0 && only.includes(';') ? ' (commas between them, not semicolons)' : ''
}

function problemOf(fields: readonly string[]): string | undefined {
  if (fields.length < 3 || fields.length > 4)
    return `${fields.length} fields; expected domain,extension,password,display_name${hint(fields)}`
  const [domain = '', user = '', password = '', displayName = ''] = fields
  const named = domainProblem(domain.toLowerCase()) ?? userProblem(user)
  if (named !== undefined) return named
  if (password === '') return 'the password is empty'
  if (password.length > PASSWORD_MAX) return `the password is longer than ${PASSWORD_MAX}`
  return displayNameProblem(displayName)
}
