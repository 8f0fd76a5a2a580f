//! An administrator wants this host to himself: no new calls here, until told otherwise. Written
//! down, so that it holds when the host has been started anew.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from '../base/host.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { ConfigFault } from '../config/data-directory.ts'
import type { DrainControl, DrainState } from '../console/drain-control.ts'

export type DrainParts = {
  readonly host: Host
  /** The data directory. */
  readonly data: string
}

export class Drain implements DrainControl {
  readonly #parts: DrainParts
  readonly #file: string
  readonly #listeners = new Set<() => void>()
  /** Undefined of a system that is alone. */
  cluster: Cluster | undefined
  #state: DrainState | undefined

  constructor(parts: DrainParts) {
    this.#parts = parts
    this.#file = join(parts.data, 'drained.json')
    if (!existsSync(this.#file)) return
    this.#state = readState(this.#file)
    const { since } = this.#state
    parts.host.log('warn', 'node.drained', { since, mend: 'pbx undrain takes calls again' })
  }

  get state(): DrainState | undefined {
    return this.#state
  }

  /** A drained node of a cluster that serves all the same is the last one: it takes calls. */
  get admitsCalls(): boolean {
    return this.#state === undefined || (this.cluster !== undefined && !this.#state.isForced)
  }

  async begin(isForced: boolean): Promise<string | undefined> {
    const refused = await this.cluster?.drain(true, isForced)
    if (refused !== undefined) return refused
    this.#state = { since: new Date(this.#parts.host.wall()).toISOString(), isForced }
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#state), { flush: true })
    renameSync(`${this.#file}.new`, this.#file)
    this.#tell()
    return undefined
  }

  async end(): Promise<void> {
    this.#state = undefined
    rmSync(this.#file, { force: true })
    await this.cluster?.drain(false, false)
    this.#tell()
  }

  /** Returns what ends it. */
  readonly changed = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #tell(): void {
    const { host } = this.#parts
    host.log('info', 'node.drain', { isDrained: this.#state !== undefined })
    for (const listener of this.#listeners) listener()
  }
}

function readState(file: string): DrainState {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as DrainState
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigFault(`${file} cannot be read (${why}): remove it to have this host take calls`)
  }
}
