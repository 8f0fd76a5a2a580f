import { assert } from '../../../src/base/assert.ts'
import {
  ackInDialog,
  requestInDialog,
  type InDialog,
} from '../../../src/sip/dialog/dialog-request.ts'
import {
  checkRequest,
  confirmDialog,
  dialogAsUac,
  dialogAsUas,
  dialogFromNotify,
  receivedDialogId,
  refreshTarget,
  resumeDialog,
  type Dialog,
} from '../../../src/sip/dialog/dialog.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { walk, type Command } from '../../harness/datadriven.ts'
import { messageFrom, requestFrom, responseFrom, saved, textOf } from './messages.ts'

walk(new URL('./testdata/dialog', import.meta.url).pathname, () => {
  let sent: SipRequest | undefined
  let dialog: Dialog | undefined

  const keep = (next: Dialog | undefined): string => {
    dialog = saved(next)
    return dialog === undefined ? 'no dialog' : describe(dialog)
  }
  const current = (): Dialog => {
    assert(dialog !== undefined, 'the script has no dialog yet')
    return dialog
  }
  const request = (): SipRequest => {
    assert(sent !== undefined, 'the script has sent nothing yet')
    return sent
  }

  const commands: Record<string, (command: Command) => string> = {
    sent(command) {
      sent = requestFrom(command.body)
      return 'ok'
    },
    'uac-response': ({ body }) => keep(dialogAsUac(request(), responseFrom(body))),
    'uas-request': ({ body, arg }) => {
      const state = arg('state') === 'early' ? 'early' : 'confirmed'
      const contact = '<sip:pbx@10.0.0.1:5060>'
      return keep(dialogAsUas(requestFrom(body), { state, localTag: 'ours', contact }))
    },
    notify: ({ body }) => keep(dialogFromNotify(request(), requestFrom(body))),
    confirm: ({ body }) =>
      keep(confirmDialog(current(), body.length === 0 ? undefined : responseFrom(body))),
    refresh: ({ body }) => keep(refreshTarget(current(), messageFrom(body))),
    resume: () => keep(resumeDialog(current())),
    check({ body }) {
      const message = requestFrom(body)
      const check = checkRequest(current(), message)
      const belongs = receivedDialogId(message) === current().id ? 'ours' : 'not ours'
      if (check.kind === 'in-order') dialog = saved(check.dialog)
      return `${belongs} ${check.kind} ${dialog?.remoteCseq ?? ''}`
    },
    belongs: ({ body }) => String(receivedDialogId(messageFrom(body)) === current().id),
    send({ words }) {
      const built = requestInDialog(current(), words[0] ?? '')
      dialog = saved(built.dialog)
      return show(built)
    },
    ack: ({ words }) => show(ackInDialog(current(), Number(words[0]))),
  }
  return (command) => commands[command.name]?.(command) ?? `unknown command ${command.name}`
})

function show({ request, nextHop }: Omit<InDialog, 'dialog'>): string {
  return `to ${nextHop}\n${textOf(request)}`
}

function describe(dialog: Dialog): string {
  return [
    `${dialog.state} ${dialog.role} ${dialog.id}${dialog.secure ? ' secure' : ''}`,
    `local ${dialog.local.address} at ${dialog.localTarget} cseq ${dialog.localCseq}`,
    `remote ${dialog.remote.address} at ${dialog.remoteTarget} cseq ${dialog.remoteCseq ?? '-'}`,
    ...dialog.routeSet.map((route) => `route ${route}`),
  ].join('\n')
}
