//! A program that stays and reads what it is to do line by line: starting one holds this thread up
//! for some milliseconds, and takes 20, once 300. It is started again when it ends, and when it
//! does not answer. It says nothing of what went well: a question follows, whose answer is known.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'

const PATIENCE_MS = 2_000

export type Fault = { readonly kind: 'gone' | 'refused' | 'silent'; readonly why: string }

export type Program = {
  readonly name: string
  /** For sh(1), with what it takes to read from its standard input. */
  readonly command: string
  /** Of something that there is not; `number` goes up. */
  readonly question: (number: number) => string
  /** All it says, what it says to the question included; what comes before that is a group. */
  readonly answerTo: (question: string) => RegExp
  /** Of a line that it did not do, the first one that matters. */
  readonly refusal: (answer: string) => string | undefined
  /** What it says instead of an answer when it may do nothing at all. */
  readonly denial?: RegExp
  /** Of refusals after which what it remembers is not to be relied on: the next is told another. */
  readonly outdated?: RegExp
}

type Waiting = {
  readonly settle: (answer: string | Fault) => void
  readonly question: string
  readonly timer: NodeJS.Timeout
}

export class Resident {
  readonly #program: Program
  #child: ChildProcessWithoutNullStreams | undefined
  #heard = ''
  #waiting: Waiting[] = []
  #asked = 0
  #isStopped = false

  constructor(program: Program) {
    this.#program = program
  }

  /** What it says to these lines; a fault when it refuses one of them. */
  async tell(lines: string): Promise<string | Fault> {
    if (this.#isStopped) return { kind: 'gone', why: 'this node is closing' }
    const answer = await this.#ask(lines)
    if (typeof answer !== 'string') return answer
    const why = this.#program.refusal(answer)
    if (why === undefined) return answer
    if (this.#program.outdated?.test(why) === true && this.#waiting.length === 0) this.#letGo()
    return { kind: 'refused', why }
  }

  /** It ends once it has done what it was told. */
  stop(): void {
    this.#isStopped = true
    this.#child?.stdin.end()
  }

  #letGo(): void {
    this.#child?.stdin.end()
    this.#child = undefined
    this.#heard = ''
  }

  #ask(lines: string): Promise<string | Fault> {
    const child = (this.#child ??= this.#start())
    return new Promise((settle) => {
      const question = this.#program.question(++this.#asked)
      const timer = setTimeout(() => this.#end(child, this.#silence()), PATIENCE_MS)
      this.#waiting.push({ settle, question, timer })
      if (child.pid !== undefined) child.stdin.write(`${lines}\n${question}\n`)
    })
  }

  /** What it said last may tell: that it may not, for example. */
  #silence(): Fault {
    const said = this.#heard.trim().split('\n').at(-1) ?? ''
    const why = `${this.#program.name} did not answer within ${PATIENCE_MS} ms`
    return { kind: 'silent', why: said === '' ? why : `${why}; it says ${said}` }
  }

  #start(): ChildProcessWithoutNullStreams {
    const { name, command } = this.#program
    // Errors among the answers, in their order.
    const child = spawn('sh', ['-c', `exec ${command} 2>&1`], { stdio: 'pipe' })
    child.on('error', ({ message }) => this.#end(child, { kind: 'gone', why: message }))
    // What it said last is heard before.
    child.on('close', (code) => {
      const said = this.#heard.trim().split('\n').at(-1) ?? ''
      this.#end(child, { kind: 'gone', why: said || `${name} ended with ${code}` })
    })
    // With too many open files there are no streams, and the error says so.
    if (child.pid === undefined) return child
    const hear = (text: string): void => {
      if (this.#child === child) this.#hear(child, text)
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear)
    // A write after its end: the exit says the rest.
    child.stdin.on('error', () => {})
    return child
  }

  /** What it may still do of what it was told comes too late to be allowed: see `rules.ts`. */
  #end(child: ChildProcessWithoutNullStreams, fault: Fault): void {
    if (this.#child !== child) return
    this.#child = undefined
    this.#heard = ''
    child.kill('SIGKILL')
    for (const { settle, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      settle(fault)
    }
  }

  #hear(child: ChildProcessWithoutNullStreams, text: string): void {
    this.#heard += text
    const [denied] = this.#program.denial?.exec(this.#heard) ?? []
    if (denied !== undefined) return this.#end(child, { kind: 'refused', why: denied })
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const [whole, answer = ''] = this.#program.answerTo(first.question).exec(this.#heard) ?? []
      if (whole === undefined) return
      this.#heard = this.#heard.slice(whole.length)
      this.#waiting.shift()
      clearTimeout(first.timer)
      first.settle(answer)
    }
  }
}
