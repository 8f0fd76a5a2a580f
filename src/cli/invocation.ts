//! What a command line asks for.

export type Invocation =
  | {
      readonly kind: 'run'
      readonly options: Readonly<Record<string, string>>
      readonly config: string | undefined
    }
  /** Help or the version, asked for. */
  | { readonly kind: 'print'; readonly text: string }
  /** Not understood: each line says what and how to mend it. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  | ({ readonly kind: 'command'; readonly target: Target; readonly json: boolean } & Command)

/** Where the API is: found through a data directory, or named. */
export type Target = {
  readonly data: string
  readonly api: string | undefined
  readonly token: string | undefined
  /** A certificate to trust, for an API with a self-signed one. */
  readonly ca: string | undefined
}

export type Command =
  | { readonly command: 'status' }
  | {
      readonly command: 'extension add'
      readonly user: UserName
      readonly displayName: string | undefined
      readonly password: Password
    }
  | {
      readonly command: 'extension list'
      readonly domain: string | undefined
      readonly limit: number | undefined
    }
  | { readonly command: 'extension remove'; readonly user: UserName }
  | { readonly command: 'extension passwd'; readonly user: UserName; readonly password: Password }
  | { readonly command: 'import'; readonly file: string }
  | {
      readonly command: 'registrations'
      readonly domain: string | undefined
      readonly limit: number | undefined
    }
  | { readonly command: 'calls' }
  | {
      readonly command: 'cluster init'
      readonly node: NodeOptions
      readonly vip: string | undefined
    }
  | { readonly command: 'cluster join'; readonly node: NodeOptions; readonly joinToken: string }
  | { readonly command: 'cluster rejoin'; readonly at: string | undefined }
  | { readonly command: 'cluster change'; readonly node: NodeOptions }
  | { readonly command: 'cluster token' }
  | { readonly command: 'cluster remove'; readonly node: string }
  | {
      readonly command: 'server add'
      readonly name: string
      readonly role: string
      readonly address: string
    }
  | { readonly command: 'server list' }
  | { readonly command: 'server token'; readonly name: string }
  | { readonly command: 'server remove'; readonly name: string }
  | { readonly command: 'transfer-leadership'; readonly to: string | undefined }
  | {
      readonly command: 'logs'
      readonly node: string | undefined
      readonly files: string | undefined
    }
  | {
      readonly command: 'backup'
      /** `-` is stdout. */
      readonly file: string
      readonly force: boolean
      readonly sealed: boolean
    }
  | {
      readonly command: 'restore'
      readonly file: string
      readonly yes: boolean
      readonly sealed: boolean
      /** Of a database that is no backup, such as litestream restores one. */
      readonly key: string | undefined
    }
  | { readonly command: 'drain'; readonly isForced: boolean }
  | { readonly command: 'undrain' }
  | { readonly command: 'hangup'; readonly call: string }
  | { readonly command: 'trace'; readonly call: string; readonly messages: boolean }
  | {
      readonly command: 'cdrs'
      readonly domain: string | undefined
      readonly limit: number | undefined
    }

/** Of this host in a cluster; texts as given. */
export type NodeOptions = {
  readonly address: string | undefined
  readonly name: string | undefined
  readonly port: string | undefined
  readonly interface: string | undefined
  readonly timing: string | undefined
}

export type UserName = { readonly user: string; readonly domain: string | undefined }

/** `generated`: the server thinks one up and says it once. */
export type Password =
  | { readonly kind: 'generated' }
  | { readonly kind: 'given'; readonly password: string }
  | { readonly kind: 'stdin' }
