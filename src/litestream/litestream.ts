//! Litestream (litestream.io), supervised: it carries a database of ours to a place off this site.
//!
//! It is never given the database itself. Litestream writes tables of its own into what it watches,
//! takes its write lock, and does its checkpoints: a commit could wait for it, and with it the
//! heartbeats of this node; nodes would not hold the same rows any more. So it is given a shadow, a
//! second database, that a thread keeps like the first. `docs/adr/0013-litestream-gets-a-shadow.md`

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Host } from '../base/host.ts'
import type { WallTime } from '../base/time.ts'
import { Shadow } from '../store/image/client.ts'
import { Child, type ChildStatus, type ChildTimes } from './child.ts'
import { environmentOf, maskOf, placeOf, renderConfig, type Credentials } from './config.ts'

export type LitestreamParts = {
  readonly host: Host
  /** The data directory. */
  readonly data: string
  readonly url: string
  readonly node: string
  readonly credentials: Credentials
  /** Its program: a path, or a name to be found on PATH. */
  readonly program: string
  /** The program of the shadow's thread and SQLite's add-on, in a single executable. */
  readonly worker: string | undefined
  readonly addon: string | undefined
  readonly times?: ChildTimes
}

export type LitestreamStatus = Pick<ChildStatus, 'state' | 'since' | 'restarts' | 'why'> & {
  /** Where to; it holds no credentials. */
  readonly to: string
  /** When the shadow was like the database last. */
  readonly copiedAt: WallTime | undefined
}

const DIRECTORY = 'litestream'
const CONFIG = 'litestream.yml'
/** Lines a minute that are told; the rest is counted. */
const LINES_MAX = 120

export class Litestream {
  readonly #parts: LitestreamParts
  readonly #to: string
  readonly #shadow: Shadow
  readonly #child: Child
  #copiedAt: WallTime | undefined
  #lines = { minute: 0, told: 0, left: 0 }

  constructor(parts: LitestreamParts) {
    const { host, data, program, credentials, times } = parts
    this.#parts = parts
    this.#to = placeOf(parts)
    const directory = join(data, DIRECTORY)
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    chmodSync(directory, 0o700)
    const config = join(data, CONFIG)
    const database = join(directory, 'pbx.db')
    endOrphan(directory, config)
    writeFileSync(`${config}.new`, renderConfig({ ...parts, database }), { mode: 0o600 })
    renameSync(`${config}.new`, config)
    const environment = environmentOf(process.env, credentials)
    const mask = maskOf(environment)
    this.#shadow = new Shadow({
      place: { file: database, directory: data, addon: parts.addon },
      program: parts.worker,
      onCopied: () => (this.#copiedAt = host.wall()),
      onFailed: (why) => host.log('error', 'litestream.shadow-failed', { why }),
    })
    this.#child = new Child({
      host,
      command: program,
      // Values are written as they are: nothing in them is a variable.
      args: ['replicate', '-config', config, '-no-expand-env'],
      environment,
      onLine: (line) => this.#say(mask(line)),
      onChanged: (status) => this.#onChanged(status, directory),
      ...(times === undefined ? {} : { times }),
    })
  }

  get status(): LitestreamStatus {
    const { state, since, restarts, why } = this.#child.status
    return { state, since, restarts, why, to: this.#to, copiedAt: this.#copiedAt }
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all([this.#child.stop(graceMs), this.#shadow.stop()])
  }

  #onChanged({ state, pid, why, restarts }: ChildStatus, directory: string): void {
    const { host, program } = this.#parts
    this.#shadow.keep(state === 'running')
    const file = join(directory, 'pid')
    if (pid === undefined) rmSync(file, { force: true })
    else writeFileSync(file, `${pid}\n`)
    switch (state) {
      case 'running':
        return host.log('info', 'litestream.running', { pid, to: this.#to })
      case 'waiting':
        return host.log('error', 'litestream.ended', { why, restarts })
      case 'absent': {
        const mend = 'install litestream (litestream.io), or name it with litestream-program'
        return host.log('error', 'litestream.absent', { program, effect: 'no replica', mend })
      }
      case 'stopped':
        return host.log('info', 'litestream.stopped', {})
    }
  }

  #say(line: string): void {
    const { host } = this.#parts
    const minute = Math.floor(host.now() / 60_000)
    if (minute !== this.#lines.minute) {
      const { left } = this.#lines
      if (left > 0) host.log('warn', 'litestream.lines-left-out', { lines: left })
      this.#lines = { minute, told: 0, left: 0 }
    }
    if (this.#lines.told >= LINES_MAX) return void this.#lines.left++
    this.#lines.told++
    const level = /level=(?:ERROR|WARN)|"level":"(?:ERROR|WARN)/i.test(line) ? 'warn' : 'info'
    host.log(level, 'litestream.said', { line })
  }
}

/** One that outlived the process that started it, which was killed; known by its command line. */
function endOrphan(directory: string, config: string): void {
  const file = join(directory, 'pid')
  if (!existsSync(file)) return
  const pid = Number(readFileSync(file, 'utf8'))
  rmSync(file)
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    if (command.includes(config)) process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended: that is what was wanted.
  }
}
