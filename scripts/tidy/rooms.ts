//! The dependency direction of the house, in one table. A room may always import itself and
//! `src/base`; everything else it may import is written here, and nowhere else.

export type Room = {
  readonly imports: readonly string[]
  /** No clock, timer, randomness, promise or `node:` module. */
  readonly pure?: true
  /** npm packages this room may import. */
  readonly packages?: readonly string[]
}

const SIP_PURE = ['src/sip/message', 'src/sip/transaction', 'src/sip/dialog', 'src/sip/auth']
const SIP = ['src/sip', ...SIP_PURE, 'src/sip/transport']
/** What every role may import: contracts, storage, the cluster, logs and metrics. */
const ROLE = ['src/control', 'src/store', 'src/cluster', 'src/observe']

export const ROOMS: Readonly<Record<string, Room>> = {
  'src/base': { imports: [], pure: true },
  'src/sip/message': { imports: [], pure: true },
  'src/sip/auth': { imports: ['src/sip/message'], pure: true },
  'src/sip/transaction': { imports: ['src/sip/message'], pure: true },
  'src/sip/dialog': { imports: ['src/sip/message'], pure: true },
  'src/sip': { imports: SIP_PURE },
  'src/sip/transport': {
    imports: ['src/sip/message', 'src/sip/transaction', 'src/sip', 'src/native'],
    packages: ['ws'],
  },
  'src/sdp': { imports: [], pure: true },
  'src/rtp': { imports: [], pure: true },
  'src/raft': { imports: [], pure: true },
  'src/control': { imports: ['src/sdp'], pure: true },
  'src/native': { imports: [] },
  'src/webrtc': { imports: ['src/rtp', 'src/sdp', 'src/native'] },
  'src/media': {
    imports: ['src/rtp', 'src/sdp', 'src/webrtc', 'src/control', 'src/native'],
    packages: ['libopus-wasm'],
  },
  'src/store': { imports: ['src/raft', 'src/control'], packages: ['better-sqlite3'] },
  'src/backup': { imports: ['src/store'] },
  'src/files': { imports: ['src/store'] },
  'src/litestream': { imports: ['src/store'] },
  'src/cluster': { imports: ['src/control', 'src/x509', 'src/raft', 'src/store', 'src/native'] },
  'src/config': { imports: ['src/native'], packages: ['smol-toml'] },
  'src/observe': { imports: [], packages: ['pino', 'prom-client'] },
  'src/x509': { imports: [] },
  'src/http': {
    imports: ['src/observe', 'src/x509'],
    packages: ['fastify'],
  },
  'src/console': {
    imports: [
      'src/store',
      'src/backup',
      'src/files',
      'src/cluster',
      'src/control',
      'src/http',
      'src/observe',
    ],
    packages: ['fastify', '@fastify/swagger', 'typebox'],
  },
  'src/cli': {
    imports: [
      'src/backup',
      'src/config',
      'src/console',
      'src/observe',
      'src/cluster',
      'src/control',
      'src/x509',
    ],
    packages: ['yargs', 'typebox'],
  },
  'roles/call-manager': { imports: [...ROLE, ...SIP] },
  'roles/media': { imports: [...ROLE, 'src/media'] },
  'roles/ivr': { imports: ROLE },
  'roles/queue': { imports: ROLE },
  'roles/meeting': { imports: [...ROLE, 'src/media'] },
  'roles/im': { imports: ROLE },
  'roles/dataflow': { imports: ROLE },
}

/** The composition root: sees every room, and no room sees it. */
export function isRoot(path: string): boolean {
  return path === 'src/main.ts' || path.startsWith('src/main/')
}

/** Rooms of `src` and `roles` by longest prefix; undefined for a file that belongs to none. */
export function roomOf(path: string): string | undefined {
  let found: string | undefined
  for (const name of Object.keys(ROOMS))
    if (path.startsWith(`${name}/`) && name.length > (found?.length ?? 0)) found = name
  return found
}

/** The transport implements what the stack declares, and takes nothing else of it. */
export const TYPES_ONLY: ReadonlySet<string> = new Set(['src/sip/transport > src/sip'])

/** A pure room's one file that may use one thing. */
export const ALLOWED: readonly (readonly [path: RegExp, code: RegExp])[] = [
  [/^src\/sip\/auth\/hash\.ts$/, /from 'node:crypto'/],
  [/^src\/sip\/message\//, /\bBuffer\b/],
  [/^roles\/call-manager\/memory\/texts\.ts$/, /\bBuffer\b/],
]
