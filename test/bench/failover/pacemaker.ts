//! Pacemaker with corosync on three hosts of a LAN as ours are, for comparison: one IPaddr2, no
//! fencing. What answers at the address is a trivial echo on every host, so that only the move of
//! the address is measured, by the same clients as ours.

import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Probers } from '../../cluster/live/probers.ts'
import { Lan, type LanHost } from '../../harness/lan.ts'
import { cibXml, corosyncConf, nodeScript, type PacemakerTiming } from './pacemaker-files.ts'
import type { Result } from './results.ts'
import { BEFORE_MS, longestGap, PROBE_MS } from './timings.ts'

const WANTED = [
  '/usr/sbin/corosync',
  '/usr/sbin/pacemakerd',
  '/usr/lib/ocf/resource.d/heartbeat/IPaddr2',
]
const VIP = '10.9.0.100'
const ECHO = join(import.meta.dirname, 'echo.ts')
const LASTS_MS = 20_000
/** One owner, and answers, for that long: everybody is back. */
const STEADY_MS = 8_000
const PATIENCE_MS = 120_000
const LOOK_MS = 500

type Fault = {
  readonly name: string
  readonly strike: (node: PacemakerNode) => void
  readonly mend: (node: PacemakerNode) => Promise<void> | void
}

/** By the names of ours. */
const FAULTS: readonly Fault[] = [
  { name: 'killed', strike: (node) => node.kill(), mend: (node) => node.restart() },
  {
    name: 'stopped',
    strike: (node) => node.signalAll('SIGSTOP'),
    mend: (node) => node.signalAll('SIGCONT'),
  },
  { name: 'cable', strike: ({ host }) => host.cut(), mend: ({ host }) => host.mend() },
]

/** What of it is not on this machine. */
export function missingOfPacemaker(): readonly string[] {
  return WANTED.filter((file) => !existsSync(file))
}

export async function pacemakerTimings(
  timing: PacemakerTiming,
  faults: readonly string[],
  runs: number,
): Promise<readonly Pick<Result, 'fault' | 'measure' | 'gaps'>[]> {
  const cluster = new PacemakerCluster(timing)
  try {
    await cluster.steady()
    const measured = []
    for (const fault of FAULTS.filter(({ name }) => faults.includes(name))) {
      const gaps: number[] = []
      while (gaps.length < runs) {
        gaps.push(await cluster.gapOf(fault))
        const gap = Math.round(gaps.at(-1) ?? 0)
        console.log(`${gaps.length}/${runs} Pacemaker ${timing} ${fault.name}: ${gap}`)
      }
      measured.push({ fault: fault.name, measure: 'answer', gaps })
    }
    return measured
  } finally {
    await cluster.stop()
  }
}

class PacemakerCluster {
  readonly #lan = new Lan('pcmk')
  readonly #directory = mkdtempSync(join(tmpdir(), 'pbx-pacemaker-'))
  readonly #probers = new Probers(this.#lan, VIP)
  readonly #nodes: readonly PacemakerNode[]

  constructor(timing: PacemakerTiming) {
    const hosts = [1, 2, 3].map((number) => this.#lan.host(`n${number}`, number))
    this.#nodes = hosts.map((host) => {
      const own = join(this.#directory, host.name)
      mkdirSync(own)
      writeFileSync(join(own, 'corosync.conf'), corosyncConf(hosts, timing))
      writeFileSync(join(own, 'cib.xml'), cibXml(VIP))
      writeFileSync(join(own, 'run.sh'), nodeScript(host.name, own, VIP))
      const node = new PacemakerNode(host, own)
      node.start()
      return node
    })
    this.#probers.begin(hosts, PROBE_MS)
  }

  async gapOf(fault: Fault): Promise<number> {
    const owner = await this.steady()
    const from = Date.now() - BEFORE_MS
    fault.strike(owner)
    await sleep(LASTS_MS)
    const gap = longestGap(this.#probers.answers(), from)
    await fault.mend(owner)
    return gap
  }

  /** Who has the address, once nobody else has, and it has been answered for a time. */
  async steady(): Promise<PacemakerNode> {
    const deadline = Date.now() + PATIENCE_MS
    let since = Date.now()
    while (Date.now() < deadline) {
      const owners = this.#nodes.filter((node) => node.hasAddress)
      const last = this.#probers.answers().at(-1)?.answered ?? 0
      if (owners.length !== 1 || Date.now() - last > LOOK_MS) since = Date.now()
      const [owner] = owners
      if (owner !== undefined && Date.now() - since > STEADY_MS) return owner
      await sleep(LOOK_MS)
    }
    throw new Error(`Pacemaker never had one owner of ${VIP}; its logs are in ${this.#directory}`)
  }

  async stop(): Promise<void> {
    this.#probers.stop()
    for (const node of this.#nodes) await node.end()
    this.#lan.remove()
    rmSync(this.#directory, { recursive: true })
  }
}

class PacemakerNode {
  readonly host: LanHost
  readonly #directory: string
  #children: readonly ChildProcess[] = []

  constructor(host: LanHost, directory: string) {
    this.host = host
    this.#directory = directory
    // The echo is bound before the address is here.
    host.run('sysctl', '-qw', 'net.ipv4.ip_nonlocal_bind=1')
  }

  start(): void {
    const own = ['--mount', '--pid', '--uts', '--fork', '--kill-child', '--mount-proc']
    const cluster = this.host.spawn('unshare', ...own, 'sh', join(this.#directory, 'run.sh'))
    this.#children = [cluster, this.host.spawn(process.execPath, ECHO, VIP)]
    for (const { stdout, stderr } of this.#children) {
      stdout?.resume()
      stderr?.resume()
    }
  }

  get hasAddress(): boolean {
    return this.host.run('ip', '-o', 'addr', 'show', 'dev', 'eth0').includes(` ${VIP}/`)
  }

  /** All of its cluster, and what answers. The address stays on its interface. */
  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }

  signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const pid of this.host.processes) process.kill(pid, signal)
  }

  async restart(): Promise<void> {
    await this.end()
    this.start()
  }

  async end(): Promise<void> {
    this.signalAll('SIGCONT')
    const isOpen = ({ exitCode, signalCode }: ChildProcess): boolean =>
      exitCode === null && signalCode === null
    const ended = this.#children.filter(isOpen).map((child) => once(child, 'close'))
    this.kill()
    await Promise.all(ended)
  }
}
