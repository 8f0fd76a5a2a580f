//! What goes over the API, as JSON schemas and as types. The CLI reads the same types: one API.

import { type Static, Type } from 'typebox'
import { PASSWORD_WEAK_BELOW } from '../../store/names.ts'

const name = (description: string) => Type.String({ minLength: 1, maxLength: 253, description })
const moment = (description: string) => Type.String({ format: 'date-time', description })

/** Undefined domain: the first tenant's. */
const domain = Type.Optional(name('SIP domain; the first one when absent'))
const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'how many at most' }),
)
const nextFor = (parameter: string) =>
  Type.Optional(Type.String({ description: `pass it as \`${parameter}\` for the next page` }))
const next = nextFor('after')

export const HealthShape = Type.Object({
  healthy: Type.Boolean(),
  checks: Type.Array(
    Type.Object({
      name: Type.String(),
      ok: Type.Boolean(),
      detail: Type.Optional(Type.String({ description: 'what is wrong' })),
    }),
  ),
})
export type Health = Static<typeof HealthShape>

export const ClusterShape = Type.Object({
  node: Type.String({ description: 'this one' }),
  role: Type.String({ description: 'leader, follower, candidate or pre-candidate' }),
  isActive: Type.Boolean({ description: 'phones are served by this node' }),
  leader: Type.Optional(Type.String({ description: 'absent while there is none' })),
  term: Type.Integer(),
  address: Type.Optional(Type.String({ description: 'the virtual one' })),
  holdsAddress: Type.Boolean(),
  isGuarded: Type.Boolean({ description: 'the kernel guards the address (nftables)' }),
  unguarded: Type.Optional(Type.String({ description: 'how to have it guarded' })),
  urgency: Type.Union([Type.Literal('real-time'), Type.Literal('raised'), Type.Literal('normal')], {
    description: 'how the thread that keeps the lease is scheduled',
  }),
  why: Type.String({ description: 'of the last change, as seen from here' }),
  since: moment('when that was'),
  applied: Type.Integer({ description: 'entries of the log that are in the state here' }),
  compared: Type.Integer({
    description: "the newest of them after which it was found to be the leader's; 0 for none",
  }),
  upgrade: Type.Optional(
    Type.Object(
      {
        to: Type.Integer({ description: 'schema' }),
        waitsFor: Type.Array(
          Type.Object({
            node: Type.String(),
            knows: Type.Optional(Type.Integer({ description: 'absent: it is not heard of' })),
          }),
        ),
      },
      { description: 'a newer release is here, and its schema is not in force yet' },
    ),
  ),
  dismissed: Type.Optional(
    Type.String({ description: 'why this node is none any more, as the others have told it' }),
  ),
  noSnapshot: Type.Optional(
    Type.String({ description: 'why this leader cannot bring up who is far behind' }),
  ),
  members: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      at: Type.String({ description: 'host and port' }),
      kind: Type.Union([Type.Literal('voter'), Type.Literal('learner')]),
      isConnected: Type.Boolean(),
      lag: Type.Optional(Type.Integer({ description: 'entries behind, where it is known' })),
      unfit: Type.Optional(Type.String({ description: 'why it leaves serving to others' })),
      differs: Type.Optional(
        Type.String({ description: 'settings that are others than on the node that is asked' }),
      ),
      clockAhead: Type.Optional(
        Type.Integer({ description: 'ms, of the clocks of most nodes, where it differs' }),
      ),
      missing: Type.Optional(Type.Integer({ description: 'chunks of files it has not yet' })),
    }),
  ),
})
export type ClusterView = Static<typeof ClusterShape>

const ServerShape = Type.Object({
  name: Type.String(),
  role: Type.String({ description: 'media' }),
  address: Type.String({ description: 'of its host' }),
  state: Type.String({ description: 'online, offline, or never joined' }),
  sessions: Type.Optional(
    Type.Integer({ description: 'media sessions on it; known to the node that serves' }),
  ),
})
export type ServerView = Static<typeof ServerShape>

export const ServerList = Type.Object({ items: Type.Array(ServerShape) })
export type ServerList = Static<typeof ServerList>

export const ServerInvitation = Type.Object({
  name: Type.String(),
  command: Type.String({ description: 'to be run on its host within a day; good once' }),
})
export type ServerInvitation = Static<typeof ServerInvitation>
export const Drained = Type.Object({ drained: Type.Boolean() })
export type Drained = Static<typeof Drained>

const DrainedView = Type.Object({
  since: moment('when it was asked for'),
  isForced: Type.Boolean({ description: 'although nobody else could take over' }),
})
export type DrainedView = Static<typeof DrainedView>

export const StatusShape = Type.Object({
  name: Type.String({ description: 'name of this server' }),
  version: Type.String(),
  node: Type.String({ description: 'release of the runtime' }),
  roles: Type.Array(Type.String()),
  startedAt: moment('when this process started'),
  health: HealthShape,
  endpoints: Type.Array(
    Type.Object({ transport: Type.String(), address: Type.String(), port: Type.Integer() }),
  ),
  domains: Type.Array(Type.String({ description: "tenants' primary domains, at most 100" })),
  extensions: Type.Integer(),
  registrations: Type.Integer(),
  calls: Type.Integer(),
  residentBytes: Type.Integer({ description: 'memory of this process' }),
  schema: Type.Integer({ description: 'of the state, as it is in force' }),
  replication: Type.Optional(
    Type.Object({
      state: Type.String({ description: 'of litestream: running, waiting, absent or stopped' }),
      to: Type.String(),
      since: moment('of that state'),
      restarts: Type.Integer(),
      why: Type.Optional(Type.String({ description: 'it ended last' })),
      copiedAt: Type.Optional(moment('when it was given the newest state')),
    }),
  ),
  cluster: Type.Optional(ClusterShape),
  drained: Type.Optional(DrainedView),
})
export type Status = Static<typeof StatusShape>

/** Of a server of one role, on its own host; `server` tells it from a node's. */
export type ServerStatus = Pick<
  Status,
  'name' | 'version' | 'node' | 'roles' | 'startedAt' | 'health' | 'residentBytes'
> & {
  readonly server: {
    /** Id of the newest call manager that has said that it leads. */
    readonly leader?: string
    /** That it carries; absent while its worker cannot be reached. */
    readonly sessions?: number
    readonly callManagers: readonly {
      readonly id: string
      /** `HOST:PORT` of its peer port. */
      readonly at: string
      readonly isConnected: boolean
    }[]
  }
}

export const ExtensionShape = Type.Object({
  extension: Type.String(),
  domain: Type.String(),
  displayName: Type.String(),
  enabled: Type.Boolean(),
  updatedAt: moment('last change'),
})
export type ExtensionView = Static<typeof ExtensionShape>

export const ExtensionPage = Type.Object({ items: Type.Array(ExtensionShape), next })
export type ExtensionPage = Static<typeof ExtensionPage>

export const PageQuery = Type.Object(
  { domain, after: Type.Optional(Type.String({ maxLength: 512 })), limit },
  { additionalProperties: false },
)

const password = Type.Optional(
  Type.String({
    minLength: PASSWORD_WEAK_BELOW,
    maxLength: 128,
    description: 'generated when absent',
  }),
)

export const NewExtension = Type.Object(
  {
    domain,
    extension: name('user part of its address'),
    displayName: Type.Optional(Type.String({ maxLength: 128 })),
    password,
  },
  { additionalProperties: false },
)

export const NewPassword = Type.Object({ password }, { additionalProperties: false })

/** The only place a password is shown: right after it was set. */
export const ExtensionSecret = Type.Object({
  extension: Type.String(),
  domain: Type.String(),
  password: Type.String(),
})
export type ExtensionSecret = Static<typeof ExtensionSecret>

export const ExtensionPath = Type.Object({ domain: name('SIP domain'), extension: name('user') })

/** One line of the answer to an import, which is newline-delimited JSON. */
export const ImportLine = Type.Union([
  Type.Object({
    kind: Type.Literal('bad'),
    line: Type.Integer(),
    reason: Type.String(),
  }),
  Type.Object({
    kind: Type.Union([Type.Literal('progress'), Type.Literal('done')]),
    lines: Type.Integer(),
    imported: Type.Integer(),
    bad: Type.Integer(),
    weak: Type.Integer({ description: 'with a password shorter than 8; taken all the same' }),
  }),
  Type.Object({ kind: Type.Literal('failed'), reason: Type.String() }),
])
export type ImportLine = Static<typeof ImportLine>

/** One line of the answer to a restore, which is newline-delimited JSON. */
export const RestoreLine = Type.Union([
  Type.Object({
    kind: Type.Literal('progress'),
    step: Type.Union([Type.Literal('received'), Type.Literal('restored')]),
    done: Type.Integer({ description: 'bytes received, or batches of rows restored' }),
  }),
  Type.Object({
    kind: Type.Literal('done'),
    name: Type.String({ description: 'of the server that made the backup' }),
    made: moment('when it was made'),
    rows: Type.Record(Type.String(), Type.Integer(), { description: 'how many of each' }),
    tls: Type.Optional(Type.String({ description: "directory of the backup's certificate" })),
  }),
  Type.Object({ kind: Type.Literal('failed'), reason: Type.String() }),
])
export type RestoreLine = Static<typeof RestoreLine>

export const RegistrationPage = Type.Object({
  items: Type.Array(
    Type.Object({
      aor: Type.String(),
      contacts: Type.Array(
        Type.Object({
          uri: Type.String(),
          transport: Type.String(),
          address: Type.String(),
          userAgent: Type.String(),
          q: Type.Number(),
          behindNat: Type.Boolean(),
          expiresIn: Type.Integer({ description: 'seconds' }),
        }),
      ),
    }),
  ),
  next,
})
export type RegistrationPage = Static<typeof RegistrationPage>

export const CallList = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      caller: Type.String(),
      callee: Type.String(),
      state: Type.String(),
      startedAt: moment('when the INVITE came'),
      answeredAt: Type.Optional(moment('when it was answered')),
    }),
  ),
})
export type CallList = Static<typeof CallList>

export const CallPath = Type.Object({ call: name('our call id, or a SIP Call-ID') })

export const Trace = Type.Object({
  call: Type.String(),
  sipCallIds: Type.Array(Type.String()),
  messages: Type.Array(
    Type.Object({
      at: moment('when it was sent or received'),
      direction: Type.Union([Type.Literal('in'), Type.Literal('out')]),
      peer: Type.String({ description: 'the other end' }),
      text: Type.String({ description: 'the message, proofs of passwords masked' }),
    }),
  ),
})
export type Trace = Static<typeof Trace>

const Stream = Type.Object({
  packets: Type.Integer(),
  octets: Type.Integer(),
  lost: Type.Integer(),
  jitter: Type.Number({ description: 'milliseconds' }),
})

export const CdrShape = Type.Object({
  call: Type.String(),
  direction: Type.String(),
  caller: Type.String(),
  callerName: Type.String(),
  callee: Type.String(),
  dialled: Type.String(),
  answeredBy: Type.Optional(Type.String()),
  startedAt: moment('when the INVITE came'),
  rangAt: Type.Optional(moment('first ringing')),
  answeredAt: Type.Optional(moment('answer')),
  endedAt: moment('end'),
  durationMs: Type.Integer({ description: 'from answer to end' }),
  status: Type.Integer({ description: 'SIP status the caller got' }),
  cause: Type.String(),
  endedBy: Type.String(),
  codec: Type.Optional(Type.String()),
  media: Type.Array(
    Type.Object({
      leg: Type.String(),
      codec: Type.Optional(Type.String()),
      received: Stream,
      sent: Stream,
    }),
  ),
  callerSipCallId: Type.String(),
  calleeSipCallId: Type.Optional(Type.String()),
  transferredFrom: Type.Optional(Type.String()),
  forwardedBy: Type.Optional(Type.String()),
  callerUserAgent: Type.String(),
  calleeUserAgent: Type.String(),
  node: Type.String(),
})
export type CdrView = Static<typeof CdrShape>

const before = Type.String({
  maxLength: 100,
  description: 'a time (RFC 3339): those that started earlier; or the `next` of a page',
})
export const CdrQuery = Type.Object(
  { domain, before: Type.Optional(before), limit },
  { additionalProperties: false },
)

export const CdrPage = Type.Object({ items: Type.Array(CdrShape), next: nextFor('before') })
export type CdrPage = Static<typeof CdrPage>
